"""The grammar of requests, beside h11's; bodies cut the same way however they arrive."""

import random

import h11
import pytest

from foveate.errors import RequestError
from foveate.http.http1 import ChunkedBody, LengthBody, check_beginning, parse_head, skip_empty_lines

PLAIN = b"POST /predict?top_k=3 HTTP/1.1\r\nHost: 127.0.0.1:8000\r\nAccept: */*\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"PUT /a%20b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\nConnection: TE, close\r\n\r\n"
OLD = b"GET /health HTTP/1.0\r\nHost: x\r\nUser-Agent:  a\tb \r\nEmpty:\r\n\r\n"
BITS = [b"\r", b"\n", b"\r\n", b" ", b":", b"\x00", b"\xe9", b"\t", b",", b"chunked", b"0", b"Host: y\r\n"]
BITS += [b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.1", b"Connection: close\r\n"]


def read_by_h11(head):
    """(method, target, headers, framing) as another reader has it; None where it refuses."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(head)
    try:
        request = connection.next_event()
        if not isinstance(request, h11.Request):
            return None
        chunked = (b"transfer-encoding", b"chunked") in request.headers
        lengths = [int(value) for name, value in request.headers if name == b"content-length"]
    except h11.RemoteProtocolError:
        return None
    framing = None if chunked else (lengths or [0])[0]
    return request.method, request.target, list(request.headers), framing


def read_by_us(head):
    try:
        found = parse_head(head)
    except RequestError:
        return None
    target = found.raw_path + (b"?" + found.query if b"?" in head.split(b" HTTP/")[0] else b"")
    coding = b"transfer-encoding"  # h11 gives its value in lower case
    headers = [(name, value.lower() if name == coding else value) for name, value in found.headers]
    return found.method.encode(), target, headers, found.length


@pytest.mark.parametrize("head", [PLAIN, CHUNKED, OLD])
def test_a_valid_request_reads_as_h11_reads_it(head):
    assert read_by_us(head) == read_by_h11(head) is not None


def test_what_is_accepted_is_what_h11_accepts_and_means_the_same():
    """A reader more lenient than others, or of another opinion, is how requests are smuggled."""
    chance = random.Random(11)
    accepted = 0
    for _ in range(6000):
        head = bytearray(chance.choice([PLAIN, CHUNKED, OLD])[:-4])
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            start = chance.randrange(len(head))
            head[start : start + chance.choice([0, 0, 1, 2])] = chance.choice(BITS)
        head = bytes(head).split(b"\r\n\r\n")[0].lstrip(b"\r\n") + b"\r\n\r\n"
        ours = read_by_us(head)
        if ours and [name for name, _ in ours[2]].count(b"host") == 1:  # others are the guard's to refuse
            assert ours == read_by_h11(head), head
            accepted += 1
    assert accepted > 200


def test_paths_are_decoded_and_urls_have_to_name_the_host():
    assert parse_head(CHUNKED).path == "/a b"
    whole = parse_head(b"GET http://Example.org:8000?q HTTP/1.1\r\nHost: example.org:8000\r\n\r\n")
    assert (whole.raw_path, whole.query) == (b"/", b"q")
    for wrong in (b"http://other/ ", b"example.org:443 ", b"* ", b"https://example.org/ ", b"/a#b "):
        with pytest.raises(RequestError, match="not valid HTTP"):
            parse_head(b"GET " + wrong + b"HTTP/1.1\r\nHost: example.org\r\n\r\n")


def test_a_beginning_is_refused_as_soon_as_it_can_be():
    for start in range(1, len(PLAIN) - 4):
        check_beginning(bytearray(PLAIN[:start]))
    for wrong in (b"\x16\x03\x01", b"GET  ", b"GET / HTTP/1.1\n", b"GET /\x00", b"{", b" GET"):
        with pytest.raises(RequestError, match="expected METHOD PATH"):
            check_beginning(bytearray(wrong))


def test_empty_lines_before_a_request_are_skipped_but_a_half_one_waited_for():
    for text, left, there in ((b"\r\n\r\nGET", b"GET", True), (b"\r\n\r", b"\r", False), (b"", b"", False)):
        received = bytearray(text)
        assert skip_empty_lines(received) is there
        assert received == left


def cut(body, data, chance):
    """What a body takes of ``data`` that arrives in pieces, and what it leaves."""
    received, taken = bytearray(), b""
    while data and not body.ended:
        size = chance.randint(1, 9)
        received += data[:size]
        data = data[size:]
        taken += body.take(received)
    return taken, bytes(received) + data


def test_bodies_end_where_they_say_in_whatever_pieces_they_come():
    chance = random.Random(5)
    for _ in range(300):
        content = chance.randbytes(chance.randint(0, 60))
        assert cut(LengthBody(len(content)), content + b"GET /", chance) == (content, b"GET /")
        chunks, rest = b"", content
        while rest:
            size = chance.randint(1, 20)
            extension = chance.choice([b"", b";a", b' ; a="b"'])
            chunks += b"%x%s\r\n%s\r\n" % (len(rest[:size]), extension, rest[:size])
            rest = rest[size:]
        chunks += b"00\r\n" + chance.choice([b"", b"A: b\r\n", b"A:\r\nB: c\r\n"]) + b"\r\n"
        assert cut(ChunkedBody(), chunks + b"GET /", chance) == (content, b"GET /")


WRONG_CHUNKS = [
    b"x\r\n",
    b"-1\r\n",
    b"1 1\r\n",
    b"1\n",
    b"1;\n\r\n",
    b"1\r\nab",
    b"1\r\na\n",
    b"0\r\nA b\r\n",
]
WRONG_CHUNKS += [
    b"0x1\r\n",
    b"11111111111111111\r\n",
    b"0\r\nA: b\nC: d\r\n",
    b"1\r\na\r\r\n",
    b" 1\r\n",
    b"\r\n",
]


@pytest.mark.parametrize("chunks", WRONG_CHUNKS)
def test_wrong_chunks_are_refused(chunks):
    with pytest.raises(RequestError, match="not valid HTTP"):
        ChunkedBody().take(bytearray(chunks))


def test_what_is_beside_the_content_of_chunks_is_bounded():
    for endless, message in (
        (b"1" + b" " * 300, "length of a chunk"),
        (b"0\r\n" + b"A: b\r\n" * 1500, "8,192"),
    ):
        with pytest.raises(RequestError, match=message):
            ChunkedBody().take(bytearray(endless))
    with pytest.raises(RequestError, match="too much beside"):
        ChunkedBody().take(bytearray((b"1;" + b"e" * 200 + b"\r\nx\r\n") * 100))
