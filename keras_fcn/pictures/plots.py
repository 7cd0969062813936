"""Scores as pictures: learning curves and the confusion matrix."""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..datasets import DataReport
from .labels import write_png


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
    figure, axes = _figure(columns=2, width=10, height=4)
    for panel, draw in zip(axes, _PANELS.values(), strict=True):
        draw(panel, history)
    _save(figure, path)


def learning_curves_svg(history: Mapping[str, Sequence[float]]) -> dict[str, str]:
    """Draw the same as elements of a page, in the page's own colour of text.

    Args:
        history: As in `plot_learning_curves`.

    Returns:
        `"Loss"` and `"Scores"`, an `<svg>` element each.

    Example:
        >>> curves = learning_curves_svg({"loss": [2.0, 1.0]})
        >>> list(curves), curves["Loss"].startswith("<svg")
        (['Loss', 'Scores'], True)
    """
    import matplotlib

    ink = "#010203"  # no other colour here; it is replaced
    names = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color")
    names = (*names, "ytick.color", "grid.color")
    style: Any = {"svg.fonttype": "none", **dict.fromkeys(names, ink)}
    pages = {}
    for title, draw in _PANELS.items():
        # The names within a page's elements must differ.
        with matplotlib.rc_context(style | {"svg.hashsalt": title}):
            figure, (axes,) = _figure(columns=1, width=4.8, height=3.6)
            draw(axes, history)
            text = io.StringIO()
            figure.savefig(
                text, format="svg", transparent=True, metadata={"Date": None}
            )
        svg = text.getvalue().replace(ink, "currentColor")
        svg = re.sub('<g id="[^"]*">', "<g>", svg)  # the same in both; nobody asks
        pages[title] = svg[svg.index("<svg") :]
    return pages


def _draw_loss(axes, history: Mapping[str, Sequence[float]]) -> None:
    _draw_curves(axes, history, {"loss": ("loss", "tab:red")})
    axes.set(xlabel="epoch", ylabel="loss", title="Loss")


def _draw_scores(axes, history: Mapping[str, Sequence[float]]) -> None:
    _draw_curves(axes, history, _CURVES)
    axes.set(xlabel="epoch", ylim=(0, 1), title="Scores")


_PANELS = {"Loss": _draw_loss, "Scores": _draw_scores}
# The paper's word for each score, and its colour.
_CURVES = {
    "mean_iou": ("mean IU", "tab:blue"),
    "pixel_accuracy": ("pixel accuracy", "tab:green"),
    "mean_accuracy": ("mean accuracy", "tab:orange"),
    "frequency_weighted_iou": ("f.w. IU", "tab:purple"),
}


def _draw_curves(
    axes,
    history: Mapping[str, Sequence[float]],
    curves: Mapping[str, tuple[str, str]],
) -> None:
    for name, values in history.items():
        if (key := name.removeprefix("val_")) not in curves:
            continue
        word, colour = curves[key]
        validation = name != key
        part, line = ("validation", "-") if validation else ("training", ":")
        style = {"color": colour, "linestyle": line, "marker": "."}
        epochs = range(1, len(values) + 1)
        axes.plot(epochs, values, label=f"{word} ({part})", **style)
    axes.grid(alpha=0.3)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if axes.lines:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.15)}  # below
        axes.legend(fontsize=9, ncols=2, frameon=False, **place)


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
    write_png(draw_confusion_matrix(matrix, class_names), path)


def draw_confusion_matrix(
    matrix: np.ndarray, class_names: Sequence[str]
) -> Image.Image:
    """Return the picture that `plot_confusion_matrix` writes.

    Args:
        matrix: `(num_classes, num_classes)` pixel counts, row true, column predicted.
        class_names: Names of the classes.

    Returns:
        A Pillow image of mode RGB.

    Example:
        >>> draw_confusion_matrix(np.eye(2), ["background", "cat"]).mode
        'RGB'
    """
    matrix = np.asarray(matrix, "float64")
    true = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, true, out=np.full_like(matrix, np.nan), where=true > 0)
    n = len(class_names)
    size = max(4.0, 0.42 * n + 2)
    figure, (axes,) = _figure(columns=1, width=size, height=size)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    # A name with dollars is no formula.
    axes.set_xticks(range(n), class_names, rotation=90, parse_math=False)
    axes.set_yticks(range(n), class_names, parse_math=False)
    axes.set(
        xlabel="predicted", ylabel="true", title="Share of the true class's pixels"
    )
    for row, column in np.argwhere(share >= 0.005):
        value = share[row, column]
        colour = "white" if value > 0.5 else "black"
        text = f"{100 * value:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=7)
    return _drawn(figure)


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


def _figure(columns: int, width: float, height: float):
    """Return a figure of its own, without touching pyplot's state or a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _save(figure, path: str | os.PathLike[str]) -> None:
    write_png(_drawn(figure), path)


def _drawn(figure) -> Image.Image:
    with warnings.catch_warnings():
        # A name in a script that matplotlib's font lacks: boxes stand for it.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
