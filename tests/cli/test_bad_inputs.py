"""Every bad input of the table: one sentence, the documented exit code, and nothing of the user's changed."""

import contextlib
import errno
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bad_input_makers import encoded, model, photos
from bad_inputs import CASES
from foveate.cli.main import main

FOVEATE = [sys.executable, "-m", "foveate.cli.main"]


def tree(folder):
    """Every name below a folder, with a file's bytes and time and a link's target."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            path = Path(place, name)
            status = path.lstat()
            content = None
            if path.is_symlink():
                content = path.readlink()
            elif path.is_file():
                content = (path.read_bytes(), status.st_mtime_ns)
            found[str(path)] = (status.st_mode, content)
    return found


def as_process(arguments, **more):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*FOVEATE, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
        **more,
    )
    return done.returncode, done.stdout, done.stderr


def in_this_process(arguments, capsys):
    with pytest.raises(SystemExit) as info:
        main(arguments)
    out, err = capsys.readouterr()
    return info.value.code, out, err


def sentence(err):
    """What the command says in the end; it must be the only thing it says in its own name."""
    lines = err.splitlines()
    own = [line for line in lines if line.startswith("foveate: ")]
    assert len(own) == 1, err
    assert lines[-1] == own[0], err
    return own[0].removeprefix("foveate: ")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.given} ({case.line[:40]})")
def test_a_bad_input_gets_one_sentence_and_changes_nothing(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    case.make()
    before = tree(tmp_path)
    code, out, err = as_process(case.arguments) if case.process else in_this_process(case.arguments, capsys)
    assert code == case.code, err
    if case.report:
        assert case.says in out
    else:
        said = sentence(err)
        assert case.says in said
        assert said.endswith((".", "?"))
        assert said.isprintable()
        assert out == "" or code == 1
    for word in ("Traceback", "internal error", "Error:", "Warning"):
        assert word not in err
    assert tree(tmp_path) == before


def test_the_table_is_long_and_says_no_case_twice():
    assert len(CASES) >= 100
    assert len({(case.given, case.line) for case in CASES}) == len(CASES)
    assert sum(case.process for case in CASES) >= 6


# --- Disks -----------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, where this process may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this machine lets us mount nothing")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)  # a thread may still be closing a file there


def fill(disk, leave=0):
    """Fill a small file system but for so many bytes."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"\0" * 4096)
    os.truncate(disk / "filler", (disk / "filler").stat().st_size - leave)


def test_a_picture_on_a_full_disk(small_disk, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("cat.png").write_bytes(encoded(0, "PNG", 60))
    out = small_disk / "out.png"
    out.write_bytes(b"an older one")
    fill(small_disk)
    before = tree(small_disk)
    code, _, err = in_this_process(["filter", "cat.png", "sharpen", "--out", str(out), "--overwrite"], capsys)
    assert code == 1
    assert sentence(err) == f"Could not write {out}: {os.strerror(errno.ENOSPC)}. The old file is intact."
    assert tree(small_disk) == before


def test_a_training_on_a_full_disk_leaves_the_old_model_and_no_litter(
    small_disk, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(small_disk)
    model()
    photos(str(tmp_path / "photos"))
    fill(small_disk, leave=8192)
    before = tree(small_disk / "model")
    line = ["train", str(tmp_path / "photos"), "--epochs", "1", "--out", "model", "--overwrite"]
    code, out, err = in_this_process(line, capsys)
    assert (code, out) == (1, "")
    assert re.search(r"disk/\.?model.*No space left on device", sentence(err))
    after = {name: kept for name, kept in tree(small_disk / "model").items() if "/checkpoint" not in name}
    assert after == before
    assert not list(small_disk.glob(".*"))


def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_a_training_that_may_write_no_large_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos()
    code, out, err = as_process(["train", "photos", "--epochs", "1"], preexec_fn=limit_file_size)
    assert (code, out) == (1, "")
    assert os.strerror(errno.EFBIG) in sentence(err)


@pytest.mark.parametrize("flags", [[], ["--json"], ["--csv"]])
def test_standard_output_that_takes_nothing_is_a_failure(flags, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*FOVEATE, "predict", "model", "red.png", *flags],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert os.strerror(errno.ENOSPC) in sentence(done.stderr)
