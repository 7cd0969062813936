"""Photos that are painted, a network that labels by brightness, and their page."""

import keras
import numpy as np

from keras_fcn.datasets import SampleSource
from keras_fcn.report.page import fill_page
from keras_fcn.report.scoring import score

HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 2">',
    "고양이 & قطة",
    "{{ 7 * 7 }}" + "long" * 50,
)
TRAINED = {
    "model": "fcn8s",
    "backbone": "vgg16",
    "dataset": "folder",
    "part": "train",
    "epochs": 2,
    "recipe": None,
    "from_run": None,
    "source": "none",
    "weights": "best",
    "scored_dataset": "folder",
    "scored_part": "held out 10%",
}
HISTORY = {
    "loss": [2.0, 1.0],
    "mean_iou": [0.1, 0.2],
    "val_loss": [2.5, 1.5],
    "val_mean_iou": [0.2, 0.1],
}


class Painted(SampleSource):
    """Photos whose pixels of the value 60 c are what the network labels as class c.

    Attributes:
        asked: Which samples were asked for, in that order.
    """

    def __init__(self, predictions, labels, names=None, class_names=HOSTILE):
        self.class_names = tuple(class_names)
        self.names = tuple(names or (f"photo{i}" for i in range(len(labels))))
        self._samples = [
            (np.repeat(60 * p[..., None], 3, axis=-1).astype("uint8"), t)
            for p, t in zip(predictions, labels, strict=True)
        ]
        self.asked = []

    def __getitem__(self, index):
        self.asked.append(index)
        return self._samples[index]


def network(classes=4):
    """Return a network that labels a pixel of 60 c as c."""
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(classes, 1)
    model = keras.Model(image, layer(image))
    # The largest of 2 x c - c**2 is at the c nearest to x.
    c = np.arange(classes)
    kernel = np.tile(2 * c / 180, (1, 1, 3, 1))
    layer.set_weights([kernel, -(c**2.0)])
    return model


def painted(rng, number, classes=4, height=24, width=40, **options):
    """Return photos of which each is labelled worse than the one before."""
    labels = rng.integers(0, classes, (number, height, width)).astype("uint8")
    labels[:, 0] = 255
    predictions = np.where(labels == 255, 0, labels)
    for index in range(number):
        rows = 1 + index * (height - 1) // number
        predictions[index, 1:rows] = (labels[index, 1:rows] + 1) % classes
    return Painted(predictions, labels, **options)


def page_of(source, samples=2, **changes):
    """Return the HTML of a report."""
    given = {
        "title": "a <b>run</b>",
        "trained": TRAINED,
        "settings": {"Data": {"data_dir": "a/<i>folder</i>"}},
        "environment": {"machine": "</script><script>window.hacked = 3</script>"},
        "history": HISTORY,
        "scored": score(network(source.num_classes), source, samples),
        "class_names": source.class_names,
    }
    return fill_page(**given | changes)
