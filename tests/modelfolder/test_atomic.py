"""A crash at any moment leaves the old folder or the new one; nothing of the user's is ever lost."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from foveate import folders
from foveate.errors import InputError, StorageError
from foveate.modelfolder import atomic as publish
from foveate.modelfolder.atomic import Staging, check_output

OLD = {"config.json": '{"format_version": 1}', "model.onnx": "old", "report.html": "old"}
NEW = {"config.json": '{"format_version": 1, "new": 1}', "model.onnx": "new"}
MINE = {"notes.txt": "mine", "plots/a.txt": "mine", ".hidden": "mine"}
RUN = {"checkpoint/run.json": "{}", "checkpoint/step-1.json": "{}"}


def fill(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def content(folder):
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def names(folder):
    return [path.name for path in folder.iterdir()]


def publish_new(out, drop=("checkpoint",)):
    staging = Staging(out)
    try:
        for name, text in NEW.items():
            staging.write(name, text.encode())
        return staging.publish(drop)
    finally:
        staging.close()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "there" / "out"


@pytest.fixture(params=["exchange", "two steps"])
def way(request, monkeypatch):
    if request.param == "two steps":
        monkeypatch.setattr(folders, "_exchange", lambda one, other: False)


def test_a_new_folder_appears_whole(out, way):
    assert publish_new(out) == out
    assert content(out) == NEW
    assert names(out.parent) == ["out"]
    assert out.stat().st_mode & 0o777 == 0o777 & ~publish._umask()


def test_an_old_folder_is_replaced_and_the_users_files_stay(out, way):
    fill(out, OLD | MINE | RUN)
    (out / "link").symlink_to("notes.txt")
    inode = (out / "notes.txt").stat().st_ino
    out.chmod(0o750)
    publish_new(out)
    assert content(out) == NEW | MINE | {"link": "mine"}
    assert (out / "link").is_symlink()
    assert (out / "notes.txt").stat().st_ino == inode  # the same file, not a copy
    assert out.stat().st_mode & 0o777 == 0o750
    assert names(out.parent) == ["out"]


def test_the_checkpoint_is_kept_when_asked(out, way):
    fill(out, OLD | RUN)
    publish_new(out, drop=())
    assert content(out) == NEW | RUN


def test_files_are_copied_where_links_cannot_be_made(out, monkeypatch):
    def no_links(*args, **kwargs):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    fill(out, OLD | MINE)
    publish_new(out)
    assert content(out) == NEW | MINE


def test_a_file_that_comes_while_publishing_is_not_lost(out, monkeypatch):
    fill(out, OLD | MINE)
    real = publish.put_in_place

    def late(new, old):
        fill(old, {"late.txt": "late", "plots/late.txt": "late"})
        real(new, old)

    monkeypatch.setattr(publish, "put_in_place", late)
    publish_new(out)
    assert content(out) == NEW | MINE | {"late.txt": "late", "plots/late.txt": "late"}


def test_leaving_without_publishing_leaves_nothing(out):
    fill(out, OLD)
    staging = Staging(out)
    staging.write("model.onnx", b"new")
    staging.close()
    staging.close()
    assert content(out) == OLD
    assert names(out.parent) == ["out"]


FAILING = ["fsync", "link", "rename", "replace", "scandir", "write", "mkdir"]


@pytest.mark.parametrize("call", FAILING)
@pytest.mark.parametrize("nth", range(1, 6))
def test_any_failing_system_call_leaves_old_or_new(out, monkeypatch, way, call, nth):
    """The nth call fails as on a full disk: an error that names the path, and no litter."""
    fill(out, OLD | MINE)
    count = 0
    homes = {"write": Path, "rename": Path, "mkdir": Path, "replace": Path}
    home, name = (publish.Staging, "write") if call == "write" else (homes.get(call, os), call)
    real = getattr(home, name)

    def failing(*args, **kwargs):
        nonlocal count
        count += 1
        if count == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "somewhere")
        return real(*args, **kwargs)

    staging = Staging(out)
    monkeypatch.setattr(home, name, failing)
    try:
        for file, text in NEW.items():
            staging.write(file, text.encode())
        staging.publish()
    except (StorageError, OSError) as error:
        assert call == "write" or isinstance(error, StorageError)  # there the method itself was replaced
        assert "somewhere" in str(error)
    finally:
        monkeypatch.undo()
        staging.close()
    assert content(out) in (OLD | MINE, NEW | MINE)
    left = set(names(out.parent)) - {"out"}
    if left:  # clearing up was what failed: the next run does it
        publish_new(out)
        assert names(out.parent) == ["out"]


def die_at(nth):
    """Make the nth of these system calls end the process at once, as kill -9 does."""
    count = 0

    def dying(real):
        def call(*args, **kwargs):
            nonlocal count
            count += 1
            if count == nth:
                os._exit(9)
            return real(*args, **kwargs)

        return call

    for home in (os, Path):
        for name in ("fsync", "link", "rename", "scandir", "unlink", "rmdir", "mkdir", "chmod"):
            if hasattr(home, name):
                setattr(home, name, dying(getattr(home, name)))


def killed_publishing(out, nth):
    """Publish in a forked process that dies at its nth system call; its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            die_at(nth)
            publish_new(out)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_process_killed_at_any_call_leaves_old_or_new(out, way, monkeypatch):
    """No clean-up of Python's runs; the next publishing finds one whole folder and clears the rest."""
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: None
    )  # a killed process is no power cut: only order counts
    outcomes = set()
    for nth in range(1, 200):
        fill(out, OLD | MINE)
        code = killed_publishing(out, nth)
        if not out.exists():  # between the two steps; the next run puts the old folder back
            Staging(out).close()
        assert content(out) in (OLD | MINE, NEW | MINE), nth
        outcomes.add((content(out)["model.onnx"], code))
        publish_new(out)
        assert content(out) == NEW | MINE
        assert names(out.parent) == ["out"]
        if code == 0:
            break
    assert outcomes == {("old", 9), ("new", 9), ("new", 0)}


@pytest.mark.parametrize("call", ["fcntl.flock", "os.open", "os.chmod"])
def test_a_place_that_cannot_be_had_leaves_nothing(tmp_path, monkeypatch, call):
    """No lock to be had, say: neither the hidden folder nor those made above it stay."""

    def fail(*args, **kwargs):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(call, fail)
    with pytest.raises(StorageError, match="No locks available"):
        Staging(tmp_path / "new" / "place" / "out")
    monkeypatch.undo()
    assert names(tmp_path) == []


def test_what_could_not_be_cleared_is_little_and_goes_with_the_next_run(out, monkeypatch):
    fill(out, OLD | MINE)
    unlink = os.unlink

    def fail(path, *args, **kwargs):
        if Path(path).name == "config.json":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return unlink(path, *args, **kwargs)

    monkeypatch.setattr(os, "unlink", fail)
    publish_new(out)
    assert content(out) == NEW | MINE
    (left,) = [path for path in out.parent.iterdir() if path != out]
    assert names(left) == ["config.json"]
    monkeypatch.undo()
    publish_new(out)
    assert names(out.parent) == ["out"]


def test_a_living_process_keeps_its_staging_folder(out):
    first = Staging(out)
    first.write("model.onnx", b"first")
    publish_new(out)
    assert (first.folder / "model.onnx").read_bytes() == b"first"
    first.publish()
    assert content(out) == {"model.onnx": "first"}
    assert names(out.parent) == ["out"]


ACCEPTED = {
    "nothing": {},
    "a model": OLD,
    "a model and more": OLD | MINE,
    "a run": RUN,
    "a run and its history": RUN | {"history.csv": ""},
    "hidden files": {".hidden": ""},
}


@pytest.mark.parametrize("files", ACCEPTED.values(), ids=ACCEPTED)
def test_folders_that_may_be_replaced(tmp_path, files):
    assert check_output(fill(tmp_path, files)) == tmp_path.resolve()


@pytest.mark.parametrize("files", [MINE, {"README.md": "mine"}, {"config.json": "{}"}, {"cat/1.jpg": ""}])
def test_a_users_folder_is_refused(tmp_path, files):
    fill(tmp_path, files)
    with pytest.raises(
        InputError, match="expected a new or empty folder or an earlier run, found other files"
    ):
        check_output(tmp_path)
    assert content(tmp_path) == files


def test_other_places_that_are_refused(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(InputError, match="expected a folder, found a file"):
        check_output(file)
    inside = tmp_path / "model" / "inside"
    inside.mkdir(parents=True)
    monkeypatch.chdir(inside)
    with pytest.raises(InputError, match="is the folder you are in"):
        check_output(inside.parent)
    with pytest.raises(InputError, match="found the file 'file'"):
        Staging(file / "out")


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    real = fill(tmp_path / "real", OLD)
    link = tmp_path / "latest"
    link.symlink_to(real)
    publish_new(link)
    assert link.is_symlink()
    assert content(real) == NEW


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 200 KB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("this machine has no mount command")
    if done.returncode:
        pytest.skip("this machine lets us mount nothing")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_one_sentence_and_the_old_folder_is_intact(small_disk):
    out = fill(small_disk / "out", OLD | MINE)
    staging = Staging(out)
    with pytest.raises(StorageError, match=r"model.onnx: could not be written: No space left on device"):
        staging.write("model.onnx", b"x" * 300_000)
    staging.close()
    assert content(out) == OLD | MINE
    assert names(small_disk) == ["out"]
