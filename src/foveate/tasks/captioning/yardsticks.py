"""What needs no network: sentences that a model must beat before its figures mean anything.

Nearest-neighbour sentences reach the figures of many networks (Devlin et al., arXiv 1505.04467).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.captioning.bleu import bleu, bleu_counts
from foveate.tasks.captioning.ngrams import Words, compared
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.text import words_of

CONSTANT, NEAREST, SHUFFLED = "constant", "nearest", "shuffled"
WORDS = {
    CONSTANT: "one sentence for all pictures",
    NEAREST: "the sentence of the nearest training picture",
    SHUFFLED: "its own sentences, each for another picture",
}
SHUFFLES = 3
_CANDIDATES, _PICTURES = 40, 200  # of which the best constant sentence is chosen
_SIDE_PX = 8  # of what pictures are compared by
_AT_ONCE = 2_000


def best_constant(captions: Captions) -> str:
    """The sentence that, said of every picture, has the highest BLEU-4; of training pictures.

    Chosen among the most frequent sentences and others evenly spaced, on evenly spaced pictures. "" without
    sentences.
    """
    sentences = Counter(captions.each())
    frequent = [text for text, _ in sentences.most_common(_CANDIDATES // 2)]
    others = list(sentences)[:: max(len(sentences) // _CANDIDATES, 1)]
    candidates = list(dict.fromkeys([*frequent, *others]))[:_CANDIDATES]
    told = [own for own in captions if own]
    right = [[words_of(one) for one in own] for own in told[:: max(len(told) // _PICTURES, 1)][:_PICTURES]]
    scores = [_constant_bleu(words_of(text), right) for text in candidates]
    return candidates[int(np.argmax(scores))] if candidates else ""


def _constant_bleu(words: Words, right: Sequence[Sequence[Words]]) -> float:
    return float(bleu(bleu_counts(compared([words] * len(right), right)))[-1])


def shuffled_rows(count: int) -> list[NDArray[np.int64]]:
    """Orders of so many pictures in which none stands where it was; the same each time.

    None for fewer than two.
    """
    random = np.random.PCG64(0)
    found = []
    for _ in range(SHUFFLES if count > 1 else 0):
        order = np.argsort(random.random_raw(count), kind="stable")
        rows = np.empty(count, np.int64)
        rows[order] = np.roll(order, 1)  # along one circle through all of them
        found.append(rows)
    return found


def nearest_rows(pixels: NDArray[np.uint8], known: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(N,) of each picture the most similar of the known ones, both (N, H, W, C) of any sizes.

    Pictures are compared in 8 x 8 parts without regard to brightness and contrast.
    """
    mine, others = _small(pixels), _small(known)
    found = [np.argmax(mine[at : at + _AT_ONCE] @ others.T, axis=1) for at in range(0, len(mine), _AT_ONCE)]
    return np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, D) vectors of length 1."""
    count, height, width, channels = pixels.shape
    rows, columns = (np.linspace(0, side, _SIDE_PX + 1).astype(np.int64)[:-1] for side in (height, width))
    made = np.empty((count, _SIDE_PX, _SIDE_PX, channels), np.float32)
    for number in range(count):  # one at a time: all of them may lie on the disk
        sums = np.add.reduceat(pixels[number].astype(np.float32), rows, axis=0)
        made[number] = np.add.reduceat(sums, columns, axis=1)
    heights, widths = np.diff([*rows, height]), np.diff([*columns, width])
    made /= (heights[:, None] * widths)[None, :, :, None]
    flat = made.reshape(count, -1)
    flat -= flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.maximum(length, 1e-6)
