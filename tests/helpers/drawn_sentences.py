"""Sentences of made-up words, the same on every machine and with every version of NumPy."""

from __future__ import annotations

from typing import cast

import numpy as np

PICTURES = 2_000
_WORDS, _LONGEST, _MOST = 40, 14, 6


def drawn_sentences() -> tuple[list[list[str]], list[list[list[str]]]]:
    """Of 2,000 pictures one sentence that is said and one to six right ones; low numbers are frequent."""
    stream = np.random.PCG64(16)  # whose raw numbers NumPy promises to keep

    def below(limit: int) -> int:
        return int(cast(int, stream.random_raw()) % limit)

    def sentence() -> list[str]:
        return [f"w{min(below(_WORDS), below(_WORDS), below(_WORDS))}" for _ in range(1 + below(_LONGEST))]

    said = [sentence() for _ in range(PICTURES)]
    return said, [[sentence() for _ in range(1 + below(_MOST))] for _ in said]
