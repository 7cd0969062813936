"""Settings of Sphinx; figures, tables and tutorials are made anew with the pages."""

import os
import shutil
import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import make_figures  # noqa: E402
import make_gallery  # noqa: E402
import make_own_images  # noqa: E402
import make_tables  # noqa: E402

project = "keras_fcn"
release = version = version_of("keras-fcn")
html_title = f"{project} {release}"

extensions = ["myst_parser", "sphinx_gallery.gen_gallery"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
# Pages that work without a network; laid beside the others as they are.
OFFLINE = ("play", "browser")
# Tables are parts of pages; of the tutorials sphinx-gallery makes pages.
exclude_patterns = ["_build", "tables", "tutorials", *OFFLINE]
sphinx_gallery_conf = make_gallery.settings()
html_theme = "furo"
# MathJax is fetched by the reader's browser; without a network formulas stay readable.
html_copy_source = False

make_figures.generate(HERE / "figures")
make_own_images.generate(HERE / "figures")
make_tables.generate(HERE / "tables")


def setup(app):
    """Lay the offline folders beside the pages: `html_extra_path` keeps no folder."""

    def lay(app, exception):
        for name in OFFLINE:
            if exception is None and (HERE / name).is_dir():
                shutil.copytree(HERE / name, app.outdir / name, dirs_exist_ok=True)

    app.connect("build-finished", lay)
