"""Runs end at their deadline, and a fork waits for them: what is copied holds no lock that nobody lets go."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from foveate.errors import ModelFolderError
from foveate.modelfolder.read import load
from foveate.runtime import predictor as predictor_module
from foveate.runtime import watch
from foveate.runtime.predictor import Predictor


def test_a_run_has_a_deadline(slow_network, colours, pictures, monkeypatch):
    """What it costs is far below what is allowed; the deadline here is nearer still."""
    monkeypatch.setattr(predictor_module, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(predictor_module, "LEAST_SPEED", 1e15)
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    predictor = Predictor(slow_network(5000), colours.task, colours.preprocessing, threads=1)
    with pytest.raises(ModelFolderError, match="expected an answer within 0 seconds, found none and stopped"):
        predictor.run(pictures)


def test_a_run_in_time_is_left_alone(slow_network, colours, pictures, monkeypatch):
    monkeypatch.setattr(watch, "LOOK_SECONDS", 0.01)
    predictor = Predictor(slow_network(50), colours.task, colours.preprocessing, threads=1)
    assert np.allclose(predictor.run(pictures)["probabilities"], 1 / 3)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_waits_for_what_runs_and_the_child_can_predict(slow_network, colours, pictures, model_folder):
    slow = Predictor(slow_network(300), colours.task, colours.preprocessing, threads=1)
    quick, ended = load(model_folder), []
    expected = quick.predict_proba(pictures)

    def work():
        slow.run(pictures)
        ended.append(time.monotonic())

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.05)
    assert not ended
    child = os.fork()
    if child == 0:
        signal.alarm(30)  # a hang ends
        os._exit(0 if (quick.predict_proba(pictures) == expected).all() else 1)
    forked = time.monotonic()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert ended[0] - forked < 0.2  # seconds, for the thread to be woken; the run takes much longer
    assert (quick.predict_proba(pictures) == expected).all()  # and here, too, it goes on
