"""Each fault has a test that has been seen to fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .faults import FAULTS
from .mutants import MUTANTS

ROOT = Path(__file__).parents[2]


def test_every_fault_has_a_mutant():
    assert {mutant.fault for mutant in MUTANTS} == set(FAULTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.fault}-{m.test}")
def test_a_mutant_replaces_what_stands_once(mutant):
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1
    assert (ROOT / mutant.test.partition("::")[0]).is_file()


@pytest.mark.slow
@pytest.mark.mutant
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.fault}-{m.test}")
def test_a_mutant_is_noticed(mutant, tmp_path, record_property):
    record_property("mutant", mutant.fault)
    root = tmp_path / "repository"
    for name in ("keras_fcn", "tests", "docs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, root / name, ignore=ignored)
    for name in ("pyproject.toml", "setup.cfg", "SECURITY.md"):
        shutil.copy(ROOT / name, root)
    (tmp_path / "shared").symlink_to(ROOT.parent / "shared")  # the real images
    file = root / mutant.file
    file.write_text(file.read_text().replace(mutant.old, mutant.new))
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-m", "", mutant.test],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    # 1: a test failed. Not: nothing collected, or pytest itself in error.
    assert result.returncode == 1, result.stdout[-3000:] + result.stderr[-1000:]
    assert " failed" in result.stdout, result.stdout[-3000:]
