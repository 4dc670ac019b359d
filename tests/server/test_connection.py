"""Raw sockets: oversized, chunked, lying, malformed and slow requests; memory bounded, others served."""

import contextlib
import json
import resource
import time
from pathlib import Path

import pytest

from foveate.http.connection import MOST_LINGERING

HOST = b"Host: 127.0.0.1\r\n"


def split(answer):
    """One HTTP answer: (status, headers as text, the JSON of its body)."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode().lower(), json.loads(body) if body else None


def whole(client):
    """One HTTP answer with all of its body, in however many pieces it comes."""
    received = b""
    while chunk := client.recv(65536):
        received += chunk
        head, end, body = received.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if b"content-length:" in line]
        if end and len(body) >= int(lengths[0]):
            break
    return received


def post(body=b"", headers=b""):
    length = (
        b"" if b"ransfer-" in headers or b"ontent-L" in headers else b"Content-Length: %d\r\n" % len(body)
    )
    return b"POST /predict HTTP/1.1\r\n" + HOST + headers + length + b"\r\n" + body


CLOSE = b"Connection: close\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
MALFORMED = {
    "noise": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400, "not valid HTTP"),
    "long noise": (bytes(range(128, 256)) * 9, 400, "not valid HTTP"),
    "no HTTP": (b"GET /\r\n\r\n", 400, "not valid HTTP"),
    "a bare newline in a header": (b"GET / HTTP/1.1\r\nHost: a\x00b\r\n\r\n", 400, "not valid HTTP"),
    "two lengths": (post(b"ab", b"Content-Length: 2\r\nContent-Length: 3\r\n"), 400, "not valid HTTP"),
    "a length that is none": (post(b"", b"Content-Length: many\r\n"), 400, "not valid HTTP"),
    "a negative length": (post(b"", b"Content-Length: -1\r\n"), 400, "not valid HTTP"),
    "a length of 30 digits": (post(b"", b"Content-Length: %d\r\n" % 10**29), 400, "not valid HTTP"),
    "length and chunks": (
        post(b"0\r\n\r\n", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        400,
        "not valid HTTP",
    ),
    "a chunk of no length": (post(b"xyz\r\n", b"Transfer-Encoding: chunked\r\n"), 400, "not valid HTTP"),
    "a coding nobody knows": (post(b"ab", b"Transfer-Encoding: gzip\r\n"), 400, "not valid HTTP"),
    "a path that is no ASCII": (b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "not valid HTTP"),
    "no host": (b"GET /health HTTP/1.1\r\n" + CLOSE + b"\r\n", 400, "Host header"),
    "two hosts": (b"GET /health HTTP/1.1\r\n" + HOST * 2 + CLOSE + b"\r\n", 400, "stands there twice"),
    "HTTP/1.0 without a host": (b"POST /predict HTTP/1.0\r\nContent-Length: 0\r\n\r\n", 400, "Host header"),
    "another version": (b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 505, "Expected HTTP/1.1"),
    "bare newlines": (b"GET /health HTTP/1.1\nHost: 127.0.0.1\n\n", 400, "not valid HTTP"),
    "a folded line": (b"GET /health HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400, "not valid HTTP"),
    "a space before the colon": (
        b"GET /health HTTP/1.1\r\n" + HOST + b"Content-Length : 5\r\n\r\n",
        400,
        "not valid HTTP",
    ),
    "chunks twice": (
        post(b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        400,
        "not valid HTTP",
    ),
    "chunks in HTTP/1.0": (
        b"POST /predict HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "not valid HTTP",
    ),
    "a chunk longer than it says": (post(b"1\r\nab\r\n", CHUNKED), 400, "a chunk is longer than it says"),
    "a newline in an extension": (post(b"1;a\nb\r\nx\r\n", CHUNKED), 400, "the length of a chunk"),
    "an endless extension": (post(b"1;" + b"a" * 300, CHUNKED), 400, "the length of a chunk"),
    "a trailer that is none": (post(b"0\r\nno trailer\r\n\r\n", CHUNKED), 400, "expected trailers"),
    "long trailers": (post(b"0\r\n" + b"a: b\r\n" * 2000, CHUNKED), 431, "trailers are longer than 8,192"),
    "a URL of another host": (
        b"GET http://evil.example/health HTTP/1.1\r\n" + HOST + b"\r\n",
        400,
        "name different servers",
    ),
    "an end in the headers": (b"GET /health HTTP/1.1\r\nHost: 127", 408, "did not arrive within 2"),
    "a long header": (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"y" * 70_000, 431, "longer than 65,536"),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", 431, "longer than 65,536"),
    "a long path": (b"GET /" + b"y" * 70_000, 431, "longer than 65,536"),
    "an upgrade": (post(b"", CLOSE[:-2] + b", Upgrade\r\nUpgrade: websocket\r\n"), 400, "Expected a picture"),
    "climbing out": (b"GET /assets/..%2f..%2fapp.py HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 404, "nothing"),
    "climbing out plainly": (b"GET /assets/../app.py HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 404, "nothing"),
    "two slashes": (b"GET //evil.example/ HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n", 404, "nothing"),
}


@pytest.mark.parametrize(("request_", "status", "message"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_requests_get_a_sentence_and_are_closed(server, request_, status, message):
    found, head, document = split(server.raw(request_))
    assert found == status
    assert message in document["error"]
    assert "x-content-type-options: nosniff" in head
    assert "connection: close" in head


def test_a_large_length_is_refused_before_the_body_is_sent(server):
    with server.connect() as client:
        client.sendall(post(b"", b"Content-Length: 104857600\r\nExpect: 100-continue\r\n"))
        started = time.perf_counter()
        status, _, document = split(whole(client))
        assert (status, "larger than" in document["error"]) == (413, True)
        assert time.perf_counter() - started < 1


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_body_of_100_mb_is_refused_and_costs_no_memory(server, chunked):
    before = server.memory()[0]
    block = bytes(1 << 20)
    with server.connect() as client:
        if chunked:
            client.sendall(post(b"", b"Transfer-Encoding: chunked\r\n"))
            block = b"100000\r\n" + block + b"\r\n"
        else:
            client.sendall(post(b"", b"Content-Length: 104857600\r\n"))
        with contextlib.suppress(ConnectionError):  # it may be closed while we still send
            for _ in range(100):
                client.sendall(block)
        assert split(whole(client))[0] == 413
    assert server.memory()[1] - before < 32e6


def test_a_connection_goes_on_after_a_refused_body_was_read_away(server, colours, pictures):
    body = bytes(2 << 20)
    with server.connect() as client:
        client.sendall(post(body))
        assert split(whole(client))[0] == 413
        client.sendall(post(colours.png(pictures[0])))
        assert split(whole(client))[0] == 200


def test_requests_sent_ahead_are_answered_in_order(server, colours, pictures):
    with server.connect() as client:
        asked = [
            b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n",
            post(colours.png(pictures[0])),
            post(b"no", CLOSE),
        ]
        client.sendall(b"".join(asked))
        answer = server.rest(client)
    assert [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]] == [200, 200, 422]


def test_a_length_that_promises_more_than_comes_is_a_timeout(server):
    started = time.perf_counter()
    status, head, document = split(server.raw(post(b"abc", b"Content-Length: 10\r\n")))
    assert (status, document["error"]) == (408, "The body did not arrive within 2 seconds.")
    assert "connection: close" in head
    assert 1.5 < time.perf_counter() - started < 5


def test_a_length_that_promises_less_than_comes_does_not_smuggle_a_request(server, colours, pictures):
    answer = server.raw(post(colours.png(pictures[0]) + b"\x00\x01garbage\r\n\r\n", b"Content-Length: 5\r\n"))
    assert b"HTTP/1.1 200" not in answer
    assert b"HTTP/1.1 400" in answer


def test_slow_clients_are_closed_by_a_deadline_and_others_served(server, colours, pictures):
    """Headers that never end, bodies that trickle, and connections that say nothing: all at once."""
    with contextlib.ExitStack() as stack:
        silent, headers, bodies = (
            [stack.enter_context(server.connect()) for _ in range(40)] for _ in range(3)
        )
        for client in headers:
            client.sendall(b"POST /predict HTTP/1.1\r\nHost: 127")
        for client in bodies:
            client.sendall(post(b"a", b"Content-Length: 1000\r\n"))
        started = time.perf_counter()
        served = 0
        while time.perf_counter() - started < 1:
            for client in bodies:
                with contextlib.suppress(OSError):  # on a slow machine its time may be up already
                    client.sendall(b"a")
            assert server.json("POST", "/predict", colours.png(pictures[0]))[0] == 200
            served += 1
        assert served >= 5
        for client in (*headers, *bodies):  # what was sent after the end may cost a client its answer
            answer = server.rest(client)
            assert not answer or split(answer)[0] == 408
        assert {server.rest(client) for client in silent} == {b""}
        assert time.perf_counter() - started < 8


def test_a_client_that_leaves_in_the_middle_harms_nobody(server, colours, pictures):
    for _ in range(20):
        with server.connect() as client:
            client.sendall(post(b"abc", b"Content-Length: 1000\r\n"))
        with server.connect() as client:
            client.sendall(post(colours.png(pictures[0])))
    assert server.json("POST", "/predict", colours.png(pictures[0]))[0] == 200


def test_more_connections_than_allowed_are_told_so(launch):
    running = launch(max_connections=3)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(running.connect()) for _ in range(3)]
        for client in clients:
            client.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")
            assert split(whole(client))[0] == 200
        status, head, _ = split(running.rest(stack.enter_context(running.connect())))
        assert status == 503
        assert "retry-after: 1" in head
    code, _ = running.stop()
    assert code == 0


def test_however_many_connections_are_refused_each_is_told_so(launch):
    running = launch(max_connections=1)
    with contextlib.ExitStack() as stack:
        kept = stack.enter_context(running.connect())
        for _ in range(2):
            kept.sendall(b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n")
            assert split(whole(kept))[0] == 200
            refused = [stack.enter_context(running.connect()) for _ in range(150)]
            assert {split(running.rest(client))[0] for client in refused} == {503}
    assert running.stop()[0] == 0


def test_who_was_answered_for_the_last_time_takes_no_room(launch):
    running = launch(max_connections=1)
    with contextlib.ExitStack() as stack:
        for _ in range(3):  # none of which closes
            client = stack.enter_context(running.connect())
            client.sendall(b"no request\r\n")
            assert split(running.rest(client))[0] == 400
        assert running.json("GET", "/health")[0] == 200
    assert running.stop()[0] == 0


def test_those_who_do_not_close_make_room_for_others_that_do_not(launch):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    running = launch(max_connections=1)
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(MOST_LINGERING + 100):
                client = stack.enter_context(running.connect())
                client.sendall(b"no request\r\n")
                assert split(running.rest(client))[0] == 400
            assert len(list(Path(f"/proc/{running.process.pid}/fd").iterdir())) < MOST_LINGERING + 50
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert running.stop()[0] == 0


def test_all_bodies_together_are_bounded(launch):
    running = launch(max_body_bytes=1 << 20, max_waiting_bytes=2 << 20, body_seconds=5)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(running.connect())
            client.sendall(post(b"", b"Content-Length: 1048576\r\n") + bytes((1 << 20) - 1))
        time.sleep(0.3)
        status, document = running.json("POST", "/predict", bytes(1 << 10))
        assert (status, document["error"]) == (503, "The server holds too many bodies; try again.")
    time.sleep(0.1)
    assert running.json("POST", "/predict", bytes(1 << 10))[0] == 422  # those who left are forgotten
    assert running.stop()[0] == 0
