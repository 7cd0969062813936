"""Labels of photos, at their own sizes."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from PIL import Image

from ..hardware import resolve_jit
from ..images import SUFFIXES, open_photo, read_image
from ..layers import LabelMap
from ..pictures import overlay, palette_image
from ..pictures.labels import comparison, write_png
from .mosaic import label_by_tiles, size_of
from .tiles import check_tile

# docs/huge_images.md has the measurements that these are chosen by.
WHOLE = 1_500_000  # pixels of a photo up to which "auto" takes it whole
TILE = 1024  # pixels of a tile's side above
DRAWN = 4_000_000  # pixels of a photo up to which pictures of it have its own size


def predict(
    model: keras.Model,
    images: Any,
    *,
    tile: int | str | None = "auto",
    overlap: int | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Any:
    """Label every pixel of a photo, or of each of a list of photos.

    A network needs several hundred bytes for each pixel that it sees at once. So a huge
    photo goes through it in overlapping tiles, whose scores are blended. A network also
    sees several hundred pixels around each one, so near the seams a label may differ
    from that of the whole photo; docs/huge_images.md has how many do.

    Args:
        model: A network of `build_fcn8s` and the like.
        images: A path, a Pillow image, or an RGB array `(height, width, 3)` of
            0..255; or a list of these, of any sizes.
        tile: Pixels of a tile's side, at least 128, for photos that are larger; `None`
            takes every photo whole. Defaults to `"auto"`: tiles of 1024 pixels for
            photos of more than 1.5 megapixels.
        overlap: Pixels that neighbouring tiles share at least, up to half of a tile.
            Defaults to `None`: a quarter of a tile.
        progress: Wraps the loop over the tiles of a photo that needs several, to draw
            a bar. Defaults to nothing.

    Returns:
        A label map `(height, width)`, uint8, of the photo's own upright size; a list
        of them for a list.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is not an image that can be read, or an array is not an
            image; the message names the file. If tiles cannot be of that size, or
            overlap by so much.

    Example:
        >>> import keras_fcn, numpy as np
        >>> model = keras_fcn.build_fcn8s(num_classes=2, weights=None, width=0.02)
        >>> photo = np.zeros((37, 50, 3), "uint8")
        >>> keras_fcn.predict(model, photo).shape
        (37, 50)
        >>> keras_fcn.predict(model, np.zeros((90, 150, 3), "uint8"), tile=128).shape
        (90, 150)
    """
    tiles = choose_tiles(tile, overlap)
    if isinstance(images, (list, tuple)):
        return [_label(model, _opened(image), tiles, progress) for image in images]
    return _label(model, _opened(images), tiles, progress)


class Tiles(NamedTuple):
    """Which photos are cut into tiles, and into which."""

    above: float  # pixels of a photo; one that fits into a tile is never cut
    side: int
    overlap: int


def choose_tiles(tile: int | str | None = "auto", overlap: int | None = None) -> Tiles:
    """Return the tiles that the arguments of `predict` mean.

    Raises:
        ValueError: If tiles cannot be of that size, or overlap by so much.
    """
    side: Any = TILE if tile in ("auto", None) else tile
    check_tile(side, 0)
    chosen = side // 4 if overlap is None else overlap
    check_tile(side, chosen)
    above = {"auto": WHOLE, None: float("inf")}.get(tile, 0)
    return Tiles(above, side, chosen)


def _opened(image: Any) -> np.ndarray | Image.Image:
    """Return a photo as Pillow has it if it is a file: no second copy as an array."""
    return (
        open_photo(image)
        if isinstance(image, (str, os.PathLike))
        else read_image(image)
    )


def _label(
    model: keras.Model,
    photo: np.ndarray | Image.Image,
    tiles: Tiles,
    progress: Callable[[Iterable], Iterable] = iter,
) -> np.ndarray:
    height, width = size_of(photo)
    fits = max(height, width) <= tiles.side
    if fits or height * width <= tiles.above:
        network = _compiled(_LABELLING, model, LabelMap(name="labels"))
        return network.predict_on_batch(np.asarray(photo)[None])[0]
    network = _compiled(_SCORING, model)
    return label_by_tiles(
        lambda cut: network.predict_on_batch(cut[None])[0],
        photo,
        model.output_shape[-1],
        tiles.side,
        tiles.overlap,
        progress,
    )


_Networks = weakref.WeakKeyDictionary[keras.Model, keras.Model]
_LABELLING: _Networks = weakref.WeakKeyDictionary()
_SCORING: _Networks = weakref.WeakKeyDictionary()


def _compiled(
    made: _Networks, model: keras.Model, *endings: keras.layers.Layer
) -> keras.Model:
    """Return the network with what it ends in, made once for each model."""
    if model not in made:
        outputs = model.output
        for layer in endings:
            outputs = layer(outputs)
        network = keras.Model(model.input, outputs)
        network.jit_compile = resolve_jit("auto")
        made[model] = network
    return made[model]


def find_images(path: str | os.PathLike[str]) -> list[Path]:
    """Return a file as it is, or the images of a folder in order of their names.

    Raises:
        FileNotFoundError: If there is no such file or folder, or no image in it.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {str(path)!r}.")
    if path.is_file():
        return [path]
    found = sorted(f for f in path.iterdir() if f.suffix.lower() in SUFFIXES)
    if not found:
        raise FileNotFoundError(
            f"A folder must hold an image ({' '.join(SUFFIXES)}). "
            f"Received: {str(path)!r}, without one."
        )
    return found


def write_prediction(
    model: keras.Model,
    path: Path,
    output_dir: Path,
    class_names: tuple[str, ...],
    stem: str | None = None,
    *,
    tile: int | str | None = "auto",
    overlap: int | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> list[Path]:
    """Predict one photo and write its three pictures.

    Args:
        model: The network.
        path: The photo.
        output_dir: Folder for the pictures; made if missing.
        class_names: Names for the legend.
        stem: First part of the files' names. Defaults to the photo's own.
        tile: As of `predict`.
        overlap: As of `predict`.
        progress: As of `predict`.

    Returns:
        The files: `STEM.png` re-reads as labels, `STEM_overlay.png` has a legend,
        `STEM_sheet.png` shows photo, labels and overlay side by side. These two are
        drawn of a photo of more than 4 megapixels made smaller to 4; the labels always
        have the photo's own size.
    """
    stem = stem or path.stem
    photo = open_photo(path)
    label = _label(model, photo, choose_tiles(tile, overlap), progress)
    files = [output_dir / f"{stem}{kind}.png" for kind in ("", "_overlay", "_sheet")]
    image, drawn = _drawn(photo, label)
    del photo  # of a huge one only the small copy is needed
    write_png(palette_image(label), files[0])
    write_png(overlay(image, drawn, class_names), files[1])
    write_png(comparison(image, drawn, class_names), files[2])
    return files


def _drawn(photo: Image.Image, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return photo and labels as they are drawn: of `DRAWN` pixels at most, about."""
    times = max(1.0, (label.size / DRAWN) ** 0.5)
    if times == 1:
        return np.asarray(photo), label
    size = round(photo.width / times), round(photo.height / times)
    small = photo.resize(size, Image.Resampling.BOX)
    labels = Image.fromarray(label).resize(size, Image.Resampling.NEAREST)
    return np.asarray(small), np.asarray(labels)
