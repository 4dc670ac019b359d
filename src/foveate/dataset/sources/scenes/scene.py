"""One scene: objects on a background, and the whole truth of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from foveate.dataset.sources.scenes.backgrounds import background
from foveate.dataset.sources.scenes.colours import behind, shades, visible_on
from foveate.dataset.sources.scenes.objects import SOLID, Drawn, Kind, Placed
from foveate.dataset.sources.scenes.sentence import facts, sentences
from foveate.tasks.captioning.scene import SceneFacts

FEWEST, MOST = 2, 5  # objects of a scene
SCALES = (0.2, 0.5)  # the longer side of an object, as a share of the picture's
SMALLEST_PX = 16  # of the longer side: below, nobody can tell a boot from a sneaker
VISIBLE = 0.6  # of every object at least this share is to be seen
USUAL_SENTENCES = 5  # of a picture, as Flickr8k and COCO have them
_PLACES = 12  # tries to find an object a place
_SHADOW = 0.35  # how much light a shadow takes


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and its truth of four kinds: mask, boxes (of the objects), sentences, and what stands before
    what.
    """

    picture: NDArray[np.uint8]  # (H, W, 3) RGB
    mask: NDArray[np.uint8]  # (H, W) class numbers of what can be seen
    objects: tuple[Placed, ...]  # from the hindmost to the foremost
    sentences: tuple[str, ...]
    facts: SceneFacts  # all that a sentence may say of it

    @property
    def sentence(self) -> str:
        """The first, which tells of the largest object."""
        return self.sentences[0]


class Rules(NamedTuple):
    """sentences: of a picture at most. number: they tell how many objects there are. held_out: pairs of
    colour and class that training pictures do not have; barred: whether this picture may not have them
    either.
    """

    sentences: int = USUAL_SENTENCES
    number: bool = False
    held_out: frozenset[tuple[str, str]] = frozenset()
    barred: bool = False


PLAIN = Rules()


def scene(rng: np.random.Generator, kind: Kind, size: int, rules: Rules = PLAIN) -> Scene:
    """Draw a scene of ``size`` x ``size`` pixels: two to five objects, each in a colour of its own.

    No object is cut off by the border, and at least three fifths of each can be seen.
    """
    colours = behind(rng)
    names = visible_on(colours)
    count = int(rng.integers(FEWEST, MOST + 1))
    canvas = _Canvas(background(rng, size, colours), rng)
    chosen = rng.permutation(names)[:count]
    while len(canvas.things) < FEWEST:  # again, if two large ones found no place beside each other
        for colour in chosen[len(canvas.things) :]:
            number = int(rng.integers(len(kind.classes)))
            while rules.barred and (str(colour), kind.classes[number]) in rules.held_out:
                number = int(rng.integers(len(kind.classes)))
            drawn = kind.draw(rng, number, _longest(rng, size))
            if (place := canvas.place_for(rng, drawn.coverage)) is not None:
                canvas.put(_Thing(number, str(colour), drawn, *place), shades(rng, str(colour)))
    objects = canvas.objects(kind.classes)
    numbers = np.array([0, *(one.number for one in objects)], np.uint8)
    (own,) = rng.spawn(1)  # so that the next scene is the same however many sentences there are
    told = sentences(objects, own, rules.sentences, number=rules.number)
    return Scene(canvas.picture, numbers[canvas.owner], objects, told, facts(objects, rules.held_out))


def _longest(rng: np.random.Generator, size: int) -> int:
    low, high = (share * size for share in SCALES)
    return round(rng.uniform(max(low, SMALLEST_PX), high))


class _Thing(NamedTuple):
    number: int
    colour: str
    drawn: Drawn
    left: int
    top: int


class _Canvas:
    """A picture in the making, and to which object each of its pixels belongs (0: to none)."""

    def __init__(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> None:
        self.picture = picture
        self.owner = np.zeros(picture.shape[:2], np.intp)
        self.things: list[_Thing] = []
        self._whole = [0]  # pixels of each object, as if nothing stood before it
        side = len(picture)
        self._blur = max(1.0, 0.014 * side)
        self._fall = (round(0.02 * side * rng.choice((-1, 1))), max(1, round(0.02 * side)))

    def place_for(self, rng: np.random.Generator, coverage: NDArray[np.uint8]) -> tuple[int, int] | None:
        """Left and top of a place where enough is still seen of those behind; None where none was found."""
        side, (height, width) = len(self.picture), coverage.shape
        seen = np.bincount(self.owner.ravel(), minlength=len(self._whole))
        for _ in range(_PLACES):
            left, top = (int(rng.integers(0, side - extent + 1)) for extent in (width, height))
            under = self.owner[top : top + height, left : left + width][coverage >= SOLID]
            left_over = seen - np.bincount(under, minlength=len(seen))
            if (left_over[1:] >= VISIBLE * np.array(self._whole[1:])).all():
                return left, top
        return None

    def put(self, thing: _Thing, colours: NDArray[np.uint8]) -> None:
        """Put an object before all others. colours: uint8 ``(256, 3)``, by light."""
        coverage, light = thing.drawn.coverage, thing.drawn.light
        height, width = coverage.shape
        self._shade(coverage, thing.left, thing.top)
        window = np.s_[thing.top : thing.top + height, thing.left : thing.left + width]
        share = coverage[..., None].astype(np.uint16)  # (h, w, 1)
        mixed = self.picture[window] * (255 - share) + colours[light] * share + 127
        self.picture[window] = (mixed // 255).astype(np.uint8)
        self.things.append(thing)
        solid = coverage >= SOLID
        self.owner[window][solid] = len(self.things)
        self._whole.append(int(np.count_nonzero(solid)))

    def _shade(self, coverage: NDArray[np.uint8], left: int, top: int) -> None:
        """The soft shadow of an object on all that is there."""
        margin = int(2 * self._blur) + 1
        soft = Image.fromarray(np.pad(coverage, margin)).filter(ImageFilter.GaussianBlur(self._blur))
        whole = Image.new("L", self.picture.shape[1::-1])
        whole.paste(soft, (left - margin + self._fall[0], top - margin + self._fall[1]))
        x1, y1, x2, y2 = whole.getbbox() or (0, 0, 0, 0)
        window = self.picture[y1:y2, x1:x2]
        dark = np.asarray(whole)[y1:y2, x1:x2, None] * np.float32(_SHADOW / 255)
        window[...] = np.rint(window * (1 - dark))

    def objects(self, classes: tuple[str, ...]) -> tuple[Placed, ...]:
        return tuple(
            Placed(
                name=classes[thing.number],
                number=thing.number + 1,
                colour=thing.colour,
                coverage=thing.drawn.coverage,
                left=thing.left,
                top=thing.top,
                visible=self.owner == place,
                source=thing.drawn.source,
            )
            for place, thing in enumerate(self.things, start=1)
        )
