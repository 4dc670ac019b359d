"""From a data set to pixels to train on: look, choose a size, decode once, drop what is broken, split."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import numpy as np

from foveate.dataset.cache import allocated, decode
from foveate.dataset.look import choose_preprocessing, choose_whole, survey
from foveate.dataset.quality.findings import Findings, enforce
from foveate.dataset.quality.findings import findings as look_for_faults
from foveate.dataset.quality.scan import ScanResult
from foveate.dataset.samples import SPLITS, DataSet, evenly
from foveate.dataset.shards.stream import Stream
from foveate.dataset.sides import LEFT_OUT, UNKNOWN, Sides
from foveate.dataset.split import shares_held_out, split_notes, stratified_split
from foveate.errors import DatasetError
from foveate.images.deep import fitted_range
from foveate.images.preprocess import Fit, Preprocessing, Seen
from foveate.tasks.base import Task
from foveate.tasks.sections import Table
from foveate.tasks.targets import Targets

STATISTICS_COUNT = 5_000

Progress = Callable[[str, int, int], None]
Decoded = tuple[dict[str, np.ndarray], dict[str, ScanResult]]  # pixels and scan, by split


@dataclass(frozen=True)
class PreparedSplit:
    """pixels: (N, H, W, C) uint8; targets: the right answers; names: what people call each picture.

    digests: (N, 2) uint64, a hash of each picture's content. groups: (N,) int64, the same number for pictures
    that are copies of each other. sizes: (N, 2) int64, each picture's own width and height.
    """

    pixels: np.ndarray
    targets: Targets
    names: tuple[str, ...]
    digests: np.ndarray
    groups: np.ndarray
    sizes: np.ndarray

    def seen(self, preprocessing: Preprocessing) -> Seen:
        """How its pictures came to the network, given by what."""
        return Seen(preprocessing, [(width, height) for width, height in self.sizes.tolist()])

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Prepared:
    """A data set ready for training.

    ``name`` holds no folders. ``remarks`` are sentences on what is wrong or odd about it.
    ``fingerprint`` is a hash of every picture's content, answer and side: equal fingerprints train alike.
    ``tested_on`` says where the test split comes from: "given" by the user, "held out" here, or "" for none.
    ``stream``: all training pictures, where those of ``splits`` are only a sample of them.
    """

    name: str
    task: Task
    preprocessing: Preprocessing
    splits: Mapping[str, PreparedSplit]
    remarks: tuple[str, ...]
    tested_on: Literal["given", "held out", ""]
    fingerprint: str
    shares: Table | None = None  # what the answers are made of, where the task tells
    left_out: int = 0  # pictures that could stand on no side without telling of another's
    stream: Stream | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """Pictures of each side."""
        found = {name: len(split) for name, split in self.splits.items()}
        return found if self.stream is None else {**found, "train": len(self.stream)}

    def counts(self, split: str) -> np.ndarray:
        """(groups,) pictures of each of the task's groups."""
        return self.task.counts(self.splits[split].targets)


@dataclass(frozen=True)
class Preparation:
    """How a data set is prepared.

    Attributes:
        preprocessing: size, channels, mean and standard deviation; by default they are chosen, given
            ``image_size``, ``default_size`` and ``fit``.
        like: whose normalisation and filter are taken, with a size that is chosen: that of learnt weights.
        most_pixels: of a picture whose every place is answered, where no size is asked for.
        val_fraction, test_fraction: of the training pictures, held out where the data set brings none. None:
            a tenth, but not more than 3,000 pictures, and none where validation pictures are brought.
        max_unreadable_fraction: of broken pictures, which are left out.
        seed: of the dealing out.
        kept: where the pictures of a run that goes on stood: there they stay, only new ones are dealt out.
    """

    preprocessing: Preprocessing | None = None
    like: Preprocessing | None = None
    most_pixels: int | None = None
    image_size: tuple[int, int] | None = None
    default_size: int | None = None
    fit: Fit | None = None
    val_fraction: float | None = None
    test_fraction: float | None = None
    max_unreadable_fraction: float = 0.05
    seed: int = 0
    kept: Sides | None = None


def prepare(dataset: DataSet, how: Preparation = Preparation(), progress: Progress | None = None) -> Prepared:
    """Read every picture once and make the splits; a data set keeps those that it brings.

    Unless they are given, mean and standard deviation are those of the training pictures.

    Raises:
        InputError: a fraction is given for a split that the data set brings.
        DatasetError: too many unreadable pictures, fewer than two classes, an empty split, or pictures in
            colour where ``preprocessing`` is for grey ones.
    """
    stream = dataset.stream
    shares = {}
    if stream is None:  # of a stream what is held out was taken before
        brought = {name: len(split) for name, split in dataset.splits.items()}
        shares = shares_held_out(brought, {"val": how.val_fraction, "test": how.test_fraction})
    chosen = how.preprocessing or _chosen(dataset, how)
    read = partial(_decode_all, dataset, progress=progress)
    chosen, decoded, scans = _decoded(read, chosen, given=how.preprocessing)
    found = look_for_faults(dataset, scans)
    enforce(found, how.max_unreadable_fraction)
    sides, notes = _sides(dataset, scans, found, shares, seed=how.seed, kept=how.kept)
    splits = {
        side: _gather(dataset, decoded, scans, found, rows, preprocessing=chosen)
        for side, rows in sides.items()
    }
    if how.preprocessing is None and how.like is None:
        mean, std = channel_statistics(splits["train"].pixels)
        chosen = replace(chosen, mean=mean, std=std)
    tested_on: Literal["given", "held out", ""] = ""
    if "test" in splits:
        brings = "test" in (dataset.splits if stream is None else stream.brought)
        tested_on = "given" if brings else "held out"
    if stream is not None:
        stream = stream.known_good(sides["train"][1])
        notes.append(stream.in_words)
    return Prepared(
        name=dataset.title,
        task=dataset.task,
        preprocessing=chosen,
        splits=splits,
        remarks=(*(item.message for item in found.items), *notes),
        tested_on=tested_on,
        shares=found.shares,
        fingerprint=_fingerprint(scans, sides, splits, "" if stream is None else stream.digest),
        stream=stream,
        left_out=sum(int(result.ok.sum()) for result in scans.values()) - sum(map(len, splits.values())),
    )


def _chosen(dataset: DataSet, how: Preparation) -> Preprocessing:
    """Size and channels, by a look at the pictures."""
    looked_at = survey(dataset.splits["train"].images)
    if dataset.task.whole_picture:
        return choose_preprocessing(looked_at, how.image_size, default_size=how.default_size, fit=how.fit)
    chosen = choose_whole(looked_at, how.image_size, fit=how.fit, most_pixels=how.most_pixels)
    if how.like is None:
        return chosen
    like = how.like
    return replace(chosen, channels=3, mean=like.mean, std=like.std, interpolation=like.interpolation)


def _decoded(
    read: Callable[[Preprocessing], Decoded], chosen: Preprocessing, given: Preprocessing | None
) -> tuple[Preprocessing, dict[str, np.ndarray], dict[str, ScanResult]]:
    """All pictures, read once more where the look at a few missed something; and how they were read."""
    decoded, scans = read(chosen)
    fitted = fitted_range(scans["train"].extents)
    if fitted != chosen.sample_range and not (given and given.sample_range):
        # The look missed the darkest or the brightest: all pictures by one rule, that of the training split.
        chosen = replace(chosen, sample_range=fitted)
        decoded, scans = read(chosen)
    all_grey = all(bool(np.all(result.grey[result.ok])) for result in scans.values())
    if given is not None and chosen.channels == 1 and not all_grey:
        raise _not_grey(scans)
    if chosen.channels == 1 and not all_grey:
        # The look missed the few pictures in colour: read again, in colour.
        chosen = replace(chosen, channels=3, mean=(), std=())
        decoded, scans = read(chosen)
    return chosen, decoded, scans


def _not_grey(scans: Mapping[str, ScanResult]) -> DatasetError:
    coloured = [
        result.images.name(int(i))
        for result in scans.values()
        for i in np.flatnonzero(result.ok & ~result.grey)
    ]
    total = sum(len(result) for result in scans.values())
    return DatasetError(
        f"The network takes grey pictures, and of {total:,} pictures {len(coloured):,} are in colour "
        f"({coloured[0]!r}, ...): take them out, or train a new network on all."
    )


def _decode_all(dataset: DataSet, preprocessing: Preprocessing, progress: Progress | None) -> Decoded:
    decoded, scans = {}, {}
    for name, split in dataset.splits.items():
        report = None if progress is None else lambda done, total, name=name: progress(name, done, total)
        fault = partial(dataset.task.fault, split.targets)
        decoded[name], scans[name] = decode(split.images, preprocessing, fault=fault, progress=report)
    return decoded, scans


# Where a side's pictures come from: the data set's split they stand in, and their numbers there.
Rows = tuple[str, np.ndarray]


def _sides(
    dataset: DataSet,
    scans: Mapping[str, ScanResult],
    found: Findings,
    fractions: Mapping[str, float],
    *,
    seed: int,
    kept: Sides | None,
) -> tuple[dict[str, Rows], list[str]]:
    """Which pictures stand on which side, and what a person should know about that."""
    sides: dict[str, Rows] = {name: (name, np.flatnonzero(scans[name].ok)) for name in dataset.splits}
    notes: list[str] = []
    wanted = {name: share for name, share in fractions.items() if share > 0}
    if wanted:
        made, notes = _dealt(dataset, scans["train"], found.groups["train"], wanted, seed=seed, kept=kept)
        sides |= made
    if kept is not None:
        for name, (origin, rows) in sides.items():
            sides[name] = origin, rows[~kept.exposed(scans[origin].digests[rows], name)]
        sides = {name: rows for name, rows in sides.items() if len(rows[1])}
    return sides, notes


def _dealt(
    dataset: DataSet,
    scanned: ScanResult,
    group: np.ndarray,
    wanted: Mapping[str, float],
    *,
    seed: int,
    kept: Sides | None,
) -> tuple[dict[str, Rows], list[str]]:
    """The training pictures dealt out: what is to be held out, and the rest to train on."""
    rows, split = np.flatnonzero(scanned.ok), dataset.splits["train"]
    fractions = {**wanted, "train": 1 - sum(wanted.values())}
    fixed = None
    if kept is not None:
        names = [split.images.name(int(i)) for i in rows]
        stay = kept.find(scanned.digests[rows], names, group[rows])
        rows, stay = rows[stay != LEFT_OUT], stay[stay != LEFT_OUT]
        part_of = [list(fractions).index(side if side in fractions else "train") for side in SPLITS]
        fixed = np.where(stay == UNKNOWN, -1, np.array(part_of)[stay])
    strata = split.targets.strata[rows]
    parts = stratified_split(strata, group[rows], fractions, seed, fixed=fixed)
    made: dict[str, Rows] = {name: ("train", rows[part]) for name, part in parts.items() if len(part)}
    counts = {name: dataset.task.counts(split.targets.take(rows[part])) for name, part in parts.items()}
    return made, split_notes({name: len(part) for name, part in parts.items()}, counts, dataset.task.groups)


def _gather(
    dataset: DataSet,
    decoded: Mapping[str, np.ndarray],
    scans: Mapping[str, ScanResult],
    found: Findings,
    rows: Rows,
    *,
    preprocessing: Preprocessing,
) -> PreparedSplit:
    origin, indices = rows
    pixels, split = decoded[origin], dataset.splits[origin]
    whole = len(indices) == len(pixels)
    return PreparedSplit(
        pixels=pixels if whole else pixels[indices],
        targets=dataset.task.placed(split.targets.take(indices), preprocessing, allocated),
        names=tuple(split.images.name(int(i)) for i in indices),
        digests=scans[origin].digests[indices],
        groups=found.groups[origin][indices],
        sizes=scans[origin].sizes[indices],
    )


def channel_statistics(pixels: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in 0..1, to four digits.

    Exact sums over a histogram of up to 5,000 evenly spaced pictures: no rounding depends on their order.
    """
    rows = evenly(len(pixels), STATISTICS_COUNT)
    values = np.arange(256) / 255
    means, deviations = [], []
    for channel in range(pixels.shape[-1]):
        histogram = np.bincount(pixels[rows, ..., channel].ravel(), minlength=256)
        mean = float(histogram @ values / histogram.sum())
        variance = float(histogram @ (values - mean) ** 2 / histogram.sum())
        means.append(round(mean, 4))
        deviations.append(max(round(variance**0.5, 4), 0.01))  # blank pictures must not divide by zero
    return tuple(means), tuple(deviations)


def _fingerprint(
    scans: Mapping[str, ScanResult],
    sides: Mapping[str, Rows],
    splits: Mapping[str, PreparedSplit],
    streamed: str,
) -> str:
    digest = hashlib.blake2b(streamed.encode(), digest_size=16)
    for side in sorted(sides):
        origin, indices = sides[side]
        digest.update(side.encode())
        digest.update(scans[origin].digests[indices].tobytes())
        for array in splits[side].targets.arrays.values():
            digest.update(array.tobytes())
    return digest.hexdigest()
