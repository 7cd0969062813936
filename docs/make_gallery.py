"""How the tutorials become pages: their order, and what is run, forgotten and shown.

Used by `conf.py`; sphinx-gallery imports the functions by their names, since Sphinx
keeps its settings in a file, and a file holds no functions. Knows nothing of what a
tutorial says.
"""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from typing import Any

from PIL import Image

# Each tutorial, in the order of the gallery, and the seconds that it may take on one
# core.
TUTORIALS = {
    "plot_fcn_in_ten_minutes.py": 35,
    "plot_train_on_voc.py": 30,
    "plot_your_own_images.py": 25,
    "plot_from_pytorch_to_keras.py": 20,
    "plot_what_a_transposed_convolution_is.py": 10,
}
# What they need beyond this package; without it they are shown, not run.
NEEDS = {"plot_from_pytorch_to_keras.py": "torch"}


def settings() -> dict[str, Any]:
    """Return `sphinx_gallery_conf`."""
    run = [name for name in TUTORIALS if find_spec(NEEDS.get(name, "keras_fcn"))]
    return {
        "examples_dirs": "tutorials",
        "gallery_dirs": "gallery",
        "filename_pattern": "|".join(map(re.escape, run)),
        "within_subsection_order": f"{__name__}.place_of",
        "reset_modules": ("matplotlib", f"{__name__}.forget"),
        "image_scrapers": ("matplotlib", f"{__name__}.show_picture"),
        "ignore_repr_types": r"PIL|matplotlib",  # shown as pictures, not as words
        # No page is older than the package, and a script that fails makes none.
        "run_stale_examples": True,
        "abort_on_example_error": True,
        # Nothing of the day or of the machine.
        "write_computation_times": False,
        "min_reported_time": float("inf"),
        "show_signature": False,
        "download_all_examples": False,
        "inspect_global_variables": False,
        "remove_config_comments": True,
    }


def place_of(script: str) -> int:
    """Return a tutorial's place in the gallery."""
    return list(TUTORIALS).index(script)


def forget(conf: dict[str, Any], script: str | None) -> None:
    """Let a tutorial begin as a new process would, without the last one's networks."""
    import keras

    keras.backend.clear_session()
    keras.mixed_precision.set_dtype_policy("float32")
    keras.utils.set_random_seed(0)


def show_picture(block: Any, variables: dict[str, Any], conf: dict[str, Any]) -> str:
    """Show the Pillow image that a block ends with, as Jupyter does.

    The comment above the last line puts it into words.
    """
    from sphinx_gallery.scrapers import figure_rst

    last = (ast.parse(block.content).body or [None])[-1]
    picture = variables["example_globals"].get("___")
    if not isinstance(last, ast.Expr) or not isinstance(picture, Image.Image):
        return ""
    above, words = block.content.splitlines()[: last.lineno - 1], []
    while above and above[-1].startswith("#"):
        words.insert(0, above.pop().removeprefix("#").strip())
    file = next(variables["image_path_iterator"])
    picture.save(file)
    return figure_rst([file], conf["src_dir"], " ".join(words))
