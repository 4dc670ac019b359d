"""A folder is the old one or the new one, and nothing else is left behind."""

import errno
import fcntl
import os

import pytest

from foveate import folders
from foveate.errors import BusyError, StorageError
from foveate.folders import replacing_folder


def fill(folder, text):
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.txt").write_text(text)


def content(path):
    return {str(p.relative_to(path)): p.read_text() for p in path.rglob("*") if p.is_file()}


def names(folder):
    return [path.name for path in folder.iterdir()]


@pytest.fixture(params=["exchange", "two steps"])
def way(request, monkeypatch):
    if request.param == "two steps":
        monkeypatch.setattr(folders, "_exchange", lambda one, other: False)


def test_a_folder_takes_its_name_when_it_is_whole(tmp_path, way):
    path = tmp_path / "above" / "set"
    for text in ("first", "second"):
        with replacing_folder(path) as part:
            fill(part, text)
            assert content(path) == ({} if text == "first" else {"deep/a.txt": "first"})
        assert content(path) == {"deep/a.txt": text}
    assert names(path.parent) == ["set"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("mine")])
def test_what_fails_within_leaves_what_was_there(tmp_path, error):
    fill(tmp_path / "set", "old")
    with pytest.raises(type(error)), replacing_folder(tmp_path / "set") as part:
        fill(part, "new")
        raise error
    assert content(tmp_path) == {"set/deep/a.txt": "old"}
    assert names(tmp_path) == ["set"]


def test_nothing_is_left_where_nothing_was(tmp_path):
    with pytest.raises(StorageError, match=r"Could not write .*set: No space left on device\.$"):  # noqa: SIM117
        with replacing_folder(tmp_path / "a" / "b" / "set") as part:
            fill(part, "new")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_a_full_disk_at_the_last_step_leaves_the_old_folder(tmp_path, monkeypatch):
    fill(tmp_path / "set", "old")
    real = os.rename

    def refuse(source, target, **more):
        if str(source).endswith(".part"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(source, target, **more)

    monkeypatch.setattr(os, "rename", refuse)
    monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    with pytest.raises(StorageError, match="What was there before is intact"):  # noqa: SIM117
        with replacing_folder(tmp_path / "set") as part:
            fill(part, "new")
    assert content(tmp_path) == {"set/deep/a.txt": "old"}


def test_what_killed_processes_left_is_cleared_and_their_half_step_undone(tmp_path):
    fill(tmp_path / ".set.part", "half")
    fill(tmp_path / ".set.old", "old")
    with pytest.raises(KeyboardInterrupt), replacing_folder(tmp_path / "set") as part:
        assert content(part) == {}
        assert content(tmp_path / "set") == {"deep/a.txt": "old"}
        raise KeyboardInterrupt
    assert content(tmp_path) == {"set/deep/a.txt": "old"}


def test_two_at_once_are_refused(tmp_path):
    (tmp_path / ".set.part").mkdir()
    descriptor = os.open(tmp_path / ".set.part", os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another program is making it"):  # noqa: SIM117
            with replacing_folder(tmp_path / "set"):
                raise AssertionError
    finally:
        os.close(descriptor)
    assert (tmp_path / ".set.part").is_dir()
