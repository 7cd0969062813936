"""A look at one photo and its mask."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from ..images import exif_orientation
from .data_report import Problem
from .sample_source import VOID, SampleSource


@dataclass
class SampleReport:
    """What was read of one sample."""

    name: str
    histogram: np.ndarray
    size: tuple[int, int] = (0, 0)
    fingerprint: str = ""
    content: str = ""
    problems: tuple[Problem, ...] = ()


def examine_sample(source: SampleSource, index: int) -> SampleReport:
    """Read one photo and its mask; what is wrong is told, not raised."""
    name = source.names[index]
    sample = SampleReport(name, np.zeros(256, "int64"))
    image = label = None
    try:
        image = source.image(index)
        sample.size = image.shape[:2]
        sample.fingerprint = _digest(image)
    except (ValueError, OSError) as error:
        sample.problems += (Problem("photo", name, str(error)),)
    try:
        label = source.label(index)
        sample.histogram = np.bincount(label.ravel(), minlength=256)
        sample.problems += _problems_of_labels(source, name, sample.histogram)
    except (ValueError, OSError) as error:
        sample.problems += (Problem("mask", name, str(error)),)
    if image is not None and label is not None:
        sample.content = _digest(label, sample.fingerprint)[:16]
        sample.problems += _problems_of_size(source, index, image, label)
    return sample


def _digest(pixels: np.ndarray, before: str = "") -> str:
    digest = hashlib.blake2b(f"{before} {pixels.shape}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def _problems_of_labels(
    source: SampleSource, name: str, histogram: np.ndarray
) -> tuple[Problem, ...]:
    n, void = source.num_classes, source.ignore_class
    wrong = histogram.copy()
    wrong[:n] = 0
    wrong[void] = 0
    if not wrong.any():
        if histogram.sum() == histogram[void]:
            return (Problem("void", name, "every pixel is void"),)
        return ()
    values = np.flatnonzero(wrong).tolist()
    shown = f"[{', '.join(map(str, values[:8]))}{', ...' if len(values) > 8 else ''}]"
    cause = ""
    if len(values) > 40:
        cause = (
            " So many values: a photo, or a mask that was smoothed or saved as JPEG?"
        )
    elif VOID in values and len(values) == 1:
        cause = " 255 is the usual void label: --ignore-class 255?"
        if histogram[1:VOID].sum() == 0:
            cause = " Values {0, 255}: a binary mask? Use --binary."
    elif values == [n]:
        cause = f" Labels 1..{n} and a background 0 are {n + 1} classes."
    return (
        Problem(
            "values",
            name,
            f"values {shown} in {wrong.sum()} pixels; labels must be in 0..{n - 1} or "
            f"{void} (void).{cause}",
        ),
    )


def _problems_of_size(
    source: SampleSource, index: int, image: np.ndarray, label: np.ndarray
) -> tuple[Problem, ...]:
    file, name = source.image_file(index), source.names[index]
    turned = exif_orientation(file) if file else 1
    size = image.shape[:2]
    if label.shape == size:
        if turned == 1:
            return ()
        message = f"EXIF orientation {turned}: was the mask drawn on the upright photo?"
        return (Problem("orientation", name, message),)
    cause = ""
    if turned > 4 and label.shape == size[::-1]:
        cause = (
            f". EXIF orientation {turned}: the mask was drawn on the photo as it is "
            "stored, lying on a side; turn the mask, or save the photo without EXIF"
        )
    return (
        Problem("size", name, f"label map {label.shape}, image {tuple(size)}{cause}"),
    )
