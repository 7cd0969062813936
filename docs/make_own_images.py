"""The pictures of `own_images.md`, made by doing what the page says.

Run by `conf.py` whenever the pages are built; by hand: `python
docs/make_own_images.py`. The tests follow whole pages with the same functions; the
pictures are kept until the page or the package is another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from keras_fcn.cli import main

HERE = Path(__file__).parent
PAGE = HERE / "own_images.md"
KEPT = HERE.parent / "build" / "own_images"

# Each figure, and the file that it is when the page has been followed so far.
FIGURES = {
    "own_samples.png": "data_check/samples_train.png",
    "own_frequencies.png": "data_check/class_frequencies.png",
    "own_prediction.png": "labelled/new_sheet.png",
}

_BLOCK = re.compile(
    r"(?:^<!-- (not run|exits|needs)\b *([^:\n]*):([^\n]*)-->\n)?"
    r"^```(python|pycon|console)\n(.*?)^```",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A block of code on a page.

    A comment in the line before says what is special about it:
    `<!-- not run: reason -->`, `<!-- exits 1: reason -->` where commands must fail, or
    `<!-- needs MODULE: reason -->`.
    """

    line: int
    language: str
    code: str
    mark: str = ""
    of_mark: str = ""
    reason: str = ""


class Command(NamedTuple):
    """A command line, and what is shown under it."""

    words: list[str]
    shown: list[str]


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of a page, from top to bottom."""
    found = []
    for block in _BLOCK.finditer(text):
        mark, of_mark, reason, language, code = (part or "" for part in block.groups())
        line = text.count("\n", 0, block.start(4)) + 1
        found.append(Block(line, language, code, mark, of_mark, reason.strip()))
    return found


def commands_of(code: str) -> list[Command]:
    r"""Return the commands of a `console` block; a line may end in `\`."""
    commands: list[Command] = []
    lines = iter(code.replace("\\\n", " ").splitlines())
    for line in lines:
        if line.startswith("$ "):
            commands.append(Command(shlex.split(line[2:], comments=True), []))
        elif commands:
            commands[-1].shown.append(line)
    return commands


def run(words: Sequence[str]) -> tuple[int, str]:
    """Run `keras-fcn` in this process; return its exit status and what it printed."""
    printed, status = io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", list(words)),
        mock.patch.dict(os.environ, {"COLUMNS": "80"}),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        try:
            main()
        except SystemExit as ended:
            status = int(ended.code or 0)
    return status, printed.getvalue()


def missing_lines(shown: Sequence[str], printed: str) -> list[str]:
    """Return the shown lines that were not printed in this order; `...` is anything."""
    lines: Iterator[str] = iter(printed.splitlines())
    missing = []
    for line in shown:
        if line.strip() in ("", "..."):
            continue
        pattern = ".*".join(re.escape(part) for part in line.strip().split("..."))
        before = list(lines)
        place = next(
            (i for i, p in enumerate(before) if re.fullmatch(pattern, p.strip())), None
        )
        if place is None:
            missing.append(line)
        lines = iter(before if place is None else before[place + 1 :])
    return missing


def generate(folder: Path) -> list[Path]:
    """Copy the figures into `folder`; follow the page for those that are not kept."""
    if not (KEPT / _digest()).is_dir():
        with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
            _follow()
            keep(Path(place))
    folder.mkdir(parents=True, exist_ok=True)
    return [
        Path(shutil.copyfile(KEPT / _digest() / name, folder / name))
        for name in FIGURES
    ]


def keep(place: Path) -> None:
    """Keep the figures of a folder in which the page has been followed."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as new:
        for name, file in FIGURES.items():
            shutil.copyfile(place / file, Path(new) / name)
        with contextlib.suppress(OSError):  # kept by another process
            Path(new).rename(KEPT / _digest())
            Path(new).mkdir()  # for its own end


def _digest() -> str:
    """Return what page and package are, in a word."""
    found = hashlib.sha256()
    package = (HERE.parent / "keras_fcn").rglob("*.py")
    for file in (PAGE, Path(__file__), *sorted(package)):
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def _follow() -> None:
    """Do what the page says, in the working folder, until all figures are there."""
    names: dict[str, Any] = {}
    for block in blocks_of(PAGE.read_text(encoding="utf-8")):
        if block.mark == "not run" or block.language == "pycon":
            continue
        if block.language == "python":
            exec(compile("\n" * block.line + block.code, PAGE.name, "exec"), names)
        else:
            for command in commands_of(block.code):
                status, printed = run(command.words)
                if status:
                    raise RuntimeError(f"{shlex.join(command.words)}\n{printed}")
        if all(Path(file).exists() for file in FIGURES.values()):
            break


if __name__ == "__main__":
    for file in generate(Path(sys.argv[1]) if sys.argv[1:] else HERE / "figures"):
        print(file)
