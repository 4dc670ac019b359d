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
from foveate.tasks.captioning.ngrams import counted


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
    _, runs, different = counted(sentences)
    for of_a_length, width in zip(runs, different, strict=True):
        counts = np.zeros((len(sentences), width), np.int64)
        counts[of_a_length.owner, of_a_length.gram] = of_a_length.times
        shared = np.minimum(counts[:, None], counts[None]).sum(axis=2)
        both = counts.sum(axis=1)[:, None] + counts.sum(axis=1)[None]
        mean += 2 * shared / np.maximum(both, 1) / len(runs)
    return mean
