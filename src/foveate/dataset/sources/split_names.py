"""Which names mean a split: ``train``, ``training_set``, ``seg_test``, ``val2017``, ``dev``."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Names that mean a split wherever they stand.
SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
# Words that mean one where other folders, or a column, say so too.
_WORDS = SPLIT_NAMES | {
    "trainval": "train",
    "dev": "val",
    "devel": "val",
    "development": "val",
    "eval": "val",
    "evaluation": "val",
}
_ENDINGS = r"set|sets|data|dataset|images?|imgs?|pics|pictures?|photos?|samples?|split|part|folder"
_GLUED = re.compile(rf"({'|'.join(_WORDS)})({_ENDINGS})?")
_ENDING = re.compile(_ENDINGS)
_TOKENS = re.compile(r"[^\W\d_]+")


def split_word(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The split that a name may mean, and the other words in it; None where it speaks of none, or of two.

    >>> split_word("Training_Set"), split_word("val2017"), split_word("seg_test")
    (('train', ()), ('val', ()), ('test', ('seg',)))
    >>> split_word("trainer") is split_word("train or test") is None
    True
    """
    words, rest = [], []
    for token in _TOKENS.findall(name.casefold()):
        if match := _GLUED.fullmatch(token):
            words.append(_WORDS[match[1]])
        elif not _ENDING.fullmatch(token):
            rest.append(token)
    return (words[0], tuple(rest)) if len(words) == 1 else None


def split_of(name: str) -> str | None:
    """The split that a name means by itself, whatever stands beside it."""
    found = split_word(name)
    return found[0] if found and not found[1] else None


def alike(names: Iterable[str]) -> list[dict[str, list[str]]]:
    """Names that differ in their split only: for each set of such, split -> names; two splits at least."""
    groups: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for name in names:
        if found := split_word(name):
            groups.setdefault(found[1], {}).setdefault(found[0], []).append(name)
    return [group for group in groups.values() if len(group) > 1]
