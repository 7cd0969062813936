"""Scores as pictures: learning curves and the confusion matrix."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence

import numpy as np

from ..datasets import DataReport
from ..storage import write_atomically


def plot_learning_curves(
    history: Mapping[str, Sequence[float]], path: str | os.PathLike[str]
) -> None:
    """Draw the loss and the scores of every epoch, training and validation.

    Args:
        history: A list for each logged name, as in `model.fit(...).history`; `val_`
            marks validation.
        path: The PNG file.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "curves.png"
        >>> plot_learning_curves({"loss": [2.0, 1.0], "val_loss": [2.0, 1.5]}, file)
        >>> file.stat().st_size > 0
        True
    """
    figure, (left, right) = _figure(columns=2, width=10, height=4)
    for name, values in history.items():
        validation = name.startswith("val_")
        word = name.removeprefix("val_")
        epochs = range(1, len(values) + 1)
        style = {"linestyle": "-" if validation else ":", "marker": "."}
        label = f"{word} ({'validation' if validation else 'training'})"
        if word == "loss":
            left.plot(epochs, values, label=label, color="tab:red", **style)
        elif word in _COLOURS:
            right.plot(epochs, values, label=label, color=_COLOURS[word], **style)
    left.set(xlabel="epoch", ylabel="loss", title="Loss")
    right.set(xlabel="epoch", ylim=(0, 1), title="Scores")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.xaxis.get_major_locator().set_params(integer=True)
        if axes.lines:
            axes.legend(fontsize=7)
    _save(figure, path)


def plot_confusion_matrix(
    matrix: np.ndarray, class_names: Sequence[str], path: str | os.PathLike[str]
) -> None:
    """Draw a confusion matrix, each row as shares of that true class.

    Args:
        matrix: `(num_classes, num_classes)` pixel counts, row true, column predicted.
        class_names: Names of the classes.
        path: The PNG file.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "confusion.png"
        >>> plot_confusion_matrix(np.eye(2), ["background", "cat"], file)
        >>> file.stat().st_size > 0
        True
    """
    matrix = np.asarray(matrix, "float64")
    true = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, true, out=np.full_like(matrix, np.nan), where=true > 0)
    n = len(class_names)
    size = max(4.0, 0.42 * n + 2)
    figure, (axes,) = _figure(columns=1, width=size, height=size)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(n), class_names, rotation=90)
    axes.set_yticks(range(n), class_names)
    axes.set(
        xlabel="predicted", ylabel="true", title="Share of the true class's pixels"
    )
    for row, column in np.argwhere(share >= 0.005):
        value = share[row, column]
        colour = "white" if value > 0.5 else "black"
        text = f"{100 * value:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    _save(figure, path)


def plot_class_frequencies(
    reports: Mapping[str, DataReport], path: str | os.PathLike[str]
) -> None:
    """Draw each class's share of the pixels, a bar for each split; void comes last.

    Args:
        reports: What `keras_fcn.datasets.examine` found, by the name of the split.
        path: The PNG file.

    Example:
        >>> import tempfile, pathlib
        >>> from keras_fcn.datasets import Shapes, examine
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "classes.png"
        >>> plot_class_frequencies({"val": examine(Shapes("val"))}, file)
        >>> file.stat().st_size > 0
        True
    """
    names = [*next(iter(reports.values())).class_names, "void"]
    height = max(3.0, 0.3 * len(names) * (1 + 0.3 * len(reports)))
    figure, (axes,) = _figure(columns=1, width=8, height=height)
    thickness = 0.8 / len(reports)
    for number, (split, report) in enumerate(reports.items()):
        pixels = np.append(report.pixels, report.void_pixels)
        share = pixels / max(1, pixels.sum())
        places = np.arange(len(names)) + (number - (len(reports) - 1) / 2) * thickness
        bars = axes.barh(places, share, thickness, label=split)
        # A class of one in a thousand pixels is a line too thin to be seen.
        labels = [
            "absent" if not n else f"{s:.2%}"
            for n, s in zip(pixels, share, strict=True)
        ]
        axes.bar_label(bars, labels, padding=3, fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set(xlabel="share of all pixels", xlim=(0, 1.1 * axes.get_xlim()[1]))
    axes.legend()
    _save(figure, path)


_COLOURS = {
    "mean_iou": "tab:blue",
    "pixel_accuracy": "tab:green",
    "mean_accuracy": "tab:orange",
    "frequency_weighted_iou": "tab:purple",
}


def _figure(columns: int, width: float, height: float):
    """Return a figure of its own, without touching pyplot's state or a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _save(figure, path: str | os.PathLike[str]) -> None:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())
