"""Pictures of labels and of scores: what people look at instead of numbers.

Knows arrays, Pillow and matplotlib; knows nothing of networks or of training.
"""

from .labels import overlay, palette_image, sheet
from .plots import plot_confusion_matrix, plot_learning_curves

__all__ = [
    "overlay",
    "palette_image",
    "plot_confusion_matrix",
    "plot_learning_curves",
    "sheet",
]
