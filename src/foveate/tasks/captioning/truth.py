"""How many sentences are true of the scenes that they are about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from foveate.tasks.captioning.scene import SLOTS, check, parse_sentence
from foveate.tasks.captioning.targets import Captions
from foveate.tasks.sections import Column, Table

NEW, KNOWN = "new", "known"
_SLOT_WORDS = {
    "colour": "colours that are in the picture",
    "shape": "shapes that are in the picture",
    "pair": "shapes in their own colour",
    "number": "numbers of objects",
    "place": "how two objects stand",
}


@dataclass(frozen=True)
class Truth:
    """Shares of N sentences: true, unparsable, and by slot how many are right of how many there are.

    by_pairs: (true, pictures) of the sentences about pictures whose right sentence names a colour and class
    that were never learnt together ("new"), and about the others ("known"); where there are such pairs.
    """

    samples: int
    true: float
    unparsable: float
    slots: dict[str, tuple[int, int]]
    by_pairs: dict[str, tuple[int, int]]

    def line(self) -> str:
        false = 1 - self.true - self.unparsable
        said = (
            f"{self.true:.1%} of the sentences are true of their pictures, {max(false, 0):.1%} are false and "
            f"{self.unparsable:.1%} do not follow the grammar."
        )
        if self.by_pairs:
            right, of = self.by_pairs[NEW]
            said += f" Where a pair of colour and shape is new, {right} of {of} are true."
        return said

    def table(self) -> Table:
        columns = [Column("what is said", "text"), Column("right"), Column("of"), Column("share")]
        rows = [
            (_SLOT_WORDS[slot], f"{right:,}", f"{of:,}", f"{right / of:.1%}")
            for slot, (right, of) in self.slots.items()
        ]
        rows += [
            (f"sentences of pictures whose pairs are {name}", f"{right:,}", f"{of:,}", f"{right / of:.1%}")
            for name, (right, of) in self.by_pairs.items()
            if of
        ]
        return Table("Table of truths", columns, rows, title="Checked against the pictures")

    def to_dict(self) -> dict[str, Any]:
        return {
            "false": max(1 - self.true - self.unparsable, 0.0),
            "checked": self.samples,
            "slots": {name: {"right": right, "of": of} for name, (right, of) in self.slots.items()},
            "pairs": {name: {"true": right, "of": of} for name, (right, of) in self.by_pairs.items()},
        }


def truth_of(said: Sequence[str], captions: Captions) -> Truth | None:
    """Check a sentence for each picture; None where nothing is known of any."""
    known = [
        (sentence, facts, any(map(facts.names_new, own)))
        for sentence, facts, own in zip(said, captions.scenes, captions, strict=False)
        if facts is not None
    ]
    if not known:
        return None
    right, filled, true, unparsable = Counter[str](), Counter[str](), 0, 0
    pairs: dict[str, list[bool]] = {NEW: [], KNOWN: []}
    for sentence, facts, new in known:
        parsed = parse_sentence(sentence)
        found = None if parsed is None else check(parsed, facts)
        unparsable += found is None
        true += found is not None and found.true
        pairs[NEW if new else KNOWN].append(found is not None and found.true)
        for slot, (good, of) in ({} if found is None else found.slots).items():
            right[slot] += good
            filled[slot] += of
    return Truth(
        len(known),
        true / len(known),
        unparsable / len(known),
        {slot: (right[slot], filled[slot]) for slot in SLOTS if filled[slot]},
        {name: (sum(of), len(of)) for name, of in pairs.items()} if pairs[NEW] else {},
    )
