"""What a data set holds and what is wrong with it, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .sample_source import VOID

# What may be wrong. Each is an error, except those that only the owner of the data can
# judge.
ERRORS = ("missing", "photo", "mask", "size", "values", "leak", "changed")
WARNINGS = ("orientation", "duplicate", "void")


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with a sample, or may be.

    Attributes:
        kind: One of `ERRORS` or `WARNINGS`.
        sample: Name of the sample.
        message: What was found.
    """

    kind: str
    sample: str
    message: str

    def __str__(self) -> str:
        return f"{self.sample}: {self.message}" if self.sample else self.message


@dataclass(frozen=True)
class DataReport:
    """What a data set holds, and what is wrong with it.

    Attributes:
        class_names: Names of the classes.
        images: Number of samples.
        pixels: Pixels of each class, `(num_classes,)`.
        images_with: Samples in which each class is seen, `(num_classes,)`.
        ignore_class: The void label.
        void_pixels: Pixels without a class.
        background_only: Samples with nothing but background and void.
        smallest: Height and width that no photo falls below.
        largest: Height and width that no photo exceeds.
        problems: What is wrong, or may be.
        fingerprints: Names of the samples by the content of their photo.
        contents: Digest of photo and mask together by the name of the sample.
    """

    class_names: tuple[str, ...]
    images: int
    pixels: np.ndarray
    images_with: np.ndarray
    ignore_class: int
    void_pixels: int
    background_only: int
    smallest: tuple[int, int]
    largest: tuple[int, int]
    problems: tuple[Problem, ...]
    fingerprints: Mapping[str, tuple[str, ...]]
    contents: Mapping[str, str]

    @property
    def classes_seen(self) -> tuple[str, ...]:
        """Names of the classes that have a pixel."""
        return tuple(n for n, p in zip(self.class_names, self.pixels, strict=True) if p)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What must be mended before training."""
        return tuple(p for p in self.problems if p.kind in ERRORS)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What should be looked at."""
        return tuple(p for p in self.problems if p.kind in WARNINGS)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON knows it."""
        classes = zip(self.class_names, self.images_with, self.pixels, strict=True)
        return {
            "images": self.images,
            "background_only": self.background_only,
            "smallest": self.smallest,
            "largest": self.largest,
            "classes": [
                {"name": name, "images": int(images), "pixels": int(pixels)}
                for name, images, pixels in classes
            ],
            "void_pixels": self.void_pixels,
            "errors": [vars(problem) for problem in self.errors],
            "warnings": [vars(problem) for problem in self.warnings],
        }


def find_leaks(training: DataReport, validation: DataReport) -> tuple[Problem, ...]:
    """Return the photos that are both trained and validated on, by their content."""
    both = training.fingerprints.keys() & validation.fingerprints.keys()
    leaks = [
        Problem(
            "leak",
            validation.fingerprints[key][0],
            "a validation photo that is trained on too, as "
            + ", ".join(training.fingerprints[key]),
        )
        for key in both
    ]
    return tuple(sorted(leaks, key=lambda leak: leak.sample))


def find_binary(*reports: DataReport) -> tuple[Problem, ...]:
    """Return a problem if all there is is 0 and 255: black and white read as void.

    Args:
        reports: Of all splits: a few photos may well hold nothing but background.
    """
    problem = Problem(
        "values",
        "",
        "no mask has a class besides 0. Values {0, 255}: a binary mask? Use --binary.",
    )
    for report in reports:
        seen = report.pixels[1:].any() or len(report.class_names) == 1
        if seen or report.ignore_class != VOID:
            return ()
    return (problem,) if any(report.void_pixels for report in reports) else ()


def raise_errors(problems: Sequence[Problem], most: int = 5) -> None:
    """Raise a `ValueError` that lists the errors among these problems, if any."""
    errors = [problem for problem in problems if problem.kind in ERRORS]
    if errors:
        listed = "\n".join(f"  - {error}" for error in errors[:most])
        more = f"\n  and {len(errors) - most} more" if len(errors) > most else ""
        raise ValueError(
            "Photos and masks must be readable, of one size, and hold labels of the "
            f"classes or void. Received: {len(errors)} that do not:\n{listed}{more}\n"
            "`keras-fcn data check` lists all of them."
        )
