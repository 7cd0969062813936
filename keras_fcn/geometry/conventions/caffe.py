"""Caffe: `pad` crops both ends alike; a Crop layer does the rest."""

from __future__ import annotations

from typing import Any

from ..representable import NotRepresentable, joined, require_windows, uncropped
from ..requirements import require_positive
from ..window import Window, full_length_of


def from_caffe(
    input_length: int,
    kernel_size: int,
    *,
    stride: int = 1,
    pad: int = 0,
    dilation: int = 1,
    crop_offset: int | None = None,
    crop_length: int | None = None,
) -> Window:
    """The window of a Deconvolution layer and of the Crop layer behind it.

    Args:
        input_length: `n`, pixels.
        kernel_size: `k`, taps.
        stride: `s`. Defaults to `1`.
        pad: Pixels cropped off both ends. Defaults to `0`.
        dilation: `d`. Defaults to `1`.
        crop_offset: First pixel that the Crop layer keeps; `None`, the default, is 0.
        crop_length: Pixels that it keeps; `None`, the default, all to the end.

    Returns:
        A `Window`.

    Raises:
        ValueError: If a number is negative, the Crop layer reaches beyond the end,
            or nothing is left.

    Example:
        The last upsampling of the authors' FCN-8s for 500 pixels: crop 31 of 568.

        >>> window = from_caffe(70, 16, stride=8, crop_offset=31, crop_length=500)
        >>> window.full_length, window.crop, window.tail_crop
        (568, 31, 37)

    Reference:
        `deconv_layer.cpp` and `crop_layer.cpp` of https://github.com/BVLC/caffe.
    """
    require_positive(
        input_length=input_length,
        kernel_size=kernel_size,
        stride=stride,
        dilation=dilation,
    )
    crop_offset = crop_offset or 0
    if min(pad, crop_offset) < 0:
        raise ValueError(
            "`pad` and `crop_offset` must be at least 0. Received: "
            f"pad={pad}, crop_offset={crop_offset}."
        )
    length = full_length_of(input_length, kernel_size, stride, dilation) - 2 * pad
    if crop_length is None:
        crop_length = length - crop_offset
    if crop_offset + crop_length > length:
        raise ValueError(
            f"The Crop layer must end by pixel {length}. Received: "
            f"crop_offset={crop_offset}, crop_length={crop_length}."
        )
    crop = pad + crop_offset
    return Window(input_length, kernel_size, crop_length, stride, dilation, crop)


def to_caffe(*windows: Window) -> dict[str, Any]:
    """The parameters of a Deconvolution layer and of a Crop layer behind it.

    Args:
        *windows: One for each axis.

    Returns:
        `stride`, `pad`, `dilation`, `crop_offset` and `crop_length`: numbers for one
        axis, tuples for more. The last two are `None` where no Crop layer is needed.

    Raises:
        NotRepresentable: If zeros would have to be put at an end: Caffe only crops.

    Example:
        >>> from keras_fcn.geometry import from_keras
        >>> to_caffe(from_keras(16, 4, strides=2, padding="same"))
        {'stride': 2, 'pad': 1, 'dilation': 1, 'crop_offset': None, 'crop_length': None}
        >>> to_caffe(from_keras(5, 3, strides=2, padding="same"))
        {'stride': 2, 'pad': 0, 'dilation': 1, 'crop_offset': 0, 'crop_length': 10}
    """
    require_windows(windows)
    for window in windows:
        if min(window.crop, window.tail_crop) < 0:
            zeros = [0] * len(windows)
            raise NotRepresentable(
                "Caffe",
                "it crops and never pads the output; here the front loses "
                f"{window.crop} and the end {window.tail_crop}.",
                uncropped(windows, _arguments(windows, zeros, cropped=False)),
            )
    pads = [min(window.crop, window.tail_crop) for window in windows]
    uneven = any(window.crop != window.tail_crop for window in windows)
    return _arguments(windows, pads, cropped=uneven)


def _arguments(
    windows: tuple[Window, ...], pads: list[int], cropped: bool
) -> dict[str, Any]:
    offsets = [window.crop - pad for window, pad in zip(windows, pads, strict=True)]
    lengths = [window.output_length for window in windows]
    return {
        "stride": joined([window.strides for window in windows]),
        "pad": joined(pads),
        "dilation": joined([window.dilation_rate for window in windows]),
        "crop_offset": joined(offsets) if cropped else None,
        "crop_length": joined(lengths) if cropped else None,
    }
