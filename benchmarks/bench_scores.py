"""`SegmentationScores` against `keras.metrics.MeanIoU` on one 500x500 image."""

from __future__ import annotations

import statistics
import time

import keras
import numpy as np

from keras_fcn.metrics import SegmentationScores

ROUNDS = 25


def main():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 21, (1, 500, 500))
    labels[:, :20] = 255
    logits = keras.ops.convert_to_tensor(
        rng.normal(size=(1, 500, 500, 21)).astype("float32")
    )
    predicted = keras.ops.argmax(logits, axis=-1)
    iou = keras.metrics.MeanIoU
    pairs = {
        "from logits": (
            SegmentationScores(21),
            iou(21, ignore_class=255, sparse_y_pred=False),
            logits,
        ),
        "from labels": (
            SegmentationScores(21),
            iou(21, ignore_class=255),
            predicted,
        ),
    }
    print(
        f"{keras.backend.backend()}, keras {keras.__version__}, 500x500x21, median ms"
    )
    for name, (ours, keras_iou, prediction) in pairs.items():
        times = {ours: [], keras_iou: []}
        for metric in times:
            metric.update_state(labels, prediction)  # compiled, cached
        for _ in range(ROUNDS):
            for metric, taken in times.items():
                start = time.perf_counter()
                metric.update_state(labels, prediction)
                taken.append(time.perf_counter() - start)
        mine, theirs = (1e3 * statistics.median(t) for t in times.values())
        print(f"{name}: ours {mine:.2f}, Keras {theirs:.2f}, ratio {mine / theirs:.2f}")
        np.testing.assert_allclose(
            float(keras_iou.result()), ours.result()["mean_iou"], rtol=1e-5
        )


if __name__ == "__main__":
    main()
