"""A trunk that was learnt: what it saw is kept while it is frozen; then it learns. Stopped and resumed."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from tests.helpers.squares import sentences, shown, square

import foveate
from foveate.batches.augment import Augmentation
from foveate.batches.kept import KeptBatches, KeptEvaluation
from foveate.batches.loader import Normaliser, Pixels
from foveate.errors import InterruptedRunError
from foveate.images.preprocess import Preprocessing
from foveate.models.model import Model
from foveate.models.registry import create_model, create_trunk
from foveate.pipeline.kept import from_either_side
from foveate.tasks.captioning.learn import CaptioningLearner
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.vocabulary import Vocabulary
from foveate.tasks.classification.task import Classification
from foveate.training.events import StepDone
from foveate.transfer.seen import SeenByTrunk

SIDE = 48
SHAPE = Preprocessing(SIDE, SIDE, 3)
VOCABULARY = Vocabulary(("a", "dog"))
LEARNER = CaptioningLearner(Captioning(VOCABULARY))


@pytest.fixture(scope="module")
def trunk():
    torch.manual_seed(0)
    module = create_trunk("resnet18", {"width": 8}, image_size=(SIDE, SIDE), in_channels=3).eval()
    architecture = {"name": "resnet18", "options": {"width": 8}}
    return Model("resnet18", module, SHAPE, Classification(("a", "b")), architecture)


@pytest.fixture(scope="module")
def network(trunk):
    torch.manual_seed(1)
    made = create_model(
        "show_attend_and_tell_resnet18",
        num_classes=len(VOCABULARY),
        image_size=(SIDE, SIDE),
        trunk_options={"width": 8},
    )
    made.load_trunk(trunk.module)
    return made.eval()


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)


def test_what_is_kept_is_what_torch_sees_and_is_looked_at_once(trunk, network, tmp_path, monkeypatch):
    monkeypatch.setattr("foveate.transfer.seen.cache_folder", lambda: tmp_path)
    pixels, told = pictures(20), []
    with SeenByTrunk(network, trunk, SHAPE) as eye:
        first = eye.of(pixels, lambda done, total: told.append((done, total)))
    assert told[-1] == (20, 20)
    normalised = torch.from_numpy(SHAPE.normalise(pixels))
    with torch.no_grad():
        expected = network.seen(normalised).numpy()
    assert first.dtype == np.float16
    assert first.shape == (1, *expected.shape)
    assert np.abs(first[0] - expected).max() < 2e-3 * np.abs(expected).max()
    with SeenByTrunk(network, trunk, SHAPE) as eye:
        again = eye.of(np.concatenate([pixels[5:], pictures(3, seed=1)]))
        assert eye._extractor is not None  # for the three new ones
    assert np.array_equal(again[0, :15], first[0, 5:])
    with SeenByTrunk(network, trunk, SHAPE) as eye:
        eye.of(pixels)
        assert eye._extractor is None
        both = eye.of(pixels, mirrored=True)
    with SeenByTrunk(network, trunk, SHAPE) as eye:
        assert np.abs(both[1] - eye.of(np.ascontiguousarray(pixels[:, :, ::-1]))[0]).max() < 1e-2
    assert np.array_equal(both[0], first[0])


def test_batches_hold_what_was_seen_and_later_the_pictures():
    pixels, seen = pictures(10), np.arange(20, dtype=np.float16).reshape(10, 2)
    captions = Captions(tuple((f"{'a ' * (i + 1)}dog",) for i in range(10))).encoded(VOCABULARY)
    both = Pixels(pixels, captions), Normaliser(SHAPE)
    settings = {"batch_size": 4, "seed": 3, "kept_share": 0.5, "learner": LEARNER}
    batches = KeptBatches(*both, seen=seen[None], **settings)
    validation = KeptEvaluation(*both, seen=seen, training=batches)
    batches.begin(0.0)
    early = list(batches.epoch(2))
    assert [tuple(batch.images.shape) for batch in early] == [(4, 2), (4, 2), (2, 2)]
    order = torch.cat([batch.images[:, 0] for batch in early]).int() // 2
    assert sorted(order.tolist()) == list(range(10))
    lengths = torch.cat([(batch.targets["words"] != 0).sum(dim=(1, 2)) for batch in early])
    assert torch.equal(lengths, order + 4)  # START, as many "a" as the picture's number and one, "dog", END
    assert [batch.images.shape[1] for batch in validation] == [2]
    assert torch.equal(next(iter(batches.epoch(2, 1))).images, early[1].images)  # from the middle of an epoch
    batches.begin(0.5)
    late = list(batches.epoch(2))
    assert [tuple(batch.images.shape) for batch in late] == [(4, 3, SIDE, SIDE)] * 2 + [(2, 3, SIDE, SIDE)]
    for one, other in zip(early, late, strict=True):  # of the same pictures
        assert torch.equal(one.targets["words"], other.targets["words"])
    assert [batch.images.shape[1] for batch in validation] == [3]


def test_from_the_other_side_left_is_right():
    """Half of what was seen is of mirror images, and says so; the same again from the middle of an epoch."""
    vocabulary = Vocabulary(("a", "to", "the", "left", "right", "of", "dog"))
    seen = np.arange(200).reshape(2, 100, 1).astype(np.float16)
    said = tuple((f"a dog to the {('left', 'right')[i % 2]} of a dog",) for i in range(100))
    both = Pixels(pictures(100), Captions(said).encoded(vocabulary)), Normaliser(SHAPE)
    settings = {"batch_size": 8, "seed": 3, "kept_share": 0.5, "augmentation": Augmentation(flip="random")}
    learner = CaptioningLearner(Captioning(vocabulary))
    batches = KeptBatches(*both, seen=seen, learner=learner, **settings)
    found = list(batches.epoch(1))
    mirrored = 0
    for batch in found:
        for number, words in zip(batch.images[:, 0].int().tolist(), batch.targets["words"], strict=True):
            turned, row = divmod(number, 100)
            side = ("left", "right")[(row + turned) % 2]
            assert vocabulary.decode(words[0]) == f"a dog to the {side} of a dog"
            mirrored += turned
    assert 30 <= mirrored <= 70
    assert torch.equal(next(iter(batches.epoch(1, 5))).images, found[5].images)


@pytest.mark.parametrize(
    ("flip", "width", "seconds_each", "left", "expected"),
    [
        ("random", 1_000, 0.01, None, True),
        ("none", 1_000, 0.01, None, False),
        ("random", 1_000, 0.01, 60.0, True),
        ("random", 1_000, 0.5, 60.0, False),  # a look at all of them would take 50 of the 60 s
        ("random", 100_000_000, 0.01, None, False),  # would take 40 GB
    ],
)
def test_mirror_images_are_looked_at_where_that_costs_little(flip, width, seconds_each, left, expected):
    batches = SimpleNamespace(augmentation=Augmentation(flip=flip), pixels=range(100))
    plan = SimpleNamespace(batches=batches, speed=SimpleNamespace(processor_seconds_per_image=seconds_each))
    assert from_either_side(plan, width, left) is expected


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Pictures of the size of photographs."""
    folder, rng = tmp_path_factory.mktemp("photographs"), np.random.default_rng(0)
    table = folder / "captions.jsonl"
    with table.open("w") as file:
        for number in range(20):
            picture = Image.fromarray(square(rng, *shown(number))).resize((96, 96))
            picture.save(folder / f"{number}.png")
            row = {"file_name": f"{number}.png", "caption": sentences(*shown(number))}
            file.write(json.dumps(row) + "\n")
    return table


def test_a_run_that_was_stopped_twice_gives_the_same_bytes(photographs, tmp_path):
    """Once while the trunk is frozen, once while it learns."""
    settings = {"task": "captioning", "epochs": 4, "batch_size": 8, "val_fraction": 0.2}
    whole = foveate.train(photographs, out=tmp_path / "whole", **settings)
    for stop_after in (1, 5):
        steps = []

        def listen(event, steps=steps):
            if isinstance(event, StepDone):
                steps.append(event.step)

        with pytest.raises(InterruptedRunError):
            foveate.train(
                photographs,
                out=tmp_path / "run",
                listener=listen,
                should_stop=lambda steps=steps, stop=stop_after: bool(steps) and steps[-1] >= stop,
                resume=stop_after > 1,
                **settings,
            )
    again = foveate.train(photographs, out=tmp_path / "run", resume=True, **settings)
    before, after = ((run.folder / "model.safetensors").read_bytes() for run in (whole, again))
    assert before == after
    config = json.loads((again.folder / "config.json").read_text())
    assert config["architecture"]["name"] == "show_attend_and_tell_efficientnet_lite0"
    assert set(config["files"]) >= {"encoder.onnx", "step.onnx", "model.onnx"}
