"""Downloads from servers that fail, and what is on the disk afterwards."""

import errno
import hashlib
import re
import shutil

import pytest

from keras_fcn.checksums import file_checksum, verify
from keras_fcn.datasets.official import ARCHIVES, Archive, obtain
from keras_fcn.downloads import DownloadError, download

from ..unit.test_archives import files, write_tar
from .server import closed_port, serving

pytestmark = pytest.mark.fault(22)

DATA = hashlib.shake_256(b"file").digest(3_000_000)
OTHER = hashlib.shake_256(b"other").digest(len(DATA))
CHECKSUM = "sha256:" + hashlib.sha256(DATA).hexdigest()
CUT = 1_000_001


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with serving() as server:
        yield server


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "file.tar"


@pytest.fixture
def part(path):
    path.parent.mkdir()
    return path.with_name(".file.tar.part")


def fetch(urls, path, **options):
    return download(
        urls, path, **{"checksum": CHECKSUM, "size": len(DATA), "timeout": 5, **options}
    )


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def require_only(path):
    """Require that the file is there, whole, and alone."""
    assert path.read_bytes() == DATA
    assert names(path.parent) == [path.name]


def test_a_file_is_fetched_whole_and_nothing_stands_beside_it(server, path):
    seen = []
    url = server.add("file", DATA)
    assert fetch([url], path, progress=lambda *counts: seen.append(counts)) == path
    require_only(path)
    assert server.asked == [("/file", None)]
    done = [counts[0] for counts in seen]
    assert done == sorted(set(done))
    assert (done[0], done[-1]) == (0, len(DATA))
    assert {counts[1] for counts in seen} == {len(DATA)}


@pytest.mark.parametrize("length", [True, False])
def test_a_file_of_unknown_size_is_fetched_whole(server, path, length):
    seen = []
    fetch(
        [server.add("file", DATA, length=length)],
        path,
        size=None,
        progress=lambda *counts: seen.append(counts),
    )
    require_only(path)
    assert seen[-1] == (len(DATA), len(DATA) if length else None)


@pytest.mark.parametrize("size", [0, None])
def test_an_empty_file_is_a_file(server, path, size):
    checksum = "md5:" + hashlib.md5(b"").hexdigest()
    fetch([server.add("file", b"")], path, checksum=checksum, size=size)
    assert path.read_bytes() == b""
    assert names(path.parent) == [path.name]


def test_the_right_file_is_not_fetched_again(server, path):
    path.parent.mkdir()
    path.write_bytes(DATA)
    fetch([server.add("file", DATA)], path)
    assert server.asked == []
    require_only(path)


def test_another_file_of_that_name_is_not_touched(server, path):
    path.parent.mkdir()
    path.write_bytes(b"precious")
    message = f"file.tar' must have the checksum {CHECKSUM}. Received: sha256:.*remove"
    with pytest.raises(ValueError, match=message):
        fetch([server.add("file", DATA)], path)
    assert path.read_bytes() == b"precious"
    assert names(path.parent) == [path.name]
    assert server.asked == []


FAILURES = {
    "404": ({"status": 404}, "HTTP status 404"),
    "500": ({"status": 500}, "HTTP status 500"),
    "204": ({"status": 204}, "HTTP status 204"),
    "a part that nobody asked for": (
        {"status": 206, "claimed_range": "bytes 5-9/10"},
        "another part of the file",
    ),
    "a web page": (
        {"data": b"<html>Come in</html>", "kind": "text/html; charset=utf-8"},
        r"a web page \(text/html\)",
    ),
    "a web page in disguise": ({"data": b"<html>"}, "6 bytes instead of 3000000"),
    "another file": ({"data": OTHER}, "without the checksum"),
    "a smaller file": ({"data": DATA[:-1]}, "2999999 bytes instead of 3000000"),
    "a larger file": ({"data": DATA + b"x"}, "3000001 bytes instead of 3000000"),
    "a larger file of unknown size": (
        {"data": DATA + b"x", "length": False},
        "without the checksum",
    ),
    "an end too early": ({"data": DATA, "cut": CUT}, f"only {CUT} of 3000000 bytes"),
    "an end at once": ({"data": DATA, "cut": 0}, "only 0 of 3000000 bytes"),
    "an end of unknown size": (
        {"data": DATA, "cut": CUT, "length": False},
        f"only {CUT} of 3000000 bytes",
    ),
    "a rude end": (
        {"data": DATA, "cut": CUT, "reset": True},
        r"(reset.*, \d+ bytes came|\[Errno \d+\].*reset)",
    ),
    "silence": ({"data": DATA, "hang": -1}, "silent for 0.5 s"),
    "silence in the middle": ({"data": DATA, "hang": CUT}, "silent for 0.5 s"),
    "no HTTP": ({"raw": b"220 mail.example.org ESMTP\r\n"}, "220 mail"),
    "no answer": ({"raw": b""}, "closed connection"),
    "circles": ({"status": 302, "location": "/first"}, "HTTP status 302"),
    "the way to a file here": (
        {"status": 302, "location": "file:///etc/passwd"},
        "HTTP status 302",
    ),
    "the way to ftp": ({"status": 302, "location": "ftp://127.0.0.1/x"}, "ftp"),
}


def patience(failure):
    return 0.5 if "hang" in failure else 5


@pytest.mark.parametrize(
    ("failure", "reason"), FAILURES.values(), ids=list(FAILURES.keys())
)
def test_a_mirror_that_fails_is_passed_over(server, path, failure, reason):
    urls = [server.add("first", **failure), server.add("second", DATA)]
    fetch(urls, path, timeout=patience(failure), progress=server.watch)
    require_only(path)
    assert server.asked[-1][0] == "/second"


@pytest.mark.parametrize(
    ("failure", "reason"), FAILURES.values(), ids=list(FAILURES.keys())
)
def test_without_another_mirror_the_reason_is_told(server, path, failure, reason):
    url = server.add("first", **failure)
    with pytest.raises(DownloadError) as error:
        fetch([url], path, timeout=patience(failure), progress=server.watch)
    message = str(error.value)
    assert re.search(f"{re.escape(url)}: .*{reason}", message)
    assert f"in a browser, check it ({CHECKSUM}), and save it as {path}." in message
    assert not path.exists()
    for left in path.parent.iterdir():
        assert left.name == ".file.tar.part"
        assert 0 < left.stat().st_size <= CUT
        assert DATA.startswith(left.read_bytes())


def test_when_all_mirrors_fail_each_reason_is_told(server, path):
    urls = [
        f"{closed_port()}/file",
        server.add("gone", status=404),
        server.add("page", b"<html></html>", kind="text/html"),
    ]
    with pytest.raises(DownloadError) as error:
        fetch(urls, path)
    lines = str(error.value).splitlines()
    assert lines[0].startswith("file.tar must come from one of these addresses")
    for line, url, reason in zip(
        lines[1:4], urls, ("refused", "404", "page"), strict=True
    ):
        assert line.startswith(f"  {url}: ")
        assert reason in line
    assert names(path.parent) == []


def test_what_a_server_says_does_not_reach_the_terminal_as_it_is(server, path):
    url = server.add("file", raw=b"HTTP/1.0 404 \x1b[2Jgone\x07\r\n\r\n")
    with pytest.raises(DownloadError) as error:
        fetch([url], path)
    assert "HTTP status 404  [2Jgone" in str(error.value)
    assert all(line.isprintable() for line in str(error.value).splitlines())


def test_a_redirect_is_followed(server, path):
    server.add("file", DATA)
    fetch([server.add("old", status=301, location=f"{server.url}/file")], path)
    require_only(path)


@pytest.mark.parametrize("reset", [False, True])
def test_a_broken_connection_is_resumed_where_it_broke(server, path, reset):
    url = server.add("file", DATA, cut=CUT, reset=reset, times=1)
    fetch([url], path, progress=server.watch)
    require_only(path)
    assert server.asked == [("/file", None), ("/file", f"bytes={CUT}-")]
    assert server.sent == [CUT, len(DATA) - CUT]


def test_the_next_mirror_goes_on_where_the_last_one_ended(server, path):
    urls = [server.add("first", DATA, cut=CUT), server.add("second", DATA)]
    fetch(urls, path)
    require_only(path)
    assert server.asked == [
        ("/first", None),
        ("/first", f"bytes={CUT}-"),
        ("/second", f"bytes={CUT}-"),
    ]
    assert server.sent == [CUT, 0, len(DATA) - CUT]


def test_an_interrupt_leaves_what_came_and_the_next_call_resumes(server, path, part):
    def interrupt(done, total):
        if done >= CUT:
            raise KeyboardInterrupt

    url = server.add("file", DATA)
    with pytest.raises(KeyboardInterrupt):
        fetch([url], path, progress=interrupt)
    assert names(path.parent) == [part.name]
    came = part.read_bytes()
    assert CUT <= len(came) < len(DATA)
    assert came == DATA[: len(came)]

    seen = []
    fetch([url], path, progress=lambda *counts: seen.append(counts))
    require_only(path)
    assert server.asked[1:] == [("/file", f"bytes={len(came)}-")]
    assert server.sent[1] == len(DATA) - len(came)
    assert seen[0] == (len(came), len(DATA))


@pytest.mark.parametrize("size", [len(DATA), None])
def test_an_interrupt_at_the_very_end_costs_nothing(server, path, part, size):
    part.write_bytes(DATA)
    fetch([server.add("file", DATA)], path, size=size)
    require_only(path)
    assert server.asked == []


def test_a_server_without_ranges_starts_over(server, path, part):
    part.write_bytes(DATA[:CUT])
    fetch([server.add("file", DATA, ranges=False)], path)
    require_only(path)
    assert server.asked == [("/file", f"bytes={CUT}-")]


@pytest.mark.parametrize(
    "claim",
    [
        f"bytes {CUT - 1}-2999999/3000000",
        f"bytes {CUT}-2999999/3000001",
        f"bytes {CUT}-2999998/*",
        f"octets {CUT}-2999999/3000000",
        "none",
    ],
)
def test_a_part_that_does_not_fit_is_not_appended(server, path, part, claim):
    part.write_bytes(DATA[:CUT])
    fetch([server.add("file", DATA, claimed_range=claim)], path)
    require_only(path)
    assert server.asked == [("/file", f"bytes={CUT}-"), ("/file", None)]


@pytest.mark.parametrize("size", [len(DATA), None])
@pytest.mark.parametrize(
    "rest",
    [OTHER[:CUT], DATA[:-1] + b"x", DATA + b"x", OTHER + DATA],
    ids=["other bytes", "last byte", "one more byte", "twice as much"],
)
def test_an_unfinished_file_that_is_wrong_is_fetched_from_zero_once(
    server, path, part, rest, size
):
    part.write_bytes(rest)
    fetch([server.add("file", DATA)], path, size=size)
    require_only(path)
    assert server.asked[-1] == ("/file", None)
    assert len(server.asked) <= 2


def test_a_mirror_that_gave_a_wrong_beginning_does_not_spoil_the_next(server, path):
    urls = [server.add("first", OTHER, cut=CUT), server.add("second", DATA)]
    fetch(urls, path)
    require_only(path)
    assert server.asked[-2:] == [("/second", f"bytes={CUT}-"), ("/second", None)]


@pytest.mark.parametrize("failure", ["404", "500", "a web page", "a smaller file"])
def test_a_mirror_that_fails_does_not_cost_what_came_before(
    server, path, part, failure
):
    part.write_bytes(DATA[:CUT])
    options = {"ranges": False, **FAILURES[failure][0]}
    fetch([server.add("first", **options), server.add("second", DATA)], path)
    require_only(path)
    assert server.asked[-1] == ("/second", f"bytes={CUT}-")


@pytest.mark.fault(6)
def test_a_full_disk_is_told_with_what_is_needed_and_resumed_later(server, path, part):
    resource = pytest.importorskip("resource")
    url = server.add("file", DATA)
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (CUT, hard))
    try:
        with pytest.raises(OSError, match="more bytes are needed") as error:
            fetch([url], path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.errno == errno.EFBIG
    assert error.value.filename == str(part)
    assert not path.exists()
    assert part.read_bytes() == DATA[:CUT]
    fetch([url], path)
    require_only(path)
    assert server.asked[1:] == [("/file", f"bytes={CUT}-")]


@pytest.mark.fault(6)
def test_a_disk_without_room_is_told_before_anything_is_written(
    server, path, part, monkeypatch
):
    usage = shutil.disk_usage(path.parent)._replace(free=len(DATA) - CUT - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    part.write_bytes(DATA[:CUT])
    with pytest.raises(OSError, match=f"{len(DATA) - CUT} more bytes") as error:
        fetch([server.add("file", DATA), server.add("second", DATA)], path)
    assert error.value.errno == errno.ENOSPC
    assert part.read_bytes() == DATA[:CUT]
    assert not path.exists()


def test_two_processes_do_not_write_one_file(server, path, part):
    fcntl = pytest.importorskip("fcntl")
    part.write_bytes(DATA[:CUT])
    with part.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(OSError, match="one process at a time"):
            fetch([server.add("file", DATA)], path)
    assert part.read_bytes() == DATA[:CUT]
    assert server.asked == []


@pytest.mark.parametrize(
    "urls", [[], ["ftp://example.org/x"], ["file:///etc/passwd"], "http://example.org"]
)
def test_only_the_web_is_asked(tmp_path, urls):
    with pytest.raises(ValueError, match="must list addresses that begin with http"):
        fetch(urls, tmp_path / "file")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "checksum", ["", "sha256", "sha256:", "sha1:" + "0" * 32, "md5:" + "g" * 32, "0"]
)
def test_a_checksum_must_be_one(tmp_path, checksum):
    with pytest.raises(ValueError, match="`checksum` must be"):
        fetch(["http://example.org"], tmp_path / "file", checksum=checksum)
    with pytest.raises(ValueError, match="`checksum` must be"):
        verify(tmp_path / "file", checksum)


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_checksums_are_those_of_hashlib_in_any_case(tmp_path, algorithm):
    (tmp_path / "file").write_bytes(DATA)
    digest = hashlib.new(algorithm, DATA).hexdigest()
    assert file_checksum(tmp_path / "file", algorithm) == f"{algorithm}:{digest}"
    verify(tmp_path / "file", f"{algorithm}:{digest.upper()}")
    with (tmp_path / "file").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match=f"must have the checksum {algorithm}:"):
        verify(tmp_path / "file", f"{algorithm}:{digest}")


def test_a_wrong_algorithm_is_told():
    with pytest.raises(ValueError, match='Did you mean "sha256"'):
        file_checksum("file", "sha-256")


def test_a_data_set_comes_through_mirrors_that_fail(server, tmp_path, monkeypatch):
    contents = {
        "img/1.jpg": DATA,
        "cls/1.mat": OTHER,
        "train.txt": b"1",
        "val.txt": b"",
    }
    root = "benchmark_RELEASE/dataset"
    made = write_tar(
        tmp_path / "made.tgz", {f"{root}/{k}": v for k, v in contents.items()}, "w:gz"
    )
    data, checksum = made.read_bytes(), file_checksum(made, "sha256")
    urls = (
        server.add("first", status=503),
        server.add("second", data, cut=CUT),
        server.add("third", data),
    )
    archive = Archive("benchmark.tgz", urls, checksum, len(data), root)
    monkeypatch.setitem(ARCHIVES, "SBD", (archive,))
    told = []
    folder = obtain("SBD", tmp_path, progress=lambda what, *_: told.append(what))
    assert folder == tmp_path / root
    assert files(folder) == contents
    assert list(dict.fromkeys(told)) == ["Downloading benchmark.tgz", "Unpacking SBD"]
    assert server.sent == [0, CUT, 0, len(data) - CUT]
    assert names(tmp_path / "downloads") == ["benchmark.tgz"]
