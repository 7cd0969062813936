"""Networks that others have trained, as run folders of ours.

Finds out which network a published file belongs to, builds it, fills it, and writes
what `keras-fcn predict` and `evaluate` read.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from .backbones import find_backbone
from .datasets.voc_labels import VOC_CLASSES
from .runs import CONFIG, RunConfig, write_config
from .suggestions import require_choice
from .weights import LoadReport, WeightsFormatError, load_torch, save_weights
from .weights.published import (
    PUBLISHED,
    Recognized,
    find_published,
    obtain_weights,
    read_tensors,
    recognize,
)
from .weights.sources import LOADERS

BEST = "best.safetensors"
READERS = {**LOADERS, ".safetensors": load_torch}
EXPECTATIONS = ("caffe", "torch", "tf", "none")


def convert(
    source: str | os.PathLike[str],
    run_dir: str | os.PathLike[str],
    *,
    model: str | None = None,
    backbone: str | None = None,
    topology: str | None = None,
    upsampling: str | None = None,
    preprocessing: str | None = None,
    class_names: Sequence[str] | None = None,
    dataset: str = "shapes",
    data_dir: str | None = None,
    progress: Callable[[str, int, int | None], None] = lambda what, done, total: None,
) -> LoadReport:
    """Make a run folder of a network that others have trained.

    The tensors tell what the network is; the arguments are for what they do not tell.
    The folder receives `config.yaml` and `best.safetensors`, or nothing if anything
    is wrong.

    Args:
        source: A file of Caffe (`.caffemodel`) or PyTorch (`.pth`, `.pt`,
            `.safetensors`), or the name of published weights, downloaded once.
        run_dir: The run folder; made if missing, and not yet a run's.
        model: The network, as in `RunConfig`. Defaults to `None`: by the scores in
            the file; at once if it scales its skips or has the name of a published
            file that is.
        backbone: As in `build_fcn8s`, by name. Defaults to `None`: by the tensors.
        topology: As in `build_fcn8s`. Defaults to `None`: `"pointwise"` if fc6 is
            1x1, else the backbone's own.
        upsampling: As in `build_fcn8s`. Defaults to `None`: `"fixed"` if all kernels
            are bilinear, else `"learned"`.
        preprocessing: What the network expects of an image: `"caffe"`, `"torch"`,
            `"tf"` or `"none"`, as in `RunConfig`. Defaults to `None`: what is known
            of such files.
        class_names: Names of the classes, the background first. Defaults to `None`:
            VOC's if there are 21, else `class_0`, `class_1`, ...
        dataset: What the run will be scored on if nothing else is asked for, as in
            `RunConfig`. Defaults to `"shapes"`.
        data_dir: Its folder. Defaults to `None`.
        progress: Called with what is going on, and the bytes done and in all.

    Returns:
        What became of every tensor of the file.

    Raises:
        FileExistsError: If the folder holds a run already.
        FileNotFoundError: If `source` is neither a file nor a published name.
        WeightsFormatError: If the file is broken, is not a whole FCN, or is another
            one than the arguments say. It is a `ValueError`.
        ValueError: If an argument is impossible, or must be given.
        DownloadError: If published weights cannot be downloaded.

    Example:
        ```python
        report = convert("fcn8s-heavy-pascal", "runs/fcn8s")
        model, config = keras_fcn.load_run("runs/fcn8s")
        ```
    """
    folder = Path(run_dir)
    for name in (CONFIG, BEST):
        if (folder / name).exists():
            raise FileExistsError(
                f"A run folder must be new. Received: {str(folder)!r}, which holds "
                f"{name!r}. Name another folder, or remove this one."
            )
    if preprocessing is not None:
        require_choice("preprocessing", preprocessing, EXPECTATIONS)
    path = _find(source, progress)
    found = _recognize(path)
    known = find_published(path)
    config = RunConfig(
        model=model or (known and known.model) or found.model or "",
        backbone=backbone or found.backbone,
        topology=topology or found.topology,
        upsampling=upsampling or found.upsampling,
        width=found.width,
        class_names=_class_names(class_names, found.num_classes),
        weights=os.fspath(source),
        # Until the file has been read: no layer that could contradict it.
        preprocessing="none",
        dataset=dataset,
        data_dir=data_dir,
    )
    network = config.build()
    report = READERS[path.suffix](network, path)
    _require_whole(report)
    expected = _expected(report, preprocessing)
    if expected == find_backbone(config.backbone).preprocessing:
        expected = "backbone"  # with the mean that the topology's authors took
    save_weights(network, folder / BEST)
    try:
        write_config(folder, dataclasses.replace(config, preprocessing=expected))
    except BaseException:
        (folder / BEST).unlink()
        raise
    return report


def _find(
    source: str | os.PathLike[str], progress: Callable[[str, int, int | None], None]
) -> Path:
    """Return the file that is meant, a published one by its name."""
    if source in PUBLISHED:
        return obtain_weights(os.fspath(source), progress=progress)
    path = Path(source)
    if path.suffix not in READERS:
        raise ValueError(
            "`source` must be the name of published weights (`keras-fcn convert "
            "--list`), or a file that ends in "
            + ", ".join(f"`{suffix}`" for suffix in READERS)
            + f". Received: source={os.fspath(source)!r}."
        )
    if not path.is_file():
        raise FileNotFoundError(f"There is no weights file {str(path)!r}.")
    return path


def _recognize(path: Path) -> Recognized:
    """Return which network a file is of; it must be a whole one."""
    found = recognize(read_tensors(path))
    if found is None:
        raise WeightsFormatError(
            "The tensors must be those of an FCN on VGG16, VGG19, AlexNet or "
            f"GoogLeNet. Received: {str(path)!r}, without the first layer of any."
        )
    if found.model is None:
        raise WeightsFormatError(
            f"The file must be of a whole FCN. Received: {str(path)!r}, an ImageNet "
            f"classifier ({found.backbone}): it has no scores of pixels yet. Train "
            "from it: `keras-fcn train --backbone "
            f"{found.backbone} --weights {path} ...`."
        )
    return found


def _class_names(given: Sequence[str] | None, number: int) -> tuple[str, ...]:
    if given is None:
        if number == len(VOC_CLASSES):
            return VOC_CLASSES
        return tuple(f"class_{i}" for i in range(number))
    if len(given) != number or len(set(given)) != number:
        raise ValueError(
            f"`class_names` must be {number} different names, as many as the network "
            f"has classes. Received: {len(given)}, {list(given)}."
        )
    return tuple(given)


def _require_whole(report: LoadReport) -> None:
    """Raise if a part of the network has nothing in the file."""
    if report.missing:
        raise WeightsFormatError(
            f"The file must be of the whole network. Received: {report.path!r}, "
            f"without {', '.join(report.missing)}. Ask for the network that it is "
            "of, or train from it: `keras-fcn train --weights`."
        )


def _expected(report: LoadReport, given: str | None) -> str:
    """Return what the network expects of an image: what is known, or was given."""
    known = report.preprocessing
    if known is None and given is None:
        raise ValueError(
            "`preprocessing` must tell what the network expects of an image, since "
            f'{report.path!r} does not. Received: preprocessing=None. Pass "torch" '
            '(RGB, normalized as torchvision\'s networks expect it), "caffe" (BGR '
            'less the mean), "tf" (RGB from -1 to 1) or "none" (RGB from 0 to '
            "255), as in its training."
        )
    if given is not None and known not in (None, given):
        raise ValueError(
            f"`preprocessing` must be {known!r}, which such weights expect. Received: "
            f"preprocessing={given!r}. Leave it out."
        )
    return known or given or ""
