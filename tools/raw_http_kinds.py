"""The kinds of requests that `raw_http.py` sends: malformed, hostile or odd, and what has to come back."""

from __future__ import annotations

from dataclasses import dataclass

HOST = b"Host: 127.0.0.1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CLOSE = b"Connection: close\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"  # an answer to this, 404, is a fault
BAD = ((400,),)
NONE = ((),)
HIDDEN = b"Content-Length: %d\r\n" % len(SMUGGLED)
HIDDEN_CHUNK = b"%x\r\n%s\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)


@dataclass(frozen=True)
class Kind:
    """data: what is sent. wanted: the statuses that may come back, each alternative in order.

    end: what the client does then: "wait", "half" (it says that it sends no more), "leave" or "reset".
    slow: the data come piece by piece, and the server's patience has to end. bodies: the answers have any.
    """

    data: bytes
    wanted: tuple[tuple[int, ...], ...] = BAD
    end: str = "wait"
    slow: bool = False
    bodies: bool = True


@dataclass(frozen=True)
class Target:
    """What a server answers: a path to read, one that takes a picture, and the status of a picture taken."""

    read: bytes
    give: bytes
    taken: int
    picture: bytes
    health: bytes


def all_kinds(target: Target) -> dict[str, Kind]:
    """All kinds by name."""
    parts = (
        _request_lines,
        _headers,
        _hosts,
        _lengths,
        _codings,
        _chunks,
        _versions,
        _pipelines,
        _ends,
        _slow,
    )
    kinds: dict[str, Kind] = {}
    for part in parts:
        for name, kind in part(target).items():
            kinds[f"{part.__name__[1:].replace('_', ' ')}: {name}"] = kind
    return kinds


def _get(target: Target, headers: bytes = b"", *, close: bool = True, path: bytes | None = None) -> bytes:
    return b"GET " + (path or target.read) + b" HTTP/1.1\r\n" + HOST + headers + CLOSE * close + b"\r\n"


def _post(target: Target, headers: bytes, body: bytes = b"", *, close: bool = True) -> bytes:
    return b"POST " + target.give + b" HTTP/1.1\r\n" + HOST + headers + CLOSE * close + b"\r\n" + body


def _request_lines(target: Target) -> dict[str, Kind]:
    rest = b"\r\n" + HOST + CLOSE + b"\r\n"
    path = target.read
    lines = {
        "empty method": b" " + path + b" HTTP/1.1",
        "two spaces": b"GET  " + path + b" HTTP/1.1",
        "a tab": b"GET\t" + path + b"\tHTTP/1.1",
        "a space at the end": b"GET " + path + b" HTTP/1.1 ",
        "a space in the path": b"GET " + path + b" x HTTP/1.1",
        "no version": b"GET " + path,
        "no path": b"GET HTTP/1.1",
        "lower-case version": b"GET " + path + b" http/1.1",
        "version of three numbers": b"GET " + path + b" HTTP/1.1.1",
        "version without minor": b"GET " + path + b" HTTP/1",
        "version 1.10": b"GET " + path + b" HTTP/1.10",
        "another protocol": b"GET " + path + b" ICY/1.1",
        "RTSP": b"OPTIONS " + path + b" RTSP/1.0",
        "a NUL": b"GET " + path + b"\x00 HTTP/1.1",
        "a byte above 127": b"GET /\xff HTTP/1.1",
        "a method of signs": b"G(T " + path + b" HTTP/1.1",
        "a colon in the method": b"GE:T " + path + b" HTTP/1.1",
        "a fragment": b"GET " + path + b"#x HTTP/1.1",
        "a path without slash": b"GET " + path[1:] + b" HTTP/1.1",
        "an asterisk": b"GET * HTTP/1.1",
        "CONNECT": b"CONNECT example.org:443 HTTP/1.1",
        "a URL of https": b"GET https://127.0.0.1" + path + b" HTTP/1.1",
        "a URL of another host": b"GET http://evil.example" + path + b" HTTP/1.1",
        "a URL with a name before": b"GET http://127.0.0.1@evil.example" + path + b" HTTP/1.1",
        "a URL of ftp": b"GET ftp://127.0.0.1" + path + b" HTTP/1.1",
        "a quote": b'"GET ' + path + b' HTTP/1.1"',
        "JSON": b'{"method": "GET"}',
        "only spaces": b"     ",
        "a carriage return inside": b"GET " + path + b"\r HTTP/1.1",
    }
    kinds = {name: Kind(line + rest) for name, line in lines.items()}
    for name, version in (("HTTP/0.9", b"0.9"), ("HTTP/2.0", b"2.0"), ("HTTP/9.9", b"9.9")):
        kinds[name] = Kind(b"GET " + path + b" HTTP/" + version + rest, ((505,),))
    kinds["the preface of HTTP/2"] = Kind(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ((400,), (505,)))
    kinds["TLS"] = Kind(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200))
    kinds["SSH"] = Kind(b"SSH-2.0-OpenSSH_9.6\r\n")
    kinds["SOCKS"] = Kind(b"\x05\x01\x00")
    kinds["noise"] = Kind(bytes(range(256)) * 4)
    kinds["bare newlines"] = Kind(b"GET " + path + b" HTTP/1.1\n" + HOST.replace(b"\r", b"") + b"\n")
    kinds["a long path"] = Kind(b"GET /" + b"a" * 70_000 + b" HTTP/1.1" + rest, ((431,),))
    kinds["an endless path"] = Kind(b"GET /" + b"a" * (1 << 20), ((431,),))
    kinds["a long method"] = Kind(b"G" * 5000 + b" / HTTP/1.1" + rest, ((400,), (405,), (404,)))
    kinds["an unknown method"] = Kind(b"BREW " + path + b" HTTP/1.1" + rest, ((405,),))
    kinds["an unknown path"] = Kind(_get(target, path=b"/nothing"), ((404,),))
    kinds["climbing out"] = Kind(_get(target, path=b"/assets/../../etc/passwd"), ((404,),))
    kinds["climbing out, escaped"] = Kind(_get(target, path=b"/assets/..%2f..%2fetc%2fpasswd"), ((404,),))
    kinds["climbing out, twice escaped"] = Kind(_get(target, path=b"/assets/%252e%252e%252f"), ((404,),))
    kinds["an escaped NUL"] = Kind(_get(target, path=b"/assets/a%00.css"), ((404,),))
    kinds["half an escape"] = Kind(_get(target, path=b"/%"), ((404,),))
    kinds["escapes that are no UTF-8"] = Kind(_get(target, path=b"/%ff%fe"), ((404,),))
    kinds["two slashes"] = Kind(_get(target, path=b"//evil.example/"), ((404,),))
    kinds["a whole URL"] = Kind(b"GET http://127.0.0.1" + path + b" HTTP/1.1" + rest, ((200,),))
    kinds["empty lines before"] = Kind(b"\r\n\r\n" + _get(target), ((200,),))
    kinds["many empty lines before"] = Kind(b"\r\n" * 20_000 + _get(target), ((200,),))
    kinds["HEAD"] = Kind(_get(target).replace(b"GET", b"HEAD"), ((200,),), bodies=False)
    return kinds


def _headers(target: Target) -> dict[str, Kind]:
    lines = {
        "no colon": b"X",
        "a space before the colon": b"X : y",
        "a tab before the colon": b"X\t: y",
        "an empty name": b": y",
        "a space before the name": b" X: y",
        "a folded line": b"X: y\r\n z",
        "a line folded by a tab": b"X: y\r\n\tz",
        "a NUL in the value": b"X: a\x00b",
        "a NUL in the name": b"X\x00: y",
        "a carriage return in the value": b"X: a\rb",
        "a bare newline": b"X: a\nY: b",
        "a bell": b"X: a\x07",
        "a delete": b"X: a\x7f",
        "a byte above 127 in the name": b"X\xe9: y",
        "signs in the name": b"X(y): z",
        "a length with a space before its colon": b"Content-Length : 0",
        "a coding with a space before its colon": b"Transfer-Encoding : chunked",
    }
    kinds = {name: Kind(_get(target, line + b"\r\n")) for name, line in lines.items()}
    kinds["300 of them"] = Kind(_get(target, b"X: y\r\n" * 300), ((431,),))
    kinds["200 of them"] = Kind(_get(target, b"X: y\r\n" * 200), ((200,),))
    kinds["a flood"] = Kind(_get(target, b"X: y\r\n" * 200_000), ((431,),))
    kinds["one without end"] = Kind(b"GET / HTTP/1.1\r\nX: " + b"y" * (2 << 20), ((431,),))
    kinds["a long value"] = Kind(_get(target, b"X: " + b"y" * 60_000 + b"\r\n"), ((200,),))
    kinds["spaces without end"] = Kind(_get(target, b"X:" + b" " * 60_000 + b"y\r\n"), ((200,),))
    kinds["Latin letters"] = Kind(_get(target, b"X: caf\xe9\r\n"), ((200,),))
    kinds["an empty value"] = Kind(_get(target, b"X:\r\n"), ((200,),))
    for name in (b"Origin", b"Sec-Fetch-Site", b"Authorization", b"X-API-Key"):
        kinds[f"{name.decode()} twice"] = Kind(_get(target, (name + b": a\r\n") * 2))
    foreign = b"Origin: https://evil.example\r\nContent-Length: 2\r\n"
    kinds["another origin"] = Kind(_post(target, foreign, b"ab"), ((403,),))
    kinds["an upgrade"] = Kind(
        _get(target, b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nConnection: Upgrade\r\n"), ((200,),)
    )
    kinds["an upgrade to h2c"] = Kind(_get(target, b"Upgrade: h2c\r\nHTTP2-Settings: AA\r\n"), ((200,),))
    kinds["compressed"] = Kind(
        _post(target, b"Content-Encoding: gzip\r\nContent-Length: 2\r\n", b"ab"), ((415,),)
    )
    kinds["an expectation of another kind"] = Kind(_get(target, b"Expect: tea\r\n"), ((200,), (417,)))
    kinds["an expectation refused"] = Kind(
        b"POST /nothing HTTP/1.1\r\n"
        + HOST
        + b"Expect: 100-continue\r\nContent-Length: 44\r\n\r\n"
        + SMUGGLED,
        ((404,),),
    )
    return kinds


def _hosts(target: Target) -> dict[str, Kind]:
    line = b"GET " + target.read + b" HTTP/1.1\r\n"
    values = {
        "empty": b"",
        "another name": b"evil.example",
        "a name that ends like ours": b"127.0.0.1.evil.example",
        "a name before": b"user@127.0.0.1",
        "a path behind": b"127.0.0.1/",
        "two ports": b"127.0.0.1:80:80",
        "a port that is none": b"127.0.0.1:http",
        "two names": b"127.0.0.1, evil.example",
        "two names by a space": b"127.0.0.1 evil.example",
        "an address as a number": b"2130706433",
        "another address": b"10.1.2.3",
        "no address": b"0.0.0.0",
        "half an IPv6 address": b"[::1",
        "a wildcard": b"*",
        "a name above 127": b"\xe9.example",
        "300 characters": b"a" * 300,
    }
    kinds = {name: Kind(line + b"Host: " + v + b"\r\n" + CLOSE + b"\r\n") for name, v in values.items()}
    kinds["none"] = Kind(line + CLOSE + b"\r\n")
    kinds["two"] = Kind(line + HOST * 2 + CLOSE + b"\r\n")
    kinds["two that differ"] = Kind(line + HOST + b"Host: evil.example\r\n" + CLOSE + b"\r\n")
    for name, value in (("with a port", b"127.0.0.1:1"), ("IPv6", b"[::1]"), ("a name", b"LOCALHOST")):
        kinds[name] = Kind(line + b"Host: " + value + b"\r\n" + CLOSE + b"\r\n", ((200,),))
    return kinds


def _lengths(target: Target) -> dict[str, Kind]:
    values = (b"-1", b"+2", b"2.0", b"0x2", b"2,2", b"2, 2", b"2 2", b"", b"two", b"1e1", b"\xb2", b"9" * 30)
    values += (b"2;", b"2\t3", b"_2", b"2_0")
    kinds = {
        f"Content-Length {value.decode('latin-1')[:8]!r}": Kind(
            _post(target, b"Content-Length: " + value + b"\r\n", b"ab" + SMUGGLED, close=False)
        )
        for value in values
    }
    kinds["two that differ"] = Kind(
        _post(target, b"Content-Length: 2\r\nContent-Length: 50\r\n", b"ab" + SMUGGLED, close=False)
    )
    kinds["two that agree"] = Kind(_post(target, b"Content-Length: 2\r\n" * 2, b"ab" + SMUGGLED, close=False))
    kinds["a length and chunks"] = Kind(
        _post(target, b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n" + SMUGGLED, close=False)
    )
    kinds["chunks and a length"] = Kind(
        _post(target, CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n" + SMUGGLED, close=False)
    )
    kinds["a body of a GET"] = Kind(_get(target, HIDDEN) + SMUGGLED, ((200,),))
    kinds["more than a body may have"] = Kind(
        _post(target, b"Content-Length: 999999999\r\n", bytes(1 << 20)), ((413,),), end="half"
    )
    kinds["less than it promises"] = Kind(
        _post(target, b"Content-Length: 100\r\n", b"abc"), ((400,),), end="half"
    )
    length = b"Content-Length: %d\r\n" % len(target.picture)
    kinds["a picture"] = Kind(_post(target, length, target.picture), ((target.taken,),))
    kinds["a picture, asked for"] = Kind(
        _post(target, length + b"Expect: 100-continue\r\n", target.picture), ((target.taken,),)
    )
    return kinds


def _codings(target: Target) -> dict[str, Kind]:
    values = (b"gzip", b"identity", b"chunked, chunked", b"gzip, chunked", b"chunked, gzip", b"chunked;q=1")
    values += (
        b"xchunked",
        b"chunked\x0b",
        b"",
        b",chunked",
        b"chunked,",
        b'"chunked"',
        b"chunke",
        b"chunkedd",
    )
    values += (b"\xefchunked", b"cow, chunked", b"chunked identity")
    kinds = {
        f"{value.decode('latin-1')!r}": Kind(
            _post(target, b"Transfer-Encoding: " + value + b"\r\n", b"0\r\n\r\n" + SMUGGLED, close=False)
        )
        for value in values
    }
    kinds["twice"] = Kind(_post(target, CHUNKED * 2, b"0\r\n\r\n" + SMUGGLED, close=False))
    kinds["two that differ"] = Kind(
        _post(target, CHUNKED + b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n" + SMUGGLED, close=False)
    )
    kinds["in the name's own spelling"] = Kind(
        _post(target, b"tRANSFER-eNCODING: CHUNKED\r\n", b"0\r\n\r\n"), ((400,),)
    )
    kinds["an underscore"] = Kind(_post(target, b"Transfer_Encoding: chunked\r\n", b""), ((400,),))
    return kinds


def _chunks(target: Target) -> dict[str, Kind]:
    bodies = {
        "no length": b"xyz\r\n",
        "a negative length": b"-1\r\n",
        "a length with 0x": b"0x2\r\nab\r\n0\r\n\r\n",
        "a length with a sign": b"+2\r\nab\r\n0\r\n\r\n",
        "a length with a space before": b" 2\r\nab\r\n0\r\n\r\n",
        "a length of 17 digits": b"1" * 17 + b"\r\n",
        "an underscore in the length": b"1_0\r\n",
        "an empty length": b"\r\nab\r\n",
        "a bare newline behind the length": b"2\nab\r\n0\r\n\r\n",
        "a carriage return behind the length": b"2\rab\r\n",
        "a newline in an extension": b"2;a\nb\r\nab\r\n0\r\n\r\n",
        "a NUL in an extension": b"2;\x00\r\nab\r\n0\r\n\r\n",
        "a long extension": b"2;" + b"e" * 5000 + b"\r\nab\r\n0\r\n\r\n",
        "an endless extension": b"2;" + b"e" * (1 << 20),
        "many extensions": (b"1;" + b"e" * 200 + b"\r\nx\r\n") * 500,
        "longer than it says": b"2\r\nabc\r\n0\r\n\r\n",
        "shorter than it says": b"5\r\nab\r\n0\r\n\r\n" + SMUGGLED,
        "a bare newline behind it": b"2\r\nab\n0\r\n\r\n",
        "nothing behind it": b"2\r\nab0\r\n\r\n",
        "a trailer without a colon": b"0\r\nTrailer\r\n\r\n",
        "a trailer with a bare newline": b"0\r\nA: b\nC: d\r\n\r\n",
        "a trailer that is folded": b"0\r\nA: b\r\n c\r\n\r\n",
        "a trailer with a NUL": b"0\r\nA: \x00\r\n\r\n",
    }
    kinds = {name: Kind(_post(target, CHUNKED, body, close=False)) for name, body in bodies.items()}
    kinds["trailers without end"] = Kind(
        _post(target, CHUNKED, b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 500_000), ((431,),)
    )
    kinds["one trailer without end"] = Kind(
        _post(target, CHUNKED, b"1\r\nx\r\n0\r\na: " + b"b" * (4 << 20)), ((431,),)
    )
    kinds["no trailer's end"] = Kind(_post(target, CHUNKED, b"0\r\na: b\r\n"), ((400,),), end="half")
    kinds["no end"] = Kind(_post(target, CHUNKED, b"1\r\nx\r\n"), ((400,),), end="half")
    half = len(target.picture) // 2
    pieces = target.picture[:half], target.picture[half:]
    whole = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n"
    tiny = b"".join(b"1\r\n%c\r\n" % byte for byte in target.picture) + b"0\r\n\r\n"
    kinds["a picture"] = Kind(_post(target, CHUNKED, whole + b"\r\n"), ((target.taken,),))
    kinds["a picture and trailers"] = Kind(
        _post(target, CHUNKED, whole + b"A: b\r\n\r\n"), ((target.taken,),)
    )
    kinds["a picture byte by byte"] = Kind(_post(target, CHUNKED, tiny), ((target.taken,),))
    kinds["a body of a GET"] = Kind(_get(target, CHUNKED) + HIDDEN_CHUNK, ((200,),))
    kinds["Content-Length as a trailer"] = Kind(
        _post(target, CHUNKED, whole + b"Content-Length: 3\r\nHost: evil.example\r\n\r\n"), ((target.taken,),)
    )
    return kinds


def _versions(target: Target) -> dict[str, Kind]:
    """HTTP/1.0, which has no chunks and may lack a Host."""
    old = b" HTTP/1.0\r\n"
    return {
        "with a host": Kind(b"GET " + target.read + old + HOST + b"\r\n", ((200,),)),
        "health without a host": Kind(b"GET " + target.health + old + b"\r\n", ((200,),)),
        "health of HTTP/1.1 without a host": Kind(
            b"GET " + target.health + b" HTTP/1.1\r\n" + CLOSE + b"\r\n"
        ),
        "health with another host": Kind(b"GET " + target.health + old + b"Host: evil.example\r\n\r\n"),
        "a picture without a host": Kind(b"POST " + target.give + old + b"Content-Length: 2\r\n\r\nab"),
        "chunks": Kind(b"POST " + target.give + old + HOST + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED),
        "kept alive": Kind(b"GET " + target.read + old + HOST + b"Connection: keep-alive\r\n\r\n", ((200,),)),
        "two requests": Kind((b"GET " + target.read + old + HOST + b"\r\n") * 2, ((200,),)),
    }


def _pipelines(target: Target) -> dict[str, Kind]:
    get, last = _get(target, close=False), _get(target)
    length = b"Content-Length: %d\r\n" % len(target.picture)
    give = _post(target, length, target.picture, close=False)
    taken = target.taken
    return {
        "two": Kind(get + last, ((200,) * 2,)),
        "five pictures": Kind(give * 5 + last, ((*[taken] * 5, 200),)),
        "five pictures and garbage": Kind(give * 5 + b"garbage\r\n\r\n", ((*[taken] * 5, 400),)),
        "five pictures and the end": Kind(give * 5, ((taken,) * 5,), end="half"),
        "five pictures and half a request": Kind(give * 5 + b"GET /x", ((*[taken] * 5, 400),), end="half"),
        "two hundred": Kind(get * 200 + last, ((200,) * 201,)),
        "a refusal and a request": Kind(
            _post(target, b"Content-Length: 2\r\nContent-Encoding: gzip\r\n", b"ab", close=False) + last,
            ((415, 200),),
        ),
        "a large refusal and a request": Kind(
            _post(target, b"Content-Length: 40000000\r\n", bytes(40_000_000), close=False) + last,
            ((413, 200),),
        ),
        "something after a last request": Kind(last + SMUGGLED, ((200,),)),
        "something after a last refusal": Kind(_get(target, path=b"/nothing") + SMUGGLED * 50, ((404,),)),
        "chunks and a request": Kind(
            _post(target, CHUNKED, b"2\r\nab\r\n0\r\n\r\n", close=False) + last, ((422, 200),)
        ),
        "a path that is not there, with a body": Kind(
            b"POST /nothing HTTP/1.1\r\n" + HOST + HIDDEN + b"\r\n" + SMUGGLED + last,
            ((404, 200),),
        ),
        "chunks for a path that is not there": Kind(
            b"POST /nothing HTTP/1.1\r\n"
            + HOST
            + CHUNKED
            + b"\r\n2c\r\n"
            + SMUGGLED
            + b"\r\n0\r\n\r\n"
            + last,
            ((404, 200), (404,)),
        ),
    }


def _ends(target: Target) -> dict[str, Kind]:
    """How a client goes: it has to leave no trace, whatever it had asked."""
    length = b"Content-Length: %d\r\n" % len(target.picture)
    give = _post(target, length, target.picture)
    starts = {
        "nothing": b"",
        "half a line": b"GET /h",
        "half the headers": give[:40],
        "half a body": give[:-20],
    }
    kinds = {
        f"half-closed after {name}": Kind(data, BAD, end="half") for name, data in starts.items() if data
    }
    kinds["half-closed after nothing"] = Kind(b"", NONE, end="half")
    kinds["half-closed after a request"] = Kind(give, ((target.taken,),), end="half")
    starts |= {"a request": give, "three requests": _get(target, close=False) * 3, "garbage": b"\x00" * 64}
    starts |= {"100 requests": _get(target, close=False) * 100, "a large body": give + bytes(1 << 20)}
    for end, word in (("leave", "closed"), ("reset", "reset")):
        kinds |= {f"{word} after {name}": Kind(data, NONE, end=end) for name, data in starts.items()}
    return kinds


def _slow(target: Target) -> dict[str, Kind]:
    told = ((408,), ())  # a client that still sends when its time is up may miss the answer
    return {
        "silence": Kind(b"", NONE, slow=True),
        "an empty line": Kind(b"\r\n", NONE, slow=True),
        "a byte and silence": Kind(b"G", told, slow=True),
        "headers that trickle": Kind(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"y" * 2000, told, slow=True
        ),
        "headers without end": Kind(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 400, told, slow=True),
        "empty lines without end": Kind(b"\r\n" * 1000, NONE, slow=True),
    }
