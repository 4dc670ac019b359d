"""What all tests have: a browser, waiting, and a word on what was left out."""

import time

import pytest

import foveate  # noqa: F401 -- before any test imports ONNX Runtime: it keeps its telemetry off

pytest_plugins = ("browser", "left_out", "object_store")


@pytest.fixture(scope="session")
def wait_for():
    def wait(condition, seconds=10.0):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until
            time.sleep(0.01)

    return wait


@pytest.fixture(autouse=True)
def no_trials_of_runtimes(monkeypatch):
    """Which runtime is faster depends on what else runs here; notes about it stand among what tests read."""
    monkeypatch.setattr("foveate.runtime.choice.contenders", tuple)
