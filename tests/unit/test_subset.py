import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_fcn.datasets import (
    FolderSegmentation,
    SampleSource,
    Shapes,
    Subset,
    hold_out,
)


class Numbers(SampleSource):
    """Samples whose photo and label hold their number, and which know their file."""

    class_names = ("ground", "cat")
    ignore_class = 7

    def __init__(self, names, tmp_path=None):
        self.names = tuple(names)
        self.folder = tmp_path

    def __getitem__(self, index):
        if not -len(self) <= index < len(self):
            raise IndexError("range")
        number = index % len(self)
        return np.full((2, 3 + number, 3), number, "uint8"), np.full((2, 3), number % 2)

    def image_file(self, index):
        return self.folder / self.names[index]


def test_a_subset_is_some_samples_in_their_given_order(tmp_path):
    whole = Numbers("abcdef", tmp_path)
    part = Subset(whole, [4, 1, 5])
    assert part.names == ("e", "b", "f")
    assert len(part) == 3
    assert [int(part.image(i)[0, 0, 0]) for i in range(3)] == [4, 1, 5]
    assert [int(part.label(i)[0, 0]) for i in range(3)] == [0, 1, 1]
    assert [int(image[0, 0, 0]) for image, _ in part] == [4, 1, 5]
    assert part.image_size(0) == (2, 7)
    assert part.image_file(2) == tmp_path / "f"
    assert (part.class_names, part.num_classes) == (("ground", "cat"), 2)
    assert part.ignore_class == 7


@pytest.mark.parametrize("index", [3, 100])
def test_an_index_past_the_end_is_refused(index):
    part = Subset(Numbers("abcdef"), [4, 1, 5])
    with pytest.raises(IndexError, match="range"):
        part[index]


def test_void_of_a_subset_is_void_of_the_whole():
    whole = Numbers("ab")
    whole.ignore_class = 1
    assert (Subset(whole, [1]).voc_label(0) == 255).all()


NAMES = st.lists(st.text(), min_size=2, max_size=40, unique=True)
SHARES = st.floats(0.001, 0.999)


@given(NAMES, SHARES, st.integers(0, 5))
def test_every_sample_is_on_one_side(names, share, seed):
    training, validation = hold_out(Numbers(names), share, seed)
    assert sorted(training.names + validation.names) == sorted(names)
    assert training.names == tuple(n for n in names if n in training.names)
    assert validation.names == tuple(n for n in names if n in validation.names)


@given(st.integers(2, 200), SHARES)
def test_the_share_is_held_out_rounded_and_no_side_is_empty(n, share):
    training, validation = hold_out(Numbers(map(str, range(n))), share)
    assert len(training) >= 1
    assert len(validation) >= 1
    if 1 < share * n < n - 1:
        assert abs(len(validation) - share * n) <= 0.5


@given(NAMES, st.integers(0, 5), st.randoms())
def test_neither_order_nor_kind_of_data_set_decides(names, seed, dice):
    mixed = dice.sample(names, len(names))
    one, other = (hold_out(Numbers(n), 0.3, seed)[1] for n in (names, mixed))
    assert {*one.names} == {*other.names}


@given(NAMES, st.integers(1, 39), SHARES)
def test_new_files_move_samples_to_one_side_only(names, number, share):
    before = {*names[: 1 + number % (len(names) - 1)], names[-1]}
    if len(before) < 2:
        return
    early = {*hold_out(Numbers(sorted(before)), share)[1].names}
    late = {*hold_out(Numbers(names), share)[1].names} & before
    assert early <= late or late <= early


def test_one_new_file_moves_one_sample_at_most():
    names = [f"photo {i}" for i in range(100)]
    for new in range(20):
        early = {*hold_out(Numbers(names), 0.25)[1].names}
        late = {*hold_out(Numbers([*names, f"new {new}"]), 0.25)[1].names}
        assert len(early - late) <= 1


def test_another_seed_holds_out_other_samples_and_the_same_seed_the_same():
    source = Shapes(num_samples=50)
    held = [hold_out(source, 0.2, seed)[1].names for seed in (0, 1, 0)]
    assert held[0] == held[2]
    assert len({*held[0]} & {*held[1]}) < 10


def test_every_sample_has_the_same_chance():
    names = [f"{i:03}" for i in range(20)]
    counts = dict.fromkeys(names, 0)
    for seed in range(400):
        for name in hold_out(Numbers(names), 0.25, seed)[1].names:
            counts[name] += 1
    # 400 draws of 1 in 4: 100 with a deviation of 9
    assert all(60 < count < 140 for count in counts.values())


def test_what_is_missing_is_told_once(tmp_path):
    source = Numbers("abcdef")
    source.missing = ("mask of z.jpg",)
    training, validation = hold_out(source, 0.5)
    assert training.missing + validation.missing == ("mask of z.jpg",)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match=f"`val_share`.*Received: {share}"):
        hold_out(Numbers("abc"), share)


@pytest.mark.fault(13)
@pytest.mark.parametrize("names", ["", "a"])
def test_one_sample_cannot_be_divided(names):
    with pytest.raises(ValueError, match=f"two of them. Received: {len(names)}"):
        hold_out(Numbers(names))


def test_a_folder_is_divided_by_the_names_of_its_files(tmp_path):
    from PIL import Image

    for folder in ("photos", "masks"):
        (tmp_path / folder).mkdir()
        for name in "abcdefgh":
            Image.new("L", (4, 3)).save(tmp_path / folder / f"{name}.png")
    source = FolderSegmentation(tmp_path / "photos", tmp_path / "masks", 2)
    assert (
        hold_out(source, 0.25)[1].names == hold_out(Numbers("abcdefgh"), 0.25)[1].names
    )
