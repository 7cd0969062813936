"""Each mistake is noticed by some suite, and we know by which."""

import importlib.util

import pytest

from . import judges
from .mutants import MUTANTS, installed_suites, killed, kills
from .transposed_cases import SUITES, cases_of

ONNX, GOLDEN, PYTORCH, TENSORFLOW, TFLITE, JAX, FIGURES, CAFFE = SUITES

# A suite that is missing has no case where the mistake can be made, or lets it live:
# kernels of Caffe's are the same from both ends, TensorFlow Lite's lead from or to a
# single channel, ONNX's own have all groups alike.
KILLERS = {
    "kernel flipped": {ONNX, GOLDEN, PYTORCH, TENSORFLOW, TFLITE, JAX, FIGURES},
    "in and out swapped": {ONNX, GOLDEN, PYTORCH, TENSORFLOW, JAX, FIGURES},
    "crop off by one": set(SUITES),
    "odd total halved the other way": {
        ONNX, GOLDEN, PYTORCH, TENSORFLOW, JAX, FIGURES,
    },
    "dilation ignored": {ONNX, GOLDEN, PYTORCH, TENSORFLOW, JAX},
    "groups interleaved": {GOLDEN, PYTORCH},
    "bias of the first group": {GOLDEN, PYTORCH},
    "bias before the zeros": {GOLDEN, PYTORCH},
}  # fmt: skip


def tensorflow_dilates():
    return importlib.util.find_spec("tensorflow") and judges.tensorflow_dilates()


@pytest.fixture(scope="module")
def table():
    return killed()


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_killed_by_the_suites_that_we_name(mutant, table):
    killers = {suite for suite, (dead, _) in table[mutant].items() if dead}
    expected = KILLERS[mutant] & set(installed_suites())
    if mutant == "dilation ignored" and not tensorflow_dilates():
        expected -= {TENSORFLOW}
    assert killers == expected
    assert killers


def test_onnx_cases_of_ones_let_a_flipped_kernel_live(need):
    need("onnx")
    ones = [case for case in cases_of(ONNX) if (case.kernel == 1).all()]
    assert kills("kernel flipped", ones) == (0, 10)
    others = [case for case in cases_of(ONNX) if (case.kernel != 1).any()]
    assert kills("kernel flipped", others) == (4, 4)


def test_without_a_mistake_every_case_agrees():
    for suite in installed_suites():
        for case in cases_of(suite):
            assert case.agrees(case.compute()), (suite, case.name)
