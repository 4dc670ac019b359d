"""Garments keep their class and their split."""

import numpy as np
from scipy import ndimage

from foveate.dataset.sources import known
from foveate.dataset.sources.scenes import scene
from foveate.dataset.sources.scenes.garments import WORDS, Garments


def given():
    """Name of a picture -> (its pixels, its class)."""
    dataset = known.load("fashion-mnist-mini")
    return {
        split.images.name(i): (split.images.data(i), label)
        for split in dataset.splits.values()
        for i, label in enumerate(dataset.task.cells(split.targets))
    }


def test_no_garment_is_in_two_splits_and_each_has_its_own_class(by_kind):
    pictures = given()
    used = {}
    for split, kind in by_kind["garments"].items():
        scenes = [scene(np.random.default_rng([2, i]), kind, 48) for i in range(150)]
        things = [thing for one in scenes for thing in one.objects]
        for thing in things:
            assert WORDS[pictures[thing.source][1]] == thing.name
        used[split] = {pictures[thing.source][0] for thing in things}
        assert len(used[split]) > 250
    assert not used["train"] & used["val"]
    assert not used["train"] & used["test"]
    assert not used["val"] & used["test"]


def test_test_scenes_have_garments_of_the_test_pictures(by_kind):
    for split, origin in (("train", "train["), ("val", "train["), ("test", "test[")):
        kind = by_kind["garments"][split]
        for number in range(len(kind.classes)):
            assert kind.draw(np.random.default_rng(number), number, 30).source.startswith(origin)


def test_the_outline_is_the_garments_own(by_kind):
    """Unmirrored or mirrored, a cut-out garment looks like the picture it came from."""
    pictures = given()
    kind = by_kind["garments"]["train"]
    agreements = []
    for seed in range(60):
        drawn = kind.draw(np.random.default_rng(seed), seed % 8, 40)
        grey = np.frombuffer(pictures[drawn.source][0], np.uint8).reshape(28, 28)
        solid = ndimage.binary_closing(np.pad(grey > 40, 3), np.ones((3, 3)))
        rows, columns = (np.flatnonzero(solid.any(axis=axis)) for axis in (1, 0))
        solid = solid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        best = 0.0
        for candidate in (solid, solid[:, ::-1]):
            for angle in range(-15, 16, 3):
                turned = ndimage.rotate(candidate.astype(float), angle, order=1) >= 0.5
                rows, columns = (np.flatnonzero(turned.any(axis=axis)) for axis in (1, 0))
                turned = turned[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
                zoom = np.array(drawn.coverage.shape) / turned.shape
                sized = ndimage.zoom(turned.astype(float), zoom, order=1) >= 0.5
                mine = drawn.coverage >= 128
                best = max(best, (sized & mine).sum() / (sized | mine).sum())
        agreements.append(best)
    assert np.mean(agreements) > 0.9
    assert min(agreements) > 0.6  # the straps of sandals


def test_dark_garments_whose_outline_is_lost_are_left_out(by_kind):
    pictures = given()
    kind = by_kind["garments"]["train"]
    for word in ("shirt", "pullover", "dress"):
        number = Garments.classes.index(word)
        for seed in range(50):
            source = kind.draw(np.random.default_rng(seed), number, 30).source
            grey = np.frombuffer(pictures[source][0], np.uint8).reshape(28, 28)
            assert grey[10:22, 12:16].min() >= 40
