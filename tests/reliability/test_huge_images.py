"""Photos of many megapixels: memory is that of a tile, not that of the photo."""

import json
import os
import subprocess
import sys
import tracemalloc

import keras
import numpy as np
import pytest
from PIL import Image

import keras_fcn
from keras_fcn.inference.mosaic import label_by_tiles

pytestmark = pytest.mark.fault(16)


def peak(side, tile=256, overlap=64, num_classes=21):
    """Bytes that labelling takes beside the photo and its labels."""
    photo = np.zeros((side, side, 3), "uint8")

    def score(cut):
        return np.zeros((*cut.shape[:2], num_classes), "float32")

    tracemalloc.start()
    try:
        label_by_tiles(score, photo, num_classes, tile, overlap)
        return tracemalloc.get_traced_memory()[1] - side * side
    finally:
        tracemalloc.stop()


def test_scores_of_a_few_tiles_and_of_one_row_are_kept(record_property):
    sides = (700, 1400, 2100)
    record_property("cases", len(sides))
    # Twice a tile's scores, their weights and labels; a row of what is shared, which is
    # at most an overlap and two strides.
    for side in sides:
        kept = 4 * 21 * (3 * 256**2 + (64 + 2 * 32) * side)
        assert peak(side) < kept < 4 * 21 * side**2


def test_the_network_never_sees_more_than_the_limit(monkeypatch, record_property):
    seen = []
    whole = keras.Model.predict_on_batch

    def predict_on_batch(self, batch):
        seen.append(batch.size // 3)
        return whole(self, batch)

    monkeypatch.setattr(keras.Model, "predict_on_batch", predict_on_batch)
    net = keras_fcn.build_fcn8s(
        num_classes=2, weights=None, width=0.02, topology="same"
    )
    sizes = [(1300, 1100), (1300, 1200), (40, 40_000)]
    record_property("cases", len(sizes))
    for size in sizes:
        labels = keras_fcn.predict(net, np.zeros((*size, 3), "uint8"))
        assert labels.shape == size
    assert max(seen) <= 1_500_000
    assert len(seen) > 1 + 4


CHILD = """
import itertools, json, resource, sys
from pathlib import Path
import keras, keras_fcn
from keras_fcn.hardware import computing_in
from keras_fcn.inference.predict import write_prediction

# To draw the weights of fc6 takes more memory than they do; they play no part here.
keras.initializers.VarianceScaling.__call__ = (
    lambda self, shape, dtype=None: keras.ops.zeros(shape, dtype or "float32")
)
with computing_in("bfloat16"):  # what folding leaves of a mixed one
    model = keras_fcn.build_fcn8s(weights=None, topology="same")
names = tuple(f"class {i}" for i in range(21))
# A row of tiles and a part of the next: after that nothing new is kept.
few = lambda tiles: itertools.islice(tiles, 13)
write_prediction(model, Path(sys.argv[1]), Path(sys.argv[2]), names, progress=few)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"peak": peak}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in KiB on Linux")
def test_64_megapixels_take_at_most_2_and_a_half_gigabytes(tmp_path, record_property):
    sides, peaks = (4000, 8000), []
    record_property("cases", len(sides))
    rng = np.random.default_rng(0)
    for side in sides:
        few = rng.integers(0, 256, (side // 40, side // 40, 3), "uint8")
        file = tmp_path / f"{side}.jpg"
        Image.fromarray(few).resize((side, side), Image.Resampling.BICUBIC).save(file)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, file, tmp_path / "out"],
            env={**os.environ, "KERAS_BACKEND": "tensorflow"},
            stdout=subprocess.PIPE,
            check=True,
        )
        unwritten = side * side  # labels of the other tiles
        peaks.append(json.loads(done.stdout)["peak"] + unwritten)
        assert (tmp_path / "out" / f"{side}_sheet.png").is_file()
    print(f"peaks in bytes: {peaks}")
    assert max(peaks) <= 2.5e9
    mean = np.mean(peaks)
    assert np.ptp(peaks) <= 0.2 * mean  # within 10 % of it
