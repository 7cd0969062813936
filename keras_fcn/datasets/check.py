"""A look at every photo and every mask before anything trains.

Reads and counts; never changes a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .data_report import ERRORS, DataReport, Problem, find_binary, raise_errors
from .sample_check import examine_sample
from .sample_source import SampleSource


def examine(
    source: SampleSource, progress: Callable[[Iterable], Iterable] = iter
) -> DataReport:
    """Read every photo and every mask and say what they hold.

    Args:
        source: The data set; opened with `missing_ok=True`, what is missing is
            reported too.
        progress: Wraps the loop over the samples, to draw a bar. Defaults to
            nothing.

    Returns:
        A `DataReport`; its `errors` and `warnings` say what is wrong.

    Example:
        >>> from keras_fcn.datasets import load
        >>> report = examine(load("shapes", "val"))
        >>> report.images, report.errors, report.warnings
        (100, (), ())
    """
    counts = np.zeros(256, "int64")
    images_with = np.zeros(256, "int64")
    background_only = 0
    problems = [Problem("missing", "", message) for message in source.missing]
    fingerprints: dict[str, list[str]] = {}
    contents: dict[str, str] = {}
    sizes = []
    pool = ThreadPoolExecutor()
    try:
        read = pool.map(lambda index: examine_sample(source, index), range(len(source)))
        for sample in progress(read):
            counts += sample.histogram
            labelled = sample.histogram.copy()
            labelled[source.ignore_class] = 0
            images_with += labelled > 0
            background_only += labelled[0] > 0 and not labelled[1:].any()
            problems += sample.problems
            if sample.content:
                contents[sample.name] = sample.content
            if sample.fingerprint:
                fingerprints.setdefault(sample.fingerprint, []).append(sample.name)
                sizes.append(sample.size)
    finally:  # an interrupt does not wait for the samples that are left
        pool.shutdown(cancel_futures=True)
    for same in fingerprints.values():
        if len(same) > 1:
            others = ", ".join(same[1:])
            problems.append(
                Problem("duplicate", same[0], f"the same photo as {others}")
            )
    n, voids = source.num_classes, int(counts[source.ignore_class])
    counts[source.ignore_class] = 0
    if not any(problem.kind in ERRORS for problem in problems) and not counts[:n].any():
        problems.append(Problem("values", "", "there is no pixel that is not void"))
    return DataReport(
        class_names=source.class_names,
        images=len(source),
        pixels=counts[:n],
        images_with=images_with[:n],
        ignore_class=source.ignore_class,
        void_pixels=voids,
        background_only=int(background_only),
        smallest=tuple(np.min(sizes, axis=0).tolist()) if sizes else (0, 0),
        largest=tuple(np.max(sizes, axis=0).tolist()) if sizes else (0, 0),
        problems=tuple(problems),
        fingerprints={key: tuple(names) for key, names in fingerprints.items()},
        contents=contents,
    )


def check(
    source: SampleSource, progress: Callable[[Iterable], Iterable] = iter
) -> DataReport:
    """Read every photo and every mask, and refuse a data set with errors.

    Args:
        source: The data set.
        progress: Wraps the loop over the samples, to draw a bar. Defaults to
            nothing.

    Returns:
        A `DataReport`.

    Raises:
        ValueError: If a photo or a mask cannot be read, they differ in size, a label
            is neither a class nor void, or there is nothing but void, or but 0 and 255.
            All samples are read first; the message names the first few and says how
            many there are.

    Example:
        >>> from keras_fcn.datasets import load
        >>> check(load("shapes", "val")).classes_seen
        ('background', 'circle', 'square', 'triangle', 'star')
    """
    report = examine(source, progress)
    raise_errors([*report.problems, *find_binary(report)])
    return report
