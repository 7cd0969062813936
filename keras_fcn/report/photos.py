"""One photo of a report: its pictures as `data:` addresses, its classes as words."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..datasets import VOID, SampleSource, palette_image
from ..pictures import difference

LONGEST = 400  # pixels of a picture's longer side
SMALL = 200  # a photo of fewer pixels a side is kept without loss, and enlarged


@dataclass(frozen=True)
class Photo:
    """A photo with its truth and what was predicted, ready for a page.

    Attributes:
        index: Its place in the data set.
        name: Its name there.
        mean_iou: Of this photo alone.
        size: Its own width and height.
        shown: Those of its pictures.
        small: Whether it is shown enlarged, pixel by pixel.
        photo: Address of the photo.
        truth: Address of the true labels.
        prediction: Address of the predicted ones.
        wrong: Address of the photo with what differs marked.
        true_classes: Labels that are in the truth; 255 is void.
        predicted_classes: Labels that are predicted.
        wrong_share: Share of the valid pixels that differ.
    """

    index: int
    name: str
    mean_iou: float
    size: tuple[int, int]
    shown: tuple[int, int]
    small: bool
    photo: str
    truth: str
    prediction: str
    wrong: str
    true_classes: tuple[int, ...]
    predicted_classes: tuple[int, ...]
    wrong_share: float


def draw(
    source: SampleSource,
    index: int,
    image: np.ndarray,
    label: np.ndarray,
    prediction: np.ndarray,
    mean_iou: float,
) -> Photo:
    """Draw one photo of a data set, at a size for the page.

    Args:
        source: The data set.
        index: The photo's place in it.
        image: `(height, width, 3)`, uint8 RGB.
        label: `(height, width)`, integers, as the data set has them.
        prediction: `(height, width)`, integers.
        mean_iou: Of this photo alone.
    """
    truth = np.where(label == source.ignore_class, VOID, label).astype("uint8")
    valid = truth != VOID
    height, width = truth.shape
    scale = min(1.0, LONGEST / max(height, width))
    size = max(1, round(scale * width)), max(1, round(scale * height))
    small = max(size) < SMALL
    photo = Image.fromarray(image).resize(size, Image.Resampling.BOX)
    labels, predicted = (
        np.asarray(Image.fromarray(array.astype("uint8")).resize(size, 0))
        for array in (truth, prediction)
    )
    format = "PNG" if small else "JPEG"
    return Photo(
        index=index,
        name=source.names[index],
        mean_iou=mean_iou,
        size=(width, height),
        shown=size,
        small=small,
        photo=_address(photo, format),
        truth=_address(palette_image(labels), "PNG"),
        prediction=_address(palette_image(predicted), "PNG"),
        wrong=_address(difference(np.asarray(photo), predicted, labels), format),
        true_classes=tuple(np.unique(truth).tolist()),
        predicted_classes=tuple(np.unique(prediction[valid]).tolist()),
        wrong_share=float((truth != prediction)[valid].mean()),
    )


def _address(picture: Image.Image, format: str) -> str:
    file = io.BytesIO()
    options = {"quality": 82} if format == "JPEG" else {"optimize": True}
    picture.save(file, format, **options)
    content = base64.b64encode(file.getvalue()).decode()
    return f"data:image/{format.lower()};base64,{content}"
