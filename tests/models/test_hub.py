"""Weights of a hub, from a server on this machine that huggingface_hub takes for one (HF_ENDPOINT)."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from typing import ClassVar

import pytest

from foveate.errors import InputError, WeightsError
from foveate.images.preprocess import Preprocessing
from foveate.models.hub import timm_preprocessing
from foveate.models.names import HubName, parse_hub_name

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TIMM = {  # as timm writes it
    "architecture": "resnet18",
    "num_classes": 1000,
    "pretrained_cfg": {
        "input_size": [3, 160, 160],
        "interpolation": "bicubic",
        "crop_pct": 0.95,
        "crop_mode": "center",
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.25, 0.3],
        "license": "apache-2.0",
    },
}
FILES = {
    "someone/resnet/model.safetensors": b"not weights, but bytes",
    "someone/resnet/config.json": json.dumps(TIMM).encode(),
    "someone/bare/sub/other.safetensors": b"other bytes",
    "someone/broken/model.safetensors": b"bytes",
    "someone/broken/config.json": b"{",
    "someone/pickled/pytorch_model.bin": b"cos",
}
# Runs in a process of its own, for huggingface_hub reads its environment once.
SCRIPT = """
import json, sys, time
from foveate.errors import FoveateError
from foveate.models.hub import hub_weights
from foveate.models.names import parse_hub_name

time.sleep = lambda seconds: None  # huggingface_hub waits between its tries
for text, download in json.loads(sys.argv[1]):
    said = []
    try:
        found = hub_weights(parse_hub_name(text), download=download, say=said.append)
        side = found.preprocessing and found.preprocessing.height
        told = [found.path.read_bytes().decode(), found.revision, found.architecture, side, found.source]
    except FoveateError as error:
        told = f"{type(error).__name__}: {error}"
    print(json.dumps([told, said]))
"""


class Hub(http.server.BaseHTTPRequestHandler):
    asked: ClassVar[list[str]] = []

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        self.asked.append(f"{self.command} {self.path}")
        repo, _, rest = self.path.lstrip("/").partition("/resolve/")
        revision, _, file = rest.partition("/")
        content = FILES.get(f"{repo}/{file}")
        problem = None
        if not any(name.startswith(f"{repo}/") for name in FILES):
            problem = "RepoNotFound"
        elif revision not in {"main", COMMIT}:
            problem = "RevisionNotFound"
        elif content is None:
            problem = "EntryNotFound"
        self.send_response(404 if problem else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        if problem:
            self.send_header("X-Error-Code", problem)
            content = b""
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def hub():
    pytest.importorskip("huggingface_hub", reason="needs foveate[hub]")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Hub.asked = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask(cases, endpoint, home, **environment):
    """[what came or the error, what was said] for each (name, download)."""
    own = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(cases)],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def test_what_is_asked_for_is_fetched_and_what_is_not_is_not(hub, tmp_path):
    name = "hf:someone/resnet"
    (before, said), (fetched, told), (after, _), (bare, _) = ask(
        [[name, False], [name, True], [name, False], ["hf:someone/bare/sub/other.safetensors", True]],
        hub,
        tmp_path,
    )
    assert before.startswith("WeightsError")
    assert "nothing is fetched unasked: give download=True" in before
    assert said == []
    source = f"the weights of hf:someone/resnet@{COMMIT[:12]} (model.safetensors)"
    assert fetched == ["not weights, but bytes", COMMIT, "resnet18", 160, source]
    assert hub in told[0]
    assert after == fetched
    assert bare[:4] == ["other bytes", COMMIT, None, None]
    assert sum("resnet" in line and line.startswith("GET") for line in Hub.asked) == 2  # weights, config


def test_without_leave_no_byte_leaves_the_machine(hub, tmp_path):
    told = ask([["hf:someone/resnet", False]], hub, tmp_path)
    offline = ask([["hf:someone/resnet", True]], hub, tmp_path, HF_HUB_OFFLINE="1")
    assert told[0][0].startswith("WeightsError")
    assert "HF_HUB_OFFLINE is set" in offline[0][0]
    assert Hub.asked == []


def test_what_the_hub_does_not_have_is_said_in_a_sentence(hub, tmp_path):
    answers = ask(
        [
            ["hf:nobody/nothing", True],
            ["hf:someone/pickled", True],
            ["hf:someone/resnet@old", True],
            ["hf:someone/broken", True],
        ],
        hub,
        tmp_path,
    )
    missing, no_file, no_revision, broken = (told for told, _ in answers)
    assert missing.startswith("DownloadError: There is no nobody/nothing")
    assert no_file.startswith("DownloadError: someone/pickled on")
    assert "has no file model.safetensors" in no_file
    assert "has no revision old" in no_revision
    assert broken.startswith("WeightsError")
    assert "is no JSON file" in broken


def test_a_damaged_copy_and_a_hub_out_of_reach(hub, tmp_path):
    ask([["hf:someone/resnet", True]], hub, tmp_path)
    blob = tmp_path / "hub" / "models--someone--resnet" / "blobs"
    blob /= hashlib.sha256(FILES["someone/resnet/model.safetensors"]).hexdigest()
    blob.write_bytes(b"something else")
    damaged, nowhere = ask(
        [["hf:someone/resnet", False], ["hf:someone/bare/sub/other.safetensors", True]],
        "http://127.0.0.1:9",
        tmp_path,
    )
    assert "is damaged: its SHA-256" in damaged[0]
    assert nowhere[0].startswith("DownloadError: Could not reach someone/bare")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("hf:timm/resnet18.a1_in1k", HubName("timm/resnet18.a1_in1k")),
        ("hf:a/b@v1.0", HubName("a/b", revision="v1.0")),
        ("hf:a/b/c/d.safetensors", HubName("a/b", "c/d.safetensors")),
        ("hf:a/b@0f/d.safetensors", HubName("a/b", "d.safetensors", "0f")),
    ],
)
def test_names(text, name):
    assert parse_hub_name(text) == name
    assert parse_hub_name(str(name)) == name


@pytest.mark.parametrize(
    "text", ["hf:", "hf:a", "hf:a/", "hf:a/b/", "hf:../b", "hf:a/b/../c.safetensors", "hf:a/b//c.safetensors"]
)
def test_names_that_are_none(text):
    with pytest.raises(InputError, match="are named hf:OWNER/REPO"):
        parse_hub_name(text)


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pth", "model.pkl", "model.safetensors.bin"])
def test_no_pickle_from_a_hub(file):
    with pytest.raises(InputError, match=r"only \.safetensors files"):
        parse_hub_name(f"hf:a/b/{file}")


def test_preprocessing_follows_timms_config():
    expected = Preprocessing(
        160,
        160,
        crop_fraction=0.95,
        interpolation="bicubic",
        mean=(0.5, 0.4, 0.3),
        std=(0.2, 0.25, 0.3),
    )
    assert timm_preprocessing(TIMM, "it") == expected
    assert timm_preprocessing(TIMM["pretrained_cfg"], "it") == expected  # the older, flat form
    squashed = {**TIMM["pretrained_cfg"], "crop_mode": "squash", "crop_pct": 1.0}
    assert timm_preprocessing(squashed, "it").fit == "stretch"
    assert timm_preprocessing({"hidden_sizes": [64]}, "it") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"input_size": [1, 28, 28]},
        {"input_size": [3, 99999, 99999]},
        {"input_size": "large"},
        {"mean": [0.5]},
        {"std": [0, 0, 0]},
        {"crop_pct": 7},
        {"crop_mode": "oval"},
        {"interpolation": "magic"},
    ],
)
def test_a_preprocessing_that_cannot_be(wrong):
    with pytest.raises(WeightsError, match=r"config\.json names a preprocessing that cannot be"):
        timm_preprocessing({**TIMM["pretrained_cfg"], **wrong}, "config.json")
