"""Image files in: upright RGB arrays, and label images as class indices.

Knows Pillow; knows nothing of TensorFlow, whose PNG decoder returns a palette's
colours instead of its indices and whose JPEG decoder ignores the orientation. No file
is decoded that declares more pixels than `PIL.Image.MAX_IMAGE_PIXELS`.
"""

from .files import FORMATS, SUFFIXES
from .labels import read_colours, read_label
from .limits import pixel_limit
from .orientation import exif_orientation, image_size
from .photos import open_photo, read_image

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "exif_orientation",
    "image_size",
    "open_photo",
    "pixel_limit",
    "read_colours",
    "read_image",
    "read_label",
]
