"""Keras: `padding` is a word, and the crop follows from the output's length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..representable import NotRepresentable, joined, require_windows, uncropped
from ..requirements import require_positive
from ..window import Window, extent_of


def from_keras(
    input_length: int,
    kernel_size: int,
    *,
    strides: int = 1,
    padding: str = "valid",
    output_padding: int | None = None,
    dilation_rate: int = 1,
) -> Window:
    """The window of `keras.ops.conv_transpose` and of `Conv*DTranspose` layers.

    With `K = d*(k - 1) + 1`:

    | `padding` | `output_padding` | `c` | `O` |
    | --- | --- | --- | --- |
    | `"valid"` | `None` | `0` | `(n - 1)*s + max(K, s)` |
    | `"valid"` | `a` | `0` | `(n - 1)*s + K + a` |
    | `"same"` | `None` | `max(K - s, 0) // 2` | `n*s` |
    | `"same"` | `a` | `max(K - K % 2 - a, 0) // 2` | `(n - 1)*s + K % 2 + a` |

    In the last row `output_padding` takes from the front crop what it adds to the
    end: it is *not* PyTorch's. With an even `K` and `a = 0`, JAX and PyTorch return
    `(n - 1)*s` pixels and TensorFlow refuses.

    Args:
        input_length: `n`, pixels.
        kernel_size: `k`, taps.
        strides: `s`. Defaults to `1`.
        padding: `"valid"` or `"same"`. Defaults to `"valid"`.
        output_padding: `a`, at least 0 and below `s`, or `None`, which is not the
            same as 0. Defaults to `None`.
        dilation_rate: `d`. The layers refuse it together with strides; the op does
            not. Defaults to `1`.

    Returns:
        A `Window`.

    Raises:
        ValueError: If `padding` is another word, `output_padding` is not below
            `strides`, or nothing is left of the output.

    Example:
        One more pixel at the end, and everything moves by one:

        >>> a, b = (from_keras(5, 3, strides=2, padding="same", output_padding=a)
        ...         for a in (0, 1))
        >>> (a.crop, a.output_length), (b.crop, b.output_length)
        ((1, 9), (0, 10))

    Reference:
        `compute_conv_transpose_output_length` of Keras,
        https://github.com/keras-team/keras.
    """
    require_positive(
        input_length=input_length,
        kernel_size=kernel_size,
        strides=strides,
        dilation_rate=dilation_rate,
    )
    if padding not in ("valid", "same"):
        raise ValueError(
            f'`padding` must be "valid" or "same". Received: padding={padding!r}.'
        )
    if output_padding is not None and not 0 <= output_padding < strides:
        raise ValueError(
            "`output_padding` must be None, or at least 0 and below `strides`. "
            f"Received: output_padding={output_padding}, strides={strides}."
        )
    n, s, extent = input_length, strides, extent_of(kernel_size, dilation_rate)
    if padding == "valid":
        tail = max(s - extent, 0) if output_padding is None else output_padding
        crop, length = 0, (n - 1) * s + extent + tail
    elif output_padding is None:
        crop, length = max(extent - s, 0) // 2, n * s
    else:
        odd = extent % 2
        crop = max(extent - odd - output_padding, 0) // 2
        length = (n - 1) * s + odd + output_padding
    return Window(n, kernel_size, length, s, dilation_rate, crop)


def to_keras(*windows: Window) -> dict[str, Any]:
    """The arguments that make Keras compute these windows, on every backend.

    Args:
        *windows: One for each axis; `padding` is one word for all of them.

    Returns:
        `strides`, `padding`, `output_padding` and `dilation_rate`: numbers for one
        axis, tuples for more.

    Raises:
        NotRepresentable: If no `padding` and `output_padding` give these windows.

    Example:
        >>> from keras_fcn.geometry import from_pytorch
        >>> to_keras(from_pytorch(16, 4, stride=2, padding=1))
        {'strides': 2, 'padding': 'same', 'output_padding': None, 'dilation_rate': 1}
        >>> to_keras(from_pytorch(16, 3, stride=2, padding=1, output_padding=1))
        Traceback (most recent call last):
        ...
        keras_fcn.geometry.representable.NotRepresentable: Keras has no such form: \
its crop follows from the output's length, and no `padding` and `output_padding` give \
crop 1 at the front and 0 at the end. Call it with strides=2, padding='valid', \
output_padding=0, dilation_rate=1 and keep [1:33].
    """
    require_windows(windows)
    for padding in ("valid", "same"):
        lengthened = [_output_padding(window, padding) for window in windows]
        for tails in ([None] * len(windows), lengthened):
            pairs = zip(windows, tails, strict=True)
            if all(_gives(window, padding, tail) for window, tail in pairs):
                return _arguments(windows, padding, tails)
    crops = ", ".join(
        f"crop {window.crop} at the front and {window.tail_crop} at the end"
        for window in windows
    )
    raise NotRepresentable(
        "Keras",
        "its crop follows from the output's length, and no `padding` and "
        f"`output_padding` give {crops}.",
        uncropped(windows, _arguments(windows, "valid", [0] * len(windows))),
    )


def _output_padding(window: Window, padding: str) -> int:
    """The `output_padding` that gives the length, whatever it does to the crop."""
    painted = window.extent if padding == "valid" else window.extent % 2
    return window.output_length - (window.input_length - 1) * window.strides - painted


def _gives(window: Window, padding: str, output_padding: int | None) -> bool:
    """Whether Keras gives this very window, and gives it on TensorFlow too."""
    refused = padding == "same" and output_padding == 0 and window.extent % 2 == 0
    if refused or (output_padding and not 0 <= output_padding < window.strides):
        return False
    return window == from_keras(
        window.input_length,
        window.kernel_size,
        strides=window.strides,
        padding=padding,
        output_padding=output_padding,
        dilation_rate=window.dilation_rate,
    )


def _arguments(
    windows: tuple[Window, ...], padding: str, tails: Sequence[int | None]
) -> dict[str, Any]:
    return {
        "strides": joined([window.strides for window in windows]),
        "padding": padding,
        "output_padding": None if None in tails else joined(tails),
        "dilation_rate": joined([window.dilation_rate for window in windows]),
    }
