"""TensorFlow: the output's shape is given, and the crop follows from it."""

from __future__ import annotations

from typing import Any

from ..representable import NotRepresentable, joined, require_windows, uncropped
from ..requirements import require_positive
from ..window import Window, extent_of, window_of_convolution


def from_tensorflow(
    input_length: int,
    kernel_size: int,
    output_length: int,
    *,
    strides: int = 1,
    padding: str = "SAME",
    dilations: int = 1,
) -> Window:
    """The window of `tf.nn.conv2d_transpose`, on one axis.

    It is the window of the convolution from `output_length` pixels with this padding,
    whose result must have `input_length` pixels.

    Args:
        input_length: `n`, pixels.
        kernel_size: `k`, taps.
        output_length: `O`, this axis of `output_shape`.
        strides: `s`. Defaults to `1`.
        padding: `"SAME"` or `"VALID"`. Defaults to `"SAME"`.
        dilations: `d`. Defaults to `1`.

    Returns:
        A `Window`.

    Raises:
        ValueError: If the convolution does not take `output_length` pixels to
            `input_length`; TensorFlow says "Size of out_backprop doesn't match
            computed". Or if `padding` is another word.

    Example:
        >>> from_tensorflow(5, 3, 10, strides=2).crop
        0
        >>> from_tensorflow(5, 3, 9, strides=2).crop
        1
        >>> from_tensorflow(5, 3, 11, strides=2)
        Traceback (most recent call last):
        ...
        ValueError: `output_length` must be one that the convolution takes to 5 \
pixels, 9 to 10. Received: output_length=11, which it takes to 6.

    Reference:
        https://www.tensorflow.org/api_docs/python/tf/nn/conv2d_transpose.
    """
    require_positive(
        input_length=input_length,
        kernel_size=kernel_size,
        strides=strides,
        dilations=dilations,
    )
    if padding not in ("SAME", "VALID"):
        raise ValueError(
            f'`padding` must be "SAME" or "VALID". Received: padding={padding!r}.'
        )
    extent = extent_of(kernel_size, dilations)
    longest = strides * input_length
    if padding == "VALID":
        longest += extent - 1
    shortest = longest - strides + 1
    if not shortest <= output_length <= longest:
        found = -(-(output_length - longest + strides * input_length) // strides)
        raise ValueError(
            f"`output_length` must be one that the convolution takes to {input_length} "
            f"pixels, {shortest} to {longest}. Received: "
            f"output_length={output_length}, which it takes to {max(found, 0)}."
        )
    return window_of_convolution(
        output_length,
        kernel_size,
        strides=strides,
        padding=padding.lower(),
        dilation_rate=dilations,
    )


def to_tensorflow(*windows: Window) -> dict[str, Any]:
    """The arguments that make `tf.nn.conv2d_transpose` compute these windows.

    Always one of the two words. Numbers as `padding`, which TensorFlow takes too, work
    in two dimensions only and on a CPU not with dilation.

    Args:
        *windows: One for each axis; `padding` is one word for all of them.

    Returns:
        `output_shape` (spatial axes only), `strides`, `padding` and `dilations`:
        numbers for one axis, tuples for more.

    Raises:
        NotRepresentable: If neither padding gives these windows.

    Example:
        >>> from keras_fcn.geometry import from_keras
        >>> to_tensorflow(from_keras(5, 3, strides=2, padding="same"))
        {'output_shape': 10, 'strides': 2, 'padding': 'SAME', 'dilations': 1}
    """
    require_windows(windows)
    for padding in ("SAME", "VALID"):
        if all(_gives(window, padding) for window in windows):
            lengths = [window.output_length for window in windows]
            return _arguments(windows, padding, lengths)
    crops = " and ".join(
        f"{window.crop} for {window.output_length} pixels" for window in windows
    )
    raise NotRepresentable(
        "TensorFlow",
        "its front crop follows from `output_shape` and is 0 for VALID and the "
        f"smaller half of the surplus for SAME; here it is {crops}.",
        uncropped(
            windows, _arguments(windows, "VALID", [w.full_length for w in windows])
        ),
    )


def _gives(window: Window, padding: str) -> bool:
    try:
        return window == from_tensorflow(
            window.input_length,
            window.kernel_size,
            window.output_length,
            strides=window.strides,
            padding=padding,
            dilations=window.dilation_rate,
        )
    except ValueError:
        return False


def _arguments(
    windows: tuple[Window, ...], padding: str, lengths: list[int]
) -> dict[str, Any]:
    return {
        "output_shape": joined(lengths),
        "strides": joined([window.strides for window in windows]),
        "padding": padding,
        "dilations": joined([window.dilation_rate for window in windows]),
    }
