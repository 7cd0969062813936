"""JAX: `padding` is that of a direct convolution over the input with gaps."""

from __future__ import annotations

from typing import Any

from ..representable import require_windows
from ..requirements import require_positive
from ..window import Window, extent_of


def from_jax(
    input_length: int,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str | tuple[int, int] = "SAME",
    rhs_dilation: int = 1,
    use_consistent_padding: bool = False,
) -> Window:
    """The window of `jax.lax.conv_transpose`, on one axis.

    Its padding goes around the input, with `s - 1` zeros between pixels, before the
    kernel slides over it: `c = K - 1 - before`. The kernel slides *unflipped* there,
    so that this window takes `kernel[::-1]`, unless `transpose_kernel` is set.

    Args:
        input_length: `n`, pixels.
        kernel_size: `k`, taps.
        strides: `s`. Defaults to `1`.
        padding: `"SAME"`, `"VALID"` or `(before, after)`. Defaults to `"SAME"`.
        rhs_dilation: `d`. Defaults to `1`.
        use_consistent_padding: Whether a pair is what the convolution pads and so
            the transpose crops. Defaults to `False`, as in JAX.

    Returns:
        A `Window`.

    Raises:
        ValueError: If `padding` is another word or nothing is left.

    Example:
        >>> from_jax(5, 3, strides=2, padding=(2, 1)).crop  # K - 1 - 2
        0
        >>> from_jax(5, 3, strides=2, padding=(2, 1), use_consistent_padding=True).crop
        2

    Reference:
        https://docs.jax.dev/en/latest/_autosummary/jax.lax.conv_transpose.html.
    """
    require_positive(
        input_length=input_length,
        kernel_size=kernel_size,
        strides=strides,
        rhs_dilation=rhs_dilation,
    )
    n, s, extent = input_length, strides, extent_of(kernel_size, rhs_dilation)
    if padding == "SAME":
        crop, length = max(extent - s, 0) // 2, n * s
    elif padding == "VALID":
        crop, length = 0, (n - 1) * s + max(extent, s)
    elif isinstance(padding, str):
        raise ValueError(
            '`padding` must be "SAME", "VALID" or a pair. '
            f"Received: padding={padding!r}."
        )
    elif use_consistent_padding:
        crop = padding[0]
        length = (n - 1) * s + extent - sum(padding)
    else:
        crop = extent - 1 - padding[0]
        length = (n - 1) * s + 1 + sum(padding) - (extent - 1)
    return Window(n, kernel_size, length, s, rhs_dilation, crop)


def to_jax(*windows: Window) -> dict[str, Any]:
    """The arguments that make `jax.lax.conv_transpose` compute these windows.

    Every window has a form. The kernel is `convert_kernel(kernel, "keras", "jax")`.
    Where more than `K - 1` pixels are cropped off the front, jaxlib 0.10.2 can compute
    wrong numbers on a CPU (https://github.com/openxla/xla/issues/48713): there, crop
    afterwards.

    Args:
        *windows: One for each axis.

    Returns:
        `strides`, `padding` (a pair for each axis) and `rhs_dilation`, as tuples.

    Example:
        >>> from keras_fcn.geometry import from_keras
        >>> to_jax(from_keras(5, 3, strides=2, padding="same"))
        {'strides': (2,), 'padding': ((2, 1),), 'rhs_dilation': (1,)}
    """
    require_windows(windows)
    return {
        "strides": tuple(window.strides for window in windows),
        "padding": tuple(
            (window.extent - 1 - window.crop, window.extent - 1 - window.tail_crop)
            for window in windows
        ),
        "rhs_dilation": tuple(window.dilation_rate for window in windows),
    }
