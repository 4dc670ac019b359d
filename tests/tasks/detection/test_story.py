"""From drawn scenes to a detector that is measured and resumed, as people do it, and its extreme pictures."""

import pytest

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
