"""The order in which training goes through shards: any picture's place is computed, none is stored.

An epoch's order is made of two keyed permutations: of the shards, and of the pictures within a window. All
shards' pictures in the permuted order are one row, cut into as many lanes as long as each other (but for
one picture); a lane is read from its beginning to its end, and mixed within windows as it is read. A batch
takes as many pictures from each lane, so it mixes shards from all over the data, while each lane reads one
object after the other. Nothing of it depends on how many processes there are: those take shares of the same
batches, so any number of them, and another one after a stop, meets each picture once an epoch. The position
is an epoch and a step.

Permutations are Feistel networks, walked until they fall into the range (Black, Rogaway: "Ciphers with
arbitrary finite domains", CT-RSA 2002), in NumPy for many numbers at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError

Numbers = NDArray[np.uint64]
Begun = tuple[NDArray[np.int64], NDArray[np.int64]]

ROUNDS = 6
WINDOW = 4096  # pictures that are mixed among themselves
MOST_LANES = 64
_SHARDS, _WINDOWS = 1, 2  # what a key is for
_MASK = (1 << 64) - 1


class Places(NamedTuple):
    """Pictures by shard and number: (N,) int64 each; of a shard its row in the index."""

    shards: NDArray[np.int64]
    rows: NDArray[np.int64]


class Position(NamedTuple):
    """Where a run stands: steps that are done in an epoch, both counted from 0."""

    epoch: int
    step: int


def permuted(numbers: ArrayLike, size: ArrayLike, key: ArrayLike) -> NDArray[np.int64]:
    """Where a keyed permutation of ``0 .. size - 1`` takes numbers; all three are broadcast.

    numbers: each below its size. size: 1 to 2^62. key: 64 bits.
    """
    shape = np.broadcast_shapes(*map(np.shape, (numbers, size, key)))
    x, n, k = (
        np.array(np.broadcast_to(np.asarray(a, np.uint64), shape)).ravel() for a in (numbers, size, key)
    )
    if not len(x):
        return np.zeros(shape, np.int64)
    if (x >= n).any():
        raise InputError("expected numbers below the size of what is permuted.")
    half = _half_bits(n)
    x = _feistel(x, half, k)
    walking = np.flatnonzero(x >= n)
    while len(walking):  # the network permutes a power of 4, at most 4 times as much: few steps
        x[walking] = _feistel(x[walking], half[walking], k[walking])
        walking = walking[x[walking] >= n[walking]]
    return x.astype(np.int64).reshape(shape)


def _half_bits(size: Numbers) -> Numbers:
    """The least h with 4^h >= size, at least 1."""
    bits = np.zeros(len(size), np.uint64)
    top = np.maximum(size, 1) - np.uint64(1)
    for shift in (32, 16, 8, 4, 2, 1):
        large = top >= np.uint64(1) << np.uint64(shift)
        bits[large] += np.uint64(shift)
        top[large] >>= np.uint64(shift)
    return np.maximum((bits + top + np.uint64(1)) // np.uint64(2), np.uint64(1))


def _feistel(x: Numbers, half: Numbers, key: Numbers) -> Numbers:
    mask = (np.uint64(1) << half) - np.uint64(1)
    left, right = x >> half, x & mask
    for number in range(ROUNDS):
        with np.errstate(over="ignore"):
            salted = key + np.uint64((number + 1) * 0x9E3779B97F4A7C15 & _MASK)
        left, right = right, left ^ (_mixed(right ^ _mixed(salted)) & mask)
    return (left << half) | right


def _mixed(x: Numbers) -> Numbers:
    """SplitMix64's finaliser (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014)."""
    with np.errstate(over="ignore"):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def key_of(*parts: Any) -> Numbers:
    """64 bits of several numbers or arrays of numbers, which are broadcast."""
    key = np.zeros(np.broadcast_shapes(*map(np.shape, parts)), np.uint64)
    for part in parts:
        with np.errstate(over="ignore"):
            key = _mixed(key + np.asarray(part, np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    return key


@dataclass(frozen=True, eq=False)
class Order:
    """The order of all pictures in all epochs.

    pictures: (shards,) how many each has. batch: pictures of a step, of all processes together. seed: another
    one gives another order. window: pictures of a lane that are mixed. lanes: from which a batch is taken;
    None: the largest divisor of the batch up to 64, but one picture in each at least.

    Memory is 16 bytes a shard, and a batch. Raises InputError for nothing to be ordered.
    """

    pictures: NDArray[np.int64]
    batch: int
    seed: int = 0
    window: int = WINDOW
    lanes: int | None = None
    _begun_of: dict[int, Begun] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.batch < 1 or self.window < 1 or (self.lanes is not None and self.lanes < 1):
            raise InputError("expected a batch, a window and lanes of 1 and more.")
        pictures = np.asarray(self.pictures, np.int64)
        if pictures.ndim != 1 or (pictures < 0).any() or not pictures.sum():
            raise InputError("expected shards with a picture at least.")
        object.__setattr__(self, "pictures", pictures)
        usual = max(n for n in range(1, min(MOST_LANES, self.batch) + 1) if self.batch % n == 0)
        object.__setattr__(self, "lanes", min(self.lanes or usual, len(self)))

    def __len__(self) -> int:
        """All pictures."""
        return int(self.pictures.sum())

    @property
    def steps(self) -> int:
        """Of an epoch; the last may have fewer pictures."""
        return -(-len(self) // self.batch)

    def after(self, at: Position) -> Position:
        """The position one step on."""
        return Position(at.epoch, at.step + 1) if at.step + 1 < self.steps else Position(at.epoch + 1, 0)

    def places(self, at: Position) -> Places:
        """The pictures of one step, whoever takes them. Raises InputError for a step that there is not."""
        return self.share(at, 0, 1)

    def share(self, at: Position, process: int, processes: int) -> Places:
        """Those of a step that one of several processes takes: all of them together take each once.

        Processes take stretches, so that each goes on with its own lanes while their number stays.
        """
        if not 0 <= at.step < self.steps or at.epoch < 0:
            raise InputError(f"expected a step from 0 to {self.steps - 1}, found {at.step}.")
        if not 0 <= process < processes:
            raise InputError(f"expected a process from 0 to {processes - 1}, found {process}.")
        first = at.step * self.batch
        size = min(self.batch, len(self) - first)
        low, high = (first + size * number // processes for number in (process, process + 1))
        return self.between(at.epoch, first, first + size, low, high)

    def between(self, epoch: int, first: int, last: int, low: int, high: int) -> Places:
        """Of a batch of the pictures ``first`` to ``last`` of an epoch those from ``low`` to ``high``.

        For batches that are cut otherwise than steps are; all of an epoch have to cover it once.
        """
        if not (0 <= first <= low <= high <= last <= len(self) and epoch >= 0):
            raise InputError(f"expected pictures {first} to {last} of {len(self)}, found {low} to {high}.")
        return self._placed(epoch, self._in_lanes(np.arange(low, high), first, last - first))

    def _in_lanes(self, taken: NDArray[np.int64], first: int, size: int) -> NDArray[np.int64]:
        """Numbers in the order of steps -> places in the row of all pictures.

        Of numbers dealt round to the lanes, those of one step are put lane by lane.
        """
        lanes = self.lanes or 1
        # the lanes' numbers within this step, sorted by lane: a step may begin in the middle of a round
        numbers = np.arange(first, first + size)
        numbers = numbers[np.argsort(numbers % lanes, kind="stable")][taken - first]
        lane, along = numbers % lanes, numbers // lanes
        total = len(self)
        long, rest = divmod(total, lanes)  # the first `rest` lanes have one picture more
        begins = lane * long + np.minimum(lane, rest)
        length = long + (lane < rest)
        window = along // self.window
        start = window * self.window
        sizes = np.minimum(length - start, self.window)
        return np.stack([begins + start, along - start, sizes, lane, window])

    def _placed(self, epoch: int, found: NDArray[np.int64]) -> Places:
        starts, within, sizes, lane, window = found
        keys = key_of(self.seed, _WINDOWS, epoch, lane, window)
        places = starts + permuted(within, sizes, keys)
        order, begun = self._begun(epoch)
        at = np.searchsorted(begun, places, side="right") - 1
        return Places(order[at], places - begun[at])

    def _begun(self, epoch: int) -> Begun:
        """The shards in the order of an epoch, and how many pictures stand before each."""
        found = self._begun_of.get(epoch)
        if found is None:
            count = len(self.pictures)
            order = permuted(np.arange(count, dtype=np.uint64), count, key_of(self.seed, _SHARDS, epoch))
            order = order[self.pictures[order] > 0]
            found = order, np.concatenate([[0], np.cumsum(self.pictures[order])[:-1]])
            self._begun_of.clear()  # the epoch before will not be asked for again
            self._begun_of[epoch] = found
        return found

    def epoch(self, number: int, process: int = 0, processes: int = 1) -> Iterator[Places]:
        """A process's share of each step of an epoch."""
        for step in range(self.steps):
            yield self.share(Position(number, step), process, processes)
