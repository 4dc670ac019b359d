"""From drawn scenes to a detector that is measured and resumed, as people do it, and its extreme pictures."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from foveate import TrainRequest, train
from foveate.dataset.sources.scenes.kinds import kinds
from foveate.dataset.sources.scenes.make import SceneSettings, make_scenes
from foveate.errors import InterruptedRunError
from foveate.training.events import StepDone

REQUEST = TrainRequest(
    task="detection", model="centre_compact", weights="none", epochs=2, lr=3e-3, batch_size=8
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    make_scenes(folder, kinds("shapes"), SceneSettings(count=40, size=48))
    return folder


@pytest.fixture(scope="module")
def finished(scenes, tmp_path_factory):
    return train(scenes, REQUEST, out=tmp_path_factory.mktemp("runs") / "scenes")


def test_a_run_that_was_stopped_gives_the_same_bytes(finished, scenes, tmp_path):
    steps = []

    def listen(event):
        if isinstance(event, StepDone):
            steps.append(event.step)

    with pytest.raises(InterruptedRunError):
        train(scenes, REQUEST, out=tmp_path / "run", listener=listen, should_stop=lambda: len(steps) > 4)
    again = train(scenes, REQUEST, out=tmp_path / "run", resume=True)
    for name in ("model.safetensors", "history.csv"):
        before, after = ((folder / name).read_bytes() for folder in (finished.folder, again.folder))
        if name == "history.csv":  # all but the time
            before, after = (
                [line.rsplit(b",", 1)[0] for line in text.splitlines()] for text in (before, after)
            )
        assert before == after, name


def test_a_picture_of_20_megapixels_takes_bounded_memory(finished, tmp_path):
    """The picture itself is 60 MB; boxes come back in its own pixels."""
    Image.fromarray(np.full((4000, 5000, 3), 127, np.uint8)).save(tmp_path / "large.jpg")
    program = (
        "import resource\nimport foveate\nimport numpy as np\n"
        f"model = foveate.load({str(finished.folder)!r})\n"
        "model.predictions([np.zeros((48, 48, 3), np.uint8)])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"(told,) = model.predictions([{str(tmp_path / 'large.jpg')!r}])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, *told.size)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    kib, width, height = map(int, done.stdout.split())
    assert (width, height) == (5000, 4000)
    assert kib < 5 * 60 * 1024
