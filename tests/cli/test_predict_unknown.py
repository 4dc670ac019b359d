"""`foveate predict` with a model that says when it is unsure, and when a picture is unlike its own."""

import csv
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from foveate.cli.main import main
from foveate.exporter.features import Extractor
from foveate.exporter.novelty import fit_novelty
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.models import create_model
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.classification.task import Classification
from foveate.tasks.classification.threshold import UnsureRule

SHAPE = Preprocessing(28, 28, 1)
CLASSES = ("a", "b", "c")
FACTS = {"architecture": {"name": "convnet1", "options": {}}}


def dark(count):
    """Noise about a dark grey: what the model remembers."""
    return np.random.default_rng(3).normal(40, 4, (count, 28, 28, 1)).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    torch.manual_seed(0)
    network = create_model("convnet1", num_classes=3).eval()
    novelty = fit_novelty(Extractor(network, SHAPE)(dark(40)))
    with Draft(tmp_path_factory.mktemp("models") / "dark") as draft:
        facts = {"preprocessing": SHAPE, "sample_images": dark(4), "novelty": novelty, **FACTS}
        draft.add_network(network, task=Classification(CLASSES, 0.01), **facts)
        sureness = draft.predictor().predict_proba(dark(1)).max()
        task = Classification(
            CLASSES,
            0.01,
            UnsureRule(min(float(sureness) + 1e-3, 1.0), precision=0.95, coverage=0.5, samples=9),
        )
        draft.add_network(network, task=task, **facts)
        config = ModelConfig(
            input=InputShape(28, 28, 1),
            preprocessing=SHAPE.to_dict(),
            task=task,
            unlikeness=novelty.to_dict(),
            **FACTS,
        )
        return str(draft.publish(config))


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    Image.fromarray(dark(1)[0, :, :, 0]).save(tmp_path / "known.png")
    stripes = np.tile(np.repeat([0, 255], 2), (28, 7)).astype(np.uint8)
    Image.fromarray(stripes).save(tmp_path / "strange.png")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as info:
            main(["predict", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert (info.value.code, err) == (0, "")
        return out

    return call


def test_people_are_told(run, model, pictures):
    known, strange = run(model, "known.png").splitlines(), run(model, "strange.png").splitlines()
    assert known[-1].startswith("unsure (below ")
    assert "unlike the training pictures (" in strange[-1]
    assert not any("unlike" in line for line in known)
    both = run(model, "known.png", "strange.png").splitlines()
    assert "; unsure (below" in both[0]
    assert "; unlike the training pictures" in both[1]


def test_machines_are_told(run, model, pictures):
    known, strange = json.loads(run(model, "known.png", "strange.png", "--json"))["predictions"]
    assert (known["unsure"], known["unlike"]) == (True, False)
    assert 0 <= known["unlikeness"] <= 1 < strange["unlikeness"]
    assert strange["unlike"] is True
    rows = list(csv.DictReader(io.StringIO(run(model, "known.png", "strange.png", "--csv"))))
    assert [row["unsure"] for row in rows] == [str(one["unsure"]).lower() for one in (known, strange)]
    assert float(rows[1]["unlikeness"]) == pytest.approx(strange["unlikeness"], abs=1e-3)
