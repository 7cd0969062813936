import keras
import pytest

from keras_fcn import hardware

BACKEND = keras.backend.backend()


@pytest.fixture
def machine(monkeypatch):
    """Pretend to be another machine."""

    def pretend(kind="CPU", capability=(0, 0), instructions=(), backend=BACKEND):
        monkeypatch.setattr(hardware, "accelerator", lambda: (kind, capability))
        monkeypatch.setattr(
            hardware, "cpu_instructions", lambda: frozenset(instructions)
        )
        monkeypatch.setattr(keras.backend, "backend", lambda: backend)

    return pretend


@pytest.mark.parametrize(
    ("what", "precision"),
    [
        ({"kind": "GPU", "capability": (9, 0)}, "mixed_bfloat16"),
        ({"kind": "GPU", "capability": (8, 0)}, "mixed_bfloat16"),
        ({"kind": "GPU", "capability": (7, 5)}, "mixed_float16"),
        ({"kind": "GPU", "capability": (6, 1)}, "float32"),
        ({"kind": "TPU"}, "mixed_bfloat16"),
        ({"instructions": ["fma", "avx2"]}, "float32"),
        ({"instructions": ["avx512_bf16"], "backend": "tensorflow"}, "mixed_bfloat16"),
        ({"instructions": ["amx_bf16"], "backend": "torch"}, "mixed_bfloat16"),
        ({"instructions": ["avx512_bf16"], "backend": "jax"}, "float32"),
    ],
)
def test_the_fastest_precision_of_a_machine(what, precision, machine):
    machine(**what)
    found, reason = hardware.fastest_precision()
    assert found == precision
    assert reason
    assert hardware.resolve_precision("auto") == (found, reason)


def test_a_precision_that_is_asked_for_is_taken(machine):
    machine(instructions=["avx512_bf16"])
    assert hardware.resolve_precision("float32")[0] == "float32"
    with pytest.raises(ValueError, match='Did you mean "mixed_bfloat16"'):
        hardware.resolve_precision("mixed_bfloat")


@pytest.mark.parametrize(
    ("backend", "compiled"), [("tensorflow", False), ("jax", True), ("torch", False)]
)
def test_only_jax_compiles_unasked(backend, compiled, machine):
    machine(backend=backend)
    assert hardware.resolve_jit("auto") == compiled
    assert hardware.resolve_jit("on")
    assert not hardware.resolve_jit("off")


def test_another_word_for_jit_is_refused():
    with pytest.raises(ValueError, match="Received: jit='yes'"):
        hardware.resolve_jit("yes")


def test_this_machine_is_looked_at():
    kind, (major, minor) = hardware.accelerator()
    assert kind in ("CPU", "GPU", "TPU")
    assert major >= 0 <= minor
    hardware.cpu_instructions.cache_clear()
    assert all(word == word.lower() for word in hardware.cpu_instructions())


def test_instructions_are_those_of_the_first_processor(monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("model name\t: A\nflags\t\t: fma avx512_bf16\nflags\t\t: other\n")
    monkeypatch.setattr(hardware, "Path", lambda path: file)
    monkeypatch.setattr(hardware.platform, "system", lambda: "Linux")
    hardware.cpu_instructions.cache_clear()
    try:
        assert hardware.cpu_instructions() == {"fma", "avx512_bf16"}
    finally:
        hardware.cpu_instructions.cache_clear()
