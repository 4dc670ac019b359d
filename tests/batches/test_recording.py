"""What is recorded gives what it gives unrecorded; what cannot be recorded is run as it is."""

import numpy as np
import pytest
import torch
from tests.helpers.tape import TapeRecorder

from foveate.batches.augment import Augmentation
from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.batches.recording import RUNS_BEFORE, SELDOM, Repeated
from foveate.images.preprocess import Preprocessing
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.segmentation.targets import MASKS, MaskTargets

EVERYTHING = Augmentation(
    flip="alternating",
    shift_px=2,
    zoom_fraction=0.2,
    rotate_degrees=10,
    brightness_fraction=0.2,
    contrast_fraction=0.2,
    erase_fraction=0.3,
)


def test_a_recording_takes_the_new_inputs_and_gives_the_same_tensors():
    recorder = TapeRecorder()
    twice = Repeated(lambda x, y: (2 * x + y,), recorder)
    results = [twice(torch.full((3,), float(i)), torch.ones(3))[0] for i in range(6)]
    assert len(recorder.tapes) == 1
    assert results[-1] is results[-2]
    assert results[-1].tolist() == [11.0] * 3
    assert results[0].tolist() == [1.0] * 3  # those before it are their own


def test_each_shape_and_kind_has_its_own_recording():
    recorder = TapeRecorder()
    flag = [1.0]
    work = Repeated(lambda x: (x + flag[0],), recorder)
    for shape, kind in (((2,), "a"), ((3,), "a"), ((3,), "b")):
        flag[0] = 1.0 if kind == "a" else 10.0
        for _ in range(SELDOM + 2):
            found = work(torch.zeros(shape), kind=kind)[0]
            assert found.tolist() == [flag[0]] * shape[0]
    assert len(recorder.tapes) == 3


def test_what_python_counts_stays_as_it_was_recorded():
    """The reason for every rule of a recording, shown on the double."""
    count = []

    def work(x):
        count.append(1)
        return (x * len(count),)

    repeated = Repeated(work, TapeRecorder())
    found = [repeated(torch.ones(1))[0].item() for _ in range(RUNS_BEFORE + 4)]
    assert found == [1, 2, 3, 4, 4, 4, 4]


@pytest.mark.parametrize(
    "work",
    [lambda x: (x * x.sum().item(),), lambda x: (x[x > 0],), lambda x: (x + torch.tensor([1.0]),)],
    ids=["a value", "a shape by values", "numbers from the host"],
)
def test_what_cannot_be_recorded_runs_as_it_is(work):
    repeated = Repeated(work, TapeRecorder())
    for i in range(1, RUNS_BEFORE + 4):
        given = torch.arange(float(i + 1))
        assert torch.equal(repeated(given)[0], work(given)[0])
    given = torch.ones(2)
    for _ in range(RUNS_BEFORE + 2):
        assert torch.equal(repeated(given)[0], work(given)[0])
    assert "not permitted" in repeated.refused


def batches_of(targets, *, count=50, halved_share=0.0):
    rng = np.random.default_rng(0)
    pixels = Pixels(rng.integers(0, 256, (count, 12, 10, 3), dtype=np.uint8), targets)
    normalise = Normaliser(Preprocessing(12, 10, channels=3))
    return TrainingBatches(
        pixels, normalise, batch_size=8, augmentation=EVERYTHING, seed=3, halved_share=halved_share
    )


def copied(batch):
    return batch.images.clone(), batch.geometry.clone(), {k: v.clone() for k, v in batch.targets.items()}


@pytest.mark.parametrize("halved_share", [0.0, 0.5])
def test_recorded_batches_are_those_that_are_made_from_python(monkeypatch, halved_share):
    monkeypatch.setattr("foveate.batches.recording.SELDOM", 2)
    masks = np.random.default_rng(1).integers(0, 3, (50, 12, 10), dtype=np.uint8)
    for targets in (ClassTargets(np.arange(50) % 4), MaskTargets((None,) * 50, 3, on_input=masks)):
        plain = batches_of(targets, halved_share=halved_share)
        recorder = TapeRecorder()
        with monkeypatch.context() as patched:
            patched.setattr("foveate.batches.loader.recorder_for", lambda device, one=recorder: one)
            recorded = batches_of(targets, halved_share=halved_share)
            assert recorded.made.recorder is recorder
        for epoch, progress in ((0, 0.0), (1, 0.3), (2, 0.6), (3, 0.9)):
            for one in (plain, recorded):
                one.begin(progress)
            pairs = zip(map(copied, plain.epoch(epoch)), map(copied, recorded.epoch(epoch)), strict=True)
            for (images, geometry, answers), (others, moved, told) in pairs:
                assert torch.equal(images, others)
                assert torch.equal(geometry, moved)
                assert answers.keys() == told.keys()
                assert all(torch.equal(answers[name], told[name]) for name in answers)
        # the last batch of an epoch is smaller; pictures of half the sides are another kind
        assert len(recorder.tapes) == 2
        assert not recorded.made.refused
        assert MASKS in answers or "labels" in answers


def test_too_many_pictures_for_a_card_stay_where_they_are(monkeypatch):
    """On a device that computes nothing (meta), told to be a card with little memory."""
    from foveate.batches import loader

    class Card:
        type = "cuda"

    images = torch.zeros(10, 4, 4, 3, dtype=torch.uint8)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (images.nbytes, 2 * images.nbytes))
    kept, resident = loader._on(Card(), images)
    assert kept is images and not resident
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3 * images.nbytes, 4 * images.nbytes))
    moved = []
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device: moved.append(device) or self)
    assert loader._on(Card(), images)[1] and len(moved) == 1
