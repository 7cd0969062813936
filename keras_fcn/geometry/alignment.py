"""Crops: where one feature map begins inside another one of the same stride."""

from __future__ import annotations

from .coordinates import CoordinateMap


def crop_offset(larger: CoordinateMap, reference: CoordinateMap) -> int:
    """The pixel of `larger` that lies on pixel 0 of `reference`.

    Both maps lead to the same image. Cropping `larger` from this offset on, to
    `reference`'s size, lays the two on top of each other.

    Args:
        larger: Map from the pixels of the feature map to be cropped to the image.
        reference: Map from the pixels of the feature map to align with to the
            image; `CoordinateMap()` for the image itself.

    Returns:
        The offset in pixels, the same for height and width of a square layer.

    Raises:
        ValueError: If the strides differ, the offset is not a whole number of
            pixels, or it is negative.

    Example:
        The x32 upsampling of a 7x7 convolution on five poolings, the image padded
        by 100, gives the first of the FCN authors' crops:

        >>> from keras_fcn.geometry import convolution, transposed_convolution
        >>> net = convolution(3, padding=100)
        >>> for _ in range(5):
        ...     net = net.then(convolution(2, stride=2))
        >>> net = net.then(convolution(7)).then(transposed_convolution(64, stride=32))
        >>> crop_offset(net, CoordinateMap())
        19

    Reference:
        Long, Shelhamer, Darrell, https://arxiv.org/abs/1411.4038, and its
        reference networks, whose crops are 19 (32s), 5, 27 (16s), 5, 9, 31 (8s).
    """
    relative = larger.inverse()
    if relative.scale * reference.scale != 1:
        raise ValueError(
            "Two feature maps can be aligned by a crop only if their strides are "
            f"equal. Received: strides {larger.scale} and {reference.scale}. "
            "Upsample the coarser one first."
        )
    offset = relative(reference.shift)
    if offset.denominator != 1 or offset < 0:
        raise ValueError(
            "A crop must begin at a whole, non-negative pixel. "
            f"Received: offset={offset}. Change the padding of the first "
            "convolution or the kernel of the upsampling."
        )
    return int(offset)
