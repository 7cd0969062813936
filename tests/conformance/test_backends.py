"""The same weights give the same logits on TensorFlow, JAX and PyTorch."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

import keras_fcn

# Three float32 evaluations of the same 20-layer net on logits of order 10.
FLOAT32_NETWORK = 1e-4

SCRIPT = """
import sys
import numpy as np
import keras
import keras_fcn

builder, topology, upsampling, weights, photo, output = sys.argv[1:]
model = getattr(keras_fcn, builder)(
    num_classes=5, width=0.1, topology=topology, upsampling=upsampling, weights=weights
)
logits = model(np.load(photo), training=False)
np.save(output, keras.ops.convert_to_numpy(logits))
"""


def logits_on(backend, *arguments, output):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments), str(output)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return np.load(output)


def require(module, config):
    if importlib.util.find_spec(module) is None:
        if config.getoption("--require-backends"):
            pytest.fail(f"{module} is not installed")
        pytest.skip(f"{module} is not installed")


@pytest.mark.parametrize(
    ("builder", "topology", "upsampling"),
    [
        ("build_fcn8s", "paper", "fixed"),
        ("build_fcn8s", "paper", "learned"),
        ("build_fcn16s", "same", "fixed"),
        ("build_fcn32s", "pointwise", "learned"),
    ],
)
def test_the_same_weights_give_the_same_logits(
    builder, topology, upsampling, tmp_path, rng, request
):
    for module in ("tensorflow", "jax", "torch"):
        require(module, request.config)
    model = getattr(keras_fcn, builder)(
        num_classes=5,
        width=0.1,
        topology=topology,
        upsampling=upsampling,
        weights=None,
    )
    for name in ("score_fr", "score_pool4", "score_pool3"):  # they start at zero
        if name in {layer.name for layer in model.layers}:
            for variable in model.get_layer(name).weights:
                variable.assign(rng.normal(size=variable.shape))
    weights, photo = tmp_path / "w.safetensors", tmp_path / "photo.npy"
    keras_fcn.save_weights(model, weights)
    np.save(photo, rng.integers(0, 256, (2, 75, 101, 3), "uint8"))
    results = {
        backend: logits_on(
            *(backend, builder, topology, upsampling, weights, photo),
            output=tmp_path / f"{backend}.npy",
        )
        for backend in ("tensorflow", "jax", "torch")
    }
    assert results["tensorflow"].shape == (2, 75, 101, 5)
    assert results["tensorflow"].std() > 0.1
    for backend in ("jax", "torch"):
        np.testing.assert_allclose(
            results[backend], results["tensorflow"], atol=FLOAT32_NETWORK
        )
