"""The comparison of convolutions and attention: what is shuffled, held out, and done only once."""

import itertools
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch

from foveate.batches.loader import Pixels
from foveate.models import create_model
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

FOLDER = Path(__file__).parent.parent / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs a checkout")


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import cnn_and_vit

    return cnn_and_vit


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import cnn_and_vit_page

    return cnn_and_vit_page


def patches(x):
    """Of a picture (C, H, W) the 4x4 patches, row by row, by loops."""
    _, height, width = x.shape
    places = itertools.product(range(0, height, 4), range(0, width, 4))
    return [x[:, i : i + 4, j : j + 4] for i, j in places]


def test_the_shuffling_moves_whole_patches_and_is_the_same_for_all_pictures(bench):
    x = torch.arange(2 * 3 * 28 * 32.0).reshape(2, 3, 28, 32)
    moved = bench.shuffle_patches(x)
    orders = []
    for before, after in zip(x, moved, strict=True):
        found = [[torch.equal(a, b) for b in patches(before)].index(True) for a in patches(after)]
        assert sorted(found) == list(range(7 * 8)) and found != sorted(found)
        orders.append(found)
    assert orders[0] == orders[1]
    assert torch.equal(bench.shuffle_patches(x[:1]), moved[:1])


def test_to_a_transformer_the_order_of_its_patches_is_nothing_but_places(bench):
    """With its places moved alike, it gives shuffled pictures the very scores of the whole ones."""
    torch.manual_seed(0)
    options = {"num_classes": 10, "in_channels": 1, "image_size": (28, 28)}
    whole = create_model("deit_tiny", **options).eval()
    assert whole.patch_size == bench.PATCH
    moved = create_model("deit_tiny", **options).eval()
    moved.load_state_dict(whole.state_dict())
    places = whole.encoder.pos_embedding.detach()
    numbers = torch.arange(49.0).reshape(1, 1, 7, 7)
    order = bench.shuffle_patches(numbers.repeat_interleave(4, 2).repeat_interleave(4, 3))[0, 0, ::4, ::4]
    moved.encoder.pos_embedding.data[:, 1:] = places[:, 1:][:, order.flatten().long()]
    x = torch.randn(2, 1, 28, 28)
    with torch.no_grad():
        scores = whole(x)
        torch.testing.assert_close(moved(bench.shuffle_patches(x)), scores, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(whole(bench.shuffle_patches(x)), scores, atol=1e-3)


@pytest.mark.parametrize("share", [1, 10, 100])
def test_a_share_is_of_every_class_and_nothing_held_out_is_learnt(bench, share):
    labels = np.repeat([0, 1, 2], [1000, 500, 200])
    learnt, held = bench.drawn(labels, share, seed=4)
    assert not set(learnt) & set(held) and len(set(learnt)) == len(learnt)
    counts = np.bincount(labels[np.concatenate([learnt, held])])
    assert counts.tolist() == [10 * share, 5 * share, 2 * share]
    assert np.bincount(labels[held]).tolist() == [max(n * share // 1000, 1) for n in (1000, 500, 200)]
    again = bench.drawn(labels, share, seed=4)
    assert all(np.array_equal(a, b) for a, b in zip((learnt, held), again, strict=True))


def made_up(bench, count=60):
    """Pictures of two classes: bright above or below; mirrored they are the same."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    images = rng.integers(0, 100, (count, 28, 28, 1), dtype=np.uint8)
    for i, label in enumerate(labels):
        images[i, 14 * label : 14 * label + 14] += 120
    pixels = Pixels(images, ClassTargets(labels))
    seen = bench.Preprocessing(28, 28, channels=1, mean=(0.4,), std=(0.25,))
    return bench.Pictures(pixels, pixels, Classification(("above", "below")), bench.Normaliser(seen))


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_run_takes_its_time_and_is_tested_once(bench, monkeypatch, shuffled):
    tested = []
    looked = bench.outputs_of
    monkeypatch.setattr(bench, "outputs_of", lambda *given: tested.append(given) or looked(*given))
    run = bench.train_once(made_up(bench), bench.Case("made up", "compact_s", 100, shuffled, 0), 2.0)
    assert len(tested) == 1
    assert run["accuracy"] > 80 and run["epochs"] > 0 and run["pictures"] == 54
    assert 1.5 < run["seconds"] < 30


def runs_of(bench, seeds=3):
    cases = itertools.product(
        range(seeds), ("fashion-mnist",), (1, 100), ("compact_m", "deit_tiny"), (False, True)
    )
    return [bench.Case(data, network, share, way, seed) for seed, data, share, network, way in cases]


def made(case):
    accuracy = 50 + case.share / 10 + case.seed - 8 * case.shuffled * (case.network == "compact_m")
    facts = {"pictures": 5, "epochs": 2.5, "seconds": 1.0, "parameters": 1234}
    return {**bench_fields(case), "accuracy": accuracy, "held_out": 1.0, "recipe": "standard", **facts}


def bench_fields(case):
    return {name: getattr(case, name) for name in ("data", "network", "share", "shuffled", "seed")}


def test_a_campaign_in_pieces_does_nothing_twice(bench, tmp_path):
    cases, done, file = runs_of(bench), [], tmp_path / bench.RESULTS

    def run(case):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(case.key)
        return made(case)

    with pytest.raises(KeyboardInterrupt):
        bench.campaign(cases, 60, file, run)
    assert list(json.loads(file.read_text())["runs"]) == [case.key for case in cases[:5]]
    found = bench.campaign(cases, 60, file, lambda case: done.append(case.key) or made(case))
    assert done == [case.key for case in cases] and found == json.loads(file.read_text())
    bench.campaign(cases, 60, file, lambda case: pytest.fail("nothing is left"))
    with pytest.raises(SystemExit, match="holds runs of 60 s, and not of 30 s"):
        bench.campaign(cases, 30, file, made)


def test_the_page_tells_means_spread_and_how_many(bench, page, tmp_path):
    found = bench.campaign(runs_of(bench), 60, tmp_path / bench.RESULTS, made)
    page.write_page(found, tmp_path)
    text = (tmp_path / "cnn-and-vit.md").read_text()
    assert "| compact CNN | 1,234 | 5 (100 %) | 2.5 | 61.0 (sd 1.0, n = 3) | 53.0 (sd 1.0, n = 3) |" in text
    assert "| 8.0 (sd 0.0, n = 3) |" in text and "| 0.0 (sd 0.0, n = 3) |" in text
    assert "costs with 100 % of the pictures: compact CNN 8.0 (sd 0.0, n = 3); DeiT-Ti 0.0" in text
    for name in ("cnn-and-vit-fashion-mnist.svg", "cnn-and-vit-fashion-mnist-shuffled.svg"):
        assert f"]({name})" in text and len(list(ET.parse(tmp_path / name).getroot())) > 10


def test_there_is_no_page_without_runs(page, tmp_path):
    with pytest.raises(SystemExit, match="no runs yet"):
        page.write_page({"runs": {}}, tmp_path)
