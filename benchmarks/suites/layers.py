"""Our layers against Keras' own that compute the same function, on each backend.

The paper's fc6 from patches, learned upsampling by phases, fixed upsampling by two
matrix products; and what two of them mean for a whole network.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from races import Pair, Race, Settings
from side_by_side import Contender
from workers import Work

from .networks import Shape, inference, ours, training, with_layers

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}
CLASSES = 21


def races(settings: Settings) -> Iterator[Race]:
    """Yield what is measured."""
    yield from _fc6(settings)
    if not settings.on_gpu:
        yield _fc6_memory(settings)
    yield from _learned_upsampling(settings)
    yield from _fcn32s(settings)
    yield from _fixed_upsampling(settings)


def _on_each(
    work: str,
    side: str,
    shape: tuple[int, ...],
    layers: tuple[str, Callable, str, Callable],
    targets: dict[str, float],
    settings: Settings,
) -> Race:
    """Return one of ours against one of Keras', on each backend."""
    our_name, our_layer, native_name, native_layer = layers
    contenders, pairs = {}, []
    for backend, title in BACKENDS.items():
        mine, theirs = f"{our_name}, {title}", f"{native_name}, {title}"
        for name, layer in ((mine, our_layer), (theirs, native_layer)):
            prepare = functools.partial(one_layer, layer, shape, side)
            contenders[name] = Contender(backend, prepare)
        target = None if settings.on_gpu else targets.get(backend)
        pairs.append(Pair(mine, theirs, target, 0.03 if settings.on_gpu else 1e-3))
    return Race(f"{work}, {side}", contenders, pairs)


def one_layer(make: Callable[[], Any], shape: tuple[int, ...], side: str) -> Work:
    """Return the forward or the backward work of one layer with drawn weights."""
    from peers.draws import draw

    from .running import backward, forward

    layer = make()
    layer.build(shape)
    for variable in layer.trainable_variables:
        variable.assign(draw(f"layer/{variable.name}", variable.shape))
    maps = np.random.default_rng(0).standard_normal(shape, "float32")
    return (forward if side == "forward" else backward)(layer, maps)


def layer(name: str, *arguments: Any, **options: Any) -> Any:
    """Return a layer of `keras_fcn.layers`, or else of `keras.layers`, by its name."""
    import keras

    import keras_fcn.layers

    home = keras.layers if hasattr(keras.layers, name) else keras_fcn.layers
    return getattr(home, name)(*arguments, **options)


def _fc6(settings: Settings) -> Iterator[Race]:
    # 17x17: pool5 of the paper's network, for a photo of 320x320.
    inputs, filters, n = (16, 32, 9) if settings.quick else (512, 4096, 17)
    make = functools.partial
    kinds = (
        *("PatchConv2D", make(layer, "PatchConv2D", filters, 7)),
        *("Conv2D", make(layer, "Conv2D", filters, 7)),
    )
    for side, target in (("forward", 0.50), ("backward", 0.32)):
        work = f"fc6: 7x7, {inputs} to {filters} on {n}x{n}"
        shape = (1, n, n, inputs)
        yield _on_each(work, side, shape, kinds, {"tensorflow": target}, settings)


def _fc6_memory(settings: Settings) -> Race:
    shape = Shape.of(settings)
    change = functools.partial(with_layers, ours="PatchConv2D", native="Conv2D")
    contenders = {
        name: ours(
            training,
            "tensorflow",
            shape,
            "paper",
            change=functools.partial(change, use_ours=use_ours),
        )
        for name, use_ours in (("PatchConv2D", True), ("Conv2D", False))
    }
    work = f"peak memory, step of FCN-8s paper, {shape}"
    pairs = [Pair("PatchConv2D", "Conv2D", 0.82)]
    return Race(work, contenders, pairs, memory=True)


def _learned_upsampling(settings: Settings) -> Iterator[Race]:
    size = 64 if settings.quick else 512
    for s in (32,) if settings.quick else (32, 16, 8):
        options = {"strides": s, "padding": "same", "use_bias": False}
        kinds = [
            part
            for name in ("PhaseConv2DTranspose", "Conv2DTranspose")
            for part in (
                name,
                functools.partial(layer, name, CLASSES, 2 * s, **options),
            )
        ]
        shape = (1, size // s, size // s, CLASSES)
        for side in ("forward", "backward"):
            work = f"learned x{s}: k{2 * s}, to {size}x{size}x{CLASSES}"
            yield _on_each(work, side, shape, tuple(kinds), {}, settings)


def _fcn32s(settings: Settings) -> Iterator[Race]:
    shape = Shape.of(settings)
    change = functools.partial(
        with_layers, ours="PhaseConv2DTranspose", native="Conv2DTranspose"
    )
    backends = (
        {"jax": "JAX"} if settings.quick else {"jax": "JAX", "tensorflow": "TensorFlow"}
    )
    kinds = (
        (inference, "FCN-32s learned, inference", 0.70),
        (training, "FCN-32s learned, step", 0.88),
    )
    for work, title, target in kinds[:1] if settings.quick else kinds:
        contenders, pairs = {}, []
        for backend, name in backends.items():
            both = {f"by phases, {name}": True, f"Conv2DTranspose, {name}": False}
            for contender, use_ours in both.items():
                contenders[contender] = ours(
                    work,
                    backend,
                    shape,
                    "pointwise",
                    builder="fcn32s",
                    change=functools.partial(change, use_ours=use_ours),
                )
            aim = target if backend == "jax" and not settings.on_gpu else None
            tolerance = 0.03 if settings.on_gpu else 1e-3
            pairs.append(Pair(*both, aim, tolerance))
        yield Race(f"{title}, {shape}", contenders, pairs)


def _fixed_upsampling(settings: Settings) -> Iterator[Race]:
    size = 64 if settings.quick else 512
    for s in (8,) if settings.quick else (8, 16, 32):
        shape = (1, size // s, size // s, CLASSES)
        kinds = (
            "BilinearUpsampling2D",
            functools.partial(layer, "BilinearUpsampling2D", s, padding="same"),
            "Conv2DTranspose",
            functools.partial(bilinear_transpose, s),
        )
        race = _on_each(
            f"fixed x{s}, to {size}x{size}x{CLASSES}",
            "forward",
            shape,
            kinds,
            {"tensorflow": 0.5, "jax": 0.1},
            settings,
        )
        # Half-pixel interpolation: the same inside, but the edge is continued.
        others = {
            "tf.image.resize": ("tensorflow", "TensorFlow", tf_resize),
            "torch interpolate": ("torch", "PyTorch", torch_interpolate),
            "scipy.ndimage.zoom": ("numpy", "TensorFlow", scipy_zoom),
        }
        contenders, pairs = dict(race.contenders), list(race.pairs)
        for name, (backend, title, prepare) in others.items():
            if settings.on_gpu and backend == "numpy":
                continue
            prepare = functools.partial(prepare, shape, s)
            contenders[name] = Contender(backend, prepare)
            pairs.append(Pair(f"BilinearUpsampling2D, {title}", name, None, None))
        yield Race(race.work, contenders, pairs)


def bilinear_transpose(s: int) -> Any:
    """Return Keras' layer with the bilinear kernel, which it keeps."""
    import keras

    from keras_fcn.layers import Bilinear

    made = keras.layers.Conv2DTranspose(
        CLASSES,
        2 * s,
        strides=s,
        padding="same",
        use_bias=False,
        kernel_initializer=Bilinear(s),
    )
    made.trainable = False
    return made


def tf_resize(shape: tuple[int, ...], s: int) -> Work:
    """Return `tf.image.resize`, bilinear."""
    import tensorflow as tf

    from .running import compiled

    size = (shape[1] * s, shape[2] * s)
    maps = np.random.default_rng(0).standard_normal(shape, "float32")
    return compiled(lambda x: tf.image.resize(x, size, "bilinear"), maps)


def torch_interpolate(shape: tuple[int, ...], s: int) -> Work:
    """Return `torch.nn.functional.interpolate`, bilinear, channels last."""
    import torch
    from peers.torch_work import as_torch, without_gradient

    maps = np.random.default_rng(0).standard_normal(shape, "float32")
    x = as_torch(maps, channels_last=True)
    interpolate = torch.nn.functional.interpolate
    return without_gradient(lambda: interpolate(x, scale_factor=s, mode="bilinear"))


def scipy_zoom(shape: tuple[int, ...], s: int) -> Work:
    """Return `scipy.ndimage.zoom`, linear."""
    import scipy.ndimage

    maps = np.random.default_rng(0).standard_normal(shape[1:], "float32")
    options = {"order": 1, "mode": "nearest", "grid_mode": True}
    return lambda: scipy.ndimage.zoom(maps, (s, s, 1), **options)
