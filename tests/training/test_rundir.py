"""A run's directory: one process at a time, and nothing of an older model is touched."""

import errno
import os
import subprocess
import sys

import pytest

from foveate.errors import BusyError, CheckpointError, StorageError
from foveate.training.rundir import RunDirectory, RunLock

HOLD = """
import sys
from pathlib import Path
from foveate.training.rundir import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path):
    out = tmp_path / "run"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError, match=f"is in use by process {holder.pid}: wait"), RunLock(out):
            pass
        holder.kill()  # the kernel lets go, however the holder ends
    with RunLock(out):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("call", "code"),
    [("fcntl.flock", errno.ENOLCK), ("os.pwrite", errno.ENOSPC), ("os.ftruncate", errno.EIO)],
)
def test_a_lock_that_cannot_be_had_leaves_nothing(tmp_path, monkeypatch, call, code):
    def fail(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(call, fail)
    with pytest.raises(StorageError, match=os.strerror(code)), RunLock(tmp_path / "runs" / "run"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_that_another_process_left_is_taken_over(tmp_path):
    (tmp_path / ".run.lock").write_text("process 1")
    with RunLock(tmp_path / "run"):
        assert (tmp_path / ".run.lock").read_text() == f"process {os.getpid()}"
    assert list(tmp_path.iterdir()) == []


def test_resuming_nothing_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="There is no interrupted run"):
        RunDirectory(tmp_path).request()


def test_starting_forgets_older_checkpoints_and_keeps_everything_else(tmp_path):
    run = RunDirectory(tmp_path)
    (tmp_path / "config.json").write_text("old model")
    run.checkpoints.directory.mkdir()
    (run.checkpoints.directory / "step-000000001.json").write_text("old")
    run.start({"request": {"seed": 1}}, b"pictures")
    assert run.request()["request"] == {"seed": 1}
    assert run.sides() == b"pictures"
    (sides,) = run.checkpoints.directory.glob("sides-*")
    assert {p.name for p in run.checkpoints.directory.iterdir()} == {"run.json", sides.name}
    assert (tmp_path / "config.json").read_text() == "old model"


REQUEST = {
    "request": {"seed": 1, "lr": 0.1, "model": "lenet5", "budget": None},
    "dataset": {"classes": ["a", "b"]},
}


def test_no_flipped_bit_changes_what_a_run_was_asked_for(tmp_path):
    """Bits of run.json in turn: refused in one sentence, or, in white space, without effect."""
    run = RunDirectory(tmp_path)
    run.start(REQUEST, b"")
    whole = run.request_path.read_bytes()
    refused = 0
    for place in range(0, 8 * len(whole), 5):  # a fifth of them, at every place of a byte
        data = bytearray(whole)
        data[place // 8] ^= 1 << place % 8
        run.request_path.write_bytes(data)
        try:
            assert run.request() | REQUEST == run.request(), f"bit {place}"
        except CheckpointError as error:
            assert "start anew with overwrite=True" in str(error)
            refused += 1
    assert refused > len(whole)  # of 1.6 times as many; the rest stand in white space


@pytest.mark.parametrize(
    "content", [b"", b"null", b"[1]", b"{}", b'{"request": {"seed": 1}}', b"[" * 100_000]
)
def test_a_request_without_its_hash_is_refused(tmp_path, content):
    run = RunDirectory(tmp_path)
    run.start(REQUEST, b"")
    run.request_path.write_bytes(content)
    with pytest.raises(
        CheckpointError, match="damaged or of another version; start anew with overwrite=True"
    ):
        run.request()
