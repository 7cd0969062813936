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
from ..storage import write_atomically
from ..suggestions import require_choice
from . import onnx_format, onnx_int8
from .comparison import Comparison, Labeller, compare
from .network import exportable
from .photos import Photos

# Least share of pixels with the network's own label: rounding only turns ties.
AGREEMENT = 0.999
INT8_AGREEMENT = 0.99


class Format(NamedTuple):
    """A kind of file: who writes it, who runs it."""

    suffix: str
    modules: tuple[str, ...]  # that it needs
    write: Callable[[keras.Model], bytes]
    quantize: Callable[[bytes, Sequence[np.ndarray], onnx_int8.Bars], bytes]
    run: Callable[[bytes], Labeller]


FORMATS = {
    "onnx": Format(
        ".onnx",
        onnx_format.MODULES,
        onnx_format.to_onnx,
        onnx_int8.quantize,
        onnx_format.run_onnx,
    )
}


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how it compares with the network.

    Attributes:
        file: The file.
        size: Its size in bytes.
        int8: Whether it computes in eight bits.
        comparison: Both on the same photos.
    """

    file: Path
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
    format: str = "onnx",
    int8: bool = False,
    calibration: SampleSource | Sequence[Any] | None = None,
    photos: SampleSource | Sequence[Any] | None = None,
    progress: Callable[[str], Callable[[Iterable], Iterable]] = lambda what: iter,
) -> ExportReport:
    """Write a network as a file that other programs run, and compare the two.

    The file has one input, `image`, uint8 `(batch, height, width, 3)`, RGB, of any
    size, and one output, `labels`, `(batch, height, width)`, uint8 up to 256 classes.
    Preprocessing is inside. What is linear together is one layer.

    Before the file gets its name it is run by its own runtime, on the CPU. If it
    labels otherwise than the network nothing is written, and an older file of this
    name is left as it is.

    Args:
        model: A network of `build_fcn8s` and the like, in float32. Keras must run on
            TensorFlow; weights are the same on every backend.
        file: The file, ending in the format's suffix. Its folder is made if missing.
        format: `"onnx"`. Defaults to `"onnx"`.
        int8: Whether convolutions compute in eight bits: a quarter of the size, and on
            processors with instructions for it a fraction of the time. Defaults to
            `False`.
        calibration: Photos for `int8`, as the network will see them; from their values
            the eight bits get their scales. A data set, or a list of what `predict`
            takes. Some dozens are enough. Defaults to `None`.
        photos: Photos to compare on, better others than those. With a data set's masks
            mean IU is compared, too. Defaults to `None`: those of `calibration`, or,
            without, generated ones.
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
        report = export(model, "voc.onnx", int8=True, calibration=photos)
        print(report.comparison.agreement)
        ```
    """
    require_choice("format", format, FORMATS)
    kind, file = FORMATS[format], Path(file)
    if file.suffix != kind.suffix or file.is_dir():
        raise ValueError(
            f"`file` must be the name of a file that ends in {kind.suffix!r}. "
            f"Received: file={str(file)!r}."
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

    content = kind.write(exportable(model))
    if int8:
        content = kind.quantize(content, calibrated, progress)
    comparison = compare(model, kind.run(content), compared, progress("Comparing"))
    if not int8 and comparison.agreement < AGREEMENT:
        raise RuntimeError(
            f"The exported file must label {AGREEMENT:.1%} of the pixels as the "
            f"network does. Received: {comparison.agreement:.2%} on "
            f"{comparison.photos} photos. Nothing was written to {str(file)!r}. Please "
            f"report this, with the versions of {', '.join(kind.modules)}."
        )
    write_atomically(file, content)
    report = ExportReport(file, len(content), int8, comparison)
    if report.advice:
        warnings.warn(report.advice, stacklevel=2)
    return report


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
