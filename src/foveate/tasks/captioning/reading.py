"""Sentences as people write them: one or several a picture, in Python and in the cells of a table."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from foveate.errors import InputError
from foveate.strict_json import short
from foveate.tasks.captioning.scene import SceneFacts, facts_cell, facts_of_cell
from foveate.tasks.captioning.targets import Captions, Sentences
from foveate.tasks.captioning.text import words_of
from foveate.words import encodable

CAPTION, GROUP, SCENE = "caption", "group", "scene"  # columns of a table with a row a picture
MOST_LETTERS = 10_000  # of a sentence that are kept: far more than are learnt


class PictureSentences(NamedTuple):
    """What is said of one picture.

    together: the name of a group that is never divided; "" of none. scene: what is true, where it is known.
    """

    sentences: Sentences
    together: str = ""
    scene: SceneFacts | None = None


def described(answer: object) -> PictureSentences:
    """An answer: a sentence, several, or both with a group. Raises InputError.

    Sentences without a word are none. Control characters and line breaks become spaces.
    """
    if isinstance(answer, PictureSentences):
        return answer
    given = [answer] if isinstance(answer, str) else answer
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise InputError(f"expected a sentence or a list of sentences, found {short(answer)}.")
    tidied = (tidy(one) for one in given)
    return PictureSentences(tuple(one for one in tidied if words_of(one)))


def tidy(sentence: str) -> str:
    """A sentence in one line that any file can hold."""
    visible = "".join(" " if unicodedata.category(c) == "Cc" else c for c in sentence[:MOST_LETTERS])
    return encodable(" ".join(visible.split()))


def captions_of(answers: Iterable[object]) -> Captions:
    """The targets that answers make. Raises InputError."""
    found = [described(answer) for answer in answers]
    together = tuple(one.together for one in found)
    scenes = tuple(one.scene for one in found)
    return Captions(
        tuple(one.sentences for one in found),
        together if any(together) else (),
        scenes if any(scenes) else (),
    )


def parsed(cells: Mapping[str, Any]) -> PictureSentences:
    """A row's sentences: a text, or a JSON list of texts where there are several. Raises InputError."""
    cell, group = cells[CAPTION], cells.get(GROUP, "")
    if isinstance(cell, str) and cell.startswith("["):
        cell = _listed(cell)
    if not isinstance(group, str):
        raise InputError(f"expected the group as a text, found {short(group)}.")
    scene = facts_of_cell(cells.get(SCENE))
    return described(cell)._replace(together=group.strip(), scene=scene)


def _listed(cell: str) -> str | list[str]:
    """The texts in a JSON list; of anything else the text itself: a sentence may begin with a bracket."""
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        return cell
    return found if isinstance(found, list) and all(isinstance(one, str) for one in found) else cell


def written(captions: Captions) -> dict[str, list[str]]:
    """The columns that `parsed` reads again."""
    cells = [own[0] if len(own) == 1 and _listed(own[0]) == own[0] else json.dumps(own) for own in captions]
    found = {CAPTION: cells}
    if captions.together:
        found[GROUP] = list(captions.together)
    if captions.scenes:
        found[SCENE] = [facts_cell(scene) if scene else "" for scene in captions.scenes]
    return found


def cells_of(captions: Captions) -> list[str]:
    """Of each picture its first sentence, and how many more there are."""
    found = []
    for own in captions:
        more = f" (and {len(own) - 1} more)" if len(own) > 1 else ""
        found.append(own[0] + more if own else "no sentence")
    return found
