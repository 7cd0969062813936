import gzip
import io
import tarfile

import pytest

from keras_fcn.archives import ArchiveError, unpack

# Sizes at and around the blocks of tar and of copying.
CONTENTS = {
    "kit/img/empty.jpg": b"",
    "kit/img/one.jpg": b"1",
    "kit/img/block.jpg": bytes(range(256)) * 2,
    "kit/img/more.jpg": bytes(range(256)) * 2 + b"x",
    "kit/img/large.jpg": bytes(range(251)) * 10_000,
    "kit/img/deep/er/file": b"deep",
    "kit/lists/a/train.txt": b"1\n2\n",
    "kit/val.txt": b"3\n",
    "kit/unwanted/file": b"unwanted" * 100,
    "kit/image/file": b"near the name of a wanted folder",
    "other/img/one.jpg": b"of another root",
    "readme": b"outside",
}
WANTED = ("img", "lists/a", "val.txt")


def write_tar(path, contents, mode="w", format=tarfile.PAX_FORMAT):
    with tarfile.open(path, mode, format=format) as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            member.mode = 0o4777
            archive.addfile(member, io.BytesIO(data))
    return path


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def names(folder):
    return sorted(path.name for path in folder.iterdir())


EXPECTED = {
    name.removeprefix("kit/"): data
    for name, data in CONTENTS.items()
    if name.startswith(("kit/img/", "kit/lists/a/", "kit/val.txt"))
}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize(
    "format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_the_wanted_files_come_out_byte_for_byte_and_no_others(tmp_path, mode, format):
    archive = write_tar(tmp_path / "kit.tar", CONTENTS, mode, format)
    new = unpack([archive], tmp_path / "new", root="kit", folders=WANTED)
    assert new == tmp_path / "new"
    assert files(new) == EXPECTED
    assert names(tmp_path) == ["kit.tar", "new"]


def test_names_that_begin_with_a_dot_are_those_without_it(tmp_path):
    archive = write_tar(
        tmp_path / "kit.tar", {f"./{name}": data for name, data in CONTENTS.items()}
    )
    new = unpack([archive], tmp_path / "new", root="kit", folders=WANTED)
    assert files(new) == EXPECTED


def test_folders_of_the_archive_are_no_trouble(tmp_path):
    with tarfile.open(tmp_path / "kit.tar", "w") as archive:
        for name in ("kit", "kit/img", "kit/img/empty", "kit/unwanted"):
            member = tarfile.TarInfo(name)
            member.type = tarfile.DIRTYPE
            member.mode = 0  # would forbid to write in it
            archive.addfile(member)
        archive.addfile(tarfile.TarInfo("kit/img/file"))
    new = unpack([tmp_path / "kit.tar"], tmp_path / "new", root="kit", folders=["img"])
    assert files(new) == {"img/file": b""}


def test_permissions_are_those_of_new_files(tmp_path):
    archive = write_tar(tmp_path / "kit.tar", {"kit/img/file": b"set-uid"})
    new = unpack([archive], tmp_path / "new", root="kit", folders=["img"])
    (tmp_path / "plain").touch()
    assert (new / "img" / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_several_archives_come_together(tmp_path):
    first = write_tar(tmp_path / "1.tar", {"kit/img/1": b"1", "kit/both": b"same"})
    second = write_tar(
        tmp_path / "2.tgz", {"kit/img/2": b"2", "kit/both": b"same"}, "w:gz"
    )
    new = unpack([first, second], tmp_path / "new", root="kit", folders=["img", "both"])
    assert files(new) == {"img/1": b"1", "img/2": b"2", "both": b"same"}


@pytest.mark.parametrize("other", [b"other", b"sam", b"same+", b""])
def test_archives_that_contradict_each_other_are_refused(tmp_path, other):
    first = write_tar(tmp_path / "1.tar", {"kit/both": b"same"})
    second = write_tar(tmp_path / "2.tar", {"kit/both": other})
    with pytest.raises(ArchiveError, match=r"2\.tar.*each name once.*kit/both"):
        unpack([first, second], tmp_path / "new", root="kit", folders=["both"])
    assert names(tmp_path) == ["1.tar", "2.tar"]


@pytest.mark.parametrize("make", ["mkdir", "touch", "symlink"])
def test_a_folder_that_is_there_is_left_alone(tmp_path, make):
    archive = write_tar(tmp_path / "kit.tar", CONTENTS)
    new = tmp_path / "new"
    if make == "symlink":
        new.symlink_to(tmp_path / "nowhere")
    else:
        getattr(new, make)()
    with pytest.raises(FileExistsError, match="must be a new folder"):
        unpack([archive], new, root="kit", folders=WANTED)
    assert names(tmp_path) == ["kit.tar", "new"]


def test_an_archive_without_a_wanted_folder_is_refused(tmp_path):
    archive = write_tar(tmp_path / "kit.tar", {"kit/img/file": b"x"})
    with pytest.raises(ArchiveError, match="must hold 'kit/cls'"):
        unpack([archive], tmp_path / "new", root="kit", folders=["img", "cls"])
    assert names(tmp_path) == ["kit.tar"]


@pytest.mark.parametrize("error", [KeyboardInterrupt("^C"), OSError("full")], ids=repr)
def test_after_an_interrupt_nothing_is_left(tmp_path, error):
    archive = write_tar(tmp_path / "kit.tar", CONTENTS)
    seen = []

    def stop(done, total):
        seen.extend(tmp_path.rglob("*"))
        if done > total / 2:
            raise error

    with pytest.raises(type(error)):
        unpack([archive], tmp_path / "new", root="kit", folders=WANTED, progress=stop)
    assert len(seen) > 2  # there was something to remove
    assert tmp_path / "new" not in seen
    assert names(tmp_path) == ["kit.tar"]


def test_progress_counts_the_bytes_of_all_archives(tmp_path):
    first = write_tar(tmp_path / "1.tar", CONTENTS)
    second = write_tar(tmp_path / "2.tgz", {"kit/img/2": b"2"}, "w:gz")
    seen = []
    unpack(
        [first, second],
        tmp_path / "new",
        root="kit",
        folders=WANTED,
        progress=lambda *counts: seen.append(counts),
    )
    total = first.stat().st_size + second.stat().st_size
    assert {counts[1] for counts in seen} == {total}
    done = [counts[0] for counts in seen]
    assert done == sorted(done)
    assert done[0] < total
    assert done[-1] == total


@pytest.mark.parametrize(
    ("limit", "fits"), [({"max_files": 12}, True), ({"max_files": 11}, False)]
)
def test_every_entry_counts_wanted_or_not(tmp_path, limit, fits):
    archive = write_tar(tmp_path / "kit.tar", CONTENTS)
    options = {"root": "kit", "folders": WANTED, **limit}
    if fits:
        unpack([archive], tmp_path / "new", **options)
    else:
        with pytest.raises(ArchiveError, match="at most 11 entries"):
            unpack([archive], tmp_path / "new", **options)
        assert names(tmp_path) == ["kit.tar"]


def test_archives_made_of_several_gzip_streams_are_read_to_their_end(tmp_path):
    data = write_tar(tmp_path / "kit.tar", CONTENTS).read_bytes()
    cut = len(data) // 2
    parts = gzip.compress(data[:cut]) + gzip.compress(data[cut:])
    (tmp_path / "kit.tgz").write_bytes(parts)
    new = unpack([tmp_path / "kit.tgz"], tmp_path / "new", root="kit", folders=WANTED)
    assert files(new) == EXPECTED
