"""Photographs start from learnt weights; what chooses is held-out training pictures and nothing else."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from PIL import Image

from arrows import arrows
from foveate import TrainRequest, train
from foveate.dataset import open_dataset
from foveate.dataset.samples import ArrayImages, DataSet, Split
from foveate.dataset.sources.scenes import SceneSettings, kinds, make_scenes
from foveate.errors import InterruptedRunError, WeightsError
from foveate.modelfolder.read import load
from foveate.models.registry import create_model
from foveate.pipeline.listen import Looking, Note
from foveate.pipeline.photographs import FromChance, choose_start, may_mirror
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification
from foveate.transfer.affordable import affordable
from foveate.transfer.fitted import make_folds

SMALL = TrainRequest(image_size=96)  # an eighth of the work; the pictures are 110 px


@pytest.fixture(autouse=True, scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOVEATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def draw(kind, random, side=110):
    """A picture with stripes of a direction, some noise, at a random phase and colour."""
    across = np.arange(side)[:, None] if kind == "lying" else np.arange(side)[None, :]
    wave = np.sin(across * random.uniform(0.3, 0.5) + random.uniform(0, 6)) * 60
    picture = random.uniform(90, 160, 3) + np.broadcast_to(wave, (side, side))[..., None]
    return np.clip(picture + random.normal(0, 12, (side, side, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    """24 training and 8 validation pictures in class folders, as JPEG files of 110 px."""
    root = tmp_path_factory.mktemp("stripes")
    random = np.random.default_rng(5)
    for split, count in (("train", 12), ("val", 4)):
        for kind in ("lying", "standing"):
            (root / split / kind).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(draw(kind, random)).save(root / split / kind / f"{number}.jpg", quality=95)
    return root


@pytest.fixture(scope="module", autouse=True)  # before all others, for it is told of features not kept yet
def finished(cache, stripes, tmp_path_factory):
    events = []
    result = train(stripes, SMALL, out=tmp_path_factory.mktemp("runs") / "stripes", listener=events.append)
    return result, events


def weights_of(folder):
    return safetensors.numpy.load_file(folder / "model.safetensors")


def test_a_folder_of_photographs_becomes_a_classifier(finished):
    result, events = finished
    config = json.loads((result.folder / "config.json").read_text())
    assert config["architecture"] == {"name": "efficientnet_lite1", "options": {}}
    assert config["recipe"]["name"] == "frozen-features"
    assert config["metrics"]["held_out"]["samples"] == 24
    assert result.evaluated_on == "val"
    assert result.evaluation.accuracy == 1.0
    assert any("photographs" in event.text for event in events if isinstance(event, Note))
    assert [event for event in events if isinstance(event, Looking)][-1] == Looking(48, 48)


def test_the_model_says_when_it_does_not_know(finished, stripes):
    folder = finished[0].folder
    config = json.loads((folder / "config.json").read_text())
    assert config["task"]["unsure"]["samples"] == 24
    assert config["unlikeness"] | {"limit": 0, "method": ""} == {
        "method": "", "neighbours": 5, "remembered": 24, "limit": 0, "limit_from": 24,
    }  # fmt: skip
    noise = np.random.default_rng(0).integers(0, 256, (110, 110, 3), dtype=np.uint8)
    *known, strange = load(folder).predictions([*sorted((stripes / "val").glob("*/*.jpg")), noise])
    assert sum(one.unlike for one in known) <= 1
    assert strange.unlike


def test_only_the_head_differs_from_the_published_weights(finished):
    published = create_model("efficientnet_lite1", pretrained=True).state_dict()
    for name, value in weights_of(finished[0].folder).items():
        if not name.startswith("classifier."):
            assert (value == published[name].numpy()).all(), name


def test_a_second_run_looks_at_nothing_again_and_gives_the_same_weights(finished, stripes, tmp_path):
    events = []
    again = train(stripes, SMALL, out=tmp_path / "again", listener=events.append)
    assert not [event for event in events if isinstance(event, Looking)]
    first, second = weights_of(finished[0].folder), weights_of(again.folder)
    assert all((first[name] == second[name]).all() for name in first)


def test_another_fit_takes_no_features_of_the_first(finished, stripes, tmp_path, monkeypatch):
    padded = TrainRequest(image_size=96, fit="pad")
    after = train(stripes, padded, out=tmp_path / "after")
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    clean = train(stripes, padded, out=tmp_path / "clean")
    cut, first, second = (weights_of(run.folder) for run in (finished[0], after, clean))
    assert all((first[name] == second[name]).all() for name in first)
    assert (first["classifier.1.weight"] != cut["classifier.1.weight"]).any()


def test_nothing_tells_where_it_was_made(finished, stripes, files_that_name):
    folder = finished[0].folder
    assert files_that_name(folder, stripes.parent, folder.parent) == []


def test_validation_labels_have_no_say(finished, stripes, tmp_path):
    """With every validation label turned round, the model is the same and its measured accuracy is nought."""
    shutil.copytree(stripes, tmp_path / "copy")
    table = tmp_path / "copy" / "table.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file_name", "label", "split"))
        for path in sorted(stripes.rglob("*.jpg")):
            split, kind = path.parts[-3:-1]
            turned = {"lying": "standing", "standing": "lying"}[kind] if split == "val" else kind
            writer.writerow((path.relative_to(stripes), turned, split))
    liar = train(table, SMALL, out=tmp_path / "liar")
    assert liar.evaluation.accuracy == 0.0
    first, second = weights_of(finished[0].folder), weights_of(liar.folder)
    assert all((first[name] == second[name]).all() for name in first)
    configs = [
        json.loads((folder / "config.json").read_text()) for folder in (finished[0].folder, liar.folder)
    ]
    assert configs[0]["task"]["temperature"] == configs[1]["task"]["temperature"]


def test_an_interrupt_keeps_what_was_looked_at(stripes, tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("foveate.transfer.features.STRETCH", 16)
    seen = []

    def should_stop():
        return sum(isinstance(event, Looking) for event in seen) >= 2

    with pytest.raises(InterruptedRunError, match="used next time"):
        train(stripes, SMALL, out=tmp_path / "out", listener=seen.append, should_stop=should_stop)
    events = []
    done = train(stripes, out=tmp_path / "out", resume=True, listener=events.append)
    assert done.evaluation.accuracy == 1.0
    assert next(event for event in events if isinstance(event, Looking)).done > 16


@pytest.mark.parametrize(
    ("request_", "backbone"),
    [
        (TrainRequest(), "efficientnet_lite1"),
        (TrainRequest(weights="imagenet"), "efficientnet_lite1"),
        (TrainRequest(weights="none"), None),
        (TrainRequest(model="compact_s"), None),
        (TrainRequest(recipe="compact-short"), None),
        (TrainRequest(model="efficientnet_lite0"), None),
        (TrainRequest(model="efficientnet_lite0", weights="imagenet"), "efficientnet_lite0"),
    ],
)
def test_what_starts_from_learnt_weights(stripes, request_, backbone):
    start = choose_start(request_, open_dataset(stripes))
    if backbone is None:
        assert replace(start, reason="") == FromChance()
        could = request_.model == "efficientnet_lite0"
        said = "efficientnet_lite0 starts from chance; weights='imagenet' starts it from ImageNet weights."
        assert start.reason == (said if could else "")
    else:
        assert [one.name for one in start.backbones] == [backbone]


@pytest.mark.parametrize(
    ("model", "weights", "told"),
    [("efficientnet_lite0", None, True), ("efficientnet_lite0", "none", False), ("compact", None, False)],
)
def test_a_network_that_is_named_on_a_trunk_that_could_be_learnt_says_so(tmp_path, model, weights, told):
    make_scenes(tmp_path / "scenes", kinds("shapes"), SceneSettings(count=3, size=96))
    request = TrainRequest(task="captioning", model=f"show_and_tell_{model}", weights=weights)
    start = choose_start(request, open_dataset(tmp_path / "scenes", task="captioning"))
    assert start.trunk is None
    assert start.reason.startswith(f"show_and_tell_{model} starts from chance") == told


def test_small_pictures_start_from_chance(photos):
    assert choose_start(TrainRequest(), open_dataset(photos)) == FromChance()


def test_no_published_weights_is_said_before_anything_is_read(stripes, tmp_path):
    with pytest.raises(WeightsError, match="resnet18"):
        train(stripes, TrainRequest(model="resnet18", weights="imagenet"), out=tmp_path / "out")


def test_folds_keep_copies_together_and_hold_out_a_fifth_of_many():
    labels = np.arange(3000) % 3
    groups = np.arange(3000) // 3  # one picture under three labels
    folds = make_folds(labels, groups, seed=0)
    assert set(folds) == {-1, 0}
    assert 0.15 < (folds == 0).mean() < 0.25
    assert (folds.reshape(-1, 3) == folds.reshape(-1, 3)[:, :1]).all()
    few = make_folds(labels[:300], groups[:300], seed=0)
    assert set(few) == {0, 1, 2, 3, 4}


def test_epochs_fine_tune_and_repeat_to_the_bit(stripes, tmp_path):
    request_ = TrainRequest(epochs=1, weights="imagenet", image_size=96)
    notes = []
    runs = [train(stripes, request_, out=tmp_path / name, listener=notes.append) for name in ("a", "b")]
    assert any("Fine-tuned: held-out loss" in event.text for event in notes if isinstance(event, Note))
    first, second = (weights_of(run.folder) for run in runs)
    assert all((first[name] == second[name]).all() for name in first)
    assert runs[0].evaluation.accuracy == 1.0


@pytest.mark.parametrize(
    ("count", "budget", "measured", "names"),
    [
        (200, None, 0, ["efficientnet_lite1"]),
        (50_000, None, 0, ["efficientnet_lite0"]),
        (244, 20.0, 0, ["efficientnet_lite1"]),
        (244, 300.0, 0, ["efficientnet_lite1", "efficientnet_lite2", "efficientnet_lite0"]),
        # Enough to fine-tune: the largest that can be for enough epochs, or else for a few.
        (1_500, 300.0, 2_000, ["efficientnet_lite1"]),
        (1_500, 300.0, 20_000, ["efficientnet_lite0"]),
        (1_500, 3600.0, 2_000, ["efficientnet_lite2"]),
        (5_000, 300.0, 0, ["efficientnet_lite0"]),
        (1_500, 60.0, 0, ["efficientnet_lite0"]),
        (50_000, 60.0, 0, []),
    ],
)
def test_backbones_that_the_time_allows(count, budget, measured, names):
    assert list(affordable(count, budget, measured)) == names


def test_few_pictures_are_not_fine_tuned_by_a_budget(stripes, tmp_path):
    notes = []
    request_ = TrainRequest(budget="60s", image_size=96)
    done = train(stripes, request_, out=tmp_path / "out", listener=notes.append)
    texts = [event.text for event in notes if isinstance(event, Note)]
    assert any("could not tell a gain from luck" in text for text in texts)
    assert sum("on training pictures in 5-fold cross-validation" in text for text in texts) == 3  # backbones
    assert json.loads((done.folder / "config.json").read_text())["recipe"]["name"] == "frozen-features"


def arrow_set(classes=("left", "right")):
    """40 training and 20 validation pictures of 112 px: each class is the other's mirror image."""
    splits = {name: arrows(count, 112, seed) for name, count, seed in (("train", 40, 0), ("val", 20, 1))}
    return DataSet(
        "arrows",
        Classification(classes),
        {name: Split(ArrayImages(some), ClassTargets(labels)) for name, (some, labels) in splits.items()},
    )


def no_flip(*_):
    raise RuntimeError("a picture was mirrored")


def test_mirror_images_that_contradict_are_left_out_and_fine_tuning_leaves_them_out_too(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("foveate.batches.augment.flip", no_flip)
    events = []
    request_ = TrainRequest(image_size=96, epochs=1, weights="imagenet")
    done = train(arrow_set(), request_, out=tmp_path / "out", listener=events.append)
    assert [event for event in events if isinstance(event, Looking)][-1] == Looking(80, 80)
    (told,) = [e.text for e in events if isinstance(e, Note) and e.text.startswith("Mirror images are left")]
    assert "take on another class" in told
    assert any("Fine-tuned: held-out loss" in event.text for event in events if isinstance(event, Note))
    assert done.evaluation.accuracy >= 0.85
    assert "each picture as it is" in (done.folder / "report.html").read_text()


def test_without_augmentation_mirror_images_are_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    events = []
    request_ = TrainRequest(image_size=96, augment="none")
    done = train(arrow_set(), request_, out=tmp_path / "out", listener=events.append)
    assert [event for event in events if isinstance(event, Looking)][-1] == Looking(40, 40)
    assert not [event for event in events if isinstance(event, Note) and "irror" in event.text]
    assert done.evaluation.accuracy >= 0.85


def test_letters_and_digits_are_not_looked_at_in_a_mirror():
    assert may_mirror(TrainRequest(), Classification(("cat", "dog")))
    assert not may_mirror(TrainRequest(), Classification(("A", "b", "3")))
    assert not may_mirror(TrainRequest(augment="none"), Classification(("cat", "dog")))


def test_half_the_views_take_half_the_time():
    assert affordable(2_500, None, views=2) == ("efficientnet_lite0",)
    assert affordable(2_500, None, views=1) == ("efficientnet_lite1",)
