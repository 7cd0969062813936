"""Pictures of labels, of scores and of transposed convolutions: what people look at.

Knows arrays, Pillow and matplotlib; knows nothing of networks or of training.
"""

from .labels import overlay, palette_image, sheet
from .plots import (
    draw_confusion_matrix,
    learning_curves_svg,
    plot_class_frequencies,
    plot_confusion_matrix,
    plot_learning_curves,
)
from .samples import WRONG, contact_sheet, difference
from .transposed import draw_matrix, draw_overlap, draw_windows
from .views import draw_views

__all__ = [
    "WRONG",
    "contact_sheet",
    "difference",
    "draw_confusion_matrix",
    "draw_matrix",
    "draw_overlap",
    "draw_views",
    "draw_windows",
    "learning_curves_svg",
    "overlay",
    "palette_image",
    "plot_class_frequencies",
    "plot_confusion_matrix",
    "plot_learning_curves",
    "sheet",
]
