"""Which runtime computes a model: the fastest whose answers are ONNX Runtime's, found out once."""

import os
import time
from dataclasses import replace

import numpy as np
import pytest

from foveate.errors import InputError, MissingExtraError, UnknownNameError
from foveate.modelfolder.read import read_runnable
from foveate.runtime import choice
from foveate.runtime.choice import APART, Choice, Model, Tried, settle
from foveate.runtime.names import EXACT, ONNX_RUNTIME, OPENVINO
from foveate.runtime.openvino_session import OpenVinoSession
from foveate.runtime.predictor import Predictor
from foveate.runtime.session import Session, TookTooLong

pytest.importorskip("openvino")


@pytest.fixture(autouse=True)
def no_trials_of_runtimes():
    """Here they are held."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def found(model_folder):
    return read_runnable(model_folder)


def opened(found, wanted):
    return Predictor(found.model, found.config.task, found.preprocessing, wanted=wanted)


class Engine:
    """Answers what it was made with, after so many seconds."""

    usable = True

    def __init__(self, seconds, answer):
        self.seconds, self.answer, self.runs = seconds, answer, 0

    def run(self, outputs, feeds, seconds=float("inf")):
        self.runs += 1
        time.sleep(self.seconds)
        return [np.full((len(feeds["images"]), 2), self.answer, np.float32)]


BATCH = {"images": np.zeros((4, 2, 2, 3), np.uint8)}
USUAL = 0.5


def tried(monkeypatch, engines, usual=0.02):
    """What a trial of such engines finds, by name; None cannot be opened."""

    def open_(self, runtime):
        if engines[runtime] is None:
            raise RuntimeError("no such operator: Softmax\nand more")
        return engines[runtime]

    monkeypatch.setattr(Model, "opened", open_)
    most = lambda one, other: float(np.abs(one["scores"] - other["scores"]).max())  # noqa: E731
    model = Model(b"a graph", ("scores",), most, 60.0)
    return settle(model, Engine(usual, USUAL), [BATCH], tuple(engines))[0]


def test_the_fastest_is_taken_of_those_that_answer_the_same(monkeypatch):
    engines = {
        "right": Engine(0.01, USUAL + APART / 2),
        "wrong": Engine(0.0, USUAL + 2 * APART),
        "no number": Engine(0.0, np.nan),
        "fails": None,
        "slow": Engine(0.04, USUAL),
    }
    found = tried(monkeypatch, engines)
    assert found.best.runtime == "right"
    assert found.best.apart == pytest.approx(APART / 2, abs=1e-6)
    assert 0.01 / 4 <= found.best.seconds < 0.02 / 4 <= found.tried[0].seconds  # of a picture
    refused = {one.runtime: one.why_not for one in found.tried if one.why_not}
    assert refused == {
        "wrong": "wrong: answers differ by 0.02, allowed 0.01",
        "no number": "no number: answers differ by nan, allowed 0.01",
        "fails": "fails cannot run it: no such operator: Softmax",
    }
    assert found.to_text(found.best).startswith("right, ")


def test_the_usual_one_stays_where_none_is_faster(monkeypatch):
    assert tried(monkeypatch, {"slow": Engine(0.03, USUAL)}).best.runtime == ONNX_RUNTIME
    close = Choice((Tried(ONNX_RUNTIME, 1.0, 0.0), Tried("close", 0.96, 0.0)))
    assert close.best.runtime == ONNX_RUNTIME  # no more than a clock wavers
    assert replace(close, tried=(close.tried[0], Tried("close", 0.94, 0.0))).best.runtime == "close"


def test_float32_is_tried_where_bfloat16_is_too_far_off(monkeypatch):
    exact = Engine(0.0, USUAL)
    engines = {OPENVINO: Engine(0.0, USUAL + 0.05), EXACT: exact}
    monkeypatch.setattr(choice, "contenders", lambda: (OPENVINO,))
    found = tried(monkeypatch, engines)
    assert found.fit(OPENVINO).runtime == EXACT
    assert exact.runs > 0


def test_what_was_found_is_kept_for_this_model_and_machine(monkeypatch, cache):
    first = Engine(0.0, USUAL)
    found = tried(monkeypatch, {"right": first})
    (record,) = (cache / "runtimes").iterdir()
    again = Engine(0.0, USUAL)
    assert tried(monkeypatch, {"right": again}) == found
    assert again.runs == 0
    assert tried(monkeypatch, {"right": again, "new": Engine(0.0, USUAL)}) != found  # one was not there then
    assert again.runs > 0
    for damaged in (b"", b"{}", b"[]", b'[{"runtime": "onnxruntime"}]', record.read_bytes()[:-5]):
        record.write_bytes(damaged)
        again.runs = 0
        assert tried(monkeypatch, {"right": again}).best.runtime == "right"
        assert again.runs > 0
    monkeypatch.setattr(choice, "processor", lambda: "another machine")
    again.runs = 0
    tried(monkeypatch, {"right": again})
    assert again.runs > 0


def test_openvino_answers_as_onnx_runtime_does(found, pictures):
    usual, fast = opened(found, ONNX_RUNTIME), opened(found, OPENVINO)
    assert (usual.runtime, fast.runtime) == (ONNX_RUNTIME, OPENVINO)
    expected = usual.predict_proba(pictures)
    np.testing.assert_allclose(fast.predict_proba(pictures), expected, atol=APART)
    names = [one.name for one in usual.outputs]
    exact = OpenVinoSession(found.model, names, 1, exact=True)
    assert exact.precision == "f32"
    (probabilities, *_) = exact.run(names, usual.feeds(pictures))
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    for batch in (pictures[:1], pictures[:3], pictures):  # whatever came before
        np.testing.assert_allclose(exact.run(names, usual.feeds(batch))[0], expected[: len(batch)], atol=1e-6)


def test_a_model_that_it_computes_wrongly_is_refused(found, pictures, monkeypatch):
    other = bytearray(found.model)
    weight = np.float32(10).tobytes()  # of the network that tells colours apart
    place = other.find(weight)
    other[place : place + 4] = np.float32(3).tobytes()
    assert Session(bytes(other)).outputs  # still a network
    usual = OpenVinoSession.__init__

    def wrong(self, model, *given, **named):
        usual(self, bytes(other), *given, **named)

    monkeypatch.setattr(OpenVinoSession, "__init__", wrong)
    with pytest.raises(
        InputError, match=r"runtime='openvino'.*answers differ by .*take runtime='onnxruntime'"
    ):
        opened(found, OPENVINO)
    auto = opened(found, "auto")
    auto.settle()
    assert auto.runtime == ONNX_RUNTIME
    assert [bool(one.why_not) for one in auto.choice.tried] == [False, True, True]
    np.testing.assert_array_equal(
        auto.predict_proba(pictures), opened(found, ONNX_RUNTIME).predict_proba(pictures)
    )


def test_auto_looks_for_a_faster_one_only_where_many_pictures_come(found, pictures):
    auto = opened(found, "auto")
    auto.predict(pictures)
    list(auto.stream(pictures, auto._take, batch_size=len(pictures)))
    assert auto.choice is None
    list(auto.stream([*pictures] * 2, auto._take, batch_size=len(pictures)))
    assert [one.runtime for one in auto.choice.tried] == [ONNX_RUNTIME, OPENVINO]
    assert auto.runtime == auto.choice.best.runtime
    arrays = opened(found, "auto")
    arrays.values(pictures, batch_size=2)
    assert arrays.choice is not None
    never = opened(found, ONNX_RUNTIME)
    never.values(pictures, batch_size=2)
    assert never.choice is None


def test_a_forked_child_goes_on_with_onnx_runtime(found, pictures):
    fast = opened(found, OPENVINO)
    expected = fast.predict(pictures).tolist()
    child = os.fork()
    if child == 0:
        same = fast.predict(pictures).tolist() == expected and not fast._fast.usable
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert fast._fast.usable


def test_a_run_has_a_deadline(found, pictures):
    names = [one.name for one in opened(found, ONNX_RUNTIME).outputs]
    session = OpenVinoSession(found.model, names, 1)
    with pytest.raises(TookTooLong, match="ended after 0 seconds"):
        session.run(names, {"images": np.repeat(pictures, 5000, axis=0)}, 0.0)
    assert len(session.run(names, {"images": pictures})[0]) == len(pictures)


def test_what_is_not_there_is_told(found, monkeypatch):
    with pytest.raises(UnknownNameError, match="did you mean openvino"):
        opened(found, "openvin")
    monkeypatch.setattr(choice, "installed", lambda name: False)
    auto = opened(found, "auto")
    auto.settle()
    assert (auto.runtime, auto.choice) == (ONNX_RUNTIME, None)
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'foveate\[openvino\]'"):
        opened(found, OPENVINO)
