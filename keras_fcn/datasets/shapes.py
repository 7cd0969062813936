"""The data set "shapes": generated, for demonstrations and tests without a download.

Textured, overlapping, turned, colourful shapes on a dull textured ground, drawn
smoothly; the pixels along every outline are void, as in PASCAL VOC. Colour and
texture say nothing of which shape it is: only the form does.
"""

from __future__ import annotations

import colorsys
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from ..suggestions import require_choice
from .sample_source import SampleSource

SHAPES_CLASSES = ("background", "circle", "square", "triangle", "star")

SUPERSAMPLING = 4  # drawn this many times larger, then averaged: smooth edges


class Shapes(SampleSource):
    """Generated images of circles, squares, triangles and stars.

    Sample `i` of a split is a function of `(seed, split, i)`: every run and every
    machine sees the same pictures, and the splits share none.

    Args:
        split: `"train"` or `"val"`. Defaults to `"train"`.
        num_samples: Number of samples. Defaults to 400 for training, 100 for
            validation.
        sizes: Smallest and largest height and width, in pixels. Defaults to
            `(64, 96)`.
        seed: Seed of everything. Defaults to `0`.

    Raises:
        ValueError: If `split` is another word, `num_samples` is below 1 or `sizes`
            are not in order.

    Example:
        >>> image, label = Shapes("train")[0]
        >>> image.dtype.name, label.dtype.name, image.shape[-1]
        ('uint8', 'uint8', 3)
    """

    def __init__(
        self,
        split: str = "train",
        num_samples: int | None = None,
        sizes: tuple[int, int] = (64, 96),
        seed: int = 0,
    ):
        require_choice("split", split, ("train", "val"))
        if num_samples is None:
            num_samples = 400 if split == "train" else 100
        if num_samples < 1:
            raise ValueError(
                "`num_samples` must be at least 1. "
                f"Received: num_samples={num_samples}."
            )
        if not 1 <= sizes[0] <= sizes[1]:
            raise ValueError(
                "`sizes` must be the smallest and the largest size, at least 1. "
                f"Received: sizes={sizes}."
            )
        self.split = split
        self.class_names = SHAPES_CLASSES
        self.names = tuple(f"shapes_{split}_{i:04d}" for i in range(num_samples))
        self._seed = (seed, ("train", "val").index(split))
        self._sizes = sizes
        self._draw = lru_cache(maxsize=num_samples)(self._draw_sample)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not 0 <= index < len(self):
            raise IndexError(f"There are {len(self)} samples. Received: {index}.")
        return self._draw(index)

    def _draw_sample(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng([*self._seed, index])
        smallest, largest = self._sizes
        height, width = (int(n) for n in rng.integers(smallest, largest + 1, 2))
        image = _texture(rng, height, width, saturation=(0.0, 0.2))
        label = np.zeros((height, width), "uint8")
        void = np.zeros((height, width), bool)
        for _ in range(rng.integers(1, 3)):
            shape = int(rng.integers(1, len(SHAPES_CLASSES)))
            coverage = _coverage(rng, shape, height, width)[..., None]
            paint = _texture(rng, height, width, saturation=(0.6, 1.0))
            image = (1 - coverage) * image + coverage * paint
            inside, touched = coverage[..., 0] > 0.5, coverage[..., 0] > 0
            label[inside] = shape
            void = (void & ~inside) | (touched & _outline(inside))
        image += rng.normal(0, 4, image.shape)
        label[void] = self.ignore_class
        image = np.clip(np.rint(image), 0, 255).astype("uint8")
        image.flags.writeable = label.flags.writeable = False  # they are shared
        return image, label


def _texture(
    rng, height: int, width: int, saturation: tuple[float, float]
) -> np.ndarray:
    """Return two shades of one colour mixed in stripes, checks, blots or a slope."""
    y, x = np.mgrid[:height, :width]
    angle = rng.uniform(0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    frequency = 2 * np.pi / rng.uniform(6, 24)
    kind = rng.integers(4)
    if kind == 0:
        mix = np.sin(frequency * along)
    elif kind == 1:
        mix = np.sin(frequency * along) * np.sin(frequency * across)
    elif kind == 2:
        blots = Image.fromarray(rng.integers(0, 256, (9, 9), "uint8"))
        blots = blots.resize((width, height), Image.Resampling.BICUBIC)
        mix = np.asarray(blots) / 127.5 - 1
    else:
        mix = 2 * along / (height + width)
    mix = (0.5 + 0.5 * mix)[..., None]
    hue, saturated = rng.uniform(0, 1), rng.uniform(*saturation)
    light, dark = rng.uniform(0.7, 1.0), rng.uniform(0.3, 0.6)
    one, other = (
        np.array(colorsys.hsv_to_rgb(hue, saturated, v)) for v in (light, dark)
    )
    return 255 * (mix * one + (1 - mix) * other)


def _coverage(rng, shape: int, height: int, width: int) -> np.ndarray:
    """Return how much of each pixel a random shape covers, 0..1."""
    radius = rng.uniform(0.26, 0.46) * min(height, width)
    centre = rng.uniform(0.15, 0.85, 2) * (width, height)
    turn = rng.uniform(0, 2 * np.pi)
    s = SUPERSAMPLING
    canvas = Image.new("L", (s * width, s * height))
    draw = ImageDraw.Draw(canvas)
    name = SHAPES_CLASSES[shape]
    if name == "circle":
        draw.circle(s * centre, s * radius, fill=255)
    else:
        corners = {"square": 4, "triangle": 3, "star": 10}[name]
        angles = turn + 2 * np.pi * np.arange(corners) / corners
        radii = np.full(corners, radius)
        if name == "star":
            radii[1::2] *= 0.45
        points = centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        draw.polygon([tuple(s * point) for point in points], fill=255)
    small = canvas.resize((width, height), Image.Resampling.BOX)
    return np.asarray(small) / 255


def _outline(inside: np.ndarray) -> np.ndarray:
    """Return the pixels within one pixel of the boundary of a region."""
    region = Image.fromarray(inside.astype("uint8"))
    grown = np.asarray(region.filter(ImageFilter.MaxFilter(3)))
    shrunk = np.asarray(region.filter(ImageFilter.MinFilter(3)))
    return grown != shrunk
