"""`foveate inspect` as a person calls it."""

import json
import signal
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
from click.testing import CliRunner

from foveate.cli.inspect import command
from foveate.errors import FoveateError

BLUEPRINT = """name: tiny
input: [1, 28, 28]
classes: 10
layers:
  - conv: {filters: 4, kernel: 3, stride: 2}
  - batch_norm
  - relu
  - flatten
  - dense: classes
"""


def ask(url, document=None, method=None):
    body = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=30) as answer:
        return json.loads(answer.read())


def test_a_blueprint_is_looked_into_trained_and_looked_into_again(tmp_path):
    (tmp_path / "net.yaml").write_text(BLUEPRINT)
    data = str(tmp_path / "bars.npz")
    random = np.random.default_rng(0)
    labels = np.arange(240) % 2
    pictures = random.integers(0, 60, (240, 28, 28), dtype=np.uint8)
    pictures[labels == 1, :, 10:18] += 150
    np.savez(data, images=pictures, labels=labels, classes=np.array(["noise", "bar"]))
    arguments = [
        "inspect",
        str(tmp_path / "net.yaml"),
        "--port",
        "0",
        "--json",
        "--data",
        data,
        "--keep",
        str(tmp_path / "kept"),
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "foveate.cli.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        told = json.loads("".join(process.stdout.readline() for _ in range(5)))
        assert (told["model"], told["pid"]) == ("tiny", process.pid)
        url = told["url"]
        assert [node["op"] for node in ask(url + "api/network")["nodes"]][1:4] == [
            "conv2d",
            "batch_norm",
            "relu",
        ]
        assert len(ask(url + "api/pictures")["pictures"]) == 2  # one of each class
        wish = {"yaml": BLUEPRINT, "data": data, "epochs": 2}
        training = url + "api/trainings/" + ask(url + "api/trainings", wish)["training"]
        until = time.monotonic() + 120
        while (found := ask(training))["state"] in ("reading", "training"):
            assert time.monotonic() < until, found
            time.sleep(0.1)
        assert (found["state"], found["message"]) == ("done", "Trained; look into it.")
        assert found["rows"][-1]["epoch_end"]
        assert found["rows"][-1]["val_accuracy"] > 0.5
        assert (tmp_path / "kept" / "trained-1" / "model.onnx").is_file()
        network = ask(f"{url}api/network?net={found['net']}")
        assert (network["weights"], network["classes"][0]) == ("trained", "noise")
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet51"], "did you mean resnet50"),
        (["convnet1", "nothing.png"], "nothing.png"),
        (["convnet1", "--data", "nothing"], "There is no file or folder 'nothing'"),
        (["convnet1", "--host", "0.0.0.0"], "for this machine only"),
        (["net.yaml"], "is not there"),
        (["{folder}"], "config.json"),
    ],
)
def test_wrong_wishes_are_told_before_anything_is_served(arguments, message, tmp_path):
    given = [argument.replace("{folder}", str(tmp_path)) for argument in arguments]
    found = CliRunner().invoke(command, given)
    assert isinstance(found.exception, FoveateError)
    assert found.exception.exit_code == 2
    assert message in str(found.exception)
