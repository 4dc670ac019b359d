"""Of several sentences the one that agrees most with all: minimum Bayes risk (Kumar, Byrne, NAACL 2004).

The likeliest sentence may be one of a kind, where many others, less likely each, say nearly the same. What is
told is the sentence that would score highest on average if the true one were among them, each as likely as
the network says. Devlin et al. (2015, arXiv:1505.04467) choose among neighbours' sentences so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.captioning.decoding import Hypothesis

LONGEST_RUN = 4  # words; as in BLEU-4


def agreed(found: Sequence[Hypothesis]) -> list[Hypothesis]:
    """A picture's sentences: first the one that agrees most with all, by their probabilities."""
    if len(found) < 3:  # of two the likelier one
        return list(found)
    total = np.array([one.total for one in found])
    likely = np.exp(total - total.max())
    place = int(np.argmax(agreement([one.words for one in found]) @ likely))
    return [found[place], *found[:place], *found[place + 1 :]]


def agreement(sentences: Sequence[tuple[int, ...]]) -> NDArray[np.float64]:
    """(R, R) in 0..1: the F1 of the runs of words that two sentences share, mean of lengths one to four."""
    mean = np.zeros((len(sentences), len(sentences)))
    for length in range(1, LONGEST_RUN + 1):
        counts = _runs(sentences, length)
        shared = np.minimum(counts[:, None], counts[None]).sum(axis=2)
        most = counts.sum(axis=1)[:, None] + counts.sum(axis=1)[None]
        mean += 2 * shared / np.maximum(most, 1) / LONGEST_RUN
    return mean


def _runs(sentences: Sequence[tuple[int, ...]], length: int) -> NDArray[np.int64]:
    """(R, G) how often each sentence has each of G runs of so many words."""
    runs = [[one[i : i + length] for i in range(len(one) - length + 1)] for one in sentences]
    place = {run: number for number, run in enumerate(dict.fromkeys(run for own in runs for run in own))}
    counts = np.zeros((len(sentences), len(place)), np.int64)
    for row, own in enumerate(runs):
        for run in own:
            counts[row, place[run]] += 1
    return counts
