"""In a mirror left is right: of words, and of the batches that a network learns from."""

import numpy as np
import pytest
import torch

from foveate.batches.augment import Augmentation
from foveate.batches.loader import Normaliser, Pixels, TrainingBatches
from foveate.images.preprocess import Preprocessing
from foveate.tasks.captioning.learn import CaptioningLearner
from foveate.tasks.captioning.sides import mirrored, other_side
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.task import Captioning
from foveate.tasks.captioning.vocabulary import Vocabulary


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ("left", "right"),
        ("Right", "Left"),
        ("LEFT", "RIGHT"),
        ("linken", "rechten"),
        ("左", "右"),
        ("dog", "dog"),
    ],
)
def test_each_side_has_its_other(word, other):
    assert other_side(word) == other
    assert other_side(other) == word


def test_words_of_one_side_alone_have_no_mirror_image():
    assert mirrored(("a", "right", "left")).tolist() == [0, 2, 1]
    assert mirrored(("a", "left")) is None
    assert mirrored(("a", "dog")).tolist() == [0, 1]
    assert not Captioning(Vocabulary(("a", "links"))).mirror_safe
    assert Captioning(Vocabulary(("Left", "Right"), lower=False)).mirror_safe


def test_mirrored_pictures_are_learnt_with_mirrored_sentences():
    """A picture is white on the side that its sentence names; so it is wherever chance mirrors it."""
    pixels = np.zeros((64, 8, 8, 3), np.uint8)
    pixels[::2, :, :4], pixels[1::2, :, 4:] = 255, 255
    vocabulary = Vocabulary(("left", "right", "white"))
    said = tuple((f"white {('left', 'right')[number % 2]}",) for number in range(64))
    learner = CaptioningLearner(Captioning(vocabulary))
    batches = TrainingBatches(
        Pixels(pixels, Captions(said).encoded(vocabulary)),
        Normaliser(Preprocessing(8, 8)),
        batch_size=16,
        augmentation=Augmentation(flip="random", shift_px=1),
    )
    seen = set()
    for batch in batches.epoch(0):
        words = batch.moved_targets(learner)["words"]
        for picture, own, before in zip(batch.images, words, batch.targets["words"], strict=True):
            on_the_left = bool(picture[..., :3].mean() > picture[..., 5:].mean())
            assert vocabulary.decode(own[0]) == f"white {'left' if on_the_left else 'right'}"
            seen.add((on_the_left, torch.equal(own, before.long())))
    assert len(seen) == 4  # both sides, as they are and mirrored
