"""ROUGE-L: how much of a right sentence is said in its order.

Lin: "ROUGE: a package for automatic evaluation of summaries" (2004), with beta 1.2 and the best precision and
recall over the right sentences, as COCO's evaluation has it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foveate.tasks.captioning.ngrams import Floats, Integers, Words, numbered

BETA = 1.2  # recall counts more
_AT_ONCE = 1 << 20  # words of right sentences, filled up to one length, that are compared together


def rouge_l(said: Sequence[Words], right: Sequence[Sequence[Words]]) -> Floats:
    """(N,) of each picture, from 0 to 1."""
    flat = [words for own in right for words in own]
    owner = np.repeat(np.arange(len(right)), [len(own) for own in right])
    common = _longest_common(said, flat, owner)
    spoken = np.array([len(words) for words in said], np.float64)
    precision, recall = np.zeros(len(said)), np.zeros(len(said))
    lengths = np.array([len(words) for words in flat], np.float64)
    np.maximum.at(precision, owner, common / np.maximum(spoken[owner], 1))
    np.maximum.at(recall, owner, common / np.maximum(lengths, 1))
    weighted = recall + BETA**2 * precision
    return np.where(weighted > 0, (1 + BETA**2) * precision * recall / np.where(weighted > 0, weighted, 1), 0)


def _longest_common(said: Sequence[Words], right: Sequence[Words], owner: Integers) -> Integers:
    """(R,) the length of the longest common subsequence of each right sentence and what is said."""
    lengths, flat = numbered([*said, *right])
    ends = np.cumsum(lengths)
    parts = np.split(flat, ends[:-1]) if len(lengths) else []
    spoken, known = parts[: len(said)], parts[len(said) :]
    found = np.zeros(len(known), np.int64)
    order = np.argsort(lengths[len(said) :], kind="stable")
    at = 0
    while at < len(order):
        step = 1
        while at + step < len(order) and (step + 1) * max(len(known[order[at + step]]), 1) <= _AT_ONCE:
            step += 1
        rows = order[at : at + step]
        found[rows] = _of_rows([spoken[owner[row]] for row in rows], [known[row] for row in rows])
        at += step
    return found


def _of_rows(said: Sequence[Integers], right: Sequence[Integers]) -> Integers:
    """The same of pairs, all at once: row by row of the usual table, which is a running maximum."""
    first, second = _filled(said, -1), _filled(right, -2)
    best = np.zeros((len(right), second.shape[1] + 1), np.int32)  # for each beginning of the right sentence
    for column in range(first.shape[1]):
        further = best[:, :-1] + (second == first[:, column : column + 1])
        best[:, 1:] = np.maximum.accumulate(np.maximum(best[:, 1:], further), axis=1)
    return best[:, -1].astype(np.int64)


def _filled(rows: Sequence[Integers], filling: int) -> Integers:
    longest = max((len(row) for row in rows), default=0)
    filled = np.full((len(rows), longest), filling, np.int64)
    for place, row in enumerate(rows):
        filled[place, : len(row)] = row
    return filled
