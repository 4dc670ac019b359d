"""What the samples of mask files mean: numbers and colours -> places among the classes of a data set."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, listed
from foveate.images.stored import Stored
from foveate.tasks.segmentation.colours import ClassTable, code, nearest
from foveate.tasks.segmentation.masks import Colour, Labelling, Look, MisreadMaskError, Oddity
from foveate.tasks.segmentation.names import IGNORED
from foveate.words import plural, setting

STRAY = "mask-stray"  # pixels of no class, as smoothed edges have
_AT_ONCE = 1 << 18  # pixels that are looked up together
_NAMED = 3  # colours and numbers in a sentence

Samples = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Legend:
    """The meaning of samples, one for all masks of a data set.

    numbers: what each number in a grey or indexed file is, a place in the labelling's classes or IGNORED.
    colours: likewise of 0xRRGGBB. by_palette: an indexed file is read by its colours, not by its numbers.
    edges: other numbers are smoothed edges between the classes rather than classes that were forgotten.
    """

    labelling: Labelling
    source: str
    numbers: Mapping[int, int]
    colours: Mapping[int, int] = field(default_factory=dict)
    by_palette: bool = False
    edges: bool = False

    @property
    def names(self) -> dict[Colour, str]:
        """What each colour is called."""
        named = dict(enumerate(self.labelling.classes))
        return {
            (rgb >> 16, rgb >> 8 & 255, rgb & 255): named.get(place, self.labelling.ignored)
            for rgb, place in self.colours.items()
        }

    def read(self, stored: Stored, name: str) -> Look:
        """The classes of a file's pixels, (H, W). Raises MisreadMaskError, naming the file."""
        if stored.lossy:
            raise lossy_mask(name, stored.form)
        samples, by_colour = self._meant(stored, name)
        pixels, known = self._looked_up(samples, by_colour)
        if known.all():
            return Look(pixels)
        unknown = samples[~known]
        others, counts = np.unique(coded(unknown) if unknown.ndim == 2 else unknown, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:_NAMED]
        if not by_colour and not self.edges:
            raise self._beyond(others[np.sort(order)], int(counts.sum()), name)
        what = self._told(others[order].tolist(), by_colour)
        return Look(pixels, (Oddity(STRAY, int(counts.sum()), what),))

    def _meant(self, stored: Stored, name: str) -> tuple[Samples, bool]:
        """The samples that are looked up, (H, W) or (H, W, 3), and whether they are colours."""
        samples = stored.samples
        if samples.ndim == 2:
            if not self.by_palette or stored.palette is None:
                return samples, False
            colours = np.full(256, -1, np.int32)  # of a number that the palette has not
            colours[: len(stored.palette)] = coded(stored.palette)
            return colours[samples], True
        if self.colours:
            return samples, True
        if not is_grey(samples):
            raise MisreadMaskError(
                "mask-colour",
                f"Mask {name!r} is in colour, and no table says which colour is which class: put a "
                "classes.csv with the columns name,r,g,b beside the masks.",
            )
        return samples[..., 0], False

    def _looked_up(self, samples: Samples, by_colour: bool) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """(H, W) the place of each sample, IGNORED for none, and whether it has a meaning."""
        if samples.dtype == np.uint8 and not by_colour:
            places, known = self._bytes
            return places[samples], known[samples]
        keys, values = self._sorted_colours if by_colour else self._sorted_numbers
        height, width = samples.shape[:2]
        pixels, found = np.empty((height, width), np.uint8), np.empty((height, width), bool)
        step = max(_AT_ONCE // width, 1)
        for top in range(0, height, step):  # a photograph's worth of 64-bit numbers would be hundreds of MB
            rows = slice(top, top + step)
            wanted = coded(samples[rows]) if samples.ndim == 3 else samples[rows]
            at = np.searchsorted(keys, wanted).clip(0, len(keys) - 1)
            found[rows] = keys[at] == wanted
            pixels[rows] = np.where(found[rows], values[at], np.uint8(IGNORED))
        return pixels, found

    def _beyond(self, numbers: Samples, count: int, name: str) -> MisreadMaskError:
        shown = ", ".join(map(str, numbers.tolist()))
        known = sorted(self.numbers)
        hint = ""
        if 255 in numbers:
            hint = f" If 255 marks what is to be left out, say {setting('ignore', '255')}."
        elif len(numbers) == 1 and numbers[0] == known[-1] + 1 and 0 in self.numbers:
            hint = " Is the background, 0, missing in the list?"
        return MisreadMaskError(
            "mask-number",
            f"Mask {name!r} has {shown} in {plural(count, 'pixel')}, and {self.source} goes from {known[0]} "
            f"to {known[-1]}: name the class, or leave its pixels out with {setting('ignore', 'NUMBER')}."
            + hint,
        )

    def _told(self, values: Sequence[int], by_colour: bool) -> str:
        if not by_colour:
            return ", ".join(map(str, values))
        colours = [(value >> 16, value >> 8 & 255, value & 255) for value in values]
        return ", ".join(f"{colour}, nearest to {nearest(colour, self.names)!r}" for colour in colours)

    @cached_property
    def _bytes(self) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """What each number of 8 bits means, (256,), and whether it means anything."""
        places, known = np.full(256, IGNORED, np.uint8), np.zeros(256, bool)
        for number, place in self.numbers.items():
            if number < 256:
                places[number], known[number] = place, True
        return places, known

    @cached_property
    def _sorted_numbers(self) -> tuple[Samples, NDArray[np.uint8]]:
        return _by_key(self.numbers)

    @cached_property
    def _sorted_colours(self) -> tuple[Samples, NDArray[np.uint8]]:
        return _by_key(self.colours)


def _by_key(table: Mapping[int, int]) -> tuple[Samples, NDArray[np.uint8]]:
    keys = np.array(sorted(table), np.int64)
    return keys, np.array([table[key] for key in keys.tolist()], np.uint8)


def lossy_mask(name: str, form: str) -> MisreadMaskError:
    """The refusal of a mask that was saved in a form for photographs."""
    return MisreadMaskError(
        "mask-lossy",
        f"Mask {name!r} is a {form} file, whose compression changes the numbers, at edges most of all: save "
        "the masks as PNG from what they were made of.",
    )


def legend_of(
    table: ClassTable, ignore: Sequence[str], *, void: Sequence[str] = (), by_palette: bool = False
) -> Legend:
    """The meaning of samples by a table of classes.

    ignore: classes by name or number, and numbers that are no class, whose pixels are left out. void: names
    among the table's that are left out likewise. Raises DatasetError for a name that is not in the table.
    """
    chosen = [*ignore, *(name for name in void if name in table.names)]
    left_out = {place for text in chosen if (place := _place(text, table)) is not None}
    kept = [place for place in range(len(table.names)) if place not in left_out]
    if not kept:
        raise DatasetError(f"{setting('ignore')} leaves no class of {table.source}; leave some of it out.")
    numbers = {table.numbers[place]: number for number, place in enumerate(kept)}
    numbers |= {table.numbers[place]: IGNORED for place in left_out}
    numbers |= {int(text): IGNORED for text in ignore if _place(text, table) is None}
    colours = {code(table.colours[place]): number for number, place in enumerate(kept) if table.colours}
    colours |= {code(table.colours[place]): IGNORED for place in left_out if table.colours}
    labelling = Labelling(
        tuple(table.names[place] for place in kept),
        tuple(table.colours[place] for place in kept if table.colours),
        ", ".join(dict.fromkeys(chosen)),
    )
    return Legend(labelling, table.source, numbers, colours, by_palette)


def _place(text: str, table: ClassTable) -> int | None:
    """Which class of the table is meant; None for a number that is none. Raises DatasetError."""
    if text in table.names:
        return table.names.index(text)
    folded = [name.casefold() for name in table.names]
    if folded.count(text.strip().casefold()) == 1:
        return folded.index(text.strip().casefold())
    if text.isascii() and text.isdigit():
        return table.numbers.index(int(text)) if int(text) in table.numbers else None
    close = difflib.get_close_matches(text, table.names, n=3, cutoff=0.4)
    hint = f"did you mean {listed(close)}?" if close else f"there are {listed(table.names)}."
    raise DatasetError(f"{setting('ignore', text)}: there is no class {text!r} in {table.source}; {hint}")


def is_grey(samples: Samples) -> bool:
    """Whether (H, W, 3) has equal channels everywhere."""
    return bool((samples == samples[..., :1]).all())


def coded(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(..., 3) -> (...) 0xRRGGBB."""
    wide = colours.astype(np.int32)
    found: NDArray[np.int32] = wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2]
    return found
