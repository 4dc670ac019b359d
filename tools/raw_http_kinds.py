"""Kinds of requests that `raw_http.py` sends: malformed, hostile and odd heads, and what has to come back."""

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


def get(target: Target, headers: bytes = b"", *, close: bool = True, path: bytes | None = None) -> bytes:
    return b"GET " + (path or target.read) + b" HTTP/1.1\r\n" + HOST + headers + CLOSE * close + b"\r\n"


def post(target: Target, headers: bytes, body: bytes = b"", *, close: bool = True) -> bytes:
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
    return kinds


def _paths(target: Target) -> dict[str, Kind]:
    path, rest = target.read, b"\r\n" + HOST + CLOSE + b"\r\n"
    kinds: dict[str, Kind] = {}
    kinds["a long path"] = Kind(b"GET /" + b"a" * 70_000 + b" HTTP/1.1" + rest, ((431,),))
    kinds["an endless path"] = Kind(b"GET /" + b"a" * (1 << 20), ((431,),))
    kinds["a long method"] = Kind(b"G" * 5000 + b" / HTTP/1.1" + rest, ((400,), (405,), (404,)))
    kinds["an unknown method"] = Kind(b"BREW " + path + b" HTTP/1.1" + rest, ((405,),))
    kinds["an unknown path"] = Kind(get(target, path=b"/nothing"), ((404,),))
    kinds["climbing out"] = Kind(get(target, path=b"/assets/../../etc/passwd"), ((404,),))
    kinds["climbing out, escaped"] = Kind(get(target, path=b"/assets/..%2f..%2fetc%2fpasswd"), ((404,),))
    kinds["climbing out, twice escaped"] = Kind(get(target, path=b"/assets/%252e%252e%252f"), ((404,),))
    kinds["an escaped NUL"] = Kind(get(target, path=b"/assets/a%00.css"), ((404,),))
    kinds["half an escape"] = Kind(get(target, path=b"/%"), ((404,),))
    kinds["escapes that are no UTF-8"] = Kind(get(target, path=b"/%ff%fe"), ((404,),))
    kinds["two slashes"] = Kind(get(target, path=b"//evil.example/"), ((404,),))
    kinds["a whole URL"] = Kind(b"GET http://127.0.0.1" + path + b" HTTP/1.1" + rest, ((200,),))
    kinds["empty lines before"] = Kind(b"\r\n\r\n" + get(target), ((200,),))
    kinds["many empty lines before"] = Kind(b"\r\n" * 20_000 + get(target), ((200,),))
    kinds["HEAD"] = Kind(get(target).replace(b"GET", b"HEAD"), ((200,),), bodies=False)
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
    kinds = {name: Kind(get(target, line + b"\r\n")) for name, line in lines.items()}
    kinds["300 of them"] = Kind(get(target, b"X: y\r\n" * 300), ((431,),))
    kinds["200 of them"] = Kind(get(target, b"X: y\r\n" * 200), ((200,),))
    kinds["a flood"] = Kind(get(target, b"X: y\r\n" * 200_000), ((431,),))
    kinds["one without end"] = Kind(b"GET / HTTP/1.1\r\nX: " + b"y" * (2 << 20), ((431,),))
    kinds["a long value"] = Kind(get(target, b"X: " + b"y" * 60_000 + b"\r\n"), ((200,),))
    kinds["spaces without end"] = Kind(get(target, b"X:" + b" " * 60_000 + b"y\r\n"), ((200,),))
    kinds["Latin letters"] = Kind(get(target, b"X: caf\xe9\r\n"), ((200,),))
    kinds["an empty value"] = Kind(get(target, b"X:\r\n"), ((200,),))
    for name in (b"Origin", b"Sec-Fetch-Site", b"Authorization", b"X-API-Key"):
        kinds[f"{name.decode()} twice"] = Kind(get(target, (name + b": a\r\n") * 2))
    foreign = b"Origin: https://evil.example\r\nContent-Length: 2\r\n"
    kinds["another origin"] = Kind(post(target, foreign, b"ab"), ((403,),))
    kinds["an upgrade"] = Kind(
        get(target, b"Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nConnection: Upgrade\r\n"), ((200,),)
    )
    kinds["an upgrade to h2c"] = Kind(get(target, b"Upgrade: h2c\r\nHTTP2-Settings: AA\r\n"), ((200,),))
    kinds["compressed"] = Kind(
        post(target, b"Content-Encoding: gzip\r\nContent-Length: 2\r\n", b"ab"), ((415,),)
    )
    kinds["an expectation of another kind"] = Kind(get(target, b"Expect: tea\r\n"), ((200,), (417,)))
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


HEADS = (_request_lines, _paths, _headers, _hosts, _versions)
