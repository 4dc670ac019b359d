"""Batches: every sample once an epoch, none alone, the same for the same (seed, epoch, number)."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foveate.batches.augment import Augmentation
from foveate.batches.loader import Bounds, EvaluationBatches, Normaliser, Pixels, TrainingBatches
from foveate.errors import InputError
from foveate.images.preprocess import Preprocessing
from foveate.tasks.classification.learn import ClassificationLearner
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

PREPROCESSING = Preprocessing(4, 4, channels=3, mean=(0.4, 0.5, 0.6), std=(0.2, 0.25, 0.3))


def pixels(n):
    images = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
    return Pixels(images, ClassTargets(np.arange(n)))  # the label tells which sample it is


@given(count=st.integers(1, 500), size=st.integers(1, 64))
def test_bounds_cover_every_sample_once_and_no_batch_is_a_single_one(count, size):
    bounds = list(Bounds(count, size))
    assert [i for first, last in bounds for i in range(first, last)] == list(range(count))
    if count > 1 and size > 1:
        assert all(last - first >= 2 for first, last in bounds)
        assert all(last - first <= size + 1 for first, last in bounds)


def test_each_epoch_holds_every_sample_once_in_another_order():
    batches = TrainingBatches(pixels(33), Normaliser(PREPROCESSING), batch_size=8, seed=3)
    first = torch.cat([b.targets["labels"] for b in batches.epoch(0)]).tolist()
    second = torch.cat([b.targets["labels"] for b in batches.epoch(1)]).tolist()
    assert sorted(first) == sorted(second) == list(range(33))
    assert first != second


def test_an_epoch_can_be_entered_in_the_middle():
    batches = TrainingBatches(
        pixels(40),
        Normaliser(PREPROCESSING),
        batch_size=8,
        augmentation=Augmentation(flip="random", shift_px=1, erase_fraction=0.3),
    )
    whole = list(batches.epoch(2))
    late = list(batches.epoch(2, start=3))
    assert len(late) == 2
    for a, b in zip(whole[3:], late, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.targets["labels"], b.targets["labels"])


def test_seeds_give_different_orders():
    orders = {
        tuple(
            torch.cat(
                [
                    b.targets["labels"]
                    for b in TrainingBatches(
                        pixels(20), Normaliser(PREPROCESSING), batch_size=4, seed=s
                    ).epoch(0)
                ]
            ).tolist()
        )
        for s in range(5)
    }
    assert len(orders) == 5


def test_training_and_evaluation_normalise_as_preprocessing_does():
    data = pixels(10)
    images = np.asarray(data.images)
    expected = PREPROCESSING.normalise(images)  # the NumPy definition
    found = next(iter(EvaluationBatches(data, Normaliser(PREPROCESSING)))).images.numpy()
    np.testing.assert_array_equal(found, expected)
    batch = next(TrainingBatches(data, Normaliser(PREPROCESSING), batch_size=10).epoch(0))
    np.testing.assert_array_equal(batch.images.numpy(), expected[batch.targets["labels"].numpy()])


def test_batches_are_channels_last():
    batch = next(TrainingBatches(pixels(10), Normaliser(PREPROCESSING), batch_size=10).epoch(0))
    assert batch.images.is_contiguous(memory_format=torch.channels_last)


def test_targets_with_a_place_follow_the_picture_and_others_stay():
    images = np.zeros((12, 4, 4, 3), np.uint8)
    images[:, 1, 3] = 255  # a bright pixel, at its centre (3.5, 1.5)
    data = Pixels(images, ClassTargets(np.arange(12)))
    flips = Augmentation(flip="random")
    task = Classification(tuple(map(str, range(12))))
    batch = next(TrainingBatches(data, Normaliser(PREPROCESSING), batch_size=12, augmentation=flips).epoch(0))
    assert torch.equal(batch.moved_targets(ClassificationLearner(task))["labels"], batch.targets["labels"])

    class PointLearner(ClassificationLearner):
        def moved(self, targets, geometry, size):
            return {"points": geometry @ torch.tensor([3.5, 1.5, 1.0])}

    points = batch.moved_targets(PointLearner(task))["points"]
    assert set(points[:, 0].tolist()) == {0.5, 3.5}
    for picture, (x, y) in zip(batch.images, points, strict=True):
        assert picture[0, int(y), int(x)] == picture[0].max() > picture[0].min()
    still = next(iter(EvaluationBatches(data, Normaliser(PREPROCESSING))))
    assert still.moved_targets(PointLearner(task)) is still.targets


def test_evaluation_keeps_the_order_and_all_samples():
    batches = EvaluationBatches(pixels(11), Normaliser(PREPROCESSING), batch_size=4)
    assert torch.cat([b.targets["labels"] for b in batches]).tolist() == list(range(11))
    assert len(batches) == 3


def test_a_read_only_memory_map_can_be_trained_on(tmp_path):
    path = tmp_path / "pixels"
    np.random.default_rng(0).integers(0, 256, (6, 4, 4, 3), dtype=np.uint8).tofile(path)
    mapped = np.memmap(path, np.uint8, "r+", shape=(6, 4, 4, 3))
    assert next(
        iter(EvaluationBatches(Pixels(mapped, ClassTargets(np.zeros(6, int))), Normaliser(PREPROCESSING)))
    ).images.shape == (6, 3, 4, 4)


def test_preview_shows_augmented_uint8_pictures():
    batches = TrainingBatches(
        pixels(10), Normaliser(PREPROCESSING), batch_size=4, augmentation=Augmentation(shift_px=1)
    )
    images, labels = batches.preview(6)
    assert images.shape == (6, 4, 4, 3)
    assert images.dtype == np.uint8
    assert len(labels) == 6


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((2, 4, 4, 3)), np.zeros(2, int), "uint8 pictures"),
        (np.zeros((2, 4, 4, 3), np.uint8), np.zeros(3, int), "an answer a picture"),
    ],
)
def test_wrong_arrays_are_refused(images, labels, message):
    with pytest.raises(InputError, match=message):
        Pixels(images, ClassTargets(labels))


def test_a_batch_size_below_one_is_refused():
    with pytest.raises(InputError, match="at least 1, not 0"):
        TrainingBatches(pixels(3), Normaliser(PREPROCESSING), batch_size=0)
