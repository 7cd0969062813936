import importlib
import weakref

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.progress import Progress

import keras_fcn
from keras_fcn import runs
from keras_fcn.images import image_size, read_label
from keras_fcn.inference.mosaic import _Mosaic, label_by_tiles
from keras_fcn.inference.predict import write_prediction
from keras_fcn.inference.tiles import tile_starts, tile_weights

from ..end_to_end.test_command_line import run, words

module = importlib.import_module("keras_fcn.inference.predict")  # not the function

TILES = st.integers(128, 300).flatmap(
    lambda tile: st.tuples(st.just(tile), st.integers(0, tile // 2))
)


@given(length=st.integers(1, 3000), tiles=TILES)
def test_tiles_cover_a_side_on_the_grid_and_overlap_by_what_is_asked(length, tiles):
    tile, overlap = tiles
    size, starts = tile_starts(length, tile, overlap)
    assert size == length if length <= tile else size <= tile
    assert starts[0] == 0
    assert starts[-1] + size == length
    assert not any(start % 32 for start in starts)
    steps = np.diff(starts)
    assert (steps > 0).all()
    assert (size - steps >= overlap).all()


@given(length=st.integers(1, 3000), tiles=TILES)
def test_the_weights_of_all_tiles_sum_to_one_at_each_pixel(length, tiles):
    size, starts = tile_starts(length, *tiles)
    total = np.zeros(length)
    for start, weights in zip(starts, tile_weights(length, size, starts), strict=True):
        assert weights.shape == (size,)
        assert (weights >= 0).all()
        total[start : start + size] += weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_weights_change_in_a_line_in_the_middle_quarter_of_what_is_shared():
    left, right = tile_weights(96, 64, [0, 32])
    np.testing.assert_array_equal(left[:44], 1)  # 32 and 3/8 of 32
    np.testing.assert_allclose(left[44:52], np.arange(15, 0, -2) / 16)
    np.testing.assert_array_equal(left[52:], 0)
    np.testing.assert_array_equal(right, left[::-1])


def whole_numbers(rgb):
    """Scores of five classes, whole numbers that are equal here and there."""
    rgb = rgb.astype("float32")
    mixed = [rgb @ [1, 2, -3], rgb @ [-2, 1, 1], rgb @ [0, 3, -3], rgb @ [3, 0, -3]]
    return np.stack([*mixed, np.full(rgb.shape[:2], 5)], axis=-1).astype("float32")


@settings(max_examples=60)
@given(
    height=st.integers(1, 420),
    width=st.integers(1, 420),
    tiles=TILES,
    is_file=st.booleans(),
)
def test_what_sees_one_pixel_labels_it_as_in_the_whole_photo(
    height, width, tiles, is_file
):
    rng = np.random.default_rng(height * width)
    photo = rng.integers(0, 8, (height, width, 3), "uint8")
    sizes = set()

    def score(cut):
        sizes.add(cut.shape)
        return whole_numbers(cut)

    given_as = Image.fromarray(photo) if is_file else photo
    labels = label_by_tiles(score, given_as, 5, *tiles)
    assert labels.dtype == "uint8"
    np.testing.assert_array_equal(labels, whole_numbers(photo).argmax(-1))
    assert len(sizes) == 1  # JAX compiles for each
    assert max(next(iter(sizes))) <= tiles[0]


def seeing(radius):
    """Scores that depend on pixels up to so far away, zeros standing outside."""

    def score(cut):
        spread = np.pad(
            cut[..., :2].astype("float32"), [(radius, radius)] * 2 + [(0, 0)]
        )
        for axis in (0, 1):
            spread = spread.cumsum(axis)
            first = np.zeros_like(spread.take([0], axis))
            spread = np.concatenate([first, spread], axis)
            n = spread.shape[axis] - 2 * radius - 1
            ends, begins = np.arange(n) + 2 * radius + 1, np.arange(n)
            spread = spread.take(ends, axis) - spread.take(begins, axis)
        return spread

    return score


# Of 64 pixels that are shared, the outer 24 on either side are one tile's alone.
@pytest.mark.parametrize(("radius", "equal"), [(0, True), (24, True), (60, False)])
def test_a_net_that_sees_less_than_three_eighths_of_the_overlap_labels_alike(
    radius, equal, rng
):
    photo = rng.integers(0, 2, (500, 300, 3), "uint8") * 255
    labels = label_by_tiles(seeing(radius), photo, 2, tile=128, overlap=64)
    whole = seeing(radius)(photo).argmax(-1)
    assert 0 < whole.mean() < 1
    assert np.array_equal(labels, whole) == equal


@pytest.mark.parametrize("size", [(200, 900), (900, 200)])
def test_what_is_kept_for_the_next_row_is_as_long_as_the_shorter_side(size):
    mosaic = _Mosaic(size, 7, 128, 32)
    assert mosaic.below.shape[0] < 128
    assert mosaic.below.shape[1:] == (200, 7)


def test_300_classes_have_labels_of_more_than_a_byte():
    score = lambda cut: np.arange(300.0) * np.ones((*cut.shape[:2], 1))  # noqa: E731
    labels = label_by_tiles(score, np.zeros((130, 5, 3), "uint8"), 300, 128, 0)
    assert (labels == 299).all()


@pytest.fixture(scope="module")
def model():
    """A network that labels each pixel by whole numbers."""
    image = keras.Input((None, None, 3))
    layer = keras.layers.Conv2D(3, 1, data_format="channels_last")
    net = keras.Model(image, layer(image))
    kernel = np.array([[1, 2, -3], [-2, 1, 1], [0, 0, 0]], "float32").T
    layer.set_weights([kernel[None, None], np.array([0, 0, 5], "float32")])
    return net


@pytest.mark.parametrize(("tile", "overlap"), [(128, 0), (150, 75), (256, None)])
def test_predict_in_tiles_gives_the_labels_of_the_whole(
    tile, overlap, model, rng, tmp_path
):
    photo = rng.integers(0, 256, (333, 270, 3), "uint8")
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file)
    seen = []

    def progress(tiles):
        for one in tiles:
            seen.append(one)
            yield one

    expected = keras_fcn.predict(model, photo, tile=None, progress=progress)
    assert not seen
    for image in (photo, file):
        options = {"tile": tile, "overlap": overlap, "progress": progress}
        (labels,) = keras_fcn.predict(model, [image], **options)
        np.testing.assert_array_equal(labels, expected)
    assert len(seen) == len(set(seen)) * 2 >= 8


def test_photos_above_a_limit_go_through_in_tiles_by_themselves(model, monkeypatch):
    monkeypatch.setattr(module, "WHOLE", 200 * 200)
    monkeypatch.setattr(module, "TILE", 128)

    def tiles_of(size, **options):
        count = []
        photo = np.zeros((*size, 3), "uint8")
        wrap = lambda tiles: count.extend(tiles) or count  # noqa: E731
        labels = keras_fcn.predict(model, photo, progress=wrap, **options)
        assert labels.shape == size
        return len(count)

    assert tiles_of((200, 200)) == 0
    assert tiles_of((200, 201)) == 9
    assert tiles_of((200, 201), tile=None) == 0
    assert tiles_of((128, 128), tile=128) == 0  # one tile is the whole
    assert tiles_of((129, 128), tile=128) == 2


def test_the_automatic_tile_needs_less_than_the_largest_photo_taken_whole():
    assert module.TILE**2 <= module.WHOLE
    assert module.choose_tiles() == (module.WHOLE, module.TILE, module.TILE // 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"tile": 127},
            "`tile` must be an integer of at least 128. Received: tile=127",
        ),
        ({"tile": "big"}, "Received: tile='big'"),
        ({"tile": True}, "Received: tile=True"),
        ({"tile": 128, "overlap": 65}, "half of the tile, 64. Received: overlap=65"),
        ({"tile": 128, "overlap": -1}, "Received: overlap=-1. Pass"),
        ({"overlap": 1000}, "Received: overlap=1000"),
    ],
)
def test_tiles_that_cannot_be_are_refused_for_small_photos_too(options, message, model):
    with pytest.raises(ValueError, match=message):
        keras_fcn.predict(model, np.zeros((5, 5, 3), "uint8"), **options)


def test_pictures_of_a_huge_photo_are_small_and_its_labels_are_not(
    model, rng, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "DRAWN", 100 * 75)
    photo = np.zeros((300, 400, 3), "uint8")
    photo[:150] = 255
    file = tmp_path / "photo.png"
    Image.fromarray(photo).save(file)
    names = ("a", "b", "c")
    labels, overlay, sheet = write_prediction(model, file, tmp_path, names, "out")
    np.testing.assert_array_equal(read_label(labels), keras_fcn.predict(model, photo))
    assert image_size(overlay)[1] == 100
    assert image_size(sheet)[1] < 2 * 400  # three pictures, enlarged as small ones are
    image, label = module._drawn(Image.fromarray(photo), read_label(labels))
    assert image.shape == (75, 100, 3)
    np.testing.assert_array_equal(label, read_label(labels)[2::4, 2::4])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    from keras_fcn.runs import RunConfig, write_config

    folder = tmp_path_factory.mktemp("run")
    config = RunConfig(width=0.02, topology="same", class_names=("one", "two"))
    write_config(folder, config)
    keras_fcn.save_weights(config.build(), folder / "best.safetensors")
    return folder


def test_the_verb_takes_tiles_and_shows_how_far_it_is(
    trained, rng, tmp_path, monkeypatch
):
    shown, add_task = [], Progress.add_task

    def recorded(self, description, **options):
        shown.append(description)
        return add_task(self, description, **options)

    monkeypatch.setattr(Progress, "add_task", recorded)
    photo = tmp_path / "huge[1].png"
    Image.fromarray(rng.integers(0, 256, (150, 280, 3), "uint8")).save(photo)
    options = ["--tile", 128, "--overlap", 32, "--precision", "float32"]
    said = words(
        run("predict", trained, photo, *options, "-o", tmp_path / "out").stdout
    )
    assert "1 of 1 photos labelled" in said
    assert shown == ["Predicting", "Tiles of huge[1].png"]
    model, _ = keras_fcn.load_run(trained)
    expected = keras_fcn.predict(model, photo, tile=128, overlap=32)
    labels = read_label(tmp_path / "out" / "huge[1].png")
    assert np.mean(labels == expected) > 0.999  # it predicts with a folded network


def test_the_verb_refuses_tiles_before_it_reads_anything(tmp_path):
    said = run("predict", tmp_path, tmp_path, "--tile", 5, check=False)
    assert said.returncode != 0
    assert "`tile` must be an integer of at least 128." in said.stderr


def test_the_network_as_it_was_loaded_is_gone_before_the_first_photo(
    trained, tmp_path, monkeypatch
):
    loaded, there = [], []

    def load_run(*arguments):
        model, config = load(*arguments)
        loaded.append(weakref.ref(model))
        return model, config

    def write_prediction(*arguments, **options):
        there.append(loaded[-1]() is not None)
        return write(*arguments, **options)

    load, write = runs.load_run, module.write_prediction
    monkeypatch.setattr(runs, "load_run", load_run)
    monkeypatch.setattr(module, "write_prediction", write_prediction)
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((40, 40, 3), "uint8")).save(photo)
    options = ["--precision", "mixed_bfloat16", "-o", tmp_path / "out"]
    run("predict", trained, photo, *options)
    assert there == [False]


def test_the_verb_reads_as_many_megapixels_as_it_is_told(
    trained, tmp_path, monkeypatch
):
    photo = tmp_path / "photo.png"
    Image.fromarray(np.zeros((40, 40, 3), "uint8")).save(photo)
    arguments = ["predict", trained, photo, "-o", tmp_path / "out"]
    with monkeypatch.context() as limited:
        limited.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
        assert run(*arguments, check=False).returncode != 0
        run(*arguments, "--max-megapixels", 0.0016)
        assert Image.MAX_IMAGE_PIXELS == 1000  # as it was
    assert read_label(tmp_path / "out" / "photo.png").shape == (40, 40)
