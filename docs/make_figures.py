"""The figures of the pages, drawn by the library that they explain.

Run by `conf.py` whenever the pages are built; by hand: `python docs/make_figures.py`.
The same code gives the same bytes: no file holds a date, a version or a random name.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from keras_fcn.geometry import (
    CoordinateMap,
    convolution,
    crop_offset,
    from_keras,
    from_pytorch,
    transposed_convolution,
)
from keras_fcn.pictures import draw_matrix, draw_overlap, draw_views, draw_windows
from keras_fcn.pictures.cells import save_figure
from keras_fcn.transposed import conv_transpose, convolution_matrix

HERE = Path(__file__).parent
KERNEL = np.arange(1, 10).reshape(3, 3)
PIXELS = np.array([[1, 2], [3, 4]])


def generate(folder: Path) -> list[Path]:
    """Draw all figures into `folder`; return the files.

    The photos of `deconvolution.md` need scikit-image and are left out without it.
    """
    draw_matrix(KERNEL, (4, 4), folder / "matrix.svg")
    views = ["paint", "matrix", "gradient", "gather", "phases"]
    for view in views:
        file = folder / f"view_{view}.svg"
        draw_views(PIXELS, KERNEL, file, strides=2, views=[view])
    window = from_pytorch(4, 3, stride=2, padding=1)
    draw_windows({"": window}, folder / "window.svg")
    draw_windows(
        {
            "Keras same, output_padding=0": from_keras(
                3, 3, strides=2, padding="same", output_padding=0
            ),
            "PyTorch padding=1, output_padding=0": from_pytorch(
                3, 3, stride=2, padding=1
            ),
            "Keras same, output_padding=1": from_keras(
                3, 3, strides=2, padding="same", output_padding=1
            ),
            "PyTorch padding=1, output_padding=1": from_pytorch(
                3, 3, stride=2, padding=1, output_padding=1
            ),
        },
        folder / "output_padding.svg",
    )
    kernels = {
        "1 1 1": [1, 1, 1],
        "1 2 1": [1, 2, 1],
        "1 3 2 1": [1, 3, 2, 1],
        "1 3 3 1": [1, 3, 3, 1],
    }
    draw_overlap(kernels, folder / "overlap.svg", strides=2)
    crops(folder / "crops.svg")
    checkerboard(folder / "checkerboard.svg")
    gram(folder / "gram.svg")
    if find_spec("skimage"):
        deconvolution(folder / "deconvolution.png")
    return sorted(folder.glob("*.*g"))


def crops(path: Path) -> None:
    """Draw the pixels of the maps that FCN-8s adds, where they lie in the image."""
    image = CoordinateMap()
    pool: list[CoordinateMap] = [convolution(3, padding=100)]
    for _ in range(5):
        pool.append(pool[-1].then(convolution(2, stride=2)))
    score = pool[5].then(convolution(7))
    upscore2 = score.then(transposed_convolution(4, stride=2))
    upscore4 = upscore2.then(transposed_convolution(4, stride=2))
    upscore8 = upscore4.then(transposed_convolution(16, stride=8))
    pairs = [
        ("score_pool4", pool[4], "upscore2", upscore2),
        ("score_pool3", pool[3], "upscore_pool4", upscore4),
        ("upscore8", upscore8, "image", image),
    ]
    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    axes = figure.subplots()
    for number, (larger, upper, reference, lower) in enumerate(pairs):
        offset = crop_offset(upper, lower)
        row = -3 * number
        coordinates = [float(upper(i)) for i in range(200) if upper(i) < 60]
        first = coordinates[:offset]
        axes.plot(first, [row] * len(first), "x", color="#8C8C8C", ms=5)
        rest = coordinates[offset:]
        axes.plot(rest, [row] * len(rest), "o", color="#0072B2", ms=4)
        below = [float(lower(i)) for i in range(200) if lower(i) < 60]
        axes.plot(below, [row - 1] * len(below), "o", color="#D55E00", ms=4)
        here = float(lower(0))
        axes.plot([here, here], [row + 0.35, row - 1.35], color="#222222", lw=1)
        axes.text(-122, row, larger, ha="right", va="center", fontsize=9)
        axes.text(-122, row - 1, reference, ha="right", va="center", fontsize=9)
        middle = float(upper(0) + here) / 2
        words = f"crop {offset}"
        axes.text(middle, row + 0.4, words, ha="center", va="bottom", fontsize=9)
    axes.set(xlim=(-120, 60), ylim=(-7.6, 1.2), yticks=[])
    axes.set_xlabel("coordinate in the image")
    axes.spines[["left", "right", "top"]].set_visible(False)
    save_figure(figure, path)


def checkerboard(path: Path) -> None:
    """Draw what kernels make of a constant input, and the range of the values."""
    random = np.random.default_rng(0).normal(0, 1, (4, 4)).round(1)
    piece = np.random.default_rng(1).normal(0, 1, (2, 2)).round(1)
    smeared = np.random.default_rng(2).normal(0, 1, (3, 3)).round(1)
    for axis in (0, 1):  # every pixel twice, then the 3x3 kernel
        smeared = np.apply_along_axis(np.convolve, axis, smeared, [1, 1])
    kernels = {
        "ones, k = 3": np.ones((3, 3)),
        "bilinear, k = 3": np.outer([1, 2, 1], [1, 2, 1]) / 4,
        "random, k = 4": random,
        "bilinear, k = 4": np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16,
        "ICNR, k = 4": np.kron(piece, np.ones((2, 2))),
        "resize, convolve 3x3": smeared,
    }
    figure = Figure(figsize=(7.6, 5.4), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for axes, (title, kernel) in zip(panels, kernels.items(), strict=True):
        ones = np.ones((10, 10, 1))
        output = conv_transpose(ones, kernel[..., None, None], strides=2)
        inner = output[4:-4, 4:-4, 0]
        low, high = inner.min(), inner.max()
        reach = max(high - low, 1e-9)
        axes.imshow(
            inner,
            cmap="cividis",
            interpolation="nearest",
            vmin=(low + high - reach) / 2 - 0.2 * reach,
            vmax=(low + high + reach) / 2 + 0.2 * reach,
        )
        axes.set(xticks=[], yticks=[])
        values = f"{low:.2f} to {high:.2f}" if high - low > 1e-9 else f"{high:.2f}"
        axes.set_title(f"{title}\n{values}", fontsize=10)
    save_figure(figure, path)


def gram(path: Path) -> None:
    """Draw what comes back when the transpose follows the convolution."""
    haar = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]]) / 2
    bank = haar.reshape(4, 2, 2).transpose(1, 2, 0)[:, :, None, :]
    kernel = KERNEL[..., None, None]
    matrices = {
        "valid": convolution_matrix(kernel, (4, 4, 1)),
        "full": convolution_matrix(kernel, (4, 4, 1), padding=2),
        "Haar": convolution_matrix(bank, (4, 4, 1), strides=2),
    }
    figure = Figure(figsize=(7.6, 2.9), layout="constrained")
    panels = figure.subplots(1, 3).flat
    for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
        product = (matrix.T @ matrix).toarray()
        axes.imshow(product, cmap="Greys", vmin=0, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        rows, columns = matrix.shape
        size = rf"$C$  {rows}$\times${columns}"
        axes.set_title(f"$C^T C$,  {title},  {size}", fontsize=10)
    save_figure(figure, path)


def deconvolution(path: Path) -> None:
    """Draw the photos of `deconvolution.md`, with the errors that its code computes."""
    names = executed(HERE / "deconvolution.md")
    panels = {
        "photo": "photo",
        "blurred": "blurred",
        "transposed convolution": "transposed",
        "inverse, no noise": "inverse",
        "blurred, 1 % noise": "noisy",
        "inverse, 1 % noise": "inverse_of_noisy",
        "Wiener, 1 % noise": "wiener",
        "Richardson-Lucy, 1 % noise": "richardson_lucy",
    }
    figure = Figure(figsize=(9.6, 5.3), layout="constrained")
    for axes, (title, name) in zip(
        figure.subplots(2, 4).flat, panels.items(), strict=True
    ):
        picture = names[name]
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        error = names["error"](picture)
        words = f"{error:.3f}" if error < 10 else f"{error:.0f}"
        axes.set_title(f"{title}\n{words}", fontsize=10)
    save_figure(figure, path)


def executed(page: Path) -> dict[str, Any]:
    """Run the code of a page from top to bottom and return its names."""
    names: dict[str, Any] = {}
    text = page.read_text(encoding="utf-8")
    for kind, code in re.findall(r"^```(python|pycon)\n(.*?)^```", text, re.M | re.S):
        if kind == "pycon":
            examples = doctest.DocTestParser().get_examples(code)
            code = "".join(example.source for example in examples)
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, page.name, "exec"), names)
    return names


if __name__ == "__main__":
    for file in generate(Path(sys.argv[1]) if sys.argv[1:] else HERE / "figures"):
        print(file)
