"""The order of a kernel's axes, from one framework to another."""

from __future__ import annotations

from typing import Any

# `*` stands for the spatial axes, `i` and `o` for the channels of the transposed
# convolution's input and output.
_LAYOUTS = {
    "keras": "*oi",
    "tensorflow": "*oi",
    "pytorch": "io*",
    "onnx": "io*",
    "caffe": "io*",
    "jax": "*io",
    "tflite": "o*i",
}


def convert_kernel(kernel: Any, source: str, target: str) -> Any:
    """The kernel of a transposed convolution in another framework's layout.

    | layout | axes |
    | --- | --- |
    | `"keras"`, `"tensorflow"` | spatial, out, in |
    | `"pytorch"`, `"onnx"`, `"caffe"` | in, out, spatial |
    | `"jax"` | spatial, in, out, and the spatial axes reversed |
    | `"tflite"` | out, spatial, in |

    The kernel of a `Conv2D` (spatial, in, out) and that of the `Conv2DTranspose` which
    is its transpose are one and the same array: `out` and `in` change places because
    the two look at it from opposite sides.

    Args:
        kernel: An array with `ndim`, `transpose` and slices, as of NumPy. With
            groups, `out` is that of one group; JAX has no groups here.
        source: The layout it has.
        target: The layout it shall have.

    Returns:
        A view of the same array where the array library makes views.

    Raises:
        ValueError: If a layout is unknown or there is no spatial axis.

    Example:
        >>> import numpy as np
        >>> keras_kernel = np.zeros((3, 5, 21, 512))
        >>> convert_kernel(keras_kernel, "keras", "pytorch").shape
        (512, 21, 3, 5)
        >>> convert_kernel(keras_kernel, "keras", "jax").shape
        (3, 5, 512, 21)

    Reference:
        `tf.nn.conv2d_transpose`, `torch.nn.ConvTranspose2d`, ONNX `ConvTranspose`,
        `jax.lax.conv_transpose`, `TRANSPOSE_CONV` of TensorFlow Lite.
    """
    spatial = kernel.ndim - 2
    if spatial < 1:
        raise ValueError(
            "`kernel` must have at least one spatial axis and two of channels. "
            f"Received: {kernel.ndim} axes."
        )
    has, wants = _axes(source, spatial), _axes(target, spatial)
    kernel = kernel.transpose([has.index(axis) for axis in wants])
    if (source == "jax") != (target == "jax"):
        flipped = [
            slice(None) if axis in "io" else slice(None, None, -1) for axis in wants
        ]
        kernel = kernel[tuple(flipped)]
    return kernel


def _axes(layout: str, spatial: int) -> list[str]:
    if layout not in _LAYOUTS:
        raise ValueError(
            f"A layout must be one of {', '.join(_LAYOUTS)}. Received: {layout!r}."
        )
    before, after = _LAYOUTS[layout].split("*")
    return [*before, *(str(axis) for axis in range(spatial)), *after]
