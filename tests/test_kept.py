"""Names of what is kept: by all that it follows from."""

import tracemalloc

import numpy as np

from foveate.kept import key_of


def test_a_key_is_of_bytes_shapes_and_order():
    zeros = np.zeros((2, 3), np.uint8)
    parts = [
        (b"", b"ab"),
        (b"a", b"b"),
        (b"ab", b""),
        (zeros,),
        (zeros.T,),
        (zeros.astype(np.int8),),
        ("ab",),
    ]
    assert len({key_of(*some) for some in parts}) == len(parts)
    assert key_of(np.asfortranarray(zeros), b"a") == key_of(zeros, b"a")


def test_a_large_file_is_not_written_out():
    data = bytes(range(256)) * 40_000
    tracemalloc.start()
    key_of(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < len(data) / 10
