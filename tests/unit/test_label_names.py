import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_fcn.datasets.readers.label_names import find_label_names, read_label_names

CVAT = "# label:color_rgb:parts:actions\n"


@pytest.fixture
def read(tmp_path):
    """Write a file of classes and read it."""

    def written_and_read(text, name="labelmap.txt"):
        file = tmp_path / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_label_names(file)

    return written_and_read


# CVAT


def test_colours_are_labelled_in_the_order_of_the_file(read):
    found = read(CVAT + "background:0,0,0::\nroad:250,50,83::\ncat:51,221,255::\n")
    assert found.class_names == ("background", "road", "cat")
    assert found.colours == {(0, 0, 0): 0, (250, 50, 83): 1, (51, 221, 255): 2}


@pytest.mark.parametrize("name", ["background", "_background_"])
def test_the_background_is_0_wherever_it_stands(read, name):
    found = read(f"zebra:1,2,3::\ncat:4,5,6::\n{name}:7,8,9::\nant:0,0,0::\n")
    assert found.class_names == (name, "zebra", "cat", "ant")
    assert found.colours[7, 8, 9] == 0
    assert found.colours[0, 0, 0] == 3


@pytest.mark.parametrize("name", ["__ignore__", "ignore", "void"])
def test_void_is_no_class_wherever_it_stands(read, name):
    found = read(f"background:0,0,0::\n{name}:9,9,9::\ncat:1,1,1::\n")
    assert found.class_names == ("background", "cat")
    assert found.colours == {(0, 0, 0): 0, (9, 9, 9): 255, (1, 1, 1): 1}


def test_parts_and_actions_are_left_out(read):
    found = read("person:1,2,3:head,hand:jumping,running\n")
    assert found.colours == {(1, 2, 3): 0}


def test_a_map_without_colours_only_names_the_classes(read):
    found = read(CVAT + "background:::\ncat::tail:\n")
    assert (found.class_names, found.colours) == (("background", "cat"), {})


def test_what_a_person_typed_may_have_spaces_and_blank_lines(read):
    found = read("\n  # mine\n cat : 1, 2 ,3 : : \r\n\r\n\tblack cat:4,5,6\n\n")
    assert found.class_names == ("cat", "black cat")
    assert found.colours == {(1, 2, 3): 0, (4, 5, 6): 1}


NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters=":#"), min_size=1
) | st.sampled_from(["background", "_background_", "void", "two words", "Ünï 猫"])
COLOURS = st.tuples(*[st.integers(0, 255)] * 3)


@given(
    st.dictionaries(NAMES, COLOURS, min_size=1).filter(
        lambda d: len({*d.values()}) == len(d) and not {"void"}.issuperset(d)
    )
)
def test_any_names_and_colours_in_the_format_of_cvat_read_back(
    tmp_path_factory, classes
):
    file = tmp_path_factory.getbasetemp() / "labelmap.txt"
    lines = [f"{n}:{','.join(map(str, c))}::\n" for n, c in classes.items()]
    file.write_text(CVAT + "".join(lines), encoding="utf-8")
    found = read_label_names(file)
    voids = {"void", "ignore", "__ignore__"} & {*classes}
    assert {*found.class_names} == {*classes} - voids
    assert len(found.class_names) == len(classes) - len(voids)
    for name, colour in classes.items():
        label = found.colours[colour]
        assert label == 255 if name in voids else found.class_names[label] == name
    grounds = [n for n in classes if n in ("background", "_background_")]
    rest = [n for n in classes if n not in grounds and n not in voids]
    assert [*found.class_names] == grounds + rest


# labelme


def test_names_alone_are_labelled_in_their_order(read):
    found = read("_background_\nzebra\nant\n", "class_names.txt")
    assert found.class_names == ("_background_", "zebra", "ant")
    assert found.colours == {}


def test_names_alone_keep_their_order_even_if_the_background_is_not_first(read):
    assert read("cat\nbackground\nvoid\n").class_names == ("cat", "background", "void")


def test_labelmes_first_line_stands_for_void_and_is_left_out(read):
    found = read("__ignore__\n_background_\ncat", "labels.txt")
    assert found.class_names == ("_background_", "cat")


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf_background_\r\ncat\r\n",
        b"_background_\n\ncat",
        b"# mine\n_background_ \n\tcat\n",
    ],
    ids=["Windows", "blank", "spaces"],
)
def test_a_list_of_names_may_be_written_by_any_editor(read, text):
    assert read(text).class_names == ("_background_", "cat")


# Refusals


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a:0,0,0::\n# b\nb:1,1::\n", "labelmap.txt', line 3: '1,1'"),
        ("a:0,0,0,0::\n", "line 1: '0,0,0,0'"),
        ("a:0,0,256::\n", "line 1: '0,0,256'"),
        ("a:0,0,-1::\n", "line 1: '0,0,-1'"),
        ("a:0,0,0.5::\n", "line 1: '0,0,0.5'"),
        ("a:0,0,²::\n", "line 1: '0,0,²'"),
        (f"a:0,0,{'9' * 5000}::\n", "line 1: '0,0,999"),
        ("a:red::\n", "line 1: 'red'"),
        ("a:#ff0000::\n", "line 1: '#ff0000'"),
        ("a\n\nb\na\n", "line 4: 'a' again"),
        ("a:0,0,0::\na:1,1,1::\n", "line 2: 'a' again"),
        ("a:0,0,0::\nb:00,0,0::\n", "line 2: 'b:00,0,0::'"),
        (":0,0,0::\n", "line 1: ':0,0,0::'"),
        ("a:0,0,0::\nb\n", "every class a colour, or none. Received: both"),
        ("", "at least one class. Received: none"),
        ("# only\n\n", "at least one class. Received: none"),
        ("__ignore__\n", "at least one class. Received: none"),
        ("void:0,0,0::\n", "at least one class. Received: none"),
        (b"\xe9t\xe9\n", "labelmap.txt' must be UTF-8 text. Received: 'utf-8' codec"),
    ],
    ids=[
        *("two numbers", "four numbers", "256", "-1", "fraction", "superscript"),
        *("huge", "word", "hex", "name twice", "coloured name twice", "colour twice"),
        *("no name", "one without colour", "empty", "comment", "ignore", "void"),
        "Latin-1",
    ],
)
def test_a_wrong_line_is_told_with_its_file_and_number(read, text, message):
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        read(text)
    assert "labelmap.txt" in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"mine\.txt"):
        read_label_names(tmp_path / "mine.txt")


# Finding


def test_the_map_of_colours_comes_before_the_names(tmp_path):
    assert find_label_names(tmp_path) is None
    for name in ("labels.txt", "class_names.txt", "labelmap.txt"):
        (tmp_path / name).touch()
        assert find_label_names(tmp_path) == tmp_path / name


def test_a_folder_of_that_name_is_no_file_of_names(tmp_path):
    (tmp_path / "labels.txt").mkdir()
    assert find_label_names(tmp_path) is None
