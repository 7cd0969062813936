"""How a fault of someone else's is shown and noted.

A test of a fault fails only if the version that it was recorded with does not have it;
a newer one may have mended it, and the test is skipped.
"""

import sys
from importlib.metadata import version

import pytest
from packaging.version import Version

from ..tally import Fault, fault_met

RECORDED = {
    "jaxlib": "0.10.2",
    "keras": "3.15.1",
    "onnx": "1.23.2",
    "onnxruntime": "1.31.1",
    "tensorflow": "2.21.0",
    "torch": "2.13.0",
}


def require_fault(package, shown, summary):
    """Note a fault that was shown, in its installed version."""
    if package == "tensorflow":  # it is installed by several names
        installed = Version(sys.modules["tensorflow"].__version__)
    else:
        installed = Version(version(package))
    if shown:
        fault_met(Fault(package, installed.public, summary))
    elif Version(installed.public) > Version(RECORDED[package]):
        pytest.skip(f"mended in {package} {installed}")
    else:
        pytest.fail(f"{package} {installed} has it no longer: {summary}")


def refuses(call, *arguments, **words):
    """Whether a call raises anything; every package has errors of its own."""
    try:
        call(*arguments, **words)
    except Exception:
        return True
    return False


def says(documented, sentence):
    """Whether a docstring has a sentence, however it is wrapped."""
    return sentence in " ".join(documented.__doc__.split())
