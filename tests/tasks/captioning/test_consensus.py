"""The sentence that the others agree with: held to counting by hand."""

from collections import Counter

import numpy as np
import pytest

from foveate.tasks.captioning.consensus import agreed, agreement
from foveate.tasks.captioning.decoding import Hypothesis

A, RED, BLUE, DISC, STAR, CAT, END = 4, 5, 6, 7, 8, 9, 2


def hypothesis(*words, likely):
    return Hypothesis(
        words, (1.0,) * len(words), (np.zeros(0, np.float32),) * len(words), float(np.log(likely))
    )


def by_counting(one, other):
    shares = []
    for length in (1, 2, 3, 4):
        runs = [Counter(zip(*(words[i:] for i in range(length)), strict=False)) for words in (one, other)]
        total = sum(map(len, map(list, (run.elements() for run in runs))))
        shares.append(2 * sum((runs[0] & runs[1]).values()) / total if total else 0)
    return sum(shares) / 4


def test_agreement_is_the_f1_of_shared_runs():
    rng = np.random.default_rng(0)
    sentences = [tuple(rng.integers(4, 8, rng.integers(1, 9)).tolist()) for _ in range(12)]
    found = agreement(sentences)
    expected = [[by_counting(one, other) for other in sentences] for one in sentences]
    assert found == pytest.approx(np.array(expected), abs=1e-12)
    assert found[0, 0] == pytest.approx(min(len(sentences[0]), 4) / 4)  # of itself all runs that it has


def test_many_that_say_nearly_the_same_outweigh_one_of_a_kind():
    loner = hypothesis(A, CAT, END, likely=0.30)
    discs = [hypothesis(A, RED, DISC, END, likely=0.26), hypothesis(A, BLUE, DISC, END, likely=0.25)]
    star = hypothesis(A, RED, STAR, END, likely=0.19)
    assert agreed([loner, *discs, star]) == [discs[0], loner, discs[1], star]


def test_a_sentence_that_is_sure_stays_first():
    sure = hypothesis(A, CAT, END, likely=0.9)
    others = [hypothesis(A, RED, DISC, END, likely=0.05), hypothesis(A, BLUE, DISC, END, likely=0.04)]
    assert agreed([sure, *others]) == [sure, *others]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_of_two_the_likelier_is_told(count):
    few = [hypothesis(A, RED, END, likely=0.6), hypothesis(A, BLUE, END, likely=0.4)][:count]
    assert agreed(few) == few
