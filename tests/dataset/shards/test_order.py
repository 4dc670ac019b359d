"""Every picture once an epoch, whoever reads; and the order is mixed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.dataset.shards.order import Order, Position, key_of, permuted
from foveate.errors import InputError

SHARDS = np.array([5, 0, 997, 1, 30, 200, 0, 13])


def pictures(places):
    return list(zip(places.shards.tolist(), places.rows.tolist(), strict=True))


def all_of(order):
    return {(shard, row) for shard, count in enumerate(order.pictures) for row in range(count)}


@given(st.integers(1, 3000), st.integers(0, 2**64 - 1))
@settings(max_examples=60, deadline=None)
def test_a_permutation_takes_each_number_once(size, key):
    found = permuted(np.arange(size), size, key)
    assert np.array_equal(np.sort(found), np.arange(size))


def test_large_ranges_stay_in_range_and_distinct():
    numbers = np.arange(10**9 - 20_000, 10**9)
    found = permuted(numbers, 10**9, 7)
    assert found.min() >= 0 and found.max() < 10**9 and len(np.unique(found)) == len(numbers)


def test_permutations_of_few_are_all_taken_alike():
    """24 orders of 4 things over 4,800 keys: chi-square with 23 degrees of freedom, 99.99 % below 56."""
    keys = key_of(1, np.arange(4800))
    found = permuted(np.arange(4)[None], 4, keys[:, None]) @ [64, 16, 4, 1]
    counts = np.unique(found, return_counts=True)[1]
    assert len(counts) == 24
    assert ((counts - 200) ** 2 / 200).sum() < 56


def test_neighbours_do_not_stay_neighbours():
    """The correlation of places and numbers is that of chance: within 4 / sqrt(n)."""
    found = permuted(np.arange(10_000), 10_000, 3)
    assert abs(np.corrcoef(found, np.arange(10_000))[0, 1]) < 0.04
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 0.04


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("batch", [16, 7])
def test_each_picture_once_an_epoch_for_any_number_of_processes(processes, batch):
    order = Order(SHARDS, batch, seed=3, window=50)
    seen = [
        one for p in range(processes) for places in order.epoch(2, p, processes) for one in pictures(places)
    ]
    assert len(seen) == len(order) == SHARDS.sum() and set(seen) == all_of(order)


def test_all_processes_together_take_the_step_of_one():
    order = Order(SHARDS, 16, window=64)
    for step in (0, 1, order.steps - 1):
        whole = pictures(order.places(Position(0, step)))
        for processes in (2, 3, 5):
            shares = [pictures(order.share(Position(0, step), p, processes)) for p in range(processes)]
            assert [one for share in shares for one in share] == whole
            assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_a_run_goes_on_with_another_number_of_processes():
    """Four processes for 20 steps, then two for 15, then three: the epoch has each picture once."""
    order, seen = Order(SHARDS, 16, seed=5), []
    at = Position(1, 0)
    while at.epoch == 1:
        processes = 4 if at.step < 20 else 2 if at.step < 35 else 3
        for process in range(processes):
            seen += pictures(order.share(at, process, processes))
        at = order.after(at)
    assert at == Position(2, 0) and len(seen) == len(order) and set(seen) == all_of(order)


def test_epochs_and_seeds_differ_and_the_same_is_the_same():
    order = Order(SHARDS, 16, seed=1)
    one = [pictures(places) for places in order.epoch(0)]
    assert one == [pictures(places) for places in Order(SHARDS, 16, seed=1).epoch(0)]
    assert one != [pictures(places) for places in order.epoch(1)]
    assert one != [pictures(places) for places in Order(SHARDS, 16, seed=2).epoch(0)]


def test_a_lane_reads_one_shard_after_the_other():
    """Of 64 shards of 100 pictures, 8 lanes have 8 each: a process of one lane touches few at a time."""
    order = Order(np.full(64, 100), 8, window=100)
    own = [places.shards for places in order.epoch(0, 0, 8)]
    runs = np.concatenate(own)
    assert len(np.unique(runs)) <= 9 and (np.diff(runs) != 0).sum() <= 200
    assert len(np.unique(np.concatenate([order.places(Position(0, step)).shards for step in range(5)]))) >= 8


def test_a_batch_mixes_shards():
    order = Order(np.full(1000, 100), 64)
    assert len(np.unique(order.places(Position(0, 3)).shards)) > 55


def test_what_cannot_be_ordered():
    for pictures_, batch in (([], 4), ([0, 0], 4), ([3], 0)):
        with pytest.raises(InputError):
            Order(np.array(pictures_, np.int64), batch)
    order = Order(np.array([3]), 2)
    for at, process, processes in ((Position(0, 2), 0, 1), (Position(0, 0), 2, 2)):
        with pytest.raises(InputError, match="expected a"):
            order.share(at, process, processes)
