"""Sentences of drawn scenes, checked against the picture: true, false, or no sentence of their grammar.

    [NUMBER objects] THING [RELATION THING]        two objects, a red disc above a blue square

A THING is a colour and the word for a class. What is true of a picture comes with it: its objects, and every
relation that holds between two of them, whether or not somebody would choose to say it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from foveate.errors import InputError
from foveate.strict_json import is_int, short
from foveate.tasks.captioning.text import words_of

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black")
SHAPES = ("disc", "square", "triangle", "ring", "cross", "star", "heart", "moon")
GARMENTS = ("shirt", "trousers", "pullover", "dress", "sandal", "sneaker", "bag", "boot")
NUMBERS = ("one", "two", "three", "four", "five")
AND = "and"
RELATIONS = ("in front of", "behind", "to the left of", "to the right of", "above", "below", AND)
SLOTS = ("colour", "shape", "pair", "number", "place")
_NAMES = frozenset((*SHAPES, *GARMENTS))
_OBJECTS = ("object", "objects")
_NEW = "new"  # of a thing: no training picture has one of this colour and class


class Thing(NamedTuple):
    """An object by what is said of it. new: its colour and class were never learnt together."""

    colour: str
    name: str
    new: bool = False

    @property
    def pair(self) -> tuple[str, str]:
        return self.colour, self.name


class SceneFacts(NamedTuple):
    """What is true of a picture.

    relations: (first, relation, second), things by their places: all that hold but "and", which always does.
    """

    things: tuple[Thing, ...]
    relations: frozenset[tuple[int, str, int]]

    def names_new(self, sentence: str) -> bool:
        """Whether a sentence names a thing that is new in its colour and class."""
        said = parse_sentence(sentence)
        new = {thing.pair for thing in self.things if thing.new}
        return said is not None and any(thing.pair in new for thing in said.things)


class Said(NamedTuple):
    """A sentence that follows the grammar; number: of objects, where it tells."""

    things: tuple[Thing, ...]
    relation: str | None
    number: int | None


class Check(NamedTuple):
    """slots: of each slot that a sentence fills, how often it is right there and how often it is filled."""

    true: bool
    slots: dict[str, tuple[int, int]]


def parse_sentence(sentence: str) -> Said | None:
    """What a sentence says; None where it does not follow the grammar."""
    words = words_of(sentence)
    number = None
    if len(words) > 1 and words[0] in NUMBERS and words[1] in _OBJECTS:
        number, words = NUMBERS.index(words[0]) + 1, words[2:]
    first, rest = _thing(words)
    if first is None:
        return None
    if not rest:
        return Said((first,), None, number)
    for relation in RELATIONS:
        own = relation.split()
        if rest[: len(own)] == own:
            second, left = _thing(rest[len(own) :])
            return None if second is None or left else Said((first, second), relation, number)
    return None


def _thing(words: Sequence[str]) -> tuple[Thing | None, Sequence[str]]:
    """The thing that words begin with, and the others."""
    at = 1 if words and words[0] in {"a", "an"} else 0
    own = words[at : at + 2]
    if len(own) < 2 or own[0] not in COLOURS or own[1] not in _NAMES:
        return None, words
    return Thing(own[0], own[1]), words[at + 2 :]


def check(said: Said, facts: SceneFacts) -> Check:
    """Whether all that a sentence says holds in the picture, and slot by slot."""
    there = [thing.pair for thing in facts.things]
    colours, names = {colour for colour, _ in there}, {name for _, name in there}
    slots = {
        "colour": (sum(thing.colour in colours for thing in said.things), len(said.things)),
        "shape": (sum(thing.name in names for thing in said.things), len(said.things)),
        "pair": (sum(thing.pair in there for thing in said.things), len(said.things)),
    }
    true = slots["pair"][0] == len(said.things)
    if said.number is not None:
        right = said.number == len(facts.things)
        slots["number"], true = (int(right), 1), true and right
    if said.relation is not None:
        right = true_relation(said, facts)
        slots["place"], true = (int(right), 1), true and right
    return Check(true, slots)


def true_relation(said: Said, facts: SceneFacts) -> bool:
    """Whether two different objects, as they are named, stand so."""
    places = [[i for i, one in enumerate(facts.things) if one.pair == thing.pair] for thing in said.things]
    pairs = [(a, b) for a in places[0] for b in places[1] if a != b]
    return any(said.relation == AND or (a, said.relation, b) in facts.relations for a, b in pairs)


def facts_cell(facts: SceneFacts) -> str:
    """The facts in a cell of a table; `facts_of_cell` reads them again."""
    things = [[thing.colour, thing.name, *([_NEW] if thing.new else [])] for thing in facts.things]
    document = {"things": things, "relations": sorted(map(list, facts.relations))}
    return json.dumps(document, separators=(",", ":"))


def facts_of_cell(cell: Any) -> SceneFacts | None:
    """None of an empty cell. Raises InputError for what `facts_cell` does not write."""
    if cell in (None, ""):
        return None
    try:
        document = json.loads(cell) if isinstance(cell, str) else cell
        things = tuple(Thing(colour, name, bool(new)) for colour, name, *new in document["things"])
        relations = frozenset((a, relation, b) for a, relation, b in document["relations"])
        texts = all(isinstance(part, str) for thing in things for part in thing.pair)
        places = all(
            is_int(a) and is_int(b) and 0 <= a < len(things) and 0 <= b < len(things) for a, _, b in relations
        )
    except (ValueError, TypeError, KeyError, RecursionError):
        texts = places = False
    if not texts or not places:
        raise InputError(
            f"expected the facts of a scene as `foveate data make scenes` has them, found {short(cell)}."
        )
    return SceneFacts(things, relations)
