import pytest

from keras_fcn.placing import placing


def is_ours(folder):
    return {file.name for file in folder.iterdir()} <= {"part"}


def test_a_folder_replaces_the_one_before(tmp_path):
    folder = tmp_path / "net"
    for content in ("one", "two"):
        with placing(folder, is_ours) as new:
            (new / "part").write_text(content)
            (new / content).touch()
        assert (folder / "part").read_text() == content
        (folder / content).unlink()
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_cannot_take_its_name_leaves_the_old_one(tmp_path, monkeypatch):
    folder = tmp_path / "net"
    folder.mkdir()
    (folder / "part").write_text("older")
    rename = type(folder).rename

    def refuse(self, target):
        if self.name.endswith(".part") and target == folder and (self / "new").exists():
            raise OSError("no")
        return rename(self, target)

    monkeypatch.setattr(type(folder), "rename", refuse)
    with pytest.raises(OSError, match="no"), placing(folder, is_ours) as new:
        (new / "new").touch()
    assert (folder / "part").read_text() == "older"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_that_is_somebody_elses_stays(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with (
        pytest.raises(FileExistsError, match="must be new"),
        placing(tmp_path, is_ours),
    ):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("kind", [None, is_ours])
def test_an_error_leaves_neither_a_part_nor_the_folders_above(kind, tmp_path):
    path = tmp_path / "a" / "b" / "net"

    def write_half():
        with placing(path, kind) as new:
            (new if kind is None else new / "part").write_text("half")
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        write_half()
    assert not list(tmp_path.iterdir())
