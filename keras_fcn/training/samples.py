"""The samples of a training, read once before its first step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..datasets import (
    DataReport,
    SampleSource,
    examine,
    find_binary,
    find_leaks,
    raise_errors,
)
from ..runs import RunConfig


def check_samples(
    config: RunConfig,
    training: SampleSource,
    validation: SampleSource,
    on_checked: Callable[[str, DataReport], None],
    progress: Callable[[Iterable], Iterable],
) -> dict[str, Mapping[str, str]]:
    """Read everything once; hours later is too late for a wrong label.

    Returns:
        Digests of the samples by their names, of training and of validation.
    """
    report = examine(training, progress)
    raise_errors(report.problems)
    on_checked(config.describe_training(), report)
    if (validation.names, config.describe_validation()) == (
        training.names,
        config.describe_training(),
    ):
        raise_errors(find_binary(report))
        # Validated on what is trained on, by the user's own wish.
        return {"training": report.contents}
    other = examine(validation, progress)
    raise_errors(other.problems)
    on_checked(config.describe_validation(), other)
    raise_errors([*find_binary(report, other), *find_leaks(report, other)])
    return {"training": report.contents, "validation": other.contents}
