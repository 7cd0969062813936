"""`conv_transpose` against TensorFlow, PyTorch, and Keras on each of its backends.

    python benchmarks/bench_transposed.py --threads 1

Times include everything that a call does, the laying out of the kernel too.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import time
import tracemalloc
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from side_by_side import median_ms

from keras_fcn.transposed import bilinear_kernel, conv_transpose


@dataclass(frozen=True)
class Case:
    """One transposed convolution, `padding="same"`."""

    name: str
    pixels: int
    kernel_size: int
    strides: int
    inputs: int = 21
    outputs: int = 21
    bilinear: bool = False

    def arrays(self):
        """The image and the kernel, `(h, w, out, in)`."""
        random = np.random.default_rng(0)
        n, k = self.pixels, self.kernel_size
        x = random.standard_normal((1, n, n, self.inputs), np.float32)
        if self.bilinear:
            kernel = bilinear_kernel(self.strides, self.inputs).astype(np.float32)
        else:
            shape = (k, k, self.outputs, self.inputs)
            kernel = random.standard_normal(shape, np.float32)
        return x, kernel

    @property
    def multiplications(self):
        """Without any zeros."""
        taps = self.pixels**2 * self.kernel_size**2
        return taps * self.inputs * self.outputs


FCN = [
    Case("x32", 16, 64, 32),
    Case("x16", 32, 32, 16),
    Case("x8", 64, 16, 8),
    Case("x2", 64, 4, 2),
]
WIDE = [
    Case("256>128 k4", 42, 4, 2, 256, 128),
    Case("256>128 k3", 32, 3, 2, 256, 128),
]


def ours(case):
    x, kernel = case.arrays()
    return lambda: conv_transpose(x, kernel, strides=case.strides, padding="same")


def tf_nn(case):
    import tensorflow as tf

    x, kernel = (tf.constant(array) for array in case.arrays())
    size = case.pixels * case.strides

    @tf.function
    def run(x, kernel):
        shape = (1, size, size, case.outputs)
        return tf.nn.conv2d_transpose(x, kernel, shape, case.strides, "SAME")

    return lambda: run(x, kernel).numpy()


def keras_layer(case):
    import keras

    x, kernel = case.arrays()
    layer = keras.layers.Conv2DTranspose(
        case.outputs,
        case.kernel_size,
        strides=case.strides,
        padding="same",
        use_bias=False,
    )
    layer.build(x.shape)
    layer.kernel.assign(kernel)
    x = keras.ops.convert_to_tensor(x)
    if keras.backend.backend() == "jax":
        return lambda: layer(x).block_until_ready()
    return lambda: layer(x)


def torch_nchw(case, channels_last=False):
    import torch

    x, kernel = case.arrays()
    memory = torch.channels_last if channels_last else torch.contiguous_format
    x = torch.tensor(x.transpose(0, 3, 1, 2)).contiguous(memory_format=memory)
    kernel = torch.tensor(kernel.transpose(3, 2, 0, 1)).contiguous(memory_format=memory)
    surplus = case.kernel_size - case.strides
    padding, longer = (surplus + 1) // 2, surplus % 2

    def run():
        with torch.inference_mode():
            return torch.nn.functional.conv_transpose2d(
                x,
                kernel,
                stride=case.strides,
                padding=padding,
                output_padding=longer,
            )

    return run


def torch_channels_last(case):
    return torch_nchw(case, channels_last=True)


CONTENDERS = {
    "ours": ("numpy", ours),
    "tf.nn": ("tensorflow", tf_nn),
    "Keras, TensorFlow": ("tensorflow", keras_layer),
    "Keras, JAX": ("jax", keras_layer),
    "Keras, PyTorch": ("torch", keras_layer),
    "PyTorch": ("torch", torch_nchw),
    "PyTorch, channels last": ("torch", torch_channels_last),
}


def limits():
    """Measure this machine: a large matrix product, and filling a large array."""
    a = np.ones((1024, 1024), np.float32)
    out = np.empty((512, 512, 21), np.float32)
    product = min(_seconds(lambda: a @ a) for _ in range(9))
    fill = min(_seconds(lambda: out.fill(0)) for _ in range(9))
    return 1024**3 / product, out.nbytes / fill


def memory(case):
    """Bytes allocated at the most, as a share of image, kernel and output."""
    run, (x, kernel) = ours(case), case.arrays()
    tracemalloc.start()
    y = run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / (x.nbytes + kernel.nbytes + y.nbytes)


def _seconds(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1, help="of each library")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        if os.environ.get(variable) != str(arguments.threads):  # NumPy has read them
            os.environ[variable] = str(arguments.threads)
            os.execv(sys.executable, [sys.executable, *sys.argv])

    found = {
        name: (backend, contender)
        for name, (backend, contender) in CONTENDERS.items()
        if backend == "numpy" or importlib.util.find_spec(backend)
    }
    bilinear = [
        Case(f"{c.name} bilinear", c.pixels, c.kernel_size, c.strides, bilinear=True)
        for c in FCN
    ]
    per_second, bytes_per_second = limits()
    table = Table(
        title=f"Median ms, {arguments.threads} thread(s). Limits: compute "
        f"{2e-9 * per_second:.0f} GFLOP/s, store {1e-9 * bytes_per_second:.1f} GB/s"
    )
    for column in ("case", *found, "ours / fastest", "compute", "store", "memory"):
        table.add_column(column, justify="left" if column == "case" else "right")
    timed = median_ms(
        found, [*FCN, *bilinear, *WIDE], arguments.rounds, arguments.threads
    )
    for case, ms in timed:
        mine = ms["ours"]
        fastest = min(value for name, value in ms.items() if name != "ours")
        stored = 4 * (case.pixels * case.strides) ** 2 * case.outputs
        compute = 1e3 * case.multiplications / per_second
        table.add_row(
            case.name,
            *(f"{value:.2f}" for value in ms.values()),
            f"{mine / fastest:.2f}",
            "" if case.bilinear else f"{compute:.2f}",
            f"{1e3 * stored / bytes_per_second:.2f}",
            f"{memory(case):.2f}",
        )
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
