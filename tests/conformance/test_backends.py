"""The same weights give the same logits on TensorFlow, JAX and PyTorch."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_fcn

# Two float32 evaluations of the same 20-layer net on logits of order 1.
FLOAT32_NETWORK = 1e-4

NETWORKS = {
    "fcn8s-paper-fixed": ("build_fcn8s", "paper", "fixed"),
    "fcn8s-paper-learned": ("build_fcn8s", "paper", "learned"),
    "fcn16s-same-fixed": ("build_fcn16s", "same", "fixed"),
    "fcn32s-pointwise-learned": ("build_fcn32s", "pointwise", "learned"),
}

# Writes the logits of every network whose weights lie in a folder.
SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np
import keras_fcn

folder, output = map(Path, sys.argv[1:])
results = {}
for name, (build, topology, upsampling) in json.loads(
    (folder / "networks.json").read_text()
).items():
    model = getattr(keras_fcn, build)(
        num_classes=5, width=0.1, topology=topology, upsampling=upsampling,
        weights=folder / f"{name}.safetensors",
    )
    results[name] = model.predict_on_batch(np.load(folder / "photos.npy"))
np.savez(output, **results)
"""


def write_inputs(folder, networks):
    """Write random weights of each network, and two photos."""
    rng = np.random.default_rng(0)
    (folder / "networks.json").write_text(json.dumps(networks))
    np.save(folder / "photos.npy", rng.integers(0, 256, (2, 75, 101, 3), "uint8"))
    for name, (build, topology, upsampling) in networks.items():
        model = getattr(keras_fcn, build)(
            num_classes=5,
            width=0.1,
            topology=topology,
            upsampling=upsampling,
            weights=None,
        )
        for layer in model.layers:
            if layer.name.startswith("score_") and layer.weights:  # zero at first
                kernel, bias = layer.weights
                gain = 1 / np.sqrt(kernel.shape[2])
                kernel.assign(rng.normal(size=kernel.shape) * gain)
                bias.assign(rng.normal(size=bias.shape))
        keras_fcn.save_weights(model, folder / f"{name}.safetensors")


def logits_on(backend, folder, output, **variables):
    environment = {**os.environ, "KERAS_BACKEND": backend, **variables}
    command = [sys.executable, "-c", SCRIPT, str(folder), str(output)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    with np.load(output) as results:
        return dict(results)


@pytest.fixture(scope="module")
def logits(need, tmp_path_factory):
    """The logits of every network on every backend."""
    backends = ("tensorflow", "jax", "torch")
    need(*backends)
    folder = tmp_path_factory.mktemp("networks")
    write_inputs(folder, NETWORKS)
    haste = {"XLA_FLAGS": "--xla_backend_optimization_level=0"}  # of compiling
    return {b: logits_on(b, folder, folder / f"{b}.npz", **haste) for b in backends}


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("network", NETWORKS)
def test_the_same_weights_give_the_same_logits(network, backend, logits):
    expected = logits["tensorflow"][network]
    assert expected.shape == (2, 75, 101, 5)
    assert expected.std() > 0.1
    np.testing.assert_allclose(logits[backend][network], expected, atol=FLOAT32_NETWORK)


@pytest.mark.gpu
def test_a_gpu_gives_the_logits_of_the_cpu(gpu, tmp_path):
    write_inputs(tmp_path, NETWORKS)
    backend = keras.backend.backend()
    # TF32 keeps ten bits of a product; without it the GPU computes in float32 too.
    files = tmp_path / "gpu.npz", tmp_path / "cpu.npz"
    exact = {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "highest"}
    on_gpu = logits_on(backend, tmp_path, files[0], **exact)
    on_cpu = logits_on(backend, tmp_path, files[1], CUDA_VISIBLE_DEVICES="-1")
    for network, expected in on_cpu.items():
        np.testing.assert_allclose(on_gpu[network], expected, atol=FLOAT32_NETWORK)
