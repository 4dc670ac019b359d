"""Names of classes and files that are probably not what their owner means."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain

from foveate.dataset.sources.split_names import alike, split_of
from foveate.errors import listed

_GENERIC = re.compile(
    r"copy|data(set)?|default|(image|img)s?|misc|(new|untitled) folder|other|photos?|pictures?|te?mp|trash|"
    r"unlabell?ed|unsorted"
)
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
# What web sites send in place of a picture that is gone.
_PLACEHOLDER = re.compile(
    r"(image|photo|picture|file)?[ _-]?(not[ _-]?(found|available)|unavailable|missing|removed|deleted)|"
    r"placeholder|no[ _-]?(image|photo|picture)\b",
    re.IGNORECASE,
)


def looks_like_placeholder(name: str) -> bool:
    """Whether a file name says that it stands for a picture that is gone: ``ants/imageNotFound.gif``."""
    stem = name.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]
    return _PLACEHOLDER.fullmatch(stem) is not None


def suspicious_names(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of a kind (for programs) and a sentence (for people)."""
    found = [
        *_twins(classes),
        *_odd_characters(classes),
        *_splits(classes),
        *(
            ("name-generic", f"Class {name!r} is hardly the name of something to recognise.")
            for name in classes
            if _GENERIC.fullmatch(name.strip().casefold())
        ),
    ]
    digits = [name for name in classes if name.strip().isdigit()]
    if digits and len(digits) < len(classes) and len(digits) <= len(classes) // 2:
        found.append(
            ("name-number", f"Classes {listed(digits)} are numbers among words: are folders misplaced?")
        )
    return found


def how_they_differ(names: Sequence[str]) -> str:
    """What tells apart names that look alike, for a sentence about them."""
    if len({unicodedata.normalize("NFC", name) for name in names}) == 1:
        return "differ only in how Unicode writes their accents (composed, NFC, or decomposed, NFD)"
    return "differ only in case, spaces or signs"


def _twins(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Names that a person takes for the same: case, spaces, signs for them, ways to write an accent."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        key = unicodedata.normalize("NFKC", name).casefold()
        plain = key if _NUMBER.fullmatch(key) else "".join(c for c in key if c.isalnum())  # -1 is not 1
        alike[plain or key].append(name)
    return [
        ("name-twins", f"Classes {listed(names)} {how_they_differ(names)}: are they one class?")
        for names in alike.values()
        if len(names) > 1
    ]


def _splits(classes: Sequence[str]) -> list[tuple[str, str]]:
    """Names that speak of splits: ``train``, ``test_set``; ``seg_train`` where ``seg_test`` is there too."""
    alone = [name for name in classes if split_of(name)]
    found = [f"Class {name!r} has the name of a split: is a folder misplaced?" for name in alone]
    for group in alike(set(classes) - set(alone)):
        names = sorted(chain.from_iterable(group.values()))
        found.append(f"Classes {listed(names)} have the names of splits: are folders misplaced?")
    return [("name-like-split", message) for message in found]


def _odd_characters(classes: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for name in classes:
        if name != name.strip():
            found.append(("name-space", f"Class {name!r} begins or ends with a space."))
        elif not name.isprintable():
            found.append(("name-unprintable", f"Class {name!r} holds characters that cannot be seen."))
    return found
