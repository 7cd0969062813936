import itertools

import keras
import numpy as np
import pytest
from PIL import Image

from keras_fcn.datasets import SampleSource, VOCSegmentation
from keras_fcn.datasets.batches.numbered import NumberedBatches
from keras_fcn.datasets.batches.threaded import ThreadedBatches

# The mean colour of ImageNet, red, green, blue, of the FCN authors' solvers.
MEAN = np.rint([123.68, 116.779, 103.939]).astype("uint8").tolist()


class Coded(SampleSource):
    """Samples whose photo says what the label is: each channel is ten labels."""

    class_names = tuple("abcdefghijklmnopqrstu")

    def __init__(self, labels):
        self.labels = [np.asarray(label, "uint8") for label in labels]
        self.names = tuple(str(i) for i in range(len(self.labels)))

    def __getitem__(self, index):
        return coded(self.labels[index]), self.labels[index]


def coded(label):
    return np.repeat(10 * np.asarray(label, "uint8")[..., None], 3, axis=-1)


def numbered(n, size=(6, 7)):
    """Samples of one size, each full of its own number."""
    return Coded([np.full(size, i) for i in range(n)])


def order(batches):
    """The numbers of the samples in one epoch, photo and label agreeing."""
    numbers = []
    for images, labels in batches:
        for image, label in zip(*map(np.asarray, (images, labels)), strict=True):
            assert (image == coded(label)).all()
            numbers.append(int(label[0, 0]))
    return numbers


def epoch(batches):
    return [(np.asarray(images), np.asarray(labels)) for images, labels in batches]


def begin(batches, n):
    """The first n batches."""
    return epoch(itertools.islice(batches, n))


def assert_same(ones, others):
    assert len(ones) == len(others) > 0
    for one, other in zip(ones, others, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def differ(ones, others):
    return any(not np.array_equal(a, b) for a, b in zip(ones, others, strict=True))


@pytest.fixture
def varied(rng):
    """Six samples of all sizes and labels."""
    sizes = [(5, 9), (12, 7), (8, 8), (14, 13), (6, 6), (9, 16)]
    return Coded([rng.integers(0, 21, size) for size in sizes])


# Native sizes


def test_native_samples_come_unchanged_and_in_order(varied):
    batches = epoch(varied.batches())
    assert len(batches) == 6
    for (images, labels), expected in zip(batches, varied.labels, strict=True):
        assert images.dtype == labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, expected[None])
        np.testing.assert_array_equal(images, coded(expected)[None])


def test_native_batches_of_several_are_padded_to_their_largest(varied):
    batches = epoch(varied.batches(4))
    assert [labels.shape for _, labels in batches] == [(4, 14, 13), (2, 9, 16)]
    samples = [pair for batch in batches for pair in zip(*batch, strict=True)]
    for (image, label), expected in zip(samples, varied.labels, strict=True):
        height, width = expected.shape
        np.testing.assert_array_equal(label[:height, :width], expected)
        np.testing.assert_array_equal(image[:height, :width], coded(expected))
        border = np.ones(label.shape, bool)
        border[:height, :width] = False
        assert (label[border] == 255).all()
        assert (image[border] == MEAN).all()


def test_native_samples_are_flipped_but_not_scaled(varied):
    batches = begin(varied.batches(augment=True, endless=True), 5 * 6)
    flipped = 0
    for (image, label), expected in zip(batches, varied.labels * 5, strict=True):
        np.testing.assert_array_equal(image, coded(label))
        flipped += np.array_equal(label[0], expected[:, ::-1])
        assert any(np.array_equal(label[0], e) for e in (expected, expected[:, ::-1]))
    assert 5 < flipped < 25


# Crops


def test_without_augmentation_the_middle_is_cut_out(varied):
    for (images, labels), label in zip(
        epoch(varied.batches(crop_size=5)), varied.labels, strict=True
    ):
        before_y, before_x = ((n - 5) / 2 for n in label.shape)
        y, x = next(
            (y, x)
            for y in range(label.shape[0] - 4)
            for x in range(label.shape[1] - 4)
            if np.array_equal(labels[0], label[y : y + 5, x : x + 5])
        )
        assert abs(y - before_y) <= 0.5
        assert abs(x - before_x) <= 0.5
        np.testing.assert_array_equal(images, coded(labels))


@pytest.mark.parametrize(("crop_size", "augment"), [(1, True), (8, False), (20, True)])
def test_crops_have_their_size_whatever_the_photo(varied, crop_size, augment):
    batches = varied.batches(3, crop_size=crop_size, augment=augment)
    if keras.backend.backend() == "tensorflow":  # known without reading any
        assert batches.element_spec[0].shape == (None, crop_size, crop_size, 3)
    for images, labels in batches:
        assert images.shape == (3, crop_size, crop_size, 3)
        assert labels.shape == (3, crop_size, crop_size)


def test_the_scale_range_is_that_of_the_augmentation(rng):
    label = np.full((10, 10), 3)
    batches = Coded([label]).batches(
        crop_size=25, augment=True, scale_range=(1.5, 2), endless=True
    )
    widths = {int((labels[0, 0] == 3).sum()) for _, labels in begin(batches, 30)}
    assert widths == {15, 16, 17, 18, 19, 20}


def test_crops_lie_everywhere():
    rows = np.repeat(np.arange(20)[:, None], 4, axis=1)
    batches = Coded([rows]).batches(
        crop_size=3, augment=True, scale_range=(1, 1), endless=True
    )
    first = {int(labels[0, 0, 0]) for _, labels in begin(batches, 150)}
    assert first == set(range(18))


# Order, seeds and epochs


@pytest.mark.parametrize("n", [1, 7])
def test_every_epoch_sees_each_sample_once(n):
    batches = numbered(n).batches(4, crop_size=2, shuffle=True)
    for _ in range(3):
        assert sorted(order(batches)) == list(range(n))


def test_every_epoch_has_another_order():
    batches = numbered(16).batches(shuffle=True)
    orders = [tuple(order(batches)) for _ in range(5)]
    assert len(set(orders)) == 5
    assert tuple(range(16)) not in orders


def test_without_shuffling_the_order_stays():
    batches = numbered(9).batches(2)
    assert order(batches) == order(batches) == list(range(9))


RANDOM = {"crop_size": 6, "augment": True, "shuffle": True}


def test_one_seed_gives_one_sequence_of_epochs(varied):
    one, other = (varied.batches(2, **RANDOM, seed=5) for _ in range(2))
    first, second = epoch(one), epoch(one)
    assert_same(first, epoch(other))
    assert_same(second, epoch(other))


def test_another_seed_even_large_or_negative_gives_other_batches(varied):
    one, *others = (epoch(varied.batches(2, **RANDOM, seed=s)) for s in (0, -1, 2**40))
    for other in others:
        assert all(differ(a, b) for a, b in zip(one, other, strict=True))


def test_every_epoch_is_augmented_anew(varied):
    batches = varied.batches(2, crop_size=6, augment=True)
    one, other = epoch(batches), epoch(batches)
    assert all(differ(a, b) for a, b in zip(one, other, strict=True))


def test_the_samples_of_an_epoch_are_augmented_each_its_own_way(rng):
    label = rng.integers(0, 21, (30, 30))
    batches = Coded([label] * 8).batches(crop_size=6, augment=True)
    assert len({labels.tobytes() for _, labels in epoch(batches)}) == 8


def test_a_run_is_taken_up_at_any_epoch(varied):
    whole = varied.batches(2, **RANDOM)
    epoch(whole), epoch(whole)
    later = varied.batches(2, **RANDOM, first_epoch=2)
    for _ in range(2):
        assert_same(epoch(whole), epoch(later))


def test_endless_batches_are_the_epochs_in_a_row(varied):
    options = {**RANDOM, "first_epoch": 3}
    single = varied.batches(4, **options)
    endless = varied.batches(4, **options, endless=True)
    expected = [batch for _ in range(2) for batch in epoch(single)]
    assert_same(begin(endless, len(expected)), expected)
    # each look at it begins anew: nothing is lost to a look ahead
    assert_same(begin(endless, 1), expected[:1])


@pytest.mark.parametrize("crop_size", [None, 6])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_run_is_taken_up_at_any_batch(varied, shuffle, crop_size):
    options = {"crop_size": crop_size, "shuffle": shuffle, "augment": True}
    whole = begin(varied.batches(4, **options, endless=True), 3 * 2)
    for step in range(len(whole)):
        tail = varied.batches(4, **options, endless=True, first_step=step)
        assert_same(begin(tail, len(whole) - step), whole[step:])


def test_steps_are_counted_from_the_first_epoch(varied):
    whole = begin(varied.batches(4, **RANDOM, endless=True), 6)
    later = varied.batches(4, **RANDOM, endless=True, first_epoch=1, first_step=3)
    assert_same(begin(later, 1), whole[5:])


def test_a_shorter_first_epoch_is_refused_where_all_have_one_length(varied):
    with pytest.raises(ValueError, match="`first_step` must be 0 unless `endless"):
        varied.batches(first_step=1)


# One result, whoever makes it

KINDS = {
    "native": {"batch_size": 1},
    "padded": {"batch_size": 4, "shuffle": True},
    "mirrored": {"batch_size": 4, "augment": True},
    "middle": {"batch_size": 4, "crop_size": 7},
    "random": {"batch_size": 4, **RANDOM},
}


@pytest.mark.parametrize("workers", [1, 2, 7])
@pytest.mark.parametrize("kind", KINDS)
def test_threads_and_tf_data_make_the_same_batches(varied, kind, workers, need):
    need("tensorflow")
    from keras_fcn.datasets.batches.tf_data import tf_data_batches

    numbered = NumberedBatches(varied, **KINDS[kind], seed=3)
    expected = [numbered[number] for number in range(3 * numbered.per_epoch)]
    for engine in (tf_data_batches, ThreadedBatches):
        endless = engine(numbered, endless=True, workers=workers)
        assert_same(begin(endless, len(expected)), expected)
        finite = engine(numbered, workers=workers)
        epochs = [batch for _ in range(3) for batch in epoch(finite)]
        assert_same(epochs, expected)
        assert len(finite) == numbered.per_epoch


def test_workers_are_those_of_the_argument(varied):
    for workers in (1, 3):
        options = {**RANDOM, "workers": workers}
        assert_same(
            epoch(varied.batches(2, **options)), epoch(varied.batches(2, **RANDOM))
        )
    with pytest.raises(ValueError, match="workers=0"):
        varied.batches(workers=0)


def test_batches_are_arrays_of_their_own(varied):
    """Whoever writes into a batch changes no sample."""
    numbered = NumberedBatches(varied)
    for number, label in enumerate(varied.labels):
        image, batch = numbered[number]
        assert not np.shares_memory(batch, label)
        image[:], batch[:] = 1, 1
        assert not (label == 1).all()


def test_a_cache_changes_no_batch_and_reads_each_sample_once(varied):
    read = []

    class Counted(Coded):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    cached = Counted(varied.labels).batches(2, **RANDOM, cache=True)
    plain = varied.batches(2, **RANDOM)
    for _ in range(3):
        assert_same(epoch(cached), epoch(plain))
    assert sorted(read) == list(range(6))


# Numbers


@pytest.mark.parametrize(
    ("n", "sizes", "crop_size"),
    [(7, [3, 3, 1], None), (7, [3, 3, 1], 2), (6, [3, 3], None), (2, [2], None)],
)
def test_the_last_batch_may_be_smaller_and_len_counts_it(n, sizes, crop_size):
    batches = numbered(n).batches(3, crop_size=crop_size)
    assert [len(labels) for _, labels in batches] == sizes
    assert len(batches) == len(sizes)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("batch_size", 0),
        ("batch_size", -2),
        ("crop_size", 0),
        ("first_epoch", -1),
        ("first_step", -1),
        ("scale_range", (2, 1)),
        ("scale_range", (0, 1)),
        ("scale_range", (-1, 1)),
    ],
)
def test_an_impossible_number_is_refused_with_its_value(argument, value):
    received = f"{argument}={value}".replace("(", "[(]").replace(")", "[)]")
    with pytest.raises(ValueError, match=received):
        numbered(2).batches(**{argument: value})


@pytest.mark.fault(13)
def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match="Received: none"):
        Coded([]).batches()


def break_photo(folder):
    (folder / "JPEGImages" / "2007_000001.jpg").write_bytes(b"no image")


def test_a_file_that_breaks_while_training_is_named(tiny_voc):
    voc = VOCSegmentation(tiny_voc)
    break_photo(tiny_voc)
    with pytest.raises(Exception, match=r"2007_000001\.jpg.* is not an image"):
        epoch(voc.batches())


def test_a_file_that_breaks_while_training_is_named_by_fit(tiny_voc):
    voc = VOCSegmentation(tiny_voc)
    break_photo(tiny_voc)
    model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(21, 1)])
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=255
    )
    model.compile(loss=loss, jit_compile=False)
    with pytest.raises(Exception, match=r"2007_000001\.jpg.* is not an image"):
        model.fit(
            voc.batches(endless=True), steps_per_epoch=2, shuffle=False, verbose=0
        )


@pytest.mark.parametrize(
    ("sample", "received"),
    [
        ((np.zeros((4, 5, 3)), np.zeros((4, 5), "uint8")), "float64"),
        ((np.zeros((4, 5), "uint8"), np.zeros((4, 5), "uint8")), r"\(4, 5\) and"),
        ((np.zeros((4, 5, 3), "uint8"), np.zeros((5, 4), "uint8")), r"\(5, 4\)"),
        ((np.zeros((4, 5, 3), "uint8"), np.zeros((4, 5), int)), "int64"),
        ((np.zeros((4, 5, 1, 3), "uint8"), np.zeros((4, 5, 1), "uint8")), "5, 1"),
        ((Image.new("CMYK", (5, 4)), np.zeros((4, 5), "uint8")), "CMYK"),
        ((Image.new("RGB", (4, 5)), np.zeros((4, 5), "uint8")), r"5, 4, 3"),
    ],
)
def test_a_sample_that_is_none_is_refused_by_name(sample, received):
    class Wrong(Coded):
        def __getitem__(self, index):
            return sample

    wrong = Wrong([np.zeros((4, 5))])
    wrong.names = ("the first",)
    with pytest.raises(ValueError, match=f"the first.*{received}"):
        NumberedBatches(wrong)[0]


def test_photos_as_pillow_has_them_make_the_same_batches(varied):
    class Opened(Coded):
        def decoded(self, index):
            return Image.fromarray(coded(self.labels[index])), self.labels[index]

        def __getitem__(self, index):
            raise AssertionError("laid out in vain")

    for options in KINDS.values():
        ours = NumberedBatches(Opened(varied.labels), **options)
        arrays = NumberedBatches(varied, **options)
        for number in range(2 * arrays.per_epoch):
            assert_same([ours[number]], [arrays[number]])


def test_the_pipeline_reads_what_indexing_reads(tiny_voc):
    voc = VOCSegmentation(tiny_voc, "val")
    for i, (images, labels) in enumerate(epoch(voc.batches())):
        np.testing.assert_array_equal(images[0], voc[i][0])
        np.testing.assert_array_equal(labels[0], voc[i][1])
