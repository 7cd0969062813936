"""The same weights give the same logits on TensorFlow, JAX and PyTorch."""

import importlib.util
import os
import subprocess
import sys

import keras
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


def logits_on(backend, *arguments, output, **variables):
    environment = {**os.environ, "KERAS_BACKEND": backend, **variables}
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments), str(output)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return np.load(output)


def require(module, config):
    if importlib.util.find_spec(module) is None:
        if config.getoption("--require-backends"):
            pytest.fail(f"{module} is not installed")
        pytest.skip(f"{module} is not installed")


def write_inputs(folder, network, rng):
    """Write random weights of a network and two photos; return both files."""
    builder, topology, upsampling = network
    model = getattr(keras_fcn, builder)(
        num_classes=5,
        width=0.1,
        topology=topology,
        upsampling=upsampling,
        weights=None,
    )
    for layer in model.layers:
        if layer.name.startswith("score_"):  # they start at zero
            for variable in layer.weights:
                variable.assign(rng.normal(size=variable.shape))
    weights, photo = folder / "w.safetensors", folder / "photo.npy"
    keras_fcn.save_weights(model, weights)
    np.save(photo, rng.integers(0, 256, (2, 75, 101, 3), "uint8"))
    return weights, photo


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
    network = (builder, topology, upsampling)
    weights, photo = write_inputs(tmp_path, network, rng)
    results = {
        backend: logits_on(
            *(backend, *network, weights, photo), output=tmp_path / f"{backend}.npy"
        )
        for backend in ("tensorflow", "jax", "torch")
    }
    assert results["tensorflow"].shape == (2, 75, 101, 5)
    assert results["tensorflow"].std() > 0.1
    for backend in ("jax", "torch"):
        np.testing.assert_allclose(
            results[backend], results["tensorflow"], atol=FLOAT32_NETWORK
        )


@pytest.mark.gpu
def test_a_gpu_gives_the_logits_of_the_cpu(gpu, tmp_path, rng):
    network = ("build_fcn8s", "paper", "learned")
    arguments = (
        keras.backend.backend(),
        *network,
        *write_inputs(tmp_path, network, rng),
    )
    # TF32 keeps ten bits of a product; without it the GPU computes in float32 too.
    on_gpu = logits_on(
        *arguments, output=tmp_path / "gpu.npy", NVIDIA_TF32_OVERRIDE="0"
    )
    on_cpu = logits_on(
        *arguments, output=tmp_path / "cpu.npy", CUDA_VISIBLE_DEVICES="-1"
    )
    np.testing.assert_allclose(on_gpu, on_cpu, atol=FLOAT32_NETWORK)
