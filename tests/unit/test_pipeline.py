import numpy as np
import pytest
import tensorflow as tf

from keras_fcn.datasets import SampleSource, VOCSegmentation
from keras_fcn.datasets.augment import crop, pad_to, random_flip, random_scale

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
        for image, label in zip(images.numpy(), labels.numpy(), strict=True):
            assert (image == coded(label)).all()
            numbers.append(int(label[0, 0]))
    return numbers


def epoch(batches):
    return [(images.numpy(), labels.numpy()) for images, labels in batches]


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


# One step of augmentation


def test_a_flip_mirrors_photo_and_label_together_about_every_second_time(rng):
    label = rng.integers(0, 21, (4, 5)).astype("uint8")
    flips = 0
    for seed in range(100):
        image, flipped = map(np.asarray, random_flip(coded(label), label, [0, seed]))
        np.testing.assert_array_equal(image, coded(flipped))
        mirrored = np.array_equal(flipped, label[:, ::-1])
        assert mirrored or np.array_equal(flipped, label)
        flips += mirrored
    assert 30 <= flips <= 70  # 50 +- 4 standard deviations of a fair coin


def test_scales_fill_the_range_evenly_in_octaves():
    label = np.zeros((100, 60), "uint8")
    scales = []
    for seed in range(80):
        image, scaled = random_scale(coded(label), label, [1, seed])
        assert image.shape[:2] == scaled.shape
        assert abs(scaled.shape[1] - 0.6 * scaled.shape[0]) <= 1  # one factor for both
        scales.append(scaled.shape[0] / 100)
    assert 0.5 <= min(scales) < 0.6
    assert 1.8 < max(scales) <= 2
    assert 22 <= sum(scale < 1 for scale in scales) <= 58  # 40 +- 4 deviations


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.7, 2.0])
def test_scaled_photo_and_label_have_their_edges_in_one_place(factor):
    label = np.zeros((40, 50), "uint8")
    label[12:, 20:] = 20
    image, scaled = random_scale(coded(label), label, [0, 0], factor, factor)
    image, scaled = np.asarray(image), np.asarray(scaled)
    assert scaled.shape == (round(40 * factor), round(50 * factor))
    assert set(np.unique(scaled)) == {0, 20}  # nearest: no label between two
    differs = (image[..., 0] > 100) != (scaled == 20)
    # within a pixel of the edge, and nowhere else
    rows, columns = np.nonzero(differs)
    away = abs(rows + 0.5 - 12 * factor), abs(columns + 0.5 - 20 * factor)
    assert (np.minimum(*away) <= 1).all()


def test_a_doubled_label_repeats_every_pixel(rng):
    label = rng.integers(0, 21, (5, 6)).astype("uint8")
    _, scaled = random_scale(coded(label), label, [0, 0], 2, 2)
    np.testing.assert_array_equal(scaled, np.kron(label, np.ones((2, 2), "uint8")))


def test_padding_is_void_and_of_the_mean_colour_below_and_right(rng):
    label = rng.integers(0, 21, (4, 9)).astype("uint8")
    image, padded = map(np.asarray, pad_to(coded(label), label, 6, 255))
    assert padded.shape == image.shape[:2] == (6, 9)
    np.testing.assert_array_equal(padded[:4], label)
    np.testing.assert_array_equal(image[:4], coded(label))
    assert (padded[4:] == 255).all()
    assert (image[4:] == MEAN).all()


@pytest.mark.parametrize(
    ("position", "first"),
    [([0.0, 0.0], (0, 0)), ([0.999, 0.999], (4, 6)), ([1.0, 0.0], (4, 0))],
)
def test_a_cut_reaches_every_corner(rng, position, first):
    label = rng.integers(0, 21, (9, 11)).astype("uint8")
    image, cut = crop(coded(label), label, 5, tf.constant(position))
    y, x = first
    np.testing.assert_array_equal(cut, label[y : y + 5, x : x + 5])
    np.testing.assert_array_equal(image, coded(cut))


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
    batches = varied.batches(augment=True, endless=True).take(5 * 6)
    flipped = 0
    for (image, label), expected in zip(epoch(batches), varied.labels * 5, strict=True):
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
    assert batches.element_spec[0].shape == (None, crop_size, crop_size, 3)
    for images, labels in batches:
        assert images.shape == (3, crop_size, crop_size, 3)
        assert labels.shape == (3, crop_size, crop_size)


def test_the_scale_range_is_that_of_the_augmentation(rng):
    label = np.full((10, 10), 3)
    batches = Coded([label]).batches(
        crop_size=25, augment=True, scale_range=(1.5, 2), endless=True
    )
    widths = {int((labels[0, 0] == 3).numpy().sum()) for _, labels in batches.take(30)}
    assert widths == {15, 16, 17, 18, 19, 20}


def test_crops_lie_everywhere():
    rows = np.repeat(np.arange(20)[:, None], 4, axis=1)
    batches = Coded([rows]).batches(
        crop_size=3, augment=True, scale_range=(1, 1), endless=True
    )
    first = {int(labels[0, 0, 0]) for _, labels in batches.take(150)}
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
    assert_same(epoch(endless.take(len(expected))), expected)
    # each look at it begins anew: nothing is lost to a look ahead
    assert_same(epoch(endless.take(1)), expected[:1])


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
        ("scale_range", (2, 1)),
        ("scale_range", (0, 1)),
        ("scale_range", (-1, 1)),
    ],
)
def test_an_impossible_number_is_refused_with_its_value(argument, value):
    received = f"{argument}={value}".replace("(", "[(]").replace(")", "[)]")
    with pytest.raises(ValueError, match=received):
        numbered(2).batches(**{argument: value})


def test_an_empty_data_set_is_refused():
    with pytest.raises(ValueError, match="Received: none"):
        Coded([]).batches()


def test_a_file_that_breaks_while_training_is_named(tiny_voc):
    voc = VOCSegmentation(tiny_voc)
    (tiny_voc / "JPEGImages" / "2007_000001.jpg").write_bytes(b"no image")
    with pytest.raises(tf.errors.OpError, match=r"2007_000001\.jpg"):
        epoch(voc.batches())


def test_the_pipeline_reads_what_indexing_reads(tiny_voc):
    voc = VOCSegmentation(tiny_voc, "val")
    for i, (images, labels) in enumerate(epoch(voc.batches())):
        np.testing.assert_array_equal(images[0], voc[i][0])
        np.testing.assert_array_equal(labels[0], voc[i][1])
