"""The tokeniser: a sentence -> its words, the same for learning, for use and for the metrics.

A word is a run of letters, marks and digits. Within it apostrophes and hyphens stay ("dog's", "t-shirt"), and
points and commas between digits; other punctuation is left out, and so is what cannot be seen. A character
of a script that writes no spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) is a word by
itself, with the marks on it; so is a symbol such as an emoji. Characters that mean the same are one
(Unicode's normal form NFKC); letters are lower case unless they are to be kept. Text from right to left keeps
the order in which it is spoken, as Unicode has it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MOST_CHARACTERS = 60  # of a word; what is longer is cut
_MOST_MARKS = (
    30  # in a row, as Unicode's stream-safe text has: sorting more takes time that grows as a square
)
_JOINERS = "\u200c\u200d"  # within Persian and Indic words, and between emoji
_SPACE = 0x200B  # of no width: it parts words
_SKIN = range(0x1F3FB, 0x1F400)
_UNSPACED = (  # blocks of scripts without spaces between words
    *(range(0x0E00, 0x0F00), range(0x1000, 0x10A0), range(0x1780, 0x1800)),  # Thai, Lao; Burmese; Khmer
    *(range(0x3005, 0x3008), range(0x3040, 0x3130), range(0x31A0, 0x3200)),  # kana, bopomofo
    *(range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x32400)),  # Han
)
_WORD = re.compile(
    r"CM*"  # a character that is a word
    r"|SM*(?:JSM*)*"  # a symbol, or several that are drawn as one
    r"|[LD][LDM]*(?:(?:[AHJ]|(?<=D)P(?=D))[LD][LDM]*)*"
)
_SIGNS = {
    "'": "A",
    "’": "A",
    "-": "H",
    "‐": "H",
    "‑": "H",
    ".": "P",
    ",": "P",
    **dict.fromkeys(_JOINERS, "J"),
}
_SPELT = str.maketrans({"’": "'", "‐": "-", "‑": "-"})


class _Kinds(dict[int, str]):
    """Of each character, by its number, a letter for what it is in `_WORD`."""

    def __missing__(self, number: int) -> str:
        found = self[number] = _kind(number)
        return found


def _kind(number: int) -> str:
    character = chr(number)
    category = unicodedata.category(character)
    if character in _SIGNS:
        return _SIGNS[character]
    if category[0] == "M" or number in _SKIN:
        return "M"
    if category[0] == "L":
        return "C" if any(number in block for block in _UNSPACED) else "L"
    if category[0] == "N":
        return "D"
    return "S" if category in {"So", "Sc"} else " "


class _Unseen(dict[int, int | None]):
    """Leaves out what formats a text and is no part of it: directions, soft hyphens, marks of byte order."""

    def __missing__(self, number: int) -> int | None:
        seen = unicodedata.category(chr(number)) != "Cf" or chr(number) in _JOINERS or number == _SPACE
        self[number] = number if seen else None
        return self[number]


_KINDS, _UNSEEN = _Kinds(), _Unseen()


def words_of(sentence: str, *, lower: bool = True) -> list[str]:
    """The words of a sentence, in order. Of any text: what has no words has none."""
    text = sentence if sentence.isascii() else _normal(sentence, lower=False)
    if lower:
        text = text.lower() if sentence.isascii() else _normal(text, lower=True)
    kinds = text.translate(_KINDS)
    return [_word(text[match.start() : match.end()]) for match in _WORD.finditer(kinds)]


def sentence_of(words: Sequence[str]) -> str:
    """Words with spaces between, but where their script has none."""
    parts: list[str] = []
    for before, word in zip(("", *words), words, strict=False):
        if before and not (_alone(before) and _alone(word)):
            parts.append(" ")
        parts.append(word)
    return "".join(parts)


def _alone(word: str) -> bool:
    """Whether a word is a character of a script without spaces."""
    return _KINDS[ord(word[0])] == "C"


def _word(text: str) -> str:
    """As it is known: with plain apostrophes and hyphens, and not endless."""
    return text[:MOST_CHARACTERS].translate(_SPELT).rstrip("'-.," + _JOINERS)


def _normal(text: str, *, lower: bool) -> str:
    """In Unicode's normal form NFKC, without what is unseen, in time that goes with its length."""
    text = _fewer_marks(text.translate(_UNSEEN))
    normal = unicodedata.normalize("NFKC", text.lower() if lower else text)
    return _fewer_marks(normal)


def _fewer_marks(text: str) -> str:
    """The text with at most `_MOST_MARKS` marks on a letter."""
    if len(text) <= _MOST_MARKS:
        return text
    kept, row = [], 0
    for character in text:
        row = row + 1 if unicodedata.combining(character) else 0
        if row <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)
