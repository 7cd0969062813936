"""Inference of FCN-8s, against plain PyTorch of the same function and weights.

On a CPU one photo of 320x320; on a GPU eight of 512x512, in TF32 and in bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterator

from races import Pair, Race, Settings

from .networks import Shape, folded, inference, ours, peer
from .onnx_files import exported

EAGER = "PyTorch, eager"
COMPILED = "PyTorch, channels last, compiled"
AUTOCAST = "PyTorch, channels last, bfloat16"
IN_BFLOAT16 = 0.1  # eight bits of mantissa, through 20 layers
IN_TF32 = 0.03  # eleven bits


def races(settings: Settings) -> Iterator[Race]:
    """Yield what is measured."""
    shape = Shape.of(settings)
    for topology in ("pointwise", "paper"):
        if settings.on_gpu:
            yield from _on_gpu(shape, topology)
        else:
            yield _on_cpu(shape, topology, settings.quick)


def _on_cpu(shape: Shape, topology: str, quick: bool) -> Race:
    contenders = {
        "Keras TensorFlow": ours(inference, "tensorflow", shape, topology),
        "Keras JAX": ours(inference, "jax", shape, topology),
        "Keras PyTorch": ours(inference, "torch", shape, topology),
        "bfloat16, TensorFlow": ours(
            inference, "tensorflow", shape, topology, policy="mixed_bfloat16"
        ),
        EAGER: peer("inference", shape, topology),
        AUTOCAST: peer("inference", shape, topology, channels_last=True, bfloat16=True),
    }
    pairs = [
        Pair("Keras TensorFlow", EAGER, 0.75),
        Pair("Keras TensorFlow", COMPILED, 0.86),
        Pair("Keras JAX", EAGER),
        Pair("Keras PyTorch", EAGER),
        Pair("bfloat16, TensorFlow", EAGER, 0.42, IN_BFLOAT16),
        Pair("bfloat16, TensorFlow", AUTOCAST, None, IN_BFLOAT16),
    ]
    # To compile costs the compiler of C++ half a minute, however thin the network is.
    if not quick or topology == "pointwise":
        contenders[COMPILED] = peer(
            "inference", shape, topology, channels_last=True, compiled=True
        )
    else:
        pairs = [pair for pair in pairs if pair.peer != COMPILED]
    if topology == "pointwise":
        contenders["folded, TensorFlow"] = ours(
            inference, "tensorflow", shape, topology, change=folded
        )
        contenders["int8 file"] = exported(shape, topology, int8=True)
        contenders["float32 file"] = exported(shape, topology, int8=False)
        pairs += [
            Pair("folded, TensorFlow", EAGER),
            Pair("folded, TensorFlow", "Keras TensorFlow"),
            # The files return labels; that they are the network's, `export` checks.
            Pair("int8 file", EAGER, 0.35, None),
            Pair("float32 file", EAGER, None, None),
        ]
    return Race(
        f"FCN-8s {topology}, {shape}",
        contenders,
        pairs,
        shape.flops(topology),
        shape.batch,
    )


def _on_gpu(shape: Shape, topology: str) -> Iterator[Race]:
    for precision, policy, tolerance in (
        ("TF32", "float32", IN_TF32),
        ("bfloat16", "mixed_bfloat16", IN_BFLOAT16),
    ):
        low = precision == "bfloat16"
        contenders = {
            f"Keras {title}": ours(inference, backend, shape, topology, policy=policy)
            for title, backend in (
                ("JAX", "jax"),
                ("PyTorch", "torch"),
                ("TensorFlow", "tensorflow"),
            )
        }
        mine = list(contenders)
        contenders[EAGER] = peer("inference", shape, topology, bfloat16=low)
        contenders[COMPILED] = peer(
            "inference",
            shape,
            topology,
            bfloat16=low,
            channels_last=True,
            compiled=True,
        )
        yield Race(
            f"FCN-8s {topology}, {shape}, {precision}",
            contenders,
            [Pair(m, p, None, tolerance) for m in mine for p in (EAGER, COMPILED)],
            shape.flops(topology),
            shape.batch,
        )
