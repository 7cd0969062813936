"""ONNX: `pads` crops each end by itself; the automatic forms split a total in two."""

from __future__ import annotations

from typing import Any

from ..representable import NotRepresentable, require_windows, uncropped
from ..requirements import require_positive
from ..window import Window, full_length_of

_AUTO_PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


def from_onnx(
    input_length: int,
    kernel_size: int,
    *,
    strides: int = 1,
    pads: tuple[int, int] = (0, 0),
    auto_pad: str = "NOTSET",
    output_padding: int = 0,
    output_shape: int | None = None,
    dilations: int = 1,
) -> Window:
    """The window of the operator `ConvTranspose`, on one axis.

    With `total = F + output_padding - O`, where `O` is `output_shape`, or `n*s` for
    `SAME_UPPER` and `SAME_LOWER`, the front crop is `total // 2` for `SAME_UPPER`
    and the larger half otherwise. A negative total of `output_shape` is zeros at the
    end, as ONNX Runtime has it; with `SAME_*`, where the kernel is smaller than the
    stride, not even the length is agreed upon.

    Args:
        input_length: `n`, pixels.
        kernel_size: `k`, taps.
        strides: `s`. Defaults to `1`.
        pads: Pixels cropped off the front and off the end. Defaults to `(0, 0)`.
        auto_pad: `"NOTSET"`, `"SAME_UPPER"`, `"SAME_LOWER"` or `"VALID"`. Defaults
            to `"NOTSET"`.
        output_padding: Pixels added at the end, below `s`. Defaults to `0`.
        output_shape: `O`; `pads` are then ignored.
        dilations: `d`. Defaults to `1`.

    Returns:
        A `Window`.

    Raises:
        ValueError: If `auto_pad` is another word, `output_padding` is not below
            `strides`, a pad is negative, the authorities disagree (`s` or
            more zeros at the end, or any with `SAME_*`), or nothing is left.

    Example:
        An odd total, here 1: without `auto_pad` the front loses it.

        >>> from_onnx(3, 3, strides=2, output_shape=6).crop
        1
        >>> from_onnx(3, 3, strides=2, auto_pad="SAME_UPPER").crop
        0

    Reference:
        https://onnx.ai/onnx/operators/onnx__ConvTranspose.html, version 22.
    """
    require_positive(
        input_length=input_length,
        kernel_size=kernel_size,
        strides=strides,
        dilations=dilations,
    )
    if auto_pad not in _AUTO_PADS:
        raise ValueError(
            f"`auto_pad` must be one of {', '.join(_AUTO_PADS)}. "
            f"Received: auto_pad={auto_pad!r}."
        )
    if not 0 <= output_padding < strides:
        raise ValueError(
            "`output_padding` must be at least 0 and below `strides`. Received: "
            f"output_padding={output_padding}, strides={strides}."
        )
    if min(pads) < 0:
        raise ValueError(f"`pads` must be at least 0. Received: pads={pads}.")
    n, s = input_length, strides
    full = full_length_of(n, kernel_size, s, dilations) + output_padding
    length = output_shape
    if length is None and auto_pad.startswith("SAME"):
        length = n * s
    if length is None:
        crop, after = (0, 0) if auto_pad == "VALID" else pads
        return Window(n, kernel_size, full - crop - after, s, dilations, crop)
    total = full - length
    too_long = full - output_padding + s
    if length >= too_long:
        raise ValueError(
            f"`output_shape` must be below {too_long}: no two authorities on ONNX "
            f"agree where so many zeros go. Received: a length of {length}."
        )
    if total < 0 and output_shape is None:
        raise ValueError(
            f"`auto_pad` must not be {auto_pad} where the kernel is smaller than the "
            f"stride: the specification wants {n * s} pixels, ONNX Runtime and shape "
            f"inference {full}. Received: a kernel that reaches over "
            f"{full - (n - 1) * s}, strides={s}. Give `pads` or `output_shape`."
        )
    crop = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
    return Window(n, kernel_size, length, s, dilations, max(crop, 0))


def to_onnx(*windows: Window) -> dict[str, Any]:
    """The attributes that make `ConvTranspose` compute these windows.

    Always explicit `pads`: the automatic forms mean different things to different
    programs.

    Args:
        *windows: One for each axis.

    Returns:
        `strides`, `pads` (all fronts, then all ends), `output_padding` and
        `dilations`, lists of integers.

    Raises:
        NotRepresentable: If zeros would have to be put in front, or `s` or more at
            the end.

    Example:
        >>> from keras_fcn.geometry import from_keras
        >>> to_onnx(from_keras(5, 3, strides=2, padding="same"))
        {'strides': [2], 'pads': [0, 1], 'output_padding': [0], 'dilations': [1]}
    """
    require_windows(windows)
    tails = [max(-window.tail_crop, 0) for window in windows]
    for window, tail in zip(windows, tails, strict=True):
        if window.crop < 0:
            reason = f"`pads` would have to begin with {window.crop}."
        elif tail >= window.strides:
            reason = (
                "`output_padding` must be below `strides`; here it would have to be "
                f"{tail}."
            )
        else:
            continue
        zeros = [0] * len(windows)
        workaround = uncropped(windows, _arguments(windows, zeros, zeros, zeros))
        raise NotRepresentable("ONNX", reason, workaround)
    fronts = [window.crop for window in windows]
    ends = [max(window.tail_crop, 0) for window in windows]
    return _arguments(windows, fronts, ends, tails)


def _arguments(
    windows: tuple[Window, ...], fronts: list[int], ends: list[int], tails: list[int]
) -> dict[str, Any]:
    return {
        "strides": [window.strides for window in windows],
        "pads": fronts + ends,
        "output_padding": tails,
        "dilations": [window.dilation_rate for window in windows],
    }
