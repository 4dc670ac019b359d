"""The README.md that lies in a folder of scenes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Protocol

from foveate.dataset.sources import known
from foveate.dataset.sources.scenes.colours import COLOURS
from foveate.dataset.sources.scenes.kinds import GARMENTS_OF
from foveate.dataset.sources.scenes.scene import USUAL_SENTENCES
from foveate.dataset.sources.scenes.sentence import vocabulary

_GARMENTS = """
The garments are those of {title} ({page}, {licence} licence,
© 2017 Zalando SE), cut out by their own outline, scaled, turned by up to 15°, mirrored and tinted. Its
classes "Shirt" and "Coat" are left out, because at these sizes nobody can tell them from T-shirts (here:
shirt) and pullovers; so are garments that are too dark for their outline to be seen. Test scenes have
garments of its test pictures; train and validation scenes have different ones of its training pictures. No
garment is in two splits. `attributes.source` in the JSON says which picture each is.
"""
_HELD_OUT = """
{pairs} pairs of a colour and a class, which `scenes.json` lists, are in test pictures alone: a network that
names them has put together what it learnt apart.
"""
_TEXT = """\
# Scenes: {kind}

{total} drawn pictures of {size} x {size} pixels ({train} train, {val} val, {test} test). In each, two to
five objects stand on a background, some behind others, and the whole truth is known.

- `train/images/00000.png`: a picture, RGB; `val/` and `test/` are like `train/`
- `train/masks/00000.png`: the class of each of its pixels, as an indexed PNG with Pascal VOC's palette
- `classes.csv`: the classes by number, from 0, the background; with their colours in that palette
- `train/annotations.json`: COCO's JSON: of each object, from the hindmost to the foremost, the class, and of
  what can be seen of it the box, the area and the run lengths; `attributes.colour`
- `captions.csv`: a row for each sentence, up to {sentences} of a picture; `scene` holds all that one may
  truly say of it
- `scenes.json`: how all this was made

A file that names others names them as seen from where it lies. A pixel belongs to the foremost object that
covers half of it or more; masks, boxes, areas and run lengths agree to the pixel, and shadows are
background. Three fifths of every object can be seen, at least, and no two of a picture have one colour.
Classes: {classes}.

The first sentence of a picture tells of the largest object, as seen, and how it stands to the next in size of
which that can be said clearly; others, if there are any, tell so of other pairs. They have these
{vocabulary_size} words at most: {vocabulary}.
{held_out}{source}
Made by foveate {version}:

    foveate data make scenes --kind {kind} --count {total} --size {size} --seed {seed}{flags}

With the same versions of foveate, NumPy and Pillow this gives the same files again.
"""


class Settings(Protocol):
    """What of the settings the text tells."""

    @property
    def size(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def sentences(self) -> int: ...
    @property
    def number(self) -> bool: ...
    @property
    def hold_out(self) -> int: ...


def readme(kind: str, classes: Sequence[str], settings: Settings, counts: Mapping[str, int]) -> str:
    """What the data set is, how it was made, and under which terms."""
    source = ""
    if kind == "garments":
        origin = known.describe(GARMENTS_OF)
        source = _GARMENTS.format(title=origin.title, page=origin.page, licence=origin.licence)
    words = vocabulary(classes, list(COLOURS), number=settings.number)
    flags = f" --sentences {settings.sentences}" * (settings.sentences != USUAL_SENTENCES)
    flags += " --number" * settings.number + f" --hold-out {settings.hold_out}" * (settings.hold_out > 0)
    held_out = _HELD_OUT.format(pairs=settings.hold_out) if settings.hold_out else ""
    return _TEXT.format(
        kind=kind,
        size=settings.size,
        seed=settings.seed,
        flags=flags,
        sentences=settings.sentences,
        held_out=held_out,
        total=sum(counts.values()),
        **counts,
        classes=", ".join(classes),
        vocabulary=", ".join(words),
        vocabulary_size=len(words),
        source=source,
        version=version("foveate"),
    )
