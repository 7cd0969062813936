"""Published tensors put into the variables of our models, all or none."""

from __future__ import annotations

import os
from collections.abc import Sequence

import keras
import numpy as np

from ..files import WeightsFormatError
from .account import Account, SourceTensor
from .report import LoadReport

__all__ = ["SourceTensor", "place"]


def place(
    model: keras.Model,
    path: str | os.PathLike[str],
    tensors: Sequence[SourceTensor],
    *,
    preprocessing: str | None,
    optional_missing: Sequence[str] = (),
    allowed_left_over: Sequence[str] = (),
) -> LoadReport:
    """Fill a model with the tensors of a published file, and account for each.

    The file may be that of an ImageNet classifier, which has no scores, or of a
    coarser network of the same family, which lacks the finer ones: those score and
    upsampling layers then stay as they are. Nothing else may be missing, and the
    model is changed only if all is well.

    Args:
        model: A built Keras model of `Conv2D` and `Conv2DTranspose` layers.
        path: The file, for the report and the errors.
        tensors: All tensors of the file.
        preprocessing: What they expect of an image, `"caffe"` or `"torch"`; `None`
            where it is not known.
        optional_missing: Patterns of our layers that the file may be without, all of
            them or none. Defaults to `()`.
        allowed_left_over: Patterns of tensors of the file that need no place,
            `"fc8*"`. Defaults to `()`.

    Returns:
        The report.

    Raises:
        WeightsFormatError: If the file and the model differ; the message names every
            tensor that does. It is a `ValueError`.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="conv1")])
        >>> kernel = np.zeros((2, 3, 3, 3))  # output, input, height, width
        >>> report = place(model, "net.caffemodel", [
        ...     SourceTensor("conv1[0]", kernel, "conv1/kernel"),
        ...     SourceTensor("conv1[1]", np.zeros(2), "conv1/bias")],
        ...     preprocessing="caffe")
        >>> report.matched["conv1/kernel"].shape
        (3, 3, 3, 2)
    """
    path = os.fspath(path)
    _require_preprocessing(model, path, preprocessing)
    account = Account({layer.name: layer for layer in model.layers})
    for tensor in tensors:
        account.take(tensor)
    account.close(optional_missing, allowed_left_over)
    if not account.matched:
        names = ", ".join(tensor.name for tensor in tensors[:5])
        account.problems = [
            f"  none of its {len(tensors)} tensors has a place there: {names}, ..."
        ]
    if account.problems:
        raise WeightsFormatError(
            f"The published weights must fit `{model.name}`. Received: {path!r}, "
            f"which does not, and nothing was loaded:\n"
            + "\n".join(account.problems)
            + "\n"
            + account.advice
        )
    for target, value in account.values.items():
        # A copy: a backend may keep what it is given, and this is a view of the file.
        account.variables[target].assign(np.array(value, "float32", order="C"))
    return LoadReport(
        path=path,
        matched=account.matched,
        missing=tuple(account.missing),
        left_over=tuple(tensor.name for tensor in account.unplaced),
        bilinear=tuple(account.bilinear),
        preprocessing=preprocessing,
    )


def _require_preprocessing(
    model: keras.Model, path: str, preprocessing: str | None
) -> None:
    layer = next((x for x in model.layers if x.name == "preprocessing"), None)
    mode = getattr(layer, "mode", None)
    if preprocessing is not None and mode not in (None, preprocessing):
        raise WeightsFormatError(
            f"The preprocessing of `{model.name}` must be {preprocessing!r}, as "
            f"{path!r} expects. Received: {mode!r}. Build the model with "
            f'include_preprocessing="{preprocessing}".'
        )
