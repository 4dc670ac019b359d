"""BLEU: how many of the runs of words that are said stand in a right sentence.

Papineni, Roukos, Ward, Zhu: "BLEU: a method for automatic evaluation of machine translation" (ACL 2002), with
the right sentence that is closest in length for the brevity penalty, as COCO's evaluation has it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from foveate.tasks.captioning.ngrams import MOST, Compared, Floats, Integers, looked_up

_SMALL, _TINY = 1e-9, 1e-15  # against division by zero, as pycocoevalcap has them


class BleuCounts(NamedTuple):
    """What BLEU is made of, for each of N pictures.

    met: (N, 4) runs of 1 to 4 words that stand in a right sentence; said: (N, 4) all that were said.
    length, closest: (N,) words that were said, and words of the right sentence that is closest in length.
    """

    met: Integers
    said: Integers
    length: Integers
    closest: Integers


def bleu_counts(pictures: Compared) -> BleuCounts:
    """Each run counts as often as it stands in one right sentence at most."""
    count, said = len(pictures), pictures.said
    met = np.zeros((count, MOST), np.int64)
    for length, (runs, (keys, most)) in enumerate(zip(said.runs, pictures.most_right, strict=True)):
        allowed = looked_up(keys, most, pictures.key(length, runs.owner, runs.gram))
        clipped = np.minimum(runs.times, allowed)
        met[:, length] = np.bincount(runs.owner, clipped, minlength=count).astype(np.int64)
    possible = np.maximum(said.lengths[:, None] - np.arange(MOST), 0)
    return BleuCounts(met, possible, said.lengths, _closest(pictures))


def _closest(pictures: Compared) -> Integers:
    """(N,) the length of the right sentence nearest to that of what is said; of two the shorter."""
    own, lengths = pictures.right.picture, pictures.right.lengths
    apart = np.abs(lengths - pictures.said.lengths[own])
    order = np.lexsort((lengths, apart, own))
    firsts = order[np.flatnonzero(np.diff(own[order], prepend=-1))]
    closest = np.zeros(len(pictures), np.int64)
    closest[own[firsts]] = lengths[firsts]
    return closest


def bleu(counts: BleuCounts, weights: Floats | None = None) -> Floats:
    """(4,) BLEU-1 to BLEU-4 of all pictures as one text.

    weights: (draws, N), how often each picture counts; then (draws, 4).
    """
    one = np.ones((1, len(counts.length))) if weights is None else weights
    met, said = one @ counts.met, one @ counts.said  # (draws, 4)
    product = np.cumprod((met + _TINY) / (said + _SMALL), axis=1)
    found = product ** (1 / np.arange(1, MOST + 1))
    ratio = (one @ counts.length + _TINY) / (one @ counts.closest + _SMALL)
    penalty = np.exp(np.minimum(1 - 1 / ratio, 0))
    scores: Floats = found * penalty[:, None]
    return scores[0] if weights is None else scores
