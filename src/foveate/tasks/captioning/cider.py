"""CIDEr-D: how much of what people agree on is said, rare words counting most.

Vedantam, Zitnick, Parikh: "CIDEr: consensus-based image description evaluation" (CVPR 2015), with the
clipping and the length penalty of CIDEr-D, as COCO's evaluation has it. How rare a run of words is, is
counted on the right sentences of the pictures that are measured.
"""

from __future__ import annotations

import numpy as np

from foveate.tasks.captioning.ngrams import MOST, Compared, Floats, Integers, Sentences

SIGMA = 6.0  # words apart in length
SCALE = 10.0


def cider_d(pictures: Compared) -> Floats:
    """(N,) of each picture, from 0 to 10; all 0 of a single picture, on which no word is rare."""
    right, said = pictures.right, pictures.said
    scores = np.zeros((len(right.lengths), MOST))
    for length in range(MOST):
        rare = _rarity(pictures, length)
        given = said.runs[length].times * rare[said.runs[length].gram]
        known = right.runs[length].times * rare[right.runs[length].gram]
        matched = _of_said(pictures, length, given)
        owner = right.runs[length].owner
        shared = np.bincount(owner, np.minimum(matched, known) * known, minlength=len(scores))
        norms = _norms(right, length, known) * _norms(said, length, given)[right.picture]
        scores[:, length] = np.where(norms > 0, shared / np.where(norms > 0, norms, 1), shared)
    apart = _pairs(said)[right.picture] - _pairs(right)
    each = scores.mean(axis=1) * np.exp(-(apart**2) / (2 * SIGMA**2))
    references = np.bincount(right.picture, minlength=len(pictures))
    return SCALE * np.bincount(right.picture, each, minlength=len(pictures)) / np.maximum(references, 1)


def _rarity(pictures: Compared, length: int) -> Floats:
    """(runs,) the logarithm of the share of pictures whose right sentences have each run."""
    keys, _ = pictures.most_right[length]
    frequency = np.bincount(keys % pictures.grams[length], minlength=pictures.grams[length])
    rarity: Floats = np.log(max(len(pictures), 1)) - np.log(np.maximum(frequency, 1))
    return rarity


def _of_said(pictures: Compared, length: int, given: Floats) -> Floats:
    """What each run of a right sentence weighs in what is said of its picture; 0 where it is not there."""
    runs, own = pictures.said.runs[length], pictures.right.runs[length]
    keys = pictures.key(length, runs.owner, runs.gram)  # in rising order, as runs are
    wanted = pictures.key(length, pictures.right.picture[own.owner], own.gram)
    if not len(keys):
        return np.zeros(len(wanted))
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, given[place], 0.0)


def _norms(sentences: Sentences, length: int, weights: Floats) -> Floats:
    total = np.bincount(sentences.runs[length].owner, weights**2, minlength=len(sentences.lengths))
    norms: Floats = np.sqrt(total)
    return norms


def _pairs(sentences: Sentences) -> Integers:
    """(S,) what the published program takes for a sentence's length: its pairs of words."""
    return np.maximum(sentences.lengths - 1, 0)
