"""Kinds of requests that `raw_http.py` sends: bodies, what follows them, and how a client goes."""

from __future__ import annotations

from raw_http_kinds import (
    BAD,
    CHUNKED,
    HIDDEN,
    HIDDEN_CHUNK,
    HOST,
    NONE,
    SMUGGLED,
    Kind,
    Target,
    get,
    post,
)


def _lengths(target: Target) -> dict[str, Kind]:
    values = (b"-1", b"+2", b"2.0", b"0x2", b"2,2", b"2, 2", b"2 2", b"", b"two", b"1e1", b"\xb2", b"9" * 30)
    values += (b"2;", b"2\t3", b"_2", b"2_0")
    kinds = {
        f"Content-Length {value.decode('latin-1')[:8]!r}": Kind(
            post(target, b"Content-Length: " + value + b"\r\n", b"ab" + SMUGGLED, close=False)
        )
        for value in values
    }
    kinds["two that differ"] = Kind(
        post(target, b"Content-Length: 2\r\nContent-Length: 50\r\n", b"ab" + SMUGGLED, close=False)
    )
    kinds["two that agree"] = Kind(post(target, b"Content-Length: 2\r\n" * 2, b"ab" + SMUGGLED, close=False))
    kinds["a length and chunks"] = Kind(
        post(target, b"Content-Length: 5\r\n" + CHUNKED, b"0\r\n\r\n" + SMUGGLED, close=False)
    )
    kinds["chunks and a length"] = Kind(
        post(target, CHUNKED + b"Content-Length: 5\r\n", b"0\r\n\r\n" + SMUGGLED, close=False)
    )
    kinds["a body of a GET"] = Kind(get(target, HIDDEN) + SMUGGLED, ((200,),))
    kinds["more than a body may have"] = Kind(
        post(target, b"Content-Length: 999999999\r\n", bytes(1 << 20)), ((413,),), end="half"
    )
    kinds["less than it promises"] = Kind(
        post(target, b"Content-Length: 100\r\n", b"abc"), ((400,),), end="half"
    )
    length = b"Content-Length: %d\r\n" % len(target.picture)
    kinds["a picture"] = Kind(post(target, length, target.picture), ((target.taken,),))
    kinds["a picture, asked for"] = Kind(
        post(target, length + b"Expect: 100-continue\r\n", target.picture), ((target.taken,),)
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
            post(target, b"Transfer-Encoding: " + value + b"\r\n", b"0\r\n\r\n" + SMUGGLED, close=False)
        )
        for value in values
    }
    kinds["twice"] = Kind(post(target, CHUNKED * 2, b"0\r\n\r\n" + SMUGGLED, close=False))
    kinds["two that differ"] = Kind(
        post(target, CHUNKED + b"Transfer-Encoding: identity\r\n", b"0\r\n\r\n" + SMUGGLED, close=False)
    )
    kinds["in the name's own spelling"] = Kind(
        post(target, b"tRANSFER-eNCODING: CHUNKED\r\n", b"0\r\n\r\n"), ((400,),)
    )
    kinds["an underscore"] = Kind(post(target, b"Transfer_Encoding: chunked\r\n", b""), ((400,),))
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
    kinds = {name: Kind(post(target, CHUNKED, body, close=False)) for name, body in bodies.items()}
    kinds["trailers without end"] = Kind(
        post(target, CHUNKED, b"1\r\nx\r\n0\r\n" + b"a: b\r\n" * 500_000), ((431,),)
    )
    kinds["one trailer without end"] = Kind(
        post(target, CHUNKED, b"1\r\nx\r\n0\r\na: " + b"b" * (4 << 20)), ((431,),)
    )
    kinds["no trailer's end"] = Kind(post(target, CHUNKED, b"0\r\na: b\r\n"), ((400,),), end="half")
    kinds["no end"] = Kind(post(target, CHUNKED, b"1\r\nx\r\n"), ((400,),), end="half")
    half = len(target.picture) // 2
    pieces = target.picture[:half], target.picture[half:]
    whole = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n"
    tiny = b"".join(b"1\r\n%c\r\n" % byte for byte in target.picture) + b"0\r\n\r\n"
    kinds["a picture"] = Kind(post(target, CHUNKED, whole + b"\r\n"), ((target.taken,),))
    kinds["a picture and trailers"] = Kind(post(target, CHUNKED, whole + b"A: b\r\n\r\n"), ((target.taken,),))
    kinds["a picture byte by byte"] = Kind(post(target, CHUNKED, tiny), ((target.taken,),))
    kinds["a body of a GET"] = Kind(get(target, CHUNKED) + HIDDEN_CHUNK, ((200,),))
    kinds["Content-Length as a trailer"] = Kind(
        post(target, CHUNKED, whole + b"Content-Length: 3\r\nHost: evil.example\r\n\r\n"), ((target.taken,),)
    )
    return kinds


def _pipelines(target: Target) -> dict[str, Kind]:
    first, last = get(target, close=False), get(target)
    length = b"Content-Length: %d\r\n" % len(target.picture)
    give = post(target, length, target.picture, close=False)
    taken = target.taken
    return {
        "two": Kind(first + last, ((200,) * 2,)),
        "five pictures": Kind(give * 5 + last, ((*[taken] * 5, 200),)),
        "five pictures and garbage": Kind(give * 5 + b"garbage\r\n\r\n", ((*[taken] * 5, 400),)),
        "five pictures and the end": Kind(give * 5, ((taken,) * 5,), end="half"),
        "five pictures and half a request": Kind(give * 5 + b"GET /x", ((*[taken] * 5, 400),), end="half"),
        "two hundred": Kind(first * 200 + last, ((200,) * 201,)),
        "a refusal and a request": Kind(
            post(target, b"Content-Length: 2\r\nContent-Encoding: gzip\r\n", b"ab", close=False) + last,
            ((415, 200),),
        ),
        "a large refusal and a request": Kind(
            post(target, b"Content-Length: 40000000\r\n", bytes(40_000_000), close=False) + last,
            ((413, 200),),
        ),
        "something after a last request": Kind(last + SMUGGLED, ((200,),)),
        "something after a last refusal": Kind(get(target, path=b"/nothing") + SMUGGLED * 50, ((404,),)),
        "chunks and a request": Kind(
            post(target, CHUNKED, b"2\r\nab\r\n0\r\n\r\n", close=False) + last, ((422, 200),)
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
    give = post(target, length, target.picture)
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
    starts |= {"a request": give, "three requests": get(target, close=False) * 3, "garbage": b"\x00" * 64}
    starts |= {"100 requests": get(target, close=False) * 100, "a large body": give + bytes(1 << 20)}
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


BODIES = (_lengths, _codings, _chunks, _pipelines, _ends, _slow)
