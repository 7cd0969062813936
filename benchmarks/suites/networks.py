"""Our FCN-8s and FCN-32s as contenders, with the weights that the peers have too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from peers.draws import draw, label_maps, photos
from races import Settings
from side_by_side import Contender
from workers import Work

# Too small a step to change a loss within a benchmark; its size costs nothing.
RATE, MOMENTUM = 1e-6, 0.9
VGG16 = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions


@dataclass(frozen=True)
class Shape:
    """How large the network and its photos are."""

    batch: int
    size: int
    width: float

    @classmethod
    def of(cls, settings: Settings) -> Shape:
        """Return the shape of a run."""
        if settings.quick:
            return cls(1, 64, 0.05)
        return cls(8, 512, 1.0) if settings.on_gpu else cls(1, 320, 1.0)

    def __str__(self) -> str:
        of = f"{self.batch} of " if self.batch > 1 else ""
        return f"{of}{self.size}x{self.size}"

    def flops(self, topology: str) -> float:
        """Return the FLOPs of FCN-8s' convolutions, two for each multiplication.

        All else is less than a hundredth, upsampling that is not learned too.
        """
        paper, classes = topology == "paper", 21
        n = self.size + (2 * 100 - 2 if paper else 0)  # the first one's output
        channels, products, pools = 3, 0, []
        for filters, convolutions in VGG16:
            filters = self._scaled(filters)
            for _ in range(convolutions):
                products += 9 * channels * filters * n**2
                channels = filters
            n = -(-n // 2)
            pools.append((n, channels))
        hidden, k = self._scaled(4096), 7 if paper else 1
        n -= k - 1
        products += n**2 * hidden * (k * k * channels + hidden + classes)
        (n3, c3), (n4, c4) = pools[2:4]
        products += classes * (n4**2 * c4 + n3**2 * c3)
        if not paper:  # its upsampling is learned: 1/32, 1/16 and 1/8 of the image
            for rows, stride in ((n, 2), (n4, 2), (n3, 8)):
                products += (rows * 2 * stride * classes) ** 2
        return 2.0 * products * self.batch

    def _scaled(self, channels: int) -> int:
        return max(1, round(channels * self.width))


def network(
    shape: Shape,
    topology: str,
    *,
    policy: str = "float32",
    builder: str = "fcn8s",
    include_preprocessing: bool = False,
    change: Callable[[Any], Any] | None = None,
) -> Any:
    """Build one of our networks, without dropout, and give it drawn weights.

    Upsampling is learned where the common exercise learns it, in `"pointwise"`;
    `change` makes another model of the built one.
    """
    import keras_fcn
    from keras_fcn.hardware import computing_in

    from .running import zero_start

    with computing_in(policy), zero_start():
        model = getattr(keras_fcn, f"build_{builder}")(
            weights=None,
            topology=topology,
            upsampling="learned" if topology == "pointwise" else "fixed",
            width=shape.width,
            dropout=0.0,
            include_preprocessing=include_preprocessing,
        )
    for layer in model.layers:
        for variable in layer.weights:
            variable.assign(draw(f"{layer.name}/{variable.name}", variable.shape))
    if change is None:
        return model
    with zero_start():
        return change(model)


def inference(shape: Shape, topology: str, **options: Any) -> Work:
    """Return the logits of photos; `options` are those of `network`."""
    from .running import forward

    model = network(shape, topology, **options)
    return forward(model, photos(shape.batch, shape.size), training=False)


def training(shape: Shape, topology: str, **options: Any) -> Work:
    """Return the loss of one step of SGD with momentum."""
    import keras

    from keras_fcn.losses import PixelwiseCrossentropy

    model = network(shape, topology, **options)
    optimizer = keras.optimizers.SGD(RATE, MOMENTUM)
    model.compile(optimizer, PixelwiseCrossentropy())
    images = keras.ops.convert_to_tensor(photos(shape.batch, shape.size))
    labels = keras.ops.convert_to_tensor(label_maps(shape.batch, shape.size))
    return lambda: float(model.train_on_batch(images, labels))


def folded(model: Any) -> Any:
    """Return the model with what follows without a ReLU between folded into one."""
    from keras_fcn import fold_for_inference

    return fold_for_inference(model)


def with_layers(model: Any, ours: str, native: str, *, use_ours: bool) -> Any:
    """Return a model with our layer in the place of Keras', or the other way round.

    Args:
        model: The model.
        ours: Name of a class of `keras_fcn.layers`.
        native: Name of the class of `keras.layers` that it stands for.
        use_ours: Which of the two.
    """
    import keras

    import keras_fcn.layers

    kinds = getattr(keras.layers, native), getattr(keras_fcn.layers, ours)
    only = ("fc6",) if ours == "PatchConv2D" else [layer.name for layer in model.layers]

    def clone(layer):
        kind = type(layer)
        if kind in kinds and layer.name in only:
            kind = kinds[use_ours]
        return kind.from_config(layer.get_config())

    changed = keras.models.clone_model(model, clone_function=clone)
    for old, new in zip(model.variables, changed.variables, strict=True):
        new.assign(old)
    return changed


def ours(work: Callable[..., Work], backend: str, *arguments: Any, **options: Any):
    """Return one of the above as a contender."""
    dtype = "bfloat16" if "bfloat16" in options.get("policy", "") else "float32"
    return Contender(backend, functools.partial(work, *arguments, **options), dtype)


def peer(kind: str, shape: Shape, topology: str, **options: Any) -> Contender:
    """Return PyTorch's `"inference"` or `"training"` as a contender."""
    options |= {"batch": shape.batch, "size": shape.size, "width": shape.width}
    dtype = "bfloat16" if options.get("bfloat16") else "float32"
    prepare = functools.partial(_peer, kind, topology, **options)
    return Contender("torch", prepare, dtype)


def _peer(kind: str, topology: str, **options: Any) -> Work:
    from peers import torch_work

    if kind == "training":
        options |= {"rate": RATE, "momentum": MOMENTUM}
    return getattr(torch_work, kind)(topology, **options)
