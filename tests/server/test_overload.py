"""Ten times what the network can do, and the end of a server that is in the middle of its work."""

import contextlib
import http.client
import signal
import threading
import time

import pytest

NETWORK_SECONDS = 0.05  # a batch of at most two: 40 pictures a second


class Crowd:
    """Clients that ask without pause, each over one connection; what became of every request is kept."""

    def __init__(self, server, body, clients):
        self.answers = []  # (status, seconds, retry-after, connection)
        self.broken = []  # asked, and closed without an answer
        self.refused = 0  # could not connect
        self._server, self._body = server, body
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()

    def _ask(self):
        connection = http.client.HTTPConnection(*self._server.address, timeout=10)
        with contextlib.closing(connection):
            while not self._end.is_set():
                if connection.sock is None:
                    try:
                        connection.connect()
                    except OSError:
                        self.refused += 1
                        return
                started = time.perf_counter()
                try:
                    connection.request("POST", "/predict", self._body)
                    answer = connection.getresponse()
                    answer.read()
                except (OSError, http.client.HTTPException) as error:
                    self.broken.append(repr(error))
                    return
                seconds = time.perf_counter() - started
                self.answers.append((answer.status, seconds, answer.headers["retry-after"]))
                if answer.status == 503:
                    time.sleep(0.02)


@pytest.fixture
def busy(launch):
    running = launch(NETWORK_SECONDS, max_batch=2, queue_pictures=8, max_pictures=8, drain_seconds=0.5)
    yield running
    if running.process.poll() is None:
        running.stop(signal.SIGKILL)


def test_ten_times_the_capacity_is_shed_at_once_and_health_answers(busy, colours, pictures):
    with Crowd(busy, colours.png(pictures[0]), clients=24) as crowd:
        slowest_health = 0.0
        until = time.perf_counter() + 2
        while time.perf_counter() < until:
            started = time.perf_counter()
            assert busy.ask("GET", "/health")[0] == 200
            slowest_health = max(slowest_health, time.perf_counter() - started)
            time.sleep(0.05)
    assert crowd.broken == []
    assert {status for status, _, _ in crowd.answers} == {200, 503}
    good = [seconds for status, seconds, _ in crowd.answers if status == 200]
    shed = sorted(seconds for status, seconds, _ in crowd.answers if status == 503)
    assert len(shed) > 5 * len(good)
    assert shed[len(shed) // 2] < NETWORK_SECONDS  # refused without waiting for anything
    assert max(good) < 8 * NETWORK_SECONDS + 1
    assert all(retry and 1 <= int(retry) <= 60 for status, _, retry in crowd.answers if status == 503)
    assert slowest_health < 1
    assert busy.memory()[1] < 300e6


def test_sigterm_under_load_answers_all_that_was_accepted(busy, colours, pictures, wait_for):
    with busy.connect() as early, Crowd(busy, colours.png(pictures[0]), clients=6) as crowd:
        wait_for(lambda: len(crowd.answers) > 20)
        assert busy.children() == []
        busy.process.send_signal(signal.SIGTERM)
        started = time.perf_counter()
        time.sleep(0.15)
        early.sendall(b"GET /v2/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = early.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"connection: close" in answer.lower()
        assert busy.ask("GET", "/health")[0] == 503  # new connections are still taken
        busy.process.wait(10)
        code, _ = busy.stop()
        assert time.perf_counter() - started < 10
    assert code == 0
    assert crowd.broken == []
    assert {status for status, _, _ in crowd.answers} <= {200, 503}


def test_a_body_that_never_ends_does_not_keep_the_server(launch, colours, pictures):
    running = launch(finish_seconds=1)
    with running.connect() as client:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
        assert running.ask("GET", "/health")[0] == 200
        running.process.send_signal(signal.SIGTERM)
        answer = running.rest(client)
        running.process.wait(5)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"The server is stopping" in answer
    assert running.stop()[0] == 0


def test_ctrl_c_stops_without_a_drain_and_a_second_signal_ends_at_once(launch):
    running = launch(drain_seconds=60)
    started = time.perf_counter()
    assert running.stop(signal.SIGINT)[0] == 0
    assert time.perf_counter() - started < 2
    running = launch(drain_seconds=60)
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    assert running.process.poll() is None
    assert running.stop(signal.SIGTERM)[0] == 130
