"""A training step of FCN-8s, against plain PyTorch of the same function and weights.

SGD with momentum, cross-entropy without the void pixels, no dropout: the loss of both
is the same, which is checked.
"""

from __future__ import annotations

from collections.abc import Iterator

from races import Pair, Race, Settings

from .inference import AUTOCAST, COMPILED, EAGER, IN_BFLOAT16, IN_TF32
from .networks import Shape, ours, peer, training

STEP = 3  # times the FLOPs of inference: the gradients by inputs and by weights


def races(settings: Settings) -> Iterator[Race]:
    """Yield what is measured."""
    shape = Shape.of(settings)
    for topology in ("pointwise", "paper"):
        yield _in_float32(shape, topology, settings)
        yield _in_bfloat16(shape, topology, settings)


def _in_float32(shape: Shape, topology: str, settings: Settings) -> Race:
    contenders = {"Keras TensorFlow": ours(training, "tensorflow", shape, topology)}
    # Four networks of the paper's size with their momenta would need 16 GB at once.
    if topology == "pointwise" or settings.on_gpu:
        contenders["Keras JAX"] = ours(training, "jax", shape, topology)
        contenders["Keras PyTorch"] = ours(training, "torch", shape, topology)
    tolerance = IN_TF32 if settings.on_gpu else 1e-3
    pairs = [Pair(name, EAGER, None, tolerance) for name in contenders]
    if not settings.on_gpu:
        pairs[0] = Pair("Keras TensorFlow", EAGER, 0.52)
    contenders[EAGER] = peer("training", shape, topology)
    if not settings.quick:
        contenders[COMPILED] = peer(
            "training", shape, topology, channels_last=True, compiled=True
        )
        target = None if settings.on_gpu else 0.60
        pairs += [
            Pair(name, COMPILED, target if "Tensor" in name else None, tolerance)
            for name in contenders
            if name.startswith("Keras")
        ]
    precision = "TF32" if settings.on_gpu else "float32"
    return _race(shape, topology, precision, contenders, pairs)


def _in_bfloat16(shape: Shape, topology: str, settings: Settings) -> Race:
    policy = "mixed_bfloat16"
    backends = {"TensorFlow": "tensorflow"}
    if settings.on_gpu:
        backends |= {"JAX": "jax", "PyTorch": "torch"}
    contenders = {
        f"bfloat16, {title}": ours(training, backend, shape, topology, policy=policy)
        for title, backend in backends.items()
    }
    mine = list(contenders)
    contenders[AUTOCAST] = peer(
        "training", shape, topology, channels_last=True, bfloat16=True
    )
    if settings.on_gpu:
        contenders[COMPILED] = peer(
            "training",
            shape,
            topology,
            channels_last=True,
            bfloat16=True,
            compiled=True,
        )
    peers = [name for name in contenders if name not in mine]
    pairs = [Pair(m, p, None, IN_BFLOAT16) for m in mine for p in peers]
    return _race(shape, topology, "bfloat16", contenders, pairs)


def _race(shape, topology, precision, contenders, pairs) -> Race:
    return Race(
        f"step of FCN-8s {topology}, {shape}, {precision}",
        contenders,
        pairs,
        STEP * shape.flops(topology),
        shape.batch,
    )
