"""From drawn scenes to R-CNN and Fast R-CNN as people use them: whoever runs them says where to look."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import foveate
from foveate.dataset.sources.scenes.kinds import kinds
from foveate.dataset.sources.scenes.make import SceneSettings, make_scenes
from foveate.images import selective_search as search
from foveate.runtime.predictor import PROPOSALS


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "scenes"
    make_scenes(folder, kinds("shapes"), SceneSettings(count=24, size=48))
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    search._LATELY.clear()
    return tmp_path / "cache"


@pytest.mark.parametrize("name", ["fast_rcnn_compact", "rcnn_compact"])
def test_the_folder_says_what_it_needs_and_runs_without_torch(
    name: str, scenes: Path, tmp_path: Path, cache: Path
) -> None:
    finished = foveate.train(
        scenes, task="detection", model=name, weights="none", epochs=1, batch_size=8, out=tmp_path / "run"
    )
    made = list(cache.rglob("*.npy"))
    assert len(made) == 20  # of every picture that was learnt from or chosen by; four were only measured
    model = foveate.load(finished.folder)
    session = onnxruntime.InferenceSession((finished.folder / "model.onnx").read_bytes())
    assert [one.name for one in session.get_inputs()] == ["images", PROPOSALS]
    assert session.get_inputs()[1].shape == ["N", model.proposals, 4] and model.proposals >= 150
    assert f"(N, {model.proposals}, 4)" in (finished.folder / "README.md").read_text()
    program = (
        "import sys\nimport foveate\nimport numpy as np\n"
        f"model = foveate.load({str(finished.folder)!r})\n"
        "picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)\n"
        "(told,) = model.predictions([picture])\n"
        "assert 'torch' not in sys.modules\n"
        "print(len(told.boxes), told.boxes[:, [0, 2]].max(initial=0) <= 90)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == "True"
    assert list(cache.rglob("*.npy")) == made  # of pictures that are predicted nothing is kept


def test_proposals_follow_the_picture_as_it_is_moved() -> None:
    import torch

    from foveate.tasks.detection.learn import DetectionLearner, truths
    from foveate.tasks.detection.names import BOXES, CROWD, LABELS
    from foveate.tasks.detection.task import Detection

    batch = {
        BOXES: torch.zeros(1, 1, 4),
        LABELS: torch.full((1, 1), -1),
        CROWD: torch.zeros(1, 1, dtype=torch.bool),
        PROPOSALS: torch.tensor([[[10.0, 20, 30, 40], [80, 0, 90, 20], [0, 0, 0, 0]]]),
    }
    moved = DetectionLearner(Detection(("cat",))).moved(
        batch, torch.tensor([[[1.0, 0, 15], [0, 1, 0]]]), (80, 100)
    )
    (truth,) = truths(moved)
    assert truth.proposals is not None
    assert truth.proposals.tolist() == [[25, 20, 45, 40], [95, 0, 100, 20], [0, 0, 0, 0]]
    mirrored = torch.tensor([[[-1.0, 0, 14], [0, 1, 0]]])  # most of both is out of the picture
    (truth,) = truths(DetectionLearner(Detection(("cat",))).moved(batch, mirrored, (80, 100)))
    assert truth.proposals is not None and not truth.proposals.any()


def test_a_grey_network_looks_where_it_would_in_grey() -> None:
    """Whatever colours a picture has, what is searched is what the network sees."""
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (1, 30, 40, 1), np.uint8)
    one = search.kept_proposals(grey, search.Kind(20))
    other = search.kept_proposals(np.repeat(grey, 3, axis=3), search.Kind(20))
    assert (one == other).all()
