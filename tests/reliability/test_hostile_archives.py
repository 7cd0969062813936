"""Archives made to do harm: each is refused, or does what any archive does."""

import gzip
import io
import os
import random
import tarfile
import tracemalloc

import pytest

from keras_fcn.archives import ArchiveError, unpack

pytestmark = pytest.mark.fault(21)

GOOD = {
    "kit/more/0.jpg": b"zero",
    "kit/img/1.jpg": b"\xff\xd8one",
    "kit/img/2.jpg": bytes(range(256)) * 99,
}
MANY = 1 << 40


def header(name, size=0, type=tarfile.REGTYPE, link="", **attributes):
    member = tarfile.TarInfo(name)
    member.size, member.type, member.linkname = size, type, link
    for key, value in attributes.items():
        setattr(member, key, value)
    return member.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def padded(data):
    return data + bytes(-len(data) % 512)


def file(name, data=b"evil"):
    return header(name, len(data)) + padded(data)


def link(name, to, type=tarfile.SYMTYPE):
    return header(name, type=type, link=to)


def special(name, type):
    return header(name, type=type, devmajor=1, devminor=3)


def pax(records, type=tarfile.XHDTYPE):
    data = b""
    for key, value in records.items():
        line = b" " + key.encode() + b"=" + value + b"\n"
        size = len(line) + 1
        while len(str(size)) + len(line) != size:
            size += 1
        data += str(size).encode() + line
    return header("pax", len(data), type) + padded(data)


def long_name(name):
    data = name.encode() + b"\0"
    return header("././@LongLink", len(data), tarfile.GNUTYPE_LONGNAME) + padded(data)


def broken(data, at, by=b"\xff"):
    return data[:at] + by + data[at + len(by) :]


GOOD_FILES = b"".join(file(name, data) for name, data in GOOD.items())
END = bytes(1024)


def longest_links():
    """Links that lead ever deeper, until the whole path is too long to be checked."""
    deep, steps = "d" * 247, b""
    path = "kit/img"
    for letter in "abcdefghijklmnop":
        steps += header(f"{path}/{deep}", type=tarfile.DIRTYPE)
        steps += link(f"{path}/{letter}", deep)
        path += f"/{letter}"
    steps += link(f"{path}/{'l' * 254}", "../" * 16)
    steps += link("kit/img/escape", f"{path}/{'l' * 254}/../../outside")
    return steps + file("kit/img/escape/evil")


# Each is the middle of an archive that is good before and after it; by the reason for
# which it is refused.
HOSTILE = {
    "relative names": {
        "parent": file("kit/img/../../../evil"),
        "parent first": file("../evil"),
        "parent outside": file("elsewhere/../../evil"),
        "parent as a name": file("kit/img/.."),
        "parent by pax": pax({"path": b"kit/img/../../../evil"})
        + file("kit/img/3.jpg"),
        "absolute": file("/tmp/evil"),
        "absolute twice": file("//tmp/evil"),
        "absolute by pax for all": pax({"path": b"/evil"}, tarfile.XGLTYPE) + file("x"),
        "root itself": file("/"),
        "backslash": file("kit\\img\\..\\..\\evil"),
        "backslash in a wanted name": file("kit/img/..\\..\\evil"),
        "drive letter": file("C:/evil"),
        "drive without a slash": file("c:evil"),
        "zero by pax": pax({"path": b"kit/img/a\0b"}) + file("kit/img/3.jpg"),
        "long name": long_name("kit/img/" + "x" * 256) + file("x"),
        "long path": long_name("kit/img/" + "x/" * 2000 + "x") + file("x"),
        "deep path": long_name("kit/img/" + "x/" * 20 + "x") + file("x"),
    },
    "names that any system can write": {
        "stream of a file": file("kit/img/1.jpg:evil"),
        "newline": file("kit/img/a\nb"),
        "escape sequence": file("kit/img/\x1b[2Jevil"),
        "not utf-8": file("kit/img/\udcff"),
        "dot at the end": file("kit/img/1.jpg."),
        "space at the end": file("kit/img/1.jpg "),
    },
    "plain files.*a symbolic link": {
        "symbolic link": link("kit/img/evil", "../../../evil"),
        "symbolic link within": link("kit/img/3.jpg", "1.jpg"),
        "file through a link": link("kit/img/to", "../../..") + file("kit/img/to/evil"),
        "wanted folder is a link": link("kit/more", "../..") + file("kit/more/evil"),
        "chain of links": link("kit/img/a", "..")
        + link("kit/img/a/b", "..")
        + link("kit/img/a/b/c", "..")
        + file("kit/img/a/b/c/evil"),
        "longest chain of links": longest_links(),
        "link by pax": pax({"linkpath": b"/etc/passwd"}) + link("kit/img/evil", "x"),
    },
    "plain files.*a hard link": {
        "hard link": link("kit/img/evil", "/etc/passwd", tarfile.LNKTYPE),
        "hard link within": link("kit/img/3.jpg", "kit/img/1.jpg", tarfile.LNKTYPE),
        "hard link with data": header(
            "kit/img/3.jpg", 4, tarfile.LNKTYPE, "kit/img/1.jpg"
        ),
    },
    "plain files.*(a device|a pipe|type b'Z')": {
        "character device": special("kit/img/null", tarfile.CHRTYPE),
        "block device": special("kit/img/disk", tarfile.BLKTYPE),
        "pipe": special("kit/img/pipe", tarfile.FIFOTYPE),
        "unknown type": header("kit/img/x", type=b"Z"),
    },
    "plain files.*a sparse or malformed file": {
        "sparse": header("kit/img/x", type=tarfile.GNUTYPE_SPARSE),
        "sparse elsewhere": header("x", type=tarfile.GNUTYPE_SPARSE),
        "sparse by pax": pax({"GNU.sparse.size": b"9999", "GNU.sparse.map": b"0,4"})
        + file("kit/img/x"),
        "sparse by pax 1.0": pax({"GNU.sparse.major": b"1", "GNU.sparse.minor": b"0"})
        + file("kit/img/x", b"1\n0\n512\n".ljust(512, b"\0") + bytes(512)),
        "negative size": header("kit/img/x", -1024),
        "negative size by pax": pax({"size": b"-1024"}) + file("kit/img/x"),
    },
    "unpack to at most 20000000000 bytes": {
        "30 GB declared": header("kit/img/x", 30 * 10**9),
        "1 TB declared elsewhere": header("x", MANY),
        "size by pax": pax({"size": str(MANY).encode()}) + file("kit/img/x"),
    },
    "each name once": {
        "name twice": file("kit/img/1.jpg"),
        "file twice": file("kit/img/1.jpg", GOOD["kit/img/1.jpg"]),
        "name twice with another dot": file("kit/./img//1.jpg"),
        "name twice by pax": pax({"path": b"kit/img/1.jpg"}) + file("kit/img/3.jpg"),
    },
    "more than upper and lower case": {
        "case": file("kit/img/1.JPG"),
        "case of a folder": file("kit/img/a/1") + file("kit/img/A/2"),
        "composed letters": file("kit/img/\u00e9") + file("kit/img/e\u0301"),
    },
    "a file or a folder of a name, not both": {
        "file where a folder must be": file("kit/img/1.jpg/x"),
        "folder where a file is": header("kit/img/1.jpg", type=tarfile.DIRTYPE),
        "file where a folder is": file("kit/img/a/1") + file("kit/img/a"),
    },
    "a whole tar archive": {
        "10 GB declared": header("kit/img/x", 10 * 10**9),
        "size that is no number": broken(header("kit/img/x"), 124, b"horse"),
        "long name of 1 TB": header("x", MANY, tarfile.GNUTYPE_LONGNAME),
        "header of 1 TB": header("x", MANY, tarfile.XHDTYPE),
        "headers of headers": long_name("x") * 5000 + file("x"),
        "pax of many digits": header("x", 5004, tarfile.XHDTYPE)
        + padded(b"9" * 5000 + b" a=b")
        + file("x"),
        "checksum of a header": broken(file("kit/img/3.jpg"), 3),
        "text in the middle": b"not a header".ljust(512),
    },
}


def snapshot(folder):
    paths = sorted(folder.rglob("*"))
    assert not any(path.is_symlink() for path in paths)
    assert not any(path.is_file() and path.stat().st_nlink > 1 for path in paths)
    return {
        path.relative_to(folder).as_posix(): path.is_file() and path.read_bytes()
        for path in paths
    }


def unpack_in(folder, data, **options):
    """Unpack an archive two folders deep in `folder`; return all that is there."""
    inner = folder / "outside" / "inner"
    inner.mkdir(parents=True)
    (inner / "kit.tar").write_bytes(data)
    before = snapshot(folder)
    options = {"root": "kit", "folders": ["img", "more"], **options}
    error = None
    try:
        unpack([inner / "kit.tar"], inner / "new", **options)
    except ArchiveError as caught:
        error = str(caught)
    after = snapshot(folder)
    assert {name: after.pop(name) for name in before} == before
    if error:
        assert after == {}
        assert "kit.tar" in error
        raise ArchiveError(error)
    prefix = "outside/inner/new"
    assert all(name.startswith(prefix) for name in after)
    return {name[len(prefix) + 1 :]: data for name, data in after.items() if data}


def unpacked_good():
    return {name.removeprefix("kit/"): data for name, data in GOOD.items()}


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["tar", "gz"])
@pytest.mark.parametrize(
    ("reason", "middle"),
    [
        pytest.param(reason, middle, id=name)
        for reason, cases in HOSTILE.items()
        for name, middle in cases.items()
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    tmp_path, reason, middle, compress
):
    data = compress(GOOD_FILES + middle + file("kit/img/9.jpg") + END)
    with pytest.raises(ArchiveError, match=reason):
        unpack_in(tmp_path, data)


@pytest.mark.parametrize(
    "middle",
    {
        "a symbolic link": link("kit/other", "/"),
        "a hard link": link("other", "kit/img/1.jpg", tarfile.LNKTYPE),
        "a hard link that tells a size": header("other", MANY, tarfile.LNKTYPE, "x"),
        "a device": special("kit/other/null", tarfile.CHRTYPE),
        "an unknown type": header("other", 5, b"Z") + padded(b"12345"),
        "a name twice": file("kit/other") * 2,
        "a colon": file("kit/other/a:b"),
        "the root in capitals": file("KIT/img/1.jpg"),
        "the folder in capitals": file("kit/IMG/1.jpg"),
        "a name by pax": pax({"path": b"kit/other"}) + file("kit/img/1.jpg"),
        "a long name": long_name("x/" + "y" * 200) + file("kit/img/1.jpg"),
    }.items(),
    ids=lambda item: item[0],
)
def test_what_is_not_wanted_is_passed_over(tmp_path, middle):
    data = GOOD_FILES + middle[1] + END
    assert unpack_in(tmp_path, data) == unpacked_good()


@pytest.mark.parametrize(
    "middle",
    {
        "an archive": file("kit/img/3.tar", GOOD_FILES + file("../evil") + END),
        "a long name": long_name("kit/img/" + "y" * 200) + file("x"),
        "a name by pax": pax({"path": "kit/img/\u00fc".encode()}) + file("x"),
        "a name that begins with dots": file("kit/img/...x"),
    }.items(),
    ids=lambda item: item[0],
)
def test_odd_but_harmless_files_come_out(tmp_path, middle):
    found = unpack_in(tmp_path, GOOD_FILES + middle[1] + END)
    assert len(found) == len(GOOD) + 1
    assert found.items() > unpacked_good().items()


@pytest.mark.parametrize(
    "data",
    {
        "empty": b"",
        "text": b"Moved permanently\n",
        "long text": b"<!DOCTYPE html>\n" * 1000,
        "zeros for a start": END + GOOD_FILES + END,
        "nothing but an end": END,
        "no end": GOOD_FILES,
        "half a header": GOOD_FILES + file("kit/img/3.jpg")[:300],
        "half a file": GOOD_FILES[:-3000],
        "half of what is not wanted": GOOD_FILES + file("x", bytes(9999))[:-5000],
        "gzip of nothing": gzip.compress(b""),
        "gzip cut short": gzip.compress(GOOD_FILES + END)[:-9],
        "gzip cut in its header": gzip.compress(GOOD_FILES + END)[:5],
        "gzip with a wrong sum": broken(gzip.compress(GOOD_FILES + END), -8, b"sum!"),
        "gzip with a wrong sum after zeros": broken(
            gzip.compress(GOOD_FILES + END + bytes(50_000)), -8, b"sum!"
        ),
        "gzip with a wrong bit": broken(gzip.compress(GOOD_FILES + END), 60),
        "gzip in gzip": gzip.compress(gzip.compress(GOOD_FILES + END)),
        "zip": b"PK\x03\x04" + bytes(600),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_damaged_archive_is_refused(tmp_path, data):
    with pytest.raises(ArchiveError, match="must"):
        unpack_in(tmp_path, data[1])


@pytest.mark.parametrize(
    "middle",
    [file("kit/img/bomb", bytes(60_000_000)), file("elsewhere", bytes(60_000_000))],
    ids=["wanted", "elsewhere"],
)
def test_a_small_archive_does_not_become_a_large_folder(tmp_path, middle):
    bomb = gzip.compress(GOOD_FILES + middle + END, 1)
    assert len(bomb) < 1_000_000
    with pytest.raises(ArchiveError, match="at most 50000000 bytes"):
        unpack_in(tmp_path, bomb, max_bytes=50e6)


def test_two_archives_share_one_limit(tmp_path):
    half = GOOD_FILES + END
    (tmp_path / "1.tar").write_bytes(half)
    (tmp_path / "2.tar").write_bytes(half)
    options = {"root": "kit", "folders": ["img"]}
    paths = [tmp_path / "1.tar", tmp_path / "2.tar"]
    with pytest.raises(ArchiveError, match=r"2\.tar.*at most"):
        unpack(paths, tmp_path / "new", max_bytes=1.5 * len(half), **options)
    unpack(paths, tmp_path / "new", max_bytes=2 * len(half), **options)


def peak(do):
    """Return how much memory a call needs at most."""
    tracemalloc.start()
    try:
        do()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_headers_without_end_are_refused_before_they_fill_the_memory(tmp_path):
    name = b"x" * 40_000_000
    data = header("x", len(name), tarfile.GNUTYPE_LONGNAME) + padded(name)
    bomb = gzip.compress(GOOD_FILES + data + END, 1)

    def refuse():
        with pytest.raises(ArchiveError, match="headers of more than"):
            unpack_in(tmp_path, bomb)

    assert peak(refuse) < 10_000_000


@pytest.mark.parametrize("type", [tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_what_headers_say_is_forgotten_with_their_file(tmp_path, type):
    entries = [
        pax({f"comment{i}": b"x" * 60_000}, type) + file(f"other/{i}")
        for i in range(150)
    ]
    bomb = gzip.compress(GOOD_FILES + b"".join(entries) + END, 1)
    del entries
    assert peak(lambda: unpack_in(tmp_path, bomb)) < 5_000_000


def test_zeros_after_the_end_are_not_read_without_end(tmp_path):
    bomb = gzip.compress(GOOD_FILES + END + bytes(10_000_000))
    # Who reads that far stumbles.
    assert unpack_in(tmp_path, broken(bomb, -8, b"sum!")) == unpacked_good()


def test_archives_damaged_anywhere_are_refused_or_come_out(tmp_path, record_property):
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for name, data in GOOD.items():
                member = tarfile.TarInfo(name)
                member.size, member.pax_headers = len(data), {"comment": "x" * 50}
                archive.addfile(member, io.BytesIO(data))
        good = buffer.getvalue()
    rng = random.Random(0)
    refused = 0
    record_property("cases", 100)
    for i in range(100):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            # Headers are where it hurts.
            at = rng.choice([0, 512, 1024, 2048, 2560, 3072]) + rng.randrange(512)
            data[at] = rng.choice([0, 0x2D, 0x30, 0x39, 0x80, 0xFF, rng.randrange(256)])
        try:
            unpack_in(tmp_path / str(i), bytes(data))
        except ArchiveError:
            refused += 1
    assert refused > 10


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permission")
def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    archive = tmp_path / "kit.tar"
    archive.write_bytes(GOOD_FILES + END)
    (tmp_path / "blocked").write_bytes(b"a file where a folder should be")
    with pytest.raises(OSError, match="blocked"):
        unpack([archive], tmp_path / "blocked" / "new", root="kit", folders=["img"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocked", "kit.tar"]
