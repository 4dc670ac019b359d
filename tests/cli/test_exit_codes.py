"""0 done, 1 failed, 2 wrong input, 130 interrupted: whenever a signal comes, and whoever does not listen."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bad_input_makers import photos, pngs

FOVEATE = [sys.executable, "-m", "foveate.cli.main"]

AT_THE_END = """
import atexit, os, signal, sys
atexit.register(lambda: os.kill(os.getpid(), signal.SIGTERM))
"""
STOPPED = """
import foveate.api.train
from foveate.errors import InterruptedRunError
def train(*unused, should_stop, **more):
    os.kill(os.getpid(), signal.SIGTERM)
    assert should_stop()
    raise InterruptedRunError("Stopped.")
foveate.api.train.train = train
"""


START = "from foveate.cli.main import main\nmain()"


def program(code, *arguments):
    line = [sys.executable, "-c", code + START, *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_a_signal_while_python_ends_changes_nothing_any_more():
    assert program(AT_THE_END, "data", "list").returncode == 0
    assert program(AT_THE_END, "filter", "gone.png", "sharpen").returncode == 2


def test_a_second_signal_after_a_stop_changes_nothing_any_more(tmp_path):
    done = program(AT_THE_END + STOPPED, "train", str(tmp_path / "data"), "--out", str(tmp_path / "run"))
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "foveate: Stopped.")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_any_command(number):
    code = "import time, foveate.cli.data as data\ndata.table = lambda *unused, **more: waiting()\n"
    code += "def waiting():\n    print('waiting', flush=True)\n    time.sleep(60)\n"
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}{START}", "data", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        assert process.stderr.read().endswith("foveate: interrupted.\n")
        assert process.wait(60) == 130


def test_standard_output_that_takes_nothing_is_no_failure_once_the_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pngs("cat.png")()
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*FOVEATE, "filter", "cat.png", "sharpen"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 0 and Path("cat-sharpen.png").exists()
    assert done.stderr == (
        f"note: standard output: {os.strerror(errno.ENOSPC)}; what was made is in place.\n"
    )


def test_a_training_that_nobody_listens_to_leaves_its_model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photos()
    line = [*FOVEATE, "train", "photos", "--epochs", "1", "--out", "run"]
    reading, writing = os.pipe()
    os.close(reading)  # as `2>&1 | head -1` leaves it: every word on standard error fails
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(line, stdout=full, stderr=writing, check=False)
    os.close(writing)
    assert done.returncode == 0 and Path("run/config.json").exists()
