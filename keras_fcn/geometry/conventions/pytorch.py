"""PyTorch: `padding` crops both ends alike, `output_padding` lengthens the tail."""

from __future__ import annotations

from typing import Any

from ..representable import NotRepresentable, joined, require_windows, uncropped
from ..requirements import require_positive
from ..window import Window, full_length_of


def from_pytorch(
    input_length: int,
    kernel_size: int,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    dilation: int = 1,
    output_size: int | None = None,
) -> Window:
    """The window of `torch.nn.ConvTranspose*d`, on one axis.

    The front crop is `p`, always; `O = (n - 1)*s - 2p + K + a` with
    `K = d*(k - 1) + 1`. Where `a > p`, the last pixels get the bias only.

    Args:
        input_length: `n`, pixels.
        kernel_size: `k`, taps.
        stride: `s`. Defaults to `1`.
        padding: `p`, at least 0. Defaults to `0`.
        output_padding: `a`, at least 0 and below `s` or `d`. Defaults to `0`.
        dilation: `d`. Defaults to `1`.
        output_size: `O`, instead of `output_padding`, as in the layer's `forward`.

    Returns:
        A `Window`.

    Raises:
        ValueError: If a number is out of its range, or nothing is left.

    Example:
        The exercise's rule for doubling, `k = 2s`, `p = s/2`:

        >>> window = from_pytorch(16, 4, stride=2, padding=1)
        >>> window.crop, window.output_length
        (1, 32)

    Reference:
        https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html.
    """
    require_positive(
        input_length=input_length,
        kernel_size=kernel_size,
        stride=stride,
        dilation=dilation,
    )
    full = full_length_of(input_length, kernel_size, stride, dilation)
    shortest = full - 2 * padding
    if padding < 0:
        raise ValueError(f"`padding` must be at least 0. Received: padding={padding}.")
    if output_size is not None:
        if output_padding:
            raise ValueError(
                "Give `output_padding` or `output_size`, not both. Received: "
                f"output_padding={output_padding}, output_size={output_size}."
            )
        if not shortest <= output_size < shortest + stride:
            raise ValueError(
                f"`output_size` must be {shortest} to {shortest + stride - 1}. "
                f"Received: output_size={output_size}."
            )
        output_padding = output_size - shortest
    if not 0 <= output_padding < max(stride, dilation):
        raise ValueError(
            "`output_padding` must be at least 0 and below `stride` or `dilation`. "
            f"Received: output_padding={output_padding}, stride={stride}, "
            f"dilation={dilation}."
        )
    length = shortest + output_padding
    return Window(input_length, kernel_size, length, stride, dilation, padding)


def to_pytorch(*windows: Window) -> dict[str, Any]:
    """The arguments that make PyTorch compute these windows.

    Args:
        *windows: One for each axis.

    Returns:
        `stride`, `padding`, `output_padding` and `dilation`: numbers for one axis,
        tuples for more.

    Raises:
        NotRepresentable: If the front is cropped by less than nothing, or by more or
            much less than the end.

    Example:
        >>> from keras_fcn.geometry import from_keras
        >>> to_pytorch(from_keras(16, 4, strides=2, padding="same"))
        {'stride': 2, 'padding': 1, 'output_padding': 0, 'dilation': 1}

        An odd surplus `K - s` is cropped at the end by Keras, so PyTorch's
        `output_padding` would have to be -1:

        >>> try:
        ...     to_pytorch(from_keras(5, 3, strides=2, padding="same"))
        ... except NotRepresentable as error:
        ...     print(error.workaround)
        Call it with stride=2, padding=0, output_padding=0, dilation=1 and keep [0:10].
    """
    require_windows(windows)
    tails = [window.crop - window.tail_crop for window in windows]
    for window, tail in zip(windows, tails, strict=True):
        if window.crop < 0:
            reason = f"`padding` would have to be {window.crop}."
        elif not 0 <= tail < max(window.strides, window.dilation_rate):
            reason = (
                "`padding` crops both ends alike and `output_padding`, at least 0 and "
                "below stride or dilation, lengthens the end; here the front loses "
                f"{window.crop} and the end {window.tail_crop}, so that it would have "
                f"to be {tail}."
            )
        else:
            continue
        zeros = [0] * len(windows)
        workaround = uncropped(windows, _arguments(windows, zeros, zeros))
        raise NotRepresentable("PyTorch", reason, workaround)
    return _arguments(windows, [window.crop for window in windows], tails)


def _arguments(
    windows: tuple[Window, ...], paddings: list[int], tails: list[int]
) -> dict[str, Any]:
    return {
        "stride": joined([window.strides for window in windows]),
        "padding": joined(paddings),
        "output_padding": joined(tails),
        "dilation": joined([window.dilation_rate for window in windows]),
    }
