"""Berkeley's `.caffemodel` files put into our networks, layer by layer."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace

import keras
import numpy as np

from ..files import WeightsFormatError
from ..placement import LoadReport, SourceTensor, place
from .format import CaffeLayer, read_caffemodel

# What the authors called a layer in their first release, of 2014 and 2015, when the
# scores had no `_fr` and the names had hyphens.
FORMER_NAMES = {
    "score-fr": "score_fr",
    "score59": "score_fr",
    "score_59": "score_fr",
    "score-pool4": "score_pool4",
    "score-pool3": "score_pool3",
    "score2": "upscore2",
    "score4": "upscore_pool4",
}
# The last upsampling of every network; its kernel says by how much.
LAST_UPSAMPLINGS = ("upscore", "upsample", "bigscore")
# Of the at-once network: constants that a feature map is multiplied with.
SCALES = ("scale_pool4", "scale_pool3")
# Of ImageNet's nets, which end in a classifier; GoogLeNet has three.
CLASSIFIERS = ("fc8*", "loss[123]/*")


def load_caffemodel(model: keras.Model, path: str | os.PathLike[str]) -> LoadReport:
    """Load a published Caffe network into one of ours, without Caffe.

    Takes Berkeley's FCN-32s, 16s, 8s, at-once and AlexNet, of both releases, and the
    ImageNet networks that they start from: VGG16 and VGG19, CaffeNet, GoogLeNet,
    whose classifiers are left over. Kernels are for BGR images, as the preprocessing
    of our models makes them.

    Args:
        model: The network, built with the same backbone, topology and number of
            classes.
        path: A `.caffemodel` file.

    Returns:
        What became of every tensor.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If the file is broken or of another network; the message
            names every tensor that differs, and the model is as it was. It is a
            `ValueError`.

    Example:
        >>> import keras_fcn, tempfile, pathlib
        >>> model = keras_fcn.build_fcn8s(weights=None, width=0.02)
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "fcn8s.caffemodel"
        >>> _ = file.write_bytes(b"<html>Not found")
        >>> load_caffemodel(model, file)  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        keras_fcn.weights.files.WeightsFormatError: A Caffe weights file must be a ...

    Reference:
        https://github.com/shelhamer/fcn.berkeleyvision.org, commit 1305c73: layer
        names in each `net.py`, the use of the weights in `surgery.py`.
    """
    layers = read_caffemodel(path)
    scales = [layer for layer in layers if layer.name in SCALES]
    _require_same_scales(model, path, scales, layers)
    tensors = [
        tensor
        for layer in layers
        if layer.name not in SCALES
        for tensor in _tensors(layer)
    ]
    report = place(
        model,
        path,
        tensors,
        preprocessing="caffe",
        allowed_left_over=CLASSIFIERS,
    )
    return replace(report, constants=tuple(f"{layer.name}[0]" for layer in scales))


def caffe_target(name: str, kernel_size: int | None = None) -> str:
    """Return our name of a layer that Caffe's networks call `name`.

    Args:
        name: As in the file.
        kernel_size: Taps a side of its kernel, which tell the last upsampling's
            factor. Defaults to `None`.

    Returns:
        The name; whether a model has such a layer is another matter.

    Example:
        >>> caffe_target("conv1_2"), caffe_target("inception_3a/5x5_reduce")
        ('block1_conv2', 'inception_3a_5x5_reduce')
        >>> caffe_target("upscore", kernel_size=64)
        'upscore32'
    """
    if name in LAST_UPSAMPLINGS and kernel_size is not None:
        return f"upscore{(kernel_size + 1) // 2}"
    vgg = re.fullmatch(r"conv([1-5])_([1-4])", name)
    if vgg:
        return f"block{vgg[1]}_conv{vgg[2]}"
    return FORMER_NAMES.get(name, name.replace("/", "_"))


def _tensors(layer: CaffeLayer) -> list[SourceTensor]:
    kernel_size = layer.blobs[0].shape[-1] if layer.blobs and layer.blobs[0].ndim else 0
    name = caffe_target(layer.name, kernel_size)
    kinds = ["kernel", "bias"]
    return [
        SourceTensor(
            f"{layer.name}[{i}]", blob, f"{name}/{kinds[i]}" if i < 2 else None
        )
        for i, blob in enumerate(layer.blobs)
    ]


def _require_same_scales(
    model: keras.Model,
    path: str | os.PathLike[str],
    scales: Sequence[CaffeLayer],
    layers: Sequence[CaffeLayer],
) -> None:
    """Raise if a skip is scaled in the file or in the model only, or differently."""
    in_file = {scale.name: scale.blobs for scale in scales}
    in_model = {x.name: x for x in model.layers if x.name in SCALES}
    scored = {caffe_target(layer.name) for layer in layers}
    wrong = []
    for name in SCALES:
        wanted = float(getattr(in_model.get(name), "scale", 1.0))
        # A file without these scores says nothing of the scale before them.
        if name not in in_file and name.replace("scale", "score") not in scored:
            continue
        blobs = in_file.get(name, [np.ones(1)])
        # Caffe keeps one number a channel.
        if len(blobs) != 1 or not np.allclose(blobs[0], wanted):
            found = [np.unique(blob)[:3].tolist() for blob in blobs]
            wrong.append(f"  - {name}: {found} in the file, {wanted} in the model")
    if wrong:
        raise WeightsFormatError(
            f"The skips of `{model.name}` must be scaled as those of the published "
            f"weights. Received: {os.fspath(path)!r}, which differs:\n"
            + "\n".join(wrong)
            + "\nBuild the model with at_once=True for weights of the at-once network, "
            "and with at_once=False for all others."
        )
