"""A training of seconds with everything in it that a resume must bring back.

An FCN-8s on five layers, with Dropout and batch normalisation, and small random
pictures whose order and augmentation change in each epoch.
"""

import hashlib
from dataclasses import dataclass, field

import keras
import numpy as np

import keras_fcn
from keras_fcn.checkpoints import ExactResume
from keras_fcn.datasets import SampleSource
from keras_fcn.hardware import computing_in
from keras_fcn.training.optimizers import make_optimizer

STEPS, EPOCHS = 4, 3


class Noise(SampleSource):
    """Random photos and labels in memory."""

    class_names = ("background", "one", "two")

    def __init__(self, number, seed):
        rng = np.random.default_rng(seed)
        self.names = tuple(f"{seed}-{i}" for i in range(number))
        self._images = rng.integers(0, 256, (number, 24, 40, 3), "uint8")
        self._labels = rng.integers(0, 3, (number, 24, 40), "uint8")

    def __getitem__(self, index):
        return self._images[index], self._labels[index]


def backbone():
    """Return five convolutions, each of which halves the image."""
    x = image = keras.Input((None, None, 3))
    for number in range(5):
        x = keras.layers.Conv2D(4, 3, 2, padding="same", name=f"conv{number}")(x)
        if number == 1:
            x = keras.layers.BatchNormalization(name="norm")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    x = keras.layers.Dropout(0.3, name="drop")(x)
    return keras.Model(image, x, name="five_convolutions")


@dataclass
class Tiny:
    """What is trained, and how."""

    optimizer: str = "adam"
    accumulate: int = 1
    precision: str = "float32"
    augment: bool = True
    options: dict = field(default_factory=dict)
    with_callbacks: bool = False

    def build(self):
        """Return the compiled network."""
        keras.utils.set_random_seed(1)
        with computing_in(self.precision):
            model = keras_fcn.build_fcn8s(
                backbone=backbone(), num_classes=3, include_preprocessing="tf"
            )
        model.compile(
            optimizer=make_optimizer(
                self.optimizer,
                0.01,
                STEPS * EPOCHS,
                accumulate=self.accumulate,
                **self.options,
            ),
            loss=keras_fcn.losses.PixelwiseCrossentropy(),
            metrics=[keras_fcn.metrics.SegmentationScores(3)],
        )
        return model

    def callbacks(self):
        """Return Keras' callbacks whose memory counts."""
        if not self.with_callbacks:
            return []
        return [
            keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=9),
            keras.callbacks.EarlyStopping(
                monitor="loss", patience=EPOCHS, min_delta=9, restore_best_weights=True
            ),
        ]

    def fit(self, folder, model=None, others=(), **options):
        """Train, or go on; return the model, the callback and what `fit` returned."""
        model = model or self.build()
        remembered = self.callbacks()
        options = {"every_minutes": 1e9, "tell": lambda message: None} | options
        resume = ExactResume(folder, callbacks=remembered, **options)
        batches = Noise(7, 0).batches(  # 4 batches, the last of one sample
            2,
            crop_size=16,
            augment=self.augment,
            shuffle=True,
            seed=3,
            endless=True,
            first_step=resume.first_step,
        )
        history = model.fit(
            batches,
            steps_per_epoch=STEPS,
            epochs=EPOCHS,
            initial_epoch=resume.initial_epoch,
            validation_data=Noise(3, 1).batches(1),
            shuffle=False,
            verbose=0,
            callbacks=[*others, *remembered, resume],
        )
        return model, resume, history


CONFIGS = {
    "adam": Tiny(),
    "sgd over 3 steps": Tiny("sgd", accumulate=3, options={"weight_decay": 1e-3}),
    "caffe_sgd in 16 bits": Tiny(
        "caffe_sgd", precision="mixed_bfloat16", options={"doubled_biases": "all"}
    ),
    "adamw and callbacks": Tiny(
        "adamw", options={"lr_policy": "fixed"}, with_callbacks=True
    ),
}


def fingerprint(model, history):
    """Return a digest of everything that a training leaves behind."""
    digest = hashlib.sha256()
    for variable in [*model.variables, *model.optimizer.variables]:
        digest.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)))
    kept = {name: [float(v) for v in values] for name, values in history.items()}
    digest.update(repr(sorted(kept.items())).encode())
    return digest.hexdigest()
