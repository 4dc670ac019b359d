"""What a client sends, or does not read, costs no memory; every request gets its status, whatever follows."""

import contextlib
import json
import re
import socket
import struct
import subprocess
import sys
import time

import pytest

HOST = b"Host: 127.0.0.1\r\n"
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


def post(body=b"", headers=b""):
    return b"POST /predict HTTP/1.1\r\n" + HOST + headers + b"Content-Length: %d\r\n\r\n" % len(body) + body


@pytest.fixture(scope="module")
def small(launch):
    """A server that takes bodies of a mebibyte."""
    running = launch(max_body_bytes=1 << 20, header_seconds=2, body_seconds=3)
    yield running
    assert quiet(*running.stop())


def quiet(code, log):
    """Whether a server ended well and told of nothing but requests."""
    lines = [json.loads(line) for line in log.splitlines()]
    return code == 0 and [line for line in lines if line["level"] != "info"] == []


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", b"a: b\r\n"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 90 + b"\r\nx\r\n"),
        (b"", b"a: b\r\n"),
        (b"X: ", b"abcd"),
    ],
    ids=["trailers", "chunk extensions", "headers", "one header"],
)
def test_nothing_beside_a_body_makes_the_memory_grow(small, first, more):
    before = small.memory()[0]
    with small.connect() as client:
        client.sendall(b"POST /predict HTTP/1.1\r\n" + HOST + first)
        with contextlib.suppress(ConnectionError):  # it may be closed while we still send
            for _ in range(32):
                client.sendall(more * (1 << 20))
                if small.memory()[0] - before > 64e6:
                    break
        assert small.memory()[0] - before < 16e6


def test_requests_sent_without_reading_wait_in_the_network_and_are_answered(small):
    request = b"GET /openapi.json HTTP/1.1\r\n" + HOST + b"\r\n"
    count, sent = 1500, 0
    data = memoryview(request * count)
    before = small.memory()[0]
    with small.connect() as client:
        client.settimeout(0.5)
        with contextlib.suppress(TimeoutError):  # the server does not take them
            while sent < len(data):
                sent += client.send(data[sent : sent + 65536])
        time.sleep(0.3)
        assert small.memory()[1] - before < 16e6
        client.settimeout(10)
        client.setblocking(True)
        whole = sent // len(request)
        client.shutdown(socket.SHUT_WR)
        answer = small.rest(client)
    assert statuses(answer)[:whole] == [200] * whole
    assert whole > 100


def test_a_refusal_arrives_though_the_body_is_still_on_its_way(small):
    """With Connection: close, as proxies ask: closing at once would reset what the client has yet to read."""
    found = []
    for _ in range(5):
        with small.connect() as client:
            client.sendall(post(bytes(12 << 20), b"Connection: close\r\n"))
            found += statuses(small.rest(client))
    assert found == [413] * 5


def test_a_full_house_is_told_though_the_body_is_still_on_its_way(launch, colours, pictures):
    running = launch(1.0, queue_pictures=1, max_pictures=1)
    with running.connect() as first:
        first.sendall(post(colours.png(pictures[0])))
        time.sleep(0.2)
        found = []
        for _ in range(3):
            with running.connect() as client:
                client.sendall(post(bytes(12 << 20), b"Connection: close\r\n"))
                found += statuses(running.rest(client))
        assert found == [503] * 3
    assert running.stop()[0] == 0


def test_what_was_valid_is_answered_before_what_is_not(small, colours, pictures):
    body = colours.png(pictures[0])
    assert statuses(small.raw(post(body) * 5 + b"garbage\r\n\r\n")) == [200] * 5 + [400]


def test_who_has_sent_all_may_say_so_and_is_answered(small, colours, pictures):
    with small.connect() as client:
        client.sendall(post(colours.png(pictures[0])))
        client.shutdown(socket.SHUT_WR)
        assert statuses(small.rest(client)) == [200]
    with small.connect() as client:
        client.sendall(post(b"abc").replace(b"Length: 3", b"Length: 9"))
        client.shutdown(socket.SHUT_WR)
        assert statuses(small.rest(client)) == [400]


@pytest.mark.parametrize("path", ["/health", "/v2/health/live", "/v2/health/ready", "/"])
def test_a_load_balancer_may_ask_after_health_without_a_host(small, path):
    for method in ("GET", "HEAD"):
        answer = small.raw(f"{method} {path} HTTP/1.0\r\n\r\n".encode())
        assert statuses(answer) == [200]
        assert b"connection: close" in answer
    assert statuses(small.raw(f"GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())) == [400]
    assert statuses(small.raw(f"GET {path} HTTP/1.0\r\nHost: evil.example\r\n\r\n".encode())) == [400]


def test_chunks_of_any_size_are_the_body(small, colours, pictures):
    body = colours.png(pictures[0])
    chunks = b"".join(b"1;x=y\r\n%c\r\n" % byte for byte in body) + b"0\r\nTrailer: read past\r\n\r\n"
    head = b"POST /predict HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n"
    with small.connect() as client:
        for start in range(0, len(chunks), 97):
            client.sendall((head if start == 0 else b"") + chunks[start : start + 97])
        client.sendall(HEALTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert statuses(small.rest(client)) == [200, 200]


def test_a_refused_expectation_does_not_leave_a_body_to_be_guessed(small):
    """A client that asked first sends no body after a refusal: its next request must not pass for one."""
    with small.connect() as client:
        client.sendall(
            b"POST /nothing HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 50\r\n\r\n"
        )
        answer = small.rest(client)
    assert statuses(answer) == [404]
    assert b"connection: close" in answer


def test_who_leaves_at_any_moment_leaves_no_trace_in_the_log(launch, colours, pictures):
    """Resets and closes before, in and after the answer."""
    running = launch()
    body = colours.png(pictures[0])
    for number in range(60):
        with running.connect() as client:
            client.sendall(post(body, b"Connection: close\r\n") if number % 2 else post(body) * 3)
            time.sleep(0.0007 * (number % 7))
            if number % 3:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert running.ask("GET", "/health")[0] == 200
    assert quiet(*running.stop())


STOPPING = """
import os, re, signal, socket, sys
from foveate.modelfolder.read import load
from foveate.server.app import serve
from foveate.http.settings import ServeSettings

clients = []

def ready(url):
    for _ in range(8):
        clients.append(socket.create_connection(("127.0.0.1", int(url.split(":")[2].strip("/")))))
        clients[-1].sendall(b"GET /health HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    os.kill(os.getpid(), signal.SIGINT)

serve(load(sys.argv[1], threads=1), "colours", ServeSettings(port=0), ready)
for client in clients:
    answer = b""
    while piece := client.recv(65536):
        answer += piece
    print(answer[9:12].decode(), b"connection: close" in answer.lower())
"""


def test_who_waits_to_be_accepted_when_the_server_stops_is_answered(model_folder):
    command = [sys.executable, "-c", STOPPING, str(model_folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "503 True\n" * 8


def test_a_wrong_form_is_no_line_in_the_log(launch):
    running = launch()
    body = b"before\r\n--x\r\nContent-Disposition: form-data\r\n\r\nab\r\n--x--\r\nafter, and more after"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert running.ask("POST", "/predict", body, headers)[0] in (400, 422)
    assert quiet(*running.stop())
