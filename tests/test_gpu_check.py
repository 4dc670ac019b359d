"""What is measured on a card, as far as a processor can tell: rival, table, a stage that fails."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

FOLDER = Path(__file__).parent.parent / "benchmarks"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs a checkout")


@pytest.fixture
def rival(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import gpu_rival

    return gpu_rival


@pytest.fixture
def table(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    from gpu_table import table

    return table


def training(rival, count=64, batch=16, epochs=2.5):
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8))
    labels = torch.from_numpy(rng.integers(0, 10, count))
    method = rival.Method(epochs=epochs, batch=batch, widths=(24, 24, 24))
    return rival.Training(images, labels, method, 0, recorded=False)


def test_the_rivals_first_layer_whitens(rival):
    one = training(rival)
    answers = torch.nn.functional.conv2d(one.images, one.net.whiten.weight)[:, :12]
    covariance = torch.cov(answers.transpose(0, 1).flatten(1))
    torch.testing.assert_close(covariance, torch.eye(12), atol=0.02, rtol=0)
    assert torch.equal(one.net.whiten.weight[12:], -one.net.whiten.weight[:12])


def test_the_rivals_filters_begin_as_identities(rival):
    group = rival.Group(4, 6)
    pictures = torch.rand(2, 4, 8, 8)
    torch.testing.assert_close(group.first(pictures)[:, :4], pictures)


def test_the_rivals_learning_rate_is_one_triangle(rival):
    one = training(rival)
    rates = []
    for progress in (0.0, 0.23, 1.0):
        one._rate_at(progress)
        rates.append([group["lr"].item() / one.rate for group in one.optimiser.param_groups])
    assert [rate[1] for rate in rates] == pytest.approx([0.2, 1.0, 0.07])
    assert [rate[0] / rate[1] for rate in rates] == pytest.approx([64.0] * 3)
    # in the paper's units: 11.5 for 1,024 pictures of a mean loss, behind momentum 0.85 with Nesterov's step
    assert one.rate * 1024 * (1 + 1 / 0.15) == pytest.approx(11.5)


def test_the_rivals_shifts_are_windows_of_the_mirrored_picture(rival):
    torch.manual_seed(0)
    pictures = torch.rand(20, 3, 8, 8)
    moved = rival.shifted(pictures, 2)
    places = set()
    for picture, found in zip(pictures, moved, strict=True):
        padded = np.pad(picture.numpy(), ((0, 0), (2, 2), (2, 2)), mode="reflect")
        at = [
            (y, x)
            for y in range(5)
            for x in range(5)
            if np.array_equal(padded[:, y : y + 8, x : x + 8], found.numpy())
        ]
        assert len(at) == 1
        places.add(at[0])
    assert len(places) > 8


def test_the_rival_looks_ahead_and_ends_with_the_average(rival):
    one = training(rival)
    one.run()
    for ours, average in zip(one._state(), one.average, strict=True):
        assert torch.equal(ours, average)
        assert ours.isfinite().all()
    assert not one.net.whiten.bias.requires_grad or one.method.epochs <= one.method.whitening_bias_epochs


def test_the_table_tells_medians_ranges_and_what_failed(table):
    runs = {f"ours, seed {i}": {"seconds": i, "accuracy": 90 + i, "mirrored": 91 + i} for i in (1, 2, 3)}
    text = table(
        {
            "machine": {"card": "A card", "torch": "2.11"},
            "fashion": {**runs, "warm-up ours": {"seconds": 9.0, "accuracy": 1}},
            "resnet": {
                "resnet50 eager": {"images_a_second": 1000.0, "low": 900.0, "high": 1100.0, "tflops": 25.0}
            },
            "inference": {"one": {"failed": "Traceback\nRuntimeError: no such provider"}},
            "rival": {"error": "stopped after 60 s"},
        }
    )
    assert "| ours | 3 | 2.00 (1.00 to 3.00) | 92.00 (91.00 to 93.00) | 93.00 (92.00 to 94.00) |" in text
    assert "| resnet50 eager | 1,000 | 900 to 1,100 | 25 |" in text
    assert "- inference, one: RuntimeError: no such provider" in text
    assert "- rival: stopped after 60 s" in text
    assert "warm-up" not in text


def test_a_stage_that_fails_is_told_and_the_next_goes_on(tmp_path):
    """Where the file of its pictures is none, the first cannot work."""
    command = [sys.executable, str(FOLDER / "gpu.py"), "--dry-run", "--out", str(tmp_path), "--work"]
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "cifar10.npz").write_text("no arrays")
    stages = ["--stages", "rival", "machine"]
    done = subprocess.run(
        [*command, str(tmp_path / "work"), *stages], capture_output=True, text=True, check=False
    )
    found = json.loads((tmp_path / "gpu.json").read_text())
    assert done.returncode == 1
    assert "stored" in found["rival"]["error"]
    assert found["machine"]["torch"] == torch.__version__
    assert "failed: rival" in done.stderr
    assert (tmp_path / "gpu.md").read_text() in done.stdout
