"""Words of sides: the sentence of a picture's mirror image has *right* where the picture's has *left*."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_PAIRS = (
    *("left right", "left-hand right-hand", "leftmost rightmost", "leftward rightward"),
    *("links rechts", "linke rechte", "linken rechten", "linker rechter", "linkes rechtes", "linkem rechtem"),
    *("gauche droite", "izquierda derecha", "izquierdo derecho", "sinistra destra", "sinistro destro"),
    *(
        "esquerda direita",
        "esquerdo direito",
        "左 右",
        "왼쪽 오른쪽",
        "слева справа",
        "lewo prawo",
        "يمين يسار",
    ),
)
_OTHER = dict(pair for left, right in map(str.split, _PAIRS) for pair in ((left, right), (right, left)))
_CASES = (str, str.capitalize, str.upper)  # in which a word may stand where capitals are kept


def other_side(word: str) -> str:
    """What the word becomes in a mirror; most stay as they are."""
    other = _OTHER.get(word.lower(), word)
    return next((case(other) for case in _CASES if case(word.lower()) == word), word)


def mirrored(words: Sequence[str]) -> NDArray[np.int64] | None:
    """(K,) of each word the number of that which it becomes; None where one has no other side."""
    numbers = {word: number for number, word in enumerate(words)}
    found = [numbers.get(other_side(word)) for word in words]
    return None if None in found else np.array(found, np.int64)
