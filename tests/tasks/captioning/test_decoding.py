"""Writing word by word: against every sentence there is, by brute force, and the likeliest word by hand."""

import itertools

import numpy as np
import pytest

from foveate.tasks.captioning.decoding import as_said, beam, greedy
from foveate.tasks.captioning.vocabulary import END, START

WORDS, LONGEST = 7, 4  # 0 to 3 are no words, and END is one of them


def chain(seed, pictures):
    """A made-up network: the next word depends on the picture and on all that was said, by a hash of it."""
    random = np.random.default_rng(seed)
    tables = random.standard_normal((pictures, 50, WORDS)) * 2

    def step(word, state, memory):
        number = (state[:, 0].astype(np.int64) * 7 + word[:, 0] + 1) % 50
        scores = tables[memory[0][:, 0].astype(int), number].copy()
        scores[:, [0, START, 3]] = -np.inf  # padding, start and the unknown are never written
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
        weights = np.eye(3, dtype=np.float32)[number % 3]
        return likely, number[:, None].astype(np.float32), weights

    return step, np.zeros((pictures, 1), np.float32), [np.arange(pictures, dtype=np.float32)[:, None]]


def every_sentence(step, state, memory):
    """Of one picture: each sentence that ends, or is as long as can be, with its mean log probability."""
    found = {}
    for length in range(1, LONGEST + 1):
        for words in itertools.product(range(4, WORDS), repeat=length - 1):
            for last in [END] if length < LONGEST else [END, *range(4, WORDS)]:
                sentence, now, before, total = (*words, last), state, START, 0.0
                for word in sentence:
                    likely, now, _ = step(np.array([[before]]), now, memory)
                    total += float(np.log(likely[0, word]))
                    before = word
                found[sentence] = total / length
    return found


@pytest.mark.parametrize("seed", range(5))
def test_a_wide_beam_finds_the_best_of_all_sentences(seed):
    step, state, memory = chain(seed, 2)
    found = beam(step, state, memory, LONGEST, 200)
    for picture in range(2):
        own = state[picture : picture + 1], [part[picture : picture + 1] for part in memory]
        every = every_sentence(step, *own)
        best = max(every, key=every.get)
        assert found[picture][0].words == best
        scores = [one.score for one in found[picture]]
        assert scores == sorted(scores, reverse=True)
        assert len({one.words for one in found[picture]}) == len(found[picture])  # all differ
        for one in found[picture]:
            assert one.score == pytest.approx(every[one.words], abs=1e-5)


def test_greedy_takes_the_likeliest_each_time_and_stops_at_the_end():
    step, state, memory = chain(7, 6)
    said = greedy(step, state, memory, LONGEST)
    for picture in range(6):
        now, own = state[picture : picture + 1], [part[picture : picture + 1] for part in memory]
        before, ended = START, False
        for t in range(LONGEST):
            if ended:
                assert said.words[picture, t] == 0
                assert said.probabilities[picture, t] == 0
                assert not said.looked[picture, t].any()
                continue
            likely, now, weights = step(np.array([[before]]), now, own)
            before = int(likely[0].argmax())
            assert said.words[picture, t] == before
            assert said.probabilities[picture, t] == likely[0, before]
            assert np.array_equal(said.looked[picture, t], weights[0])
            ended = before == END


def test_pictures_do_not_mind_their_neighbours():
    step, state, memory = chain(3, 5)
    together = beam(step, state, memory, LONGEST, 3)
    for picture in range(5):
        own = state[picture : picture + 1], [part[picture : picture + 1] for part in memory]
        (alone,) = beam(step, *own, LONGEST, 3)
        assert [one.words for one in alone] == [one.words for one in together[picture]]


def test_a_beam_of_one_that_is_not_cut_says_what_greedy_says():
    step, state, memory = chain(11, 8)
    said = greedy(step, state, memory, 12)
    found = as_said([of[0] for of in beam(step, state, memory, 12, 1)], 12, 3)
    assert np.array_equal(found.words, said.words)
    assert np.allclose(found.probabilities, said.probabilities)
    assert np.array_equal(found.looked, said.looked)
