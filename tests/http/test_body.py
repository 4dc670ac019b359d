"""A body costs the memory of its bytes, however it arrives."""

import asyncio
import tracemalloc

from starlette.requests import Request

from foveate.http.body import BodyReader
from foveate.http.settings import ServeSettings


def test_a_body_of_many_pieces_costs_no_more_than_its_bytes():
    count = 100_000
    pieces = iter(range(count))

    async def receive():
        number = next(pieces)
        return {"type": "http.request", "body": b"%02d" % (number % 100), "more_body": number < count - 1}

    request = Request({"type": "http", "headers": []}, receive)
    tracemalloc.start()
    held = asyncio.run(BodyReader(ServeSettings()).read(request))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with held as content:
        assert content == b"%02d" * 100_000 % tuple(number % 100 for number in range(count))
    assert most < 5 * 2 * count
