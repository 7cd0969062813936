"""Settings of Sphinx; figures and tables are made anew whenever the pages are built."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import make_figures  # noqa: E402
import make_own_images  # noqa: E402
import make_tables  # noqa: E402

project = "keras_fcn"
release = version = version_of("keras-fcn")
html_title = f"{project} {release}"

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "tables"]  # tables are parts of pages
html_theme = "furo"
# MathJax is fetched by the reader's browser; without a network formulas stay readable.
html_copy_source = False

make_figures.generate(HERE / "figures")
make_own_images.generate(HERE / "figures")
make_tables.generate(HERE / "tables")
