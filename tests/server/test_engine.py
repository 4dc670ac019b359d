"""The engine against a network of the tests' own, which says what it was given and when."""

import asyncio
import gc
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from foveate.errors import RequestError
from foveate.http.metrics import Metrics
from foveate.http.settings import ServeSettings
from foveate.images.preprocess import Preprocessing, Taken
from foveate.server.engine import Engine


class Network:
    """Stands for a Predictor: gives back each picture's first value, remembers the batches."""

    def __init__(self, *, seconds=0.0, channels=3):
        self.preprocessing = Preprocessing(4, 4, channels)
        self.batches = []
        self.seconds = seconds
        self.broken = False
        self.at_once = threading.Semaphore(1)

    def run(self, batch):
        assert self.at_once.acquire(blocking=False), "two threads ran the network at the same time"
        try:
            self.batches.append(len(batch))
            time.sleep(self.seconds)
            if self.broken:
                raise RuntimeError("canary")
            values = np.stack([batch[:, 0, 0, 0], batch[:, 0, 0, -1]], axis=1).astype(np.float32)
            return {"probabilities": values, "unlikeness": values[:, 0] / 2}
        finally:
            self.at_once.release()


@pytest.fixture
def make():
    """A function that starts an engine; ``make.metrics`` are those of the last one."""
    engines, before = [], set(threading.enumerate())

    def start(network, **settings):
        start.metrics = Metrics()
        engines.append(Engine(network, ServeSettings(**settings), start.metrics))
        return engines[-1]

    yield start
    for engine in engines:
        engine.close()
    assert not [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()]


def images(*values):
    return np.stack([np.full((4, 4, 3), value, np.uint8) for value in values])


def test_answers_find_their_way_back_whatever_the_batches_were(make):
    engine = make(Network(seconds=0.002), max_batch=5, queue_pictures=1000)

    async def ask():
        return await asyncio.gather(*(engine.run(images(i, i + 1, i + 2)) for i in range(60)))

    for i, found in enumerate(asyncio.run(ask())):
        np.testing.assert_array_equal(found["probabilities"][:, 0], [i, i + 1, i + 2])
        np.testing.assert_array_equal(found["unlikeness"], [i / 2, (i + 1) / 2, (i + 2) / 2])
    assert max(engine.predictor.batches) == 5
    assert sum(engine.predictor.batches) == 180


def test_what_waits_while_the_network_runs_goes_together(make):
    engine = make(Network(seconds=0.05), max_batch=32)

    async def ask():
        return await asyncio.gather(*(engine.run(images(i)) for i in range(20)))

    asyncio.run(ask())
    assert engine.predictor.batches[0] <= 20
    assert len(engine.predictor.batches) <= 3


def test_of_large_pictures_fewer_go_together(make):
    """800,000 pixels: the feature maps of more would not fit into the memory, and all of them would fail."""
    network = Network(seconds=0.02)
    network.preprocessing = Preprocessing(400, 500)
    engine = make(network, max_batch=32)

    async def ask():
        picture = np.zeros((1, 400, 500, 3), np.uint8)
        return await asyncio.gather(*(engine.run(picture) for _ in range(12)))

    assert len(asyncio.run(ask())) == 12
    assert max(network.batches) == 4
    assert sum(network.batches) == 12


def test_a_lone_picture_waits_for_nobody(make, colours):
    engine = make(Network(), batch_wait_seconds=1.0)
    picture = colours.png(images(9)[0])

    async def ask():
        started = time.perf_counter()
        await engine.read_and_run([("one", picture)])
        return time.perf_counter() - started

    assert asyncio.run(ask()) < 0.5


def test_files_become_pixels_and_one_bad_one_spoils_only_its_own_request(make, colours):
    engine = make(Network())

    async def ask():
        good = [("good.png", colours.png(images(i)[0])) for i in range(5)]
        answers = [engine.read_and_run([one]) for one in good]
        bad = engine.read_and_run([good[0], ("bad.png", b"no picture"), good[1]])
        return await asyncio.gather(bad, *answers, return_exceptions=True)

    bad, *rows = asyncio.run(ask())
    assert isinstance(bad, RequestError)
    assert (bad.status, "bad.png" in str(bad)) == (422, True)
    assert [row["probabilities"][0, 0] for row in rows] == [0, 1, 2, 3, 4]
    until = time.monotonic() + 10  # those of the refused request may still be in work when it is answered
    while b"foveate_waiting_pictures 0.0" not in make.metrics.text():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_full_house_refuses_at_once_and_says_when_to_come_again(make):
    engine = make(Network(seconds=0.1), queue_pictures=4, max_pictures=4, max_batch=1)

    async def ask():
        first = asyncio.gather(*(engine.run(images(1)) for _ in range(4)))
        await asyncio.sleep(0)
        started = time.perf_counter()
        with pytest.raises(RequestError, match="The server is busy: 4 pictures are waiting") as caught:
            await engine.run(images(1))
        assert time.perf_counter() - started < 0.05
        assert caught.value.status == 503
        assert 1 <= int(caught.value.headers["retry-after"]) <= 60
        await first
        await engine.run(images(1))  # there is room again

    asyncio.run(ask())
    assert make.metrics.text().count(b"foveate_refused_total 1.0") == 1


def test_a_network_that_fails_is_an_error_of_those_requests_only(make, caplog):
    engine = make(Network())
    engine.predictor.broken = True
    with pytest.raises(RequestError, match="The network could not be run") as caught:
        asyncio.run(engine.run(images(1)))
    assert caught.value.status == 500
    assert "canary" in caplog.text  # the log has the cause; the client does not
    engine.predictor.broken = False
    assert asyncio.run(engine.run(images(7)))["probabilities"][0, 0] == 7


def test_an_answer_that_takes_too_long_is_given_up_and_its_waiting_work_dropped(make):
    engine = make(Network(seconds=0.3), answer_seconds=0.1, max_batch=1)

    async def ask():
        asked = (engine.run(images(1)) for _ in range(4))
        return await asyncio.gather(*asked, return_exceptions=True)

    errors = asyncio.run(ask())
    assert [error.status for error in errors] == [504] * 4
    engine.close()
    assert len(engine.predictor.batches) == 1


def test_a_grey_network_gets_the_luma_that_the_graph_would_compute(make):
    engine = make(Network(channels=1))
    colour = np.zeros((1, 4, 4, 3), np.uint8)
    colour[..., 0] = 200
    assert asyncio.run(engine.run(colour))["probabilities"][0, 0] == (200 * 19595 + 32768) >> 16


def test_a_closed_engine_takes_nothing(make):
    engine = make(Network())
    engine.close()
    with pytest.raises(RequestError, match="busy"):
        asyncio.run(engine.run(images(1)))


def test_files_nobody_waits_for_any_more_are_not_kept(make):
    """Their bytes stopped counting as held when the request ended: a queue of them would be without bound."""
    network, gate = Network(), threading.Event()
    network.preprocessing = SimpleNamespace(
        height=4,
        width=4,
        channels=3,
        take=lambda *_, **__: gate.wait(10) and Taken(np.zeros((4, 4, 3), np.uint8), (4, 4)),
    )
    engine = make(network, answer_seconds=0.1)
    content = bytes(1000)
    before = sys.getrefcount(content)

    async def crowd():
        asked = [engine.read_and_run([("a", content)]) for _ in range(2 * len(engine._threads) + 5)]
        return {error.status for error in await asyncio.gather(*asked, return_exceptions=True)}

    assert asyncio.run(crowd()) == {504}
    gc.collect()  # the errors' tracebacks
    kept = sys.getrefcount(content) - before
    gate.set()
    assert kept <= len(engine._threads)  # those that are being decoded
