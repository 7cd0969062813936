"""Published weights: what is told of them, and how they come, from a local server."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from keras_fcn.backbones import BACKBONES
from keras_fcn.checksums import file_checksum, verify
from keras_fcn.downloads import DownloadError, download
from keras_fcn.runs import MODELS
from keras_fcn.weights import WeightsFormatError
from keras_fcn.weights.published import catalogue
from keras_fcn.weights.published.obtaining import (
    PUBLISHED,
    default_folder,
    find_published,
    obtain_weights,
)

from ..reliability.server import closed_port, serving
from .caffe_files import write_caffemodel

ALL = list(PUBLISHED.values())
DATA = hashlib.shake_256(b"weights").digest(200_000)
SHA1 = "sha1:" + hashlib.sha1(DATA).hexdigest()
SHA256 = hashlib.sha256(DATA).hexdigest()


def by_name(weights):
    return weights.name


def names(folder):
    return sorted(file.name for file in folder.iterdir()) if folder.exists() else []


def test_names_and_files_are_different():
    groups = vars(catalogue)
    listed = [w for g in groups.values() if isinstance(g, tuple) for w in g]
    assert len(listed) == len(PUBLISHED) == 17
    assert len({w.file for w in listed}) == len(listed)
    assert all(name == weights.name for name, weights in PUBLISHED.items())


@pytest.mark.parametrize("weights", ALL, ids=by_name)
def test_what_is_told_is_well_formed(weights, tmp_path):
    for url in (*weights.urls, weights.source):
        assert re.fullmatch(r"https?://[\w.-]+/[\w./~?=&-]+", url)
    assert len(set(weights.urls)) == len(weights.urls) > 0
    assert weights.by_hand or all(u.endswith("/" + weights.file) for u in weights.urls)
    assert weights.by_hand == ("drive.google.com" in weights.urls[0])
    assert weights.size is None or 4e6 < weights.size < 6e8
    assert weights.mean_iu is None or 40 < weights.mean_iu < 70
    assert (weights.mean_iu is None) == (weights.kind == "imagenet")
    assert weights.model is None or weights.model in MODELS
    assert weights.topology in BACKBONES[weights.backbone].topologies
    if weights.checksum is None:
        assert "no checksum" in weights.note
        assert weights.file.endswith(".caffemodel")
    else:  # a checksum, and not that of nothing
        (tmp_path / "empty").touch()
        with pytest.raises(ValueError, match="must have the checksum"):
            verify(tmp_path / "empty", weights.checksum)


@pytest.mark.parametrize(
    "weights", [w for w in ALL if "pytorch.org" in w.urls[0]], ids=by_name
)
def test_pytorch_writes_the_first_digits_into_the_name(weights):
    digits = re.search(r"-([0-9a-f]{8})\.pth$", weights.file)[1]
    assert weights.checksum == f"sha256-prefix:{digits}"


# ../shared/facts, section 1.4: the README of the FCN authors.
AUTHORS = {"fcn32s": 63.6, "fcn16s": 65.0, "fcn8s": 65.5, "fcn8s_atonce": 65.4}


@pytest.mark.parametrize(
    "weights",
    [w for w in ALL if w.kind == "fcn" and w.backbone == "vgg16"],
    ids=by_name,
)
def test_scores_are_those_of_the_authors(weights):
    assert round(weights.mean_iu, 1) == AUTHORS[weights.model]


NETWORKS = {w.backbone: w for w in ALL}  # one of each backbone


@pytest.mark.parametrize("backbone", NETWORKS)
def test_every_network_can_be_built(backbone):
    weights = NETWORKS[backbone]
    network = MODELS[weights.model or "fcn32s"](
        backbone=backbone, topology=weights.topology, weights=None, width=0.02
    )
    assert network.output_shape[-1] == 21


def test_a_file_is_known_by_its_publishers_name():
    assert find_published("x/fcn8s-atonce-pascal.caffemodel").model == "fcn8s_atonce"
    assert find_published(Path("fcn32s_from_caffe.pth")).name == "torchfcn_fcn32s"
    assert find_published("fcn32s_from_caffe (1).pth") is None


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with serving() as server:
        yield server


@pytest.fixture
def publish(monkeypatch):
    """Move published weights to other addresses, of other contents."""

    def move(name, *urls, **changes):
        moved = replace(PUBLISHED[name], urls=urls, size=None, **changes)
        monkeypatch.setitem(PUBLISHED, name, moved)

    return move


def test_weights_are_downloaded_once_and_checked(server, publish, tmp_path):
    seen = []
    publish("bvlc_googlenet", server.add("net", DATA), checksum=SHA1)
    path = obtain_weights(
        "bvlc_googlenet", tmp_path / "new", progress=lambda *told: seen.append(told)
    )
    assert path == tmp_path / "new" / "bvlc_googlenet.caffemodel"
    assert path.read_bytes() == DATA
    assert names(path.parent) == [path.name]
    downloading = "Downloading bvlc_googlenet.caffemodel"
    assert seen[-1] == (downloading, len(DATA), len(DATA))
    assert obtain_weights("bvlc_googlenet", path.parent) == path
    assert len(server.asked) == 1


def test_another_file_of_that_name_is_told_and_kept(publish, tmp_path):
    publish("bvlc_googlenet", closed_port(), checksum=SHA1)
    path = tmp_path / "bvlc_googlenet.caffemodel"
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match=f"must have the checksum {SHA1}"):
        obtain_weights("bvlc_googlenet", tmp_path)
    assert path.read_bytes() == b"mine"


def test_the_folder_is_that_of_keras(server, publish, tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert default_folder() == Path.home() / ".keras" / "keras_fcn" / "weights"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    publish("torchvision_vgg19", server.add("net", DATA), checksum=SHA1)
    path = obtain_weights("torchvision_vgg19")
    assert path == tmp_path / "keras_fcn" / "weights" / "vgg19-dcbb9e9d.pth"


def test_a_dead_link_is_told_with_what_to_do(publish, tmp_path):
    url = closed_port() + "/net"
    publish("fcn8s-heavy-pascal", url, checksum=SHA1)
    with pytest.raises(DownloadError) as error:
        obtain_weights("fcn8s-heavy-pascal", tmp_path)
    told = str(error.value)
    assert url in told
    assert SHA1 in told
    assert str(tmp_path / "fcn8s-heavy-pascal.caffemodel") in told
    assert told.endswith('The same network: "torchfcn_fcn8s".')
    assert names(tmp_path) == []


def test_another_file_from_the_server_does_not_stay(server, publish, tmp_path):
    publish("bvlc_googlenet", server.add("net", DATA[:-1]), checksum=SHA1)
    with pytest.raises(DownloadError, match="without the checksum"):
        obtain_weights("bvlc_googlenet", tmp_path)
    assert names(tmp_path) == []


def test_what_browsers_only_get_is_told_with_where_to_put_it(tmp_path):
    weights = PUBLISHED["torchfcn_fcn16s"]
    path = tmp_path / weights.file
    with pytest.raises(DownloadError) as error:
        obtain_weights(weights.name, tmp_path)
    told = str(error.value)
    assert f"Open {weights.urls[0]}" in told
    assert f"save it as {path}" in told
    assert '"fcn16s-heavy-pascal"' in told


def test_what_was_put_there_by_hand_is_checked_and_used(publish, tmp_path):
    publish("torchfcn_fcn16s", "https://drive.google.com/uc?id=0", checksum=SHA1)
    path = tmp_path / "fcn16s_from_caffe.pth"
    path.write_bytes(DATA)
    assert obtain_weights("torchfcn_fcn16s", tmp_path) == path
    path.write_bytes(DATA[1:])
    with pytest.raises(ValueError, match=f"must have the checksum {SHA1}"):
        obtain_weights("torchfcn_fcn16s", tmp_path)


def test_an_unknown_name_is_told_with_the_nearest(tmp_path):
    with pytest.raises(ValueError, match='Did you mean "fcn8s-heavy-pascal"'):
        obtain_weights("fcn8s_heavy_pascal", tmp_path)


@pytest.fixture
def caffemodel(tmp_path):
    layers = {"conv1_1": ("Convolution", [np.ones((2, 3, 3, 3)), np.ones(2)])}
    return write_caffemodel(tmp_path / "made", layers).read_bytes()


UNCHECKED = "fcn16s-heavy-pascal"


def test_without_a_checksum_a_file_must_be_readable(
    server, publish, tmp_path, caffemodel
):
    publish(UNCHECKED, server.add("net", caffemodel))
    assert PUBLISHED[UNCHECKED].checksum is None
    path = obtain_weights(UNCHECKED, tmp_path / "new")
    assert path.read_bytes() == caffemodel
    assert obtain_weights(UNCHECKED, tmp_path / "new") == path
    assert len(server.asked) == 1


def test_without_a_checksum_an_unreadable_file_does_not_stay(
    server, publish, tmp_path, caffemodel
):
    publish(UNCHECKED, server.add("net", caffemodel[:-5]))
    with pytest.raises(DownloadError, match=r"gave another file.*removed"):
        obtain_weights(UNCHECKED, tmp_path / "new")
    assert names(tmp_path / "new") == []


def test_without_a_checksum_a_users_own_file_is_told_and_kept(publish, tmp_path):
    publish(UNCHECKED, closed_port())
    path = tmp_path / f"{UNCHECKED}.caffemodel"
    path.write_bytes(b"<html>")
    with pytest.raises(WeightsFormatError, match=UNCHECKED):
        obtain_weights(UNCHECKED, tmp_path)
    assert path.read_bytes() == b"<html>"


@pytest.mark.parametrize(
    "checksum", [SHA1, SHA1.upper().replace("SHA1", "sha1"), f"sha256-prefix:{SHA256}"]
)
@pytest.mark.parametrize("digits", [8, 20, 64])
def test_checksums_of_publishers_are_understood(server, tmp_path, checksum, digits):
    if "prefix" in checksum:
        checksum = checksum[: len("sha256-prefix:") + digits]
    path = download([server.add("f", DATA)], tmp_path / "f", checksum=checksum)
    verify(path, checksum)
    path.write_bytes(DATA[1:])
    with pytest.raises(ValueError, match=f"must have the checksum {checksum}"):
        verify(path, checksum)


def test_a_checksum_of_sha1_is_that_of_hashlib(tmp_path):
    (tmp_path / "f").write_bytes(DATA)
    assert file_checksum(tmp_path / "f", "sha1") == SHA1


@pytest.mark.parametrize(
    "checksum",
    [
        "sha256-prefix:1234567",
        "sha256-prefix:1234567g",
        "sha256-prefix:" + "0" * 65,
        "sha1:" + "0" * 39,
        "sha512:" + "0" * 128,
        "",
    ],
)
def test_a_malformed_checksum_is_refused(tmp_path, checksum):
    with pytest.raises(ValueError, match=r"`checksum` must be.*sha256-prefix"):
        download(["http://127.0.0.1/f"], tmp_path / "f", checksum=checksum)


def test_without_a_checksum_the_length_is_checked(server, tmp_path):
    url = server.add("f", DATA)
    with pytest.raises(DownloadError, match="200000 bytes instead of 200001"):
        download([url], tmp_path / "f", checksum=None, size=200_001)
    path = download([url], tmp_path / "f", checksum=None, size=200_000)
    assert path.read_bytes() == DATA
    with pytest.raises(ValueError, match=r"must have 7 bytes. Received: 200000"):
        download([url], path, checksum=None, size=7)
    assert download([url], path, checksum=None) == path


def test_without_a_checksum_and_a_length_nothing_is_believed(server, tmp_path):
    url = server.add("f", DATA, length=False)
    with pytest.raises(DownloadError, match="neither a length nor a checksum"):
        download([url], tmp_path / "f", checksum=None)
    assert names(tmp_path) == []


def test_without_a_checksum_no_part_of_another_file_is_continued(server, tmp_path):
    (tmp_path / ".f.part").write_bytes(b"of yesterday")
    broken = server.add("broken", DATA, cut=100_000)
    urls = [broken, server.add("f", DATA[::-1])]
    path = download(urls, tmp_path / "f", checksum=None)
    assert path.read_bytes() == DATA[::-1]
    assert server.asked[0] == ("/broken", None)
    assert server.asked[-1] == ("/f", None)


def test_without_a_checksum_a_broken_connection_is_resumed(server, tmp_path):
    url = server.add("f", DATA, cut=100_000, times=1)
    assert download([url], tmp_path / "f", checksum=None).read_bytes() == DATA
    assert server.asked == [("/f", None), ("/f", "bytes=100000-")]
