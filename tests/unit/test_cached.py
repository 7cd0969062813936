import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from keras_fcn.datasets import SampleSource, VOCSegmentation
from keras_fcn.datasets.batches.cached import Cached


class Counted(SampleSource):
    """Samples of 4 * 100 bytes that say how often each was read."""

    class_names = ("a", "b")

    def __init__(self, n=5):
        self.names = tuple(f"sample {i}" for i in range(n))
        self.read = [0] * n
        self.labels_read = 0
        self.ignore_class = 200

    def __getitem__(self, index):
        self.read[index] += 1
        label = np.full((10, 10), index, "uint8")
        return np.stack([label] * 3, axis=-1), label

    def label(self, index):
        self.labels_read += 1
        return np.full((10, 10), index, "uint8")


def test_a_sample_is_read_once():
    source = Counted()
    cached = Cached(source)
    for _ in range(3):
        for i in range(5):
            image, label = cached[i]
            assert (image == i).all()
            assert (label == i).all()
            assert image.shape == (10, 10, 3)
    assert source.read == [1] * 5


def test_what_does_not_fit_is_read_again_and_the_rest_is_not():
    source = Counted()
    cached = Cached(source, max_bytes=3 * 400)
    for _ in range(4):
        for i in range(5):
            assert (cached[i][1] == i).all()
    assert source.read == [1, 1, 1, 4, 4]


def test_no_byte_is_kept_where_none_may_be():
    source = Counted()
    cached = Cached(source, max_bytes=0)
    assert [int(cached[2][1][0, 0]) for _ in range(3)] == [2] * 3
    assert source.read[2] == 3
    with pytest.raises(ValueError, match="max_bytes=-1"):
        Cached(source, max_bytes=-1)


def test_threads_that_ask_for_one_sample_read_it_once():
    class Slow(Counted):
        def __getitem__(self, index):
            time.sleep(0.02)
            return super().__getitem__(index)

    source = Slow()
    cached = Cached(source)
    start = threading.Barrier(8)

    def ask(_):
        start.wait()
        return [cached[i][1][0, 0] for i in range(5)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [list(range(5))] * 8
    assert source.read == [1] * 5


def test_a_sample_that_could_not_be_read_is_tried_again():
    class Failing(Counted):
        broken = True

        def __getitem__(self, index):
            if self.broken:
                raise ValueError("sample 1 is broken")
            return super().__getitem__(index)

    source = Failing()
    cached = Cached(source)
    for _ in range(2):
        with pytest.raises(ValueError, match="sample 1 is broken"):
            cached[1]
    source.broken = False
    assert (cached[1][1] == 1).all()


def test_kept_pixels_cannot_be_written_over_by_the_reader_or_the_source():
    buffer = np.zeros((10, 10), "uint8")

    class Reusing(Counted):
        def __getitem__(self, index):
            buffer[:] = index
            return np.stack([buffer] * 3, axis=-1), buffer

    cached = Cached(Reusing())
    first, second = cached[0][1], cached[1][1]
    assert (first == 0).all()
    assert (second == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        first[0, 0] = 9
    assert buffer.flags.writeable


def test_a_label_alone_decodes_no_photo_and_a_kept_one_nothing():
    source = Counted()
    cached = Cached(source)
    assert (cached.label(3) == 3).all()
    assert source.read[3] == 0
    _, kept = cached[3]
    assert cached.label(3) is kept
    assert cached.image_size(3) == (10, 10)
    assert (source.read[3], source.labels_read) == (1, 1)


def test_everything_else_is_the_data_sets_own(tiny_voc):
    voc = VOCSegmentation(tiny_voc, "val")
    cached = Cached(voc)
    for name in ("names", "class_names", "ignore_class", "num_classes", "split"):
        assert getattr(cached, name) == getattr(voc, name)
    assert (cached.images, cached.labels) == (voc.images, voc.labels)
    assert len(cached) == len(voc)
    assert cached.image_size(1) == voc.image_size(1)
    assert cached.image_file(0) == voc.image_file(0)
    assert Cached(Counted()).ignore_class == 200
    with pytest.raises(AttributeError, match="no_such_thing"):
        cached.no_such_thing  # noqa: B018
