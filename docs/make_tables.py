"""The tables of the pages, made by the code that they describe.

Run by `conf.py` whenever the pages are built; by hand: `python docs/make_tables.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from keras_fcn import geometry
from keras_fcn.geometry import NotRepresentable, Window, upsampling_by
from keras_fcn.storage import write_atomically

FRAMEWORKS = {
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "pytorch": "PyTorch",
    "onnx": "ONNX",
    "caffe": "Caffe",
    "jax": "JAX",
}

# Calls that people write, and what is worth knowing about each.
CALLS: list[tuple[str, str, int, int, dict[str, Any]]] = [
    ("FCN's doubling", "keras", 16, 4, {"strides": 2, "padding": "same"}),
    ("FCN's doubling", "pytorch", 16, 4, {"stride": 2, "padding": 1}),
    ("k - s is odd", "keras", 5, 3, {"strides": 2, "padding": "same"}),
    (
        "output_padding 0 is not None",
        "keras",
        5,
        3,
        {"strides": 2, "padding": "same", "output_padding": 0},
    ),
    (
        "the popular 3, 2, 1, 1",
        "pytorch",
        5,
        3,
        {"stride": 2, "padding": 1, "output_padding": 1},
    ),
    (
        "more output_padding than padding",
        "pytorch",
        5,
        3,
        {"stride": 3, "padding": 1, "output_padding": 2},
    ),
    ("the other size", "tensorflow", 5, 3, {"output_length": 9, "strides": 2}),
    ("uneven pads", "onnx", 5, 4, {"strides": 2, "pads": (0, 2)}),
    (
        "an odd pixel, lost at the front",
        "onnx",
        3,
        3,
        {"strides": 2, "output_shape": 6},
    ),
    (
        "the authors' last layer",
        "caffe",
        70,
        16,
        {"stride": 8, "crop_offset": 31, "crop_length": 500},
    ),
    ("a pair", "jax", 5, 3, {"strides": 2, "padding": (2, 1)}),
    ("a kernel smaller than the stride", "keras", 4, 2, {"strides": 3}),
    ("dilated", "pytorch", 6, 3, {"stride": 2, "padding": 2, "dilation": 2}),
]


def generate(folder: Path) -> list[Path]:
    """Write all tables into `folder`; return the files."""
    tables = {
        "overview.md": overview(),
        "translations.md": translations(),
        "upsampling.md": upsampling(),
    }
    for name, text in tables.items():
        write_atomically(folder / name, text.encode())
    return [folder / name for name in tables]


def overview() -> str:
    """Return one row a call: its window, and who else can be asked for it."""
    head = ["", "call", "n", "k", "s", "c", "O", "e", *FRAMEWORKS.values()]
    rows = []
    for number, (what, framework, n, k, arguments) in enumerate(CALLS, 1):
        window = _window(framework, n, k, arguments)
        answers = [
            "slice" if isinstance(_said(name, window), NotRepresentable) else "yes"
            for name in FRAMEWORKS
        ]
        kept = [window.crop, window.output_length, window.tail_crop]
        title = f"{FRAMEWORKS[framework]}: {what}"
        rows.append([number, title, n, k, window.strides, *kept, *answers])
    return _table(head, rows)


def translations() -> str:
    """Return for each call what to say to each framework to get the same pixels."""
    parts = []
    for number, (what, framework, n, k, arguments) in enumerate(CALLS, 1):
        window = _window(framework, n, k, arguments)
        rows = []
        for name, title in FRAMEWORKS.items():
            said = _said(name, window)
            if isinstance(said, NotRepresentable):
                said = f"*not representable*: {said.reason} {said.workaround}"
            else:
                said = f"`{_arguments(said)}`"
            rows.append([title, said])
        parts.append(
            f"**{number}. {FRAMEWORKS[framework]}: {what}**, "
            f"`{_call(framework, n, k, arguments)}`\n\n"
            + _table(["the same window in", "arguments"], rows)
        )
    return "\n".join(parts)


def upsampling() -> str:
    """Return the best ways to enlarge by a factor, with their verdicts."""
    head = ["factor", "k", "p", "output_padding", "aligned", "constants", "overlap"]
    rows = []
    for factor in (2, 3, 4, 5, 8):
        for found in upsampling_by(factor)[:4]:
            shift = "yes" if found.aligned else f"{_fraction(found.shift)} pixel"
            constants = "kept" if found.keeps_constants else "not kept"
            overlap = "even" if found.even_overlap else "uneven"
            sizes = [found.kernel_size, found.padding, found.output_padding]
            rows.append([factor, *sizes, shift, constants, overlap])
    return _table(head, rows)


def _window(framework: str, n: int, k: int, arguments: Mapping[str, Any]) -> Window:
    return getattr(geometry, f"from_{framework}")(n, k, **arguments)


def _said(framework: str, window: Window) -> dict[str, Any] | NotRepresentable:
    try:
        return getattr(geometry, f"to_{framework}")(window)
    except NotRepresentable as error:
        return error


def _call(framework: str, n: int, k: int, arguments: Mapping[str, Any]) -> str:
    return f"from_{framework}({n}, {k}, {_arguments(arguments)})"


def _arguments(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in arguments.items())


def _fraction(value: Fraction) -> str:
    return f"{'-' if value < 0 else ''}{abs(value.numerator)}/{value.denominator}"


def _table(head: Iterable[Any], rows: Iterable[Iterable[Any]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    for file in generate(Path(__file__).parent / "tables"):
        print(file)
