"""Nothing is written for, or asked of, anybody else: files and system calls are watched from outside.

The programs run in an environment as a user has it, without the variable that this package sets, and with
new folders for all that a program may keep of its user.
"""

import os
import re
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from torch import nn

from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.classification.task import Classification

STRACE = shutil.which("strace")
FIRST_UPLOAD_SECONDS = 10  # ONNX Runtime 1.31 looks its maker's host up 9 s after it was loaded
COMMAND = [sys.executable, "-m", "foveate.cli.main"]
PROGRAMS = {
    "predict": [*COMMAND, "predict", "{model}", "{picture}"],
    "evaluate": [*COMMAND, "evaluate", "{model}", "{data}"],
    "python": [sys.executable, "-c", "import foveate; foveate.load({model!r}).predict({picture!r})"],
    "openvino": [*COMMAND, "predict", "{model}", "{picture}", "--runtime", "openvino"],
    "child": [
        sys.executable,
        "-c",
        "import foveate, os, sys; os.execv(sys.executable, [sys.executable, '-c', 'import onnxruntime'])",
    ],
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A model of two classes, a picture, and a folder of such pictures, by name."""
    folder = tmp_path_factory.mktemp("telemetry")
    preprocessing = Preprocessing(8, 8, 3)
    with Draft(folder / "model") as draft:
        draft.add_network(
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)),
            preprocessing=preprocessing,
            task=Classification(("dark", "light")),
            sample_images=np.zeros((2, 8, 8, 3), np.uint8),
            architecture={"custom": "means"},
        )
        draft.publish(
            ModelConfig(
                {"custom": "means"},
                Classification(("dark", "light")),
                InputShape(8, 8, 3),
                preprocessing.to_dict(),
            )
        )
    for label, level in (("dark", 0), ("light", 255)):
        (folder / "data" / label).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8, 8), (level - number * (level // 9 or -1),) * 3).save(
                folder / "data" / label / f"{number}.png"
            )
    return {
        "model": str(folder / "model"),
        "data": str(folder / "data"),
        "picture": str(folder / "data" / "dark" / "0.png"),
    }


def new_user(place):
    """The environment of a user whose folders are new, and those folders."""
    keeps = {
        "HOME": "home",
        "XDG_CACHE_HOME": "cache",
        "XDG_CONFIG_HOME": "config",
        "XDG_DATA_HOME": "data",
        "XDG_STATE_HOME": "state",
        "TMPDIR": "tmp",
    }
    own = {name: str(place / folder) for name, folder in keeps.items()}
    for folder in own.values():
        os.mkdir(folder)  # noqa: PTH102
    kept = {
        name: value
        for name, value in os.environ.items()
        if "TELEMETRY" not in name and not name.startswith("FOVEATE")
    }
    return {**kept, **own}, place


@pytest.fixture
def user(tmp_path):
    return new_user(tmp_path)


@pytest.fixture(scope="module", autouse=True)
def watched(places, tmp_path_factory):
    """A server under watch, its user's folder, the log, when it began; other tests go on meanwhile."""
    environment, folder = new_user(tmp_path_factory.mktemp("user"))
    log = folder.with_suffix(".strace")
    watch = [STRACE, "-D", "-f", "-e", "trace=network", "-o", str(log)] if STRACE else []
    server = subprocess.Popen(
        [*watch, *COMMAND, "serve", places["model"], "--port", "0"],
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield server, folder, log, time.monotonic()
    server.terminate()
    server.wait(30)


def written(folder):
    """Every file but what a trial of runtimes found, which is kept for the user's next run."""
    files = (str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())
    return sorted(name for name in files if not name.startswith("cache/foveate/runtimes/"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_leaves_nothing_with_its_user(program, places, user):
    environment, folder = user
    line = [part.format(**places) if "{" in part else part for part in PROGRAMS[program]]
    done = subprocess.run(line, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert written(folder) == []


@pytest.mark.slow
def test_a_server_asks_for_no_name_and_opens_no_connection(watched):
    """Watched for as long as it takes ONNX Runtime to ask for its maker's host where its telemetry is on."""
    server, folder, log, started = watched
    time.sleep(max(0.0, started + FIRST_UPLOAD_SECONDS + 2 - time.monotonic()))
    assert server.poll() is None
    assert written(folder) == []
    if STRACE is None:
        pytest.skip("strace is missing: only files were watched, not name look-ups")
    calls = log.read_text(errors="replace")
    assert "listen(" in calls  # the watch works
    assert re.findall(r".*(?:connect|sendto|sendmsg|sendmmsg)\(\d+, .*AF_INET.*", calls) == []
