"""What is remarkable in the sentences of a data set, before anything is learnt from them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np

from foveate.tasks.captioning.targets import Captions
from foveate.tasks.captioning.vocabulary import LONGEST, Vocabulary
from foveate.tasks.sections import Column, Table
from foveate.tasks.surveyed import Remark, Row, Surveyed
from foveate.words import plural, share

FEW = 100  # pictures, from which no language is learnt
MOST_SAME = 0.5  # of the pictures may have one sentence
MANY_UNKNOWN = 0.05  # of the words
_MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|&[a-z]{2,8};|https?://")


def remarks_on(splits: Mapping[str, Surveyed], vocabulary: Vocabulary) -> list[Remark]:
    """One sentence for all, too few, too long, unknown words, markup, doubled ones, groups on two sides."""
    key = "train" if "train" in splits else next(iter(splits))
    train = _usable(splits[key])
    found = [_same(train), _few(train), _long(splits), _unknown(train, vocabulary)]
    found += [_markup(splits), _doubled(splits), _divided(splits)]
    return [remark for remark in found if remark is not None]


def shares_of(splits: Mapping[str, Surveyed], vocabulary: Vocabulary) -> Table:
    """By split, how many sentences of how many words there are."""
    headings = ("pictures", "sentences", "a picture", "words a sentence", "longest", "different words")
    rows: list[list[str | float | None]] = []
    for key, split in splits.items():
        captions = _usable(split)
        words = [vocabulary.tokens(one) for one in captions.each()]
        lengths = np.array([len(one) for one in words] or [0])
        different = len({word for one in words for word in one})
        sentences = len(words)
        told = (f"{sentences / max(len(captions), 1):.1f}", f"{lengths.mean():.1f}", f"{lengths.max():,}")
        rows.append([key, f"{len(captions):,}", f"{sentences:,}", *told, f"{different:,}"])
    return Table("The sentences of each split", [Column("split", "name"), *map(Column, headings)], rows)


def _captions(split: Surveyed) -> Captions:
    if not isinstance(split.targets, Captions):
        raise TypeError(f"sentences are looked at, not {type(split.targets).__name__}")
    return split.targets


def _usable(split: Surveyed) -> Captions:
    return _captions(split).take(np.flatnonzero(split.usable))


def _same(train: Captions) -> Remark | None:
    """One sentence that most pictures have: then it is the answer to all of them."""
    times = Counter(one for own in train for one in set(own))
    if len(train) < 2 or not times:
        return None
    sentence, most = times.most_common(1)[0]
    if most == len(train) and len(times) == 1:
        message = f"All {most:,} pictures have one sentence, {sentence!r:.80}: there is nothing to learn."
        return Remark("caption-same", "error", message)
    if most <= MOST_SAME * len(train):
        return None
    message = (
        f"{most:,} of {len(train):,} pictures have the sentence {sentence!r:.80}: a model that always says "
        "it will look good."
    )
    return Remark("caption-same", "warning", message)


def _few(train: Captions) -> Remark | None:
    if len(train) >= FEW:
        return None
    message = (
        f"{plural(len(train), 'picture')} to learn from: enough to try the whole path, and too few to learn "
        "how to describe new ones; some thousands are a beginning."
    )
    return Remark("caption-few", "warning", message)


def _rows(splits: Mapping[str, Surveyed], chosen: Mapping[str, list[int]]) -> tuple[tuple[Row, ...], ...]:
    return tuple((Row(key, number),) for key in splits for number in chosen.get(key, []))


def _long(splits: Mapping[str, Surveyed]) -> Remark | None:
    """Sentences of which only the beginning is learnt."""
    chosen = {
        key: [
            number
            for number, own in enumerate(_captions(split))
            if split.usable[number] and any(len(one.split()) > LONGEST for one in own)
        ]
        for key, split in splits.items()
    }
    number = sum(map(len, chosen.values()))
    if not number:
        return None
    message = (
        f"{plural(number, 'picture')} with a sentence of more than {LONGEST} words, of which the first "
        f"{LONGEST} are learnt: is it a text and no caption?"
    )
    return Remark("caption-long", "warning", message, _rows(splits, chosen))


def _unknown(train: Captions, vocabulary: Vocabulary) -> Remark | None:
    """How many words are too rare to be learnt."""
    counts = Counter(word for one in train.each() for word in vocabulary.tokens(one))
    known = set(vocabulary.words)
    unknown = sum(number for word, number in counts.items() if word not in known)
    total = sum(counts.values())
    if not unknown:
        return None
    rare = sum(word not in known for word in counts)
    message = (
        f"{rare:,} of {len(counts):,} different words are too rare to be learnt; they are "
        f"{share(unknown / total)} of all that is written."
    )
    return Remark("caption-rare-words", "warning" if unknown > MANY_UNKNOWN * total else "note", message)


def _markup(splits: Mapping[str, Surveyed]) -> Remark | None:
    chosen = {
        key: [
            number for number, own in enumerate(_captions(split)) if any(_MARKUP.search(one) for one in own)
        ]
        for key, split in splits.items()
    }
    number = sum(map(len, chosen.values()))
    if not number:
        return None
    message = (
        f"{plural(number, 'picture')} with markup or an address in a sentence: its words would be learnt as "
        "they stand there."
    )
    return Remark("caption-markup", "warning", message, _rows(splits, chosen))


def _doubled(splits: Mapping[str, Surveyed]) -> Remark | None:
    """The same sentence twice of one picture, where most pictures have that: a file appended to itself."""
    doubled = several = 0
    for split in splits.values():
        for own in _captions(split):
            several += len(own) > 1
            doubled += len(set(own)) < len(own)
    if not doubled or doubled <= several / 2:
        return None
    message = f"{plural(doubled, 'picture')} with the same sentence twice: was a file appended to itself?"
    return Remark("caption-doubled", "warning", message)


def _divided(splits: Mapping[str, Surveyed]) -> Remark | None:
    """Groups that stand in several splits: what was learnt of one picture tells of the others."""
    where: dict[int, set[str]] = {}
    for key, split in splits.items():
        for group in _captions(split).groups.tolist():
            if group >= 0:
                where.setdefault(group, set()).add(key)
    divided = sum(len(keys) > 1 for keys in where.values())
    if not divided:
        return None
    message = (
        f"{plural(divided, 'group')} of pictures that belong together stand in several splits: on those, "
        "memory is measured and not skill."
    )
    return Remark("caption-group-leak", "warning", message)
