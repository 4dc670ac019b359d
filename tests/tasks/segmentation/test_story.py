"""From a folder of pictures and masks to a model that is measured, asked and resumed, as people do it."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import jaccard_score

import foveate
from foveate import TrainRequest, train
from foveate.cli.main import main
from foveate.dataset import open_dataset
from foveate.dataset.sources.scenes.kinds import kinds
from foveate.dataset.sources.scenes.make import SceneSettings, make_scenes
from foveate.errors import InputError, InterruptedRunError
from foveate.tasks.segmentation.names import CLASSES
from foveate.training.events import StepDone

REQUEST = TrainRequest(model="pyramid_compact", weights="none", epochs=8, lr=8e-3, batch_size=8)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    make_scenes(folder, kinds("shapes"), SceneSettings(count=60, size=48))
    return folder


@pytest.fixture(scope="module")
def finished(scenes, tmp_path_factory):
    return train(scenes, REQUEST, out=tmp_path_factory.mktemp("runs") / "scenes")


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    return left.value.code, capsys.readouterr()


def masks(scenes, split):
    names = sorted((scenes / split / "images").iterdir())
    return names, [np.asarray(Image.open(scenes / split / "masks" / f"{name.stem}.png")) for name in names]


def test_what_is_evaluated_is_scikit_learns_on_the_pictures_own_pixels(finished, scenes, capsys):
    code, said = call(capsys, "evaluate", finished.folder, scenes, "--json")
    assert code == 0
    found = json.loads(said.out)
    pictures, true = masks(scenes, "test")
    said = foveate.load(finished.folder).predict(pictures)
    flat = [np.concatenate([one.ravel() for one in each]) for each in (true, said)]
    iou = jaccard_score(*flat, average=None, labels=np.unique(np.concatenate(flat)))
    assert found["miou"] == pytest.approx(iou.mean())
    assert found["pixel_accuracy"] == pytest.approx((flat[0] == flat[1]).mean())
    assert [one["class"] for one in found["per_class"]][:2] == ["background", "disc"]
    assert found == json.loads(json.dumps(finished.evaluation.to_dict())) | {
        key: found[key] for key in found.keys() - finished.evaluation.to_dict().keys()
    }
    assert (
        finished.evaluation.miou > finished.evaluation.constant
    )  # a moment of training has taught it something


def test_the_report_shows_overlap_and_the_worst_pictures(finished):
    page = (finished.folder / "report.html").read_text()
    for words in ("mean IoU", "Class by class", "What it confuses", "Worst pictures", "Reliability"):
        assert words in page
    card = (finished.folder / "README.md").read_text()
    assert "mean IoU" in card and "background" in card


def test_it_runs_without_torch(finished, scenes):
    picture = masks(scenes, "test")[0][0]
    program = (
        "import sys\nsys.modules['torch'] = None\nimport foveate\n"
        f"print(foveate.load({str(finished.folder)!r}).predict({str(picture)!r}).shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 48, 48)\n"


def test_the_exported_network_says_what_torchs_says(finished, scenes):
    """The share of pixels whose class differs: 1e-4 at most."""
    loaded = foveate.load(finished.folder)
    network = loaded.to_torch()
    split = open_dataset(scenes).splits["test"].images
    pictures = np.stack([split.take_for(loaded.preprocessing, i).pixels for i in range(len(split))])
    with torch.inference_mode():
        classes = network(torch.from_numpy(loaded.preprocessing.normalise(pictures))).argmax(1).numpy()
    assert (classes != loaded.run(pictures)[CLASSES]).mean() <= 1e-4


def test_a_run_that_was_stopped_gives_the_same_bytes(finished, scenes, tmp_path):
    steps = []

    def listen(event):
        if isinstance(event, StepDone):
            steps.append(event.step)

    with pytest.raises(InterruptedRunError):
        train(scenes, REQUEST, out=tmp_path / "run", listener=listen, should_stop=lambda: len(steps) > 12)
    again = train(scenes, REQUEST, out=tmp_path / "run", resume=True)
    for name in ("model.safetensors", "history.csv"):
        before, after = ((folder / name).read_bytes() for folder in (finished.folder, again.folder))
        if name == "history.csv":  # all but the time
            before, after = (
                [line.rsplit(b",", 1)[0] for line in text.splitlines()] for text in (before, after)
            )
        assert before == after, name


def test_classes_weigh_by_their_median_frequency(scenes, tmp_path):
    request = TrainRequest(model="pyramid_compact", weights="none", epochs=1, class_weights="balanced")
    weighed = train(scenes, request, out=tmp_path / "run")
    assert (
        json.loads((weighed.folder / "config.json").read_text())["recipe"]["training"]["class_weights"][0] < 1
    )


def test_a_fit_that_cuts_is_refused(scenes, tmp_path):
    with pytest.raises(InputError, match="every place of it has an answer"):
        train(scenes, TrainRequest(fit="crop", epochs=1), out=tmp_path / "run")


def test_a_network_that_answers_for_whole_pictures_is_refused(scenes, tmp_path):
    with pytest.raises(InputError, match=r"9 classes need \(2, 9, 48, 48\)"):
        train(scenes, TrainRequest(model="resnet18", weights="none", epochs=1), out=tmp_path / "run")
