"""PyTorch's state dicts put into our networks, without PyTorch."""

from __future__ import annotations

import os
from collections.abc import Mapping

import keras
import numpy as np

from ..files import WeightsFormatError
from ..placement import LoadReport, SourceTensor, place
from .format import read_state_dict
from .names import Family, recognize_family

_NORMALIZATION = ("weight", "bias", "running_mean", "running_var")


def load_torch(model: keras.Model, path: str | os.PathLike[str]) -> LoadReport:
    """Load a PyTorch state dict into one of our networks, without PyTorch.

    Known by their names are:

    - the FCN exercise (`conv1.0.weight`, ..., or `vgg.0.0.weight`, ...), whose
      counterpart is `topology="pointwise", upsampling="learned"`;
    - wkentaro/pytorch-fcn's FCN-32s, 16s, 8s and 8s at once (`conv1_1.weight`, ...),
      the paper's networks; the last two have the same names;
    - torchvision's VGG16, VGG19, AlexNet and GoogLeNet, whose classifiers are left
      over. Batch normalisation becomes part of the kernel and bias before it.

    Args:
        model: The network, built with the same backbone, topology and number of
            classes.
        path: A file of `torch.save(model.state_dict(), path)`, a checkpoint with
            such a dictionary in it, or a `.safetensors` file.

    Returns:
        What became of every tensor.

    Raises:
        FileNotFoundError: If there is no such file.
        WeightsFormatError: If the file is broken, of an unknown family, or of another
            network; the message names every tensor that differs, and the model is
            as it was. It is a `ValueError`.

    Example:
        >>> import pathlib, tempfile, safetensors.numpy
        >>> conv1 = keras.layers.Conv2D(2, 11, name="conv1")
        >>> model = keras.Sequential([keras.Input((32, 32, 3)), conv1])
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "net.safetensors"
        >>> safetensors.numpy.save_file(
        ...     {"features.0.weight": np.ones((2, 3, 11, 11), "float32"),
        ...      "features.0.bias": np.zeros(2, "float32")}, file)
        >>> load_torch(model, file).matched["conv1/kernel"].name
        'features.0.weight'

    Reference:
        https://github.com/wkentaro/pytorch-fcn, `torchfcn/models`;
        https://github.com/pytorch/vision, `torchvision/models`.
    """
    tensors = read_state_dict(path)
    try:
        family = recognize_family(tensors)
        sources = _sources(tensors, family)
    except ValueError as error:
        raise WeightsFormatError(
            "A PyTorch state dict must be of a network that is known here. "
            f"Received: {os.fspath(path)!r}; {error}"
        ) from error
    return place(
        model,
        path,
        sources,
        preprocessing=family.preprocessing,
        allowed_left_over=family.left_over,
    )


def _sources(tensors: Mapping[str, np.ndarray], family: Family) -> list[SourceTensor]:
    """Return the tensors with their places, batch normalisations folded."""
    rest = dict(tensors)
    sources = []
    for module, layer in family.layers.items():
        norm = _normalization_after(module, tensors)
        if norm is None:
            continue
        kernel, bias = f"{module}.weight", f"{module}.bias"
        names = [f"{norm}.{kind}" for kind in _NORMALIZATION]
        absent = [name for name in (kernel, *names) if name not in tensors]
        if absent:
            raise ValueError(f"{absent[0]!r} is missing: get the whole state dict.")
        folded = _fold(
            rest.pop(kernel),
            rest.pop(bias, None),
            *(rest.pop(name) for name in names),
            epsilon=family.epsilon,
        )
        used = ([bias] if bias in tensors else []) + names
        for name, array, kind in zip(
            (kernel, " + ".join(used)), folded, ("kernel", "bias"), strict=True
        ):
            sources.append(SourceTensor(name, array, f"{layer}/{kind}"))
    kinds = {"weight": "kernel", "bias": "bias"}
    for name, array in rest.items():
        module, _, kind = name.rpartition(".")
        layer = family.layers.get(module)
        known = layer is not None and kind in kinds
        target = f"{layer}/{kinds[kind]}" if known else None
        sources.append(SourceTensor(name, array, target))
    return sources


def _normalization_after(module: str, tensors: Mapping[str, np.ndarray]) -> str | None:
    """Return the batch normalisation of a convolution: its neighbour, or `bn`."""
    parent, _, last = module.rpartition(".")
    after = f"{parent}.{int(last) + 1}" if last.isdecimal() else f"{parent}.bn"
    return after if f"{after}.running_mean" in tensors else None


def _fold(
    kernel: np.ndarray,
    bias: np.ndarray | None,
    scale: np.ndarray,
    shift: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the convolution that does what it and its normalisation do.

    `scale * (conv(x) - mean) / sqrt(variance + epsilon) + shift`.
    """
    if kernel.ndim != 4 or any(
        vector.shape != kernel.shape[:1] for vector in (scale, shift, mean, variance)
    ):
        raise ValueError("a batch normalisation has other channels than its kernel.")
    with np.errstate(all="ignore"):
        deviation = np.sqrt(variance.astype("float64") + epsilon)
        factor = scale.astype("float64") / deviation
    if not np.isfinite(factor).all():
        raise ValueError("a batch normalisation has a negative variance.")
    center = mean if bias is None else mean - bias.astype("float64")
    return kernel * factor[:, None, None, None], shift - center * factor
