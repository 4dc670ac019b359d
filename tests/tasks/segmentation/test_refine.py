"""`--refine mrf`: a field behind a network is trained with it, shipped, made again and resumed."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import foveate
from foveate import TrainRequest, train
from foveate.dataset import open_dataset
from foveate.dataset.sources.scenes.kinds import kinds
from foveate.dataset.sources.scenes.make import SceneSettings, make_scenes
from foveate.errors import InputError, InterruptedRunError
from foveate.models.refined import Refined
from foveate.models.registry import create_model
from foveate.pipeline.listen import PhaseStarted
from foveate.pipeline.photographs import choose_start
from foveate.tasks.segmentation.names import CLASSES, CONFIDENCE
from foveate.training.events import StepDone

SETTINGS = {"weights": "none", "epochs": 2, "lr": 8e-3, "batch_size": 8}
REQUEST = TrainRequest(model="pyramid_compact", refine="mrf", **SETTINGS)
FIELD = {"reduction": 4, "mixtures": 5, "window": 7, "context": 9}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    make_scenes(folder, kinds("shapes"), SceneSettings(count=30, size=48))
    return folder


@pytest.fixture(scope="module")
def finished(scenes, tmp_path_factory):
    return train(scenes, REQUEST, out=tmp_path_factory.mktemp("runs") / "scenes")


def config_of(folder):
    return json.loads((folder / "config.json").read_text())


def test_the_model_folder_says_what_stands_behind_the_network(finished):
    config = config_of(finished.folder)
    assert config["architecture"]["name"] == "pyramid_compact"
    assert config["architecture"]["refine"] == FIELD
    assert config["recipe"]["request"]["refine"] == "mrf"
    assert "<td>mrf</td>" in (finished.folder / "report.html").read_text()


def test_the_field_learns_with_the_network(finished):
    """What it began with can be drawn again: its colours and distances are constants."""
    torch.manual_seed(0)
    begun = Refined(create_model("pyramid_compact", image_size=(48, 48), num_classes=9)).mrf.state_dict()
    learnt = foveate.load(finished.folder).to_torch().mrf.state_dict()
    for name in ("local.log_colour", "local.log_space"):
        assert begun[name] != learnt[name], name


def test_torch_and_the_exported_network_say_the_same(finished, scenes):
    loaded = foveate.load(finished.folder)
    network = loaded.to_torch()
    assert isinstance(network, Refined) and network.options == FIELD
    split = open_dataset(scenes).splits["test"].images
    pictures = np.stack([split.take_for(loaded.preprocessing, i).pixels for i in range(len(split))])
    with torch.inference_mode():
        scores = network(torch.from_numpy(loaded.preprocessing.normalise(pictures)))
    sure = torch.softmax(scores / loaded.task.temperature, dim=1).amax(1).numpy() * 255
    found = loaded.run(pictures)
    assert (scores.argmax(1).numpy() != found[CLASSES]).mean() <= 1e-4
    assert np.abs(sure - found[CONFIDENCE]).max() <= 2


def test_it_runs_without_torch(finished, scenes):
    picture = next((scenes / "test" / "images").iterdir())
    program = (
        "import sys\nsys.modules['torch'] = None\nimport foveate\n"
        f"print(foveate.load({str(finished.folder)!r}).predict({str(picture)!r}).shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 48, 48)\n"


def test_a_run_that_was_stopped_keeps_its_field_and_gives_the_same_bytes(finished, scenes, tmp_path):
    steps = []

    def listen(event):
        if isinstance(event, StepDone):
            steps.append(event.step)

    with pytest.raises(InterruptedRunError):
        train(scenes, REQUEST, out=tmp_path / "run", listener=listen, should_stop=lambda: len(steps) > 3)
    again = train(scenes, out=tmp_path / "run", resume=True)
    assert config_of(again.folder)["architecture"] == config_of(finished.folder)["architecture"]
    before, after = (
        (folder / "model.safetensors").read_bytes() for folder in (finished.folder, again.folder)
    )
    assert before == after


def test_a_budget_takes_smaller_pictures_where_a_field_costs_time_as_well(scenes):
    photographs = open_dataset(scenes)
    settings = {"weights": "imagenet", "budget": "15s"}
    plain = choose_start(TrainRequest(**settings), photographs).most_pixels
    field = choose_start(TrainRequest(refine="mrf", **settings), photographs).most_pixels
    assert field < plain


BLUEPRINT = """
input: [3, 48, 48]
layers:
  - conv: {filters: 8, kernel: 3, padding: 1}
  - relu
  - conv: {filters: classes, kernel: 1}
"""


def test_a_blueprint_that_scores_pixels_takes_a_field(scenes, tmp_path):
    design = tmp_path / "net.yaml"
    design.write_text(BLUEPRINT)
    request = TrainRequest(model=str(design), refine="mrf", **{**SETTINGS, "epochs": 1})
    done = train(scenes, request, out=tmp_path / "run")
    assert config_of(done.folder)["architecture"].keys() == {"blueprint", "refine"}
    assert isinstance(foveate.load(done.folder).to_torch(), Refined)


def test_a_network_that_answers_for_whole_pictures_is_refused_as_without(scenes, tmp_path):
    with pytest.raises(InputError, match=r"9 classes need \(2, 9, 48, 48\); it scores whole pictures"):
        train(scenes, TrainRequest(model="resnet18", refine="mrf", **SETTINGS), out=tmp_path / "run")


def test_a_module_of_ones_own_is_refused(scenes, tmp_path):
    with pytest.raises(InputError, match="refine has no effect here: the module is trained as it is given"):
        train(scenes, TrainRequest(refine="mrf", epochs=1), module=nn.Conv2d(3, 9, 1), out=tmp_path / "run")


class ReachedError(Exception):
    """Nothing was refused."""


def test_none_asks_for_nothing(tmp_path):
    def stop(event):
        if isinstance(event, PhaseStarted) and event.name == "plan":
            raise ReachedError

    with pytest.raises(ReachedError):
        train("fashion-mnist-mini", refine="none", model="lenet5", out=tmp_path / "run", listener=stop)
