"""Labels of photos, at their own sizes."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import Any

import keras

from ..hardware import resolve_jit
from ..images import SUFFIXES, read_image
from ..layers import LabelMap
from ..pictures import overlay, palette_image
from ..pictures.labels import comparison, write_png


def predict(model: keras.Model, images: Any) -> Any:
    """Label every pixel of a photo, or of each of a list of photos.

    Args:
        model: A network of `build_fcn8s` and the like.
        images: A path, a Pillow image, or an RGB array `(height, width, 3)` of
            0..255; or a list of these, of any sizes.

    Returns:
        A label map `(height, width)`, uint8, of the photo's own upright size; a list
        of them for a list.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file is not an image that can be read, or an array is not an
            image; the message names the file.

    Example:
        >>> import keras_fcn, numpy as np
        >>> model = keras_fcn.build_fcn8s(num_classes=2, weights=None, width=0.02)
        >>> photo = np.zeros((37, 50, 3), "uint8")
        >>> keras_fcn.predict(model, photo).shape
        (37, 50)
    """
    if isinstance(images, (list, tuple)):
        return [predict(model, image) for image in images]
    image = read_image(images)
    return _labelling(model).predict_on_batch(image[None])[0]


def _labelling(model: keras.Model) -> keras.Model:
    """Return the network that ends in labels, made once for each model."""
    if model not in _LABELLING:
        network = keras.Model(model.input, LabelMap(name="labels")(model.output))
        network.jit_compile = resolve_jit("auto")
        _LABELLING[model] = network
    return _LABELLING[model]


_LABELLING: weakref.WeakKeyDictionary[keras.Model, keras.Model]
_LABELLING = weakref.WeakKeyDictionary()


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
) -> list[Path]:
    """Predict one photo and write its three pictures.

    Args:
        model: The network.
        path: The photo.
        output_dir: Folder for the pictures; made if missing.
        class_names: Names for the legend.
        stem: First part of the files' names. Defaults to the photo's own.

    Returns:
        The files: `STEM.png` re-reads as labels, `STEM_overlay.png` has a legend,
        `STEM_sheet.png` shows photo, labels and overlay side by side.
    """
    stem = stem or path.stem
    image = read_image(path)
    label = predict(model, image)
    pictures = {
        f"{stem}.png": palette_image(label),
        f"{stem}_overlay.png": overlay(image, label, class_names),
        f"{stem}_sheet.png": comparison(image, label, class_names),
    }
    for name, picture in pictures.items():
        write_png(picture, output_dir / name)
    return [output_dir / name for name in pictures]
