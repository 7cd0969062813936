"""The one door: a network becomes a file, and the file is compared with it."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from ..datasets import SampleSource, Shapes
from ..placing import placing, require_replaceable
from ..suggestions import require_choice
from . import litert_format, onnx_format, onnx_int8, saved_model_format
from .classes import Classes
from .comparison import Comparison, Labeller, compare
from .network import exportable
from .photos import Photos

# Least share of pixels with the network's own label: rounding only turns ties.
AGREEMENT = 0.999
INT8_AGREEMENT = 0.99


class Format(NamedTuple):
    """A kind of file: who writes it, who runs it."""

    title: str
    suffix: str | None  # None: a folder
    modules: tuple[str, ...]  # that it needs
    write: Callable[[keras.Model, Path, Classes, bool], None]
    run: Callable[[Path], Labeller]
    quantize: Callable[[Path, Sequence[np.ndarray], onnx_int8.Bars], None] | None = None
    # Of a format that is a folder: whether an old one may be replaced.
    is_ours: Callable[[Path], bool] | None = None


FORMATS = {
    "onnx": Format(
        "ONNX",
        ".onnx",
        onnx_format.MODULES,
        onnx_format.write_onnx,
        onnx_format.run_onnx,
        quantize=onnx_int8.quantize,
    ),
    "litert": Format(
        "LiteRT",
        ".tflite",
        litert_format.MODULES,
        litert_format.write_litert,
        litert_format.run_litert,
    ),
    "saved_model": Format(
        "SavedModel",
        None,
        saved_model_format.MODULES,
        saved_model_format.write_saved_model,
        saved_model_format.run_saved_model,
        is_ours=saved_model_format.is_export,
    ),
}


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how it compares with the network.

    Attributes:
        file: The file, or the folder.
        format: Its format, one of `FORMATS`.
        size: Its size in bytes.
        int8: Whether it computes in eight bits.
        comparison: Both on the same photos.
    """

    file: Path
    format: str
    size: int
    int8: bool
    comparison: Comparison

    @property
    def advice(self) -> str | None:
        """What to try if eight bits change too many labels; `None` if they do not."""
        if not self.int8 or self.comparison.agreement >= INT8_AGREEMENT:
            return None
        return (
            f"The file in int8 agrees with the network on "
            f"{self.comparison.agreement:.2%} of the pixels, less than "
            f"{INT8_AGREEMENT:.0%}. Calibrate with more photos, such as it will see "
            "(`calibration`; `--images` and `--samples`). Compare on a data set with "
            "masks: where a network is unsure its labels change without getting "
            "worse. Or export in float32."
        )


def export(
    model: keras.Model,
    file: str | os.PathLike[str],
    *,
    format: str | None = None,
    class_names: Sequence[str] | None = None,
    logits: bool = False,
    int8: bool = False,
    calibration: SampleSource | Sequence[Any] | None = None,
    photos: SampleSource | Sequence[Any] | None = None,
    progress: Callable[[str], Callable[[Iterable], Iterable]] = lambda what: iter,
) -> ExportReport:
    """Write a network as a file that other programs run, and compare the two.

    The file has one input, `image`, uint8 `(batch, height, width, 3)`, RGB, of any
    size, and an output, `labels`, `(batch, height, width)`, uint8 up to 256 classes.
    Preprocessing is inside. What is linear together is one layer. The names of the
    classes and their colours are inside, too: docs/export.md has how to read them.

    Before the file gets its name its own runtime labels photos with it. If it labels
    otherwise than the network nothing is written, and an older file of this name is
    left as it is.

    | format | is | runs in |
    | --- | --- | --- |
    | `"onnx"` | a file `.onnx` | ONNX Runtime, OpenVINO, TensorRT, browsers |
    | `"litert"` | a file `.tflite` | LiteRT: phones and small computers |
    | `"saved_model"` | a folder | TensorFlow and TensorFlow Serving |

    Args:
        model: A network of `build_fcn8s` and the like, in float32. Keras must run on
            TensorFlow; weights are the same on every backend.
        file: The file, ending in the format's suffix; for `"saved_model"` a folder,
            new or exported before. Folders above it are made if missing.
        format: As above. Defaults to `None`: what the suffix of `file` says.
        class_names: Names of the classes, as many as the network has. Defaults to
            `None`: `"class 0"` and so on.
        logits: Whether the file has the network's scores as another output, `logits`,
            float32 `(batch, height, width, num_classes)`. They are 4 bytes a class
            and pixel. Defaults to `False`.
        int8: Whether convolutions compute in eight bits: a quarter of the size, and on
            processors with instructions for it a fraction of the time. In `"onnx"`
            only. Defaults to `False`.
        calibration: Photos for `int8`, as the network will see them; from their values
            the eight bits get their scales. A data set, or a list of what `predict`
            takes. Some dozens are enough. Defaults to `None`.
        photos: Photos to compare on, better others than those. With a data set's masks
            mean IU is compared, too. Defaults to `None`: those of `calibration`, or,
            without, generated ones. Of photos that `predict` takes in tiles only the
            middle is seen, here and in calibration.
        progress: Returns for a description what wraps a loop, to draw a bar. Defaults
            to nothing.

    Returns:
        An `ExportReport`. If its `advice` is not `None` it is also a warning.

    Raises:
        RuntimeError: If Keras runs on another backend, or the file labels fewer than
            99.9 % of the pixels as the network does in float32.
        ImportError: If packages are missing that write or run the format.
        ValueError: If an argument is not as above.
        OSError: If the file cannot be written.

    Example:
        ```python
        model, config = keras_fcn.load_run("runs/voc", precision="float32")
        photos = [*Path("holiday").glob("*.jpg")]
        report = export(
            model, "voc.tflite", class_names=config.class_names, photos=photos
        )
        print(report.comparison.agreement)
        ```
    """
    file = Path(file)
    format = _format_of(file, format)
    kind = FORMATS[format]
    if int8 and kind.quantize is None:
        raise ValueError(
            "`int8` must be `False` for another format than 'onnx'. Received: "
            f"int8=True with format={format!r}. Export in float32, or to 'onnx'."
        )
    calibrated = Photos(() if calibration is None else calibration)
    if int8 and not len(calibrated):
        raise ValueError(
            "`calibration` must be photos, as the network will see them, with "
            f"`int8=True`. Received: calibration={calibration!r}. Pass some dozens."
        )
    if photos is not None:
        compared = Photos(photos)
    else:
        compared = calibrated if len(calibrated) else Photos(_generated())
    if not len(compared):
        raise ValueError("`photos` must hold one photo at least. Received: none.")
    _require_backend()
    _require_modules(format, kind.modules)

    network = exportable(model)
    classes = Classes.of(class_names, network.output_shape[-1])
    with placing(file, kind.is_ours) as new:
        kind.write(network, new, classes, logits)
        if int8 and kind.quantize is not None:
            kind.quantize(new, calibrated, progress)
        comparison = compare(model, kind.run(new), compared, progress("Comparing"))
        if not int8 and comparison.agreement < AGREEMENT:
            raise RuntimeError(
                f"The exported file must label {AGREEMENT:.1%} of the pixels as the "
                f"network does. Received: {comparison.agreement:.2%} on "
                f"{comparison.photos} photos. Nothing was written to {str(file)!r}. "
                "Please report this, with the versions of "
                f"{', '.join(('tensorflow', *kind.modules))}."
            )
    report = ExportReport(file, format, _size_of(file), int8, comparison)
    if report.advice:
        warnings.warn(report.advice, stacklevel=2)
    return report


def _format_of(file: Path, format: str | None) -> str:
    """Return the format that is meant, if the name of the file is fit for it."""
    by_suffix = {kind.suffix: name for name, kind in FORMATS.items() if kind.suffix}
    if format is None and file.suffix not in by_suffix:
        suffixes = " or ".join(map(repr, by_suffix))
        raise ValueError(
            f"`file` must end in {suffixes} if no format is named. Received: "
            f"file={str(file)!r}. For a folder that TensorFlow reads name the format "
            '"saved_model".'
        )
    format = by_suffix[file.suffix] if format is None else format
    require_choice("format", format, FORMATS)
    kind = FORMATS[format]
    if kind.suffix and (file.suffix != kind.suffix or file.is_dir()):
        raise ValueError(
            f"`file` must be the name of a file that ends in {kind.suffix!r}. "
            f"Received: file={str(file)!r}."
        )
    if kind.is_ours is not None:
        if file.suffix in by_suffix:
            raise ValueError(
                f"`file` must be the name of a folder for {format!r}. Received: "
                f"file={str(file)!r}, which ends as a file of "
                f"{by_suffix[file.suffix]!r} does."
            )
        require_replaceable(file, kind.is_ours)
    return format


def _size_of(file: Path) -> int:
    files = [file, *file.rglob("*")] if file.is_dir() else [file]
    return sum(f.stat().st_size for f in files if f.is_file())


def _generated() -> list[np.ndarray]:
    shapes = Shapes("val", num_samples=4)
    return [shapes.image(index) for index in range(len(shapes))]


def _require_backend() -> None:
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            "Export needs Keras on TensorFlow, whose graphs keep any size of image. "
            f"Received: the backend {backend!r}. Set the environment variable "
            "KERAS_BACKEND=tensorflow and load the same weights: they are the same "
            "file for every backend."
        )


def _require_modules(name: str, modules: tuple[str, ...]) -> None:
    missing = [m for m in modules if importlib.util.find_spec(m) is None]
    if missing:
        raise ImportError(
            f"Files of the format {name!r} are written with {', '.join(modules)}. "
            f'Missing: {", ".join(missing)}. Install them: pip install "keras-fcn['
            'export]".'
        )
