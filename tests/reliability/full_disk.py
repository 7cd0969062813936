"""Verbs on a disk without room: each under a bound on the size of the files it writes.

The bound is one of the whole process, so a program of its own sets it. What it writes
itself goes into a pipe, which has none.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).parents[2]


def run_without_room(jobs, archives=None):
    """Run the program, verb by verb, in one process of its own.

    Args:
        jobs: For each run the words after `keras-fcn`, and the bytes that a file may
            have.
        archives: By the name of a data set the arguments of its `Archive`s, in place
            of the published ones.

    Returns:
        For each run its exit status and what it printed.
    """
    words = [([str(word) for word in arguments], room) for arguments, room in jobs]
    result = subprocess.run(
        [sys.executable, "-m", __name__],
        cwd=ROOT,
        # Half a compiled module would stay behind, and be imported for ever.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        input=json.dumps([words, archives or {}]),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def main():
    import resource

    from keras_fcn.datasets.official import ARCHIVES, Archive

    jobs, archives = json.load(sys.stdin)
    for name, fields in archives.items():
        ARCHIVES[name] = tuple(Archive(**each) for each in fields)
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    results = []
    for arguments, room in jobs:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
        results.append(_run(arguments))
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    json.dump(results, sys.stdout)


def _run(arguments):
    from keras_fcn.cli import main

    printed, code = io.StringIO(), 0
    with (
        mock.patch.object(sys, "argv", ["keras-fcn", *arguments]),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    return code, printed.getvalue()


if __name__ == "__main__":
    main()
