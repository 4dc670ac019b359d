"""A model folder pushed to a hub on this machine, and fetched again: the same bytes, the same answers."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.numpy import load, save

from foveate.errors import InputError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.hub import _repository, card_head, hub_model, without_head
from foveate.modelfolder.read import read_config
from foveate.models.hub import timm_config, timm_preprocessing
from pixelwise import pixelwise_folder
from standin_hub import standin_hub

pytest.importorskip("huggingface_hub", reason="needs foveate[hub]")

# In a process of its own, for huggingface_hub reads its environment once; all commands in one, for speed.
SCRIPT = """
import contextlib, io, json, sys
from foveate.cli.main import main
for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as ended:
            code = ended.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""


def run(commands, hub, tmp_path):
    environment = {
        **{key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": "hf_standin",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "FOVEATE_CACHE": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(commands)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path):
    pixelwise_folder(tmp_path, "streets", ("bicyclist", "car", "road"))
    Image.fromarray(np.full((40, 40, 3), 90, np.uint8)).save(tmp_path / "one.png")
    return tmp_path / "streets"


def test_what_is_pushed_is_fetched_to_the_byte_and_answers_alike(folder, tmp_path):
    predict = ["predict", "hf:someone/streets", "one.png", "--json"]
    with standin_hub() as hub:
        commands = [
            predict,
            ["push", "streets", "hf:someone/streets", "--private", "--license", "mit", "--json"],
            [*predict, "--download"],
            predict,
            ["predict", "streets", "one.png", "--json"],
            ["push", "streets", "hf:someone/streets"],
            ["push", "streets", "hf:someone/streets", "--overwrite"],
        ]
        unfetched, pushed, fetched, kept, local, twice, again = run(commands, hub, tmp_path)
        assert unfetched[0] == 2 and "give --download" in unfetched[2]
        assert pushed[0] == 0, pushed
        assert json.loads(pushed[1])["url"] == f"{hub.url}/someone/streets"
        assert hub.visibility == {"someone/streets": "private"}
        answers = [json.loads(one[1])["predictions"] for one in (fetched, kept, local)]
        assert answers[0] == answers[1] == answers[2]
        assert twice[0] == 2 and "holds files already" in twice[2]
        assert again[0] == 0 and hub.commits == 2
    kept_folder = tmp_path / "cache" / "hub" / "someone--streets"
    own = read_config(folder).files
    assert own and all((kept_folder / name).read_bytes() == (folder / name).read_bytes() for name in own)


def test_the_hub_reads_the_head_of_the_card(folder):
    from huggingface_hub import ModelCard

    config = read_config(folder)
    config = type(config).from_dict(
        {**config.to_dict(), "metrics": {"evaluated_on": "test", "test": {config.task.metrics[0].name: 0.75}}}
    )
    head = card_head(config, "streets", "apache-2.0")
    card = ModelCard(head + "# streets\n")
    assert card.data.pipeline_tag == "image-segmentation" and card.data.license == "apache-2.0"
    (result,) = card.data.eval_results
    assert (result.metric_type, result.metric_value) == (config.task.metrics[0].name, 0.75)
    assert without_head((head + "# streets\n---\n\nmore").encode()) == b"# streets\n---\n\nmore"


def test_a_network_of_timm_is_pushed_as_timm_has_it(folder, monkeypatch):
    config = read_config(folder)
    weights = {"network.conv1.weight": np.ones((1, 1, 1, 1), np.float32)}
    timm = type(config).from_dict(
        {**config.to_dict(), "architecture": {"name": "timm:resnet18.a1", "options": {}}}
    )
    monkeypatch.setattr("foveate.modelfolder.hub.verify", lambda folder: timm)
    monkeypatch.setattr("foveate.modelfolder.hub.read_verified", lambda *_: save(weights))
    files = dict(_repository(folder, hub_model("hf:someone/streets"), None))
    told = json.loads(files["config.json"])
    assert told["architecture"] == "resnet18" and told["num_classes"] == 3
    assert timm_preprocessing(told, "it").to_dict() == Preprocessing.from_dict(config.preprocessing).to_dict()
    assert list(load(files["model.safetensors"])) == ["conv1.weight"]
    assert (
        "foveate/model.onnx" in files and yaml.safe_load(files["README.md"].decode().split("---")[1])["tags"]
    )


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_preprocessing_goes_to_timms_words_and_back(fit):
    ours = Preprocessing(
        height=96, width=128, fit=fit, crop_fraction=0.9, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)
    )
    assert timm_preprocessing(timm_config(ours), "it") == ours


@pytest.mark.parametrize("name", ["streets", "hf:someone/streets/other.safetensors", "hf:streets"])
def test_only_the_name_of_a_model_is_one(name):
    with pytest.raises(InputError):
        hub_model(name)
