"""The mask files of a data set -> masks of one labelling: what their numbers and colours mean.

Where a table names the classes, it decides. Without one all masks are looked through: 0 and 255 alone are
background and foreground, other numbers are classes of those numbers, and colours are refused.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from foveate.errors import DatasetError, ImageError, listed
from foveate.tasks.segmentation.colours import VOC, VOC_VOID, ClassTable, code
from foveate.tasks.segmentation.legend import Legend, coded, is_grey, legend_of, lossy_mask
from foveate.tasks.segmentation.mask_files import FileMask, InstanceMask, NoMask, stored_mask
from foveate.tasks.segmentation.masks import Colour, Mask
from foveate.tasks.segmentation.names import IGNORED
from foveate.words import setting, share

PEEKED = 20  # masks that tell how the palette is to be read, and the classes' colours
MOST_UNNAMED = 64  # different numbers that nobody names; more is a picture, or smoothed
MOST_EDGES = 0.01  # of all pixels may be between 0 and 255 where those two are the classes
_BINARY = ("background", "foreground")
_WHITE = 255
_THREADS = 2


class MaskFiles(NamedTuple):
    """A picture's file and those of its mask, relative to a folder: one, none, or one an instance.

    called: what the mask is called, or would be if it were there. several: whether there is one an instance.
    """

    picture: str
    masks: tuple[str, ...]
    called: str
    several: bool = False


class _Occurring(NamedTuple):
    """What one mask has: pixels of each number, or of each colour, and the palette's colours of numbers."""

    numbers: Mapping[int, int]
    colours: Mapping[int, int]
    palette: Mapping[int, int]
    lossy: str = ""  # its form, where that does not keep what was saved


@dataclass
class _Survey:
    """What occurs in several masks.

    disagree: two palettes have other colours for one number. indexed: masks with a palette and more than one
    number.
    """

    numbers: Counter[int] = field(default_factory=Counter)
    colours: Counter[int] = field(default_factory=Counter)
    palette: dict[int, int] = field(default_factory=dict)
    disagree: bool = False
    indexed: int = 0
    first_in_colour: str = ""

    def add(self, name: str, found: _Occurring) -> None:
        self.numbers.update(found.numbers)
        self.colours.update(found.colours)
        if found.colours and not self.first_in_colour:
            self.first_in_colour = name
        self.indexed += len(found.palette) > 1
        for number, colour in found.palette.items():
            self.disagree |= self.palette.setdefault(number, colour) != colour

    @property
    def total(self) -> int:
        return sum(self.numbers.values())


def _occurring(path: str, name: str) -> _Occurring | None:
    """None of a mask that cannot be read, which the scan names."""
    try:
        found = stored_mask(path, name)
    except ImageError:
        return None
    samples = found.samples
    if found.lossy:
        return _Occurring({}, {}, {}, found.form)
    if samples.ndim == 3:
        if not is_grey(samples):
            return _Occurring({}, _counted(coded(samples)), {})
        samples = samples[..., 0]
    numbers = _counted(samples)
    if found.palette is None:
        return _Occurring(numbers, {}, {})
    colours = dict(enumerate(coded(found.palette).tolist()))
    return _Occurring(numbers, {}, {number: colours.get(number, -1) for number in numbers})


def _counted(samples: NDArray[Any]) -> dict[int, int]:
    values, counts = np.unique(samples, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def masks_of_files(
    root: str,
    files: Mapping[str, Sequence[MaskFiles]],
    table: ClassTable | None,
    ignore: Sequence[str] = (),
    *,
    called: str,
    void: Sequence[str] = (),
    voc: bool = False,
) -> tuple[dict[str, list[Mask]], list[str]]:
    """Masks of one labelling for the pictures of each split, and what is to be said of how they are read.

    root: the folder that names are relative to. called: what errors call the data. ignore: classes and
    numbers whose pixels are left out; void: such names where the format is known for them. voc: the masks are
    laid out as VOC's are: without a table they have its classes.

    Raises DatasetError where nobody can tell what the numbers or colours mean.
    """
    notes: list[str] = []
    all_files = [one for of in files.values() for one in of]
    if any(one.several for one in all_files):
        legend, notes = _of_instances(table, ignore, called)
    else:
        legend, notes = _of_single(root, all_files, table, ignore, called=called, void=void, voc=voc)
    return {split: [_mask(root, one, legend) for one in of] for split, of in files.items()}, notes


def _mask(root: str, files: MaskFiles, legend: Legend) -> Mask:
    if not files.masks:
        return NoMask(files.called, legend.labelling)
    picture, *paths = (os.path.join(root, name) for name in (files.picture, *files.masks))  # noqa: PTH118
    if files.several:
        return InstanceMask(tuple(paths), files.called, legend, picture)
    return FileMask(paths[0], files.called, legend, picture)


def _of_instances(table: ClassTable | None, ignore: Sequence[str], called: str) -> tuple[Legend, list[str]]:
    note = "There is one mask an instance; those of a picture are merged: what is not 0 in any is the second "
    if table is None:
        table, note = _binary(), note + "class, foreground."
    elif len(table.names) == 2:
        table, note = _black_and_white(table), note + f"class of {table.source}, {table.names[1]!r}."
    else:
        raise DatasetError(
            f"{called} has one mask an instance, which tells two classes apart, and {table.source} lists "
            f"{len(table.names)}: draw one mask a picture, with a number for each class."
        )
    return legend_of(table, ignore), [note]


def _of_single(
    root: str,
    files: Sequence[MaskFiles],
    table: ClassTable | None,
    ignore: Sequence[str],
    *,
    called: str,
    void: Sequence[str],
    voc: bool,
) -> tuple[Legend, list[str]]:
    notes: list[str] = []
    if voc:
        table, ignore, notes = _as_voc(table, ignore)
    rows = np.unique(np.linspace(0, len(files) - 1, PEEKED).astype(int))
    survey = _surveyed(root, [files[row] for row in rows], whole=table is None)
    # Without a table all are looked at, unless some are in colour, which is refused. With one only two
    # classes need a look at all: they may stand as 0 and 1, or as 0 and 255.
    enough = bool(survey.colours) if table is None else len(table.names) != 2
    if not enough:
        survey = _surveyed(root, files, whole=table is None)
    if table is None:
        return _unnamed(survey, ignore, called)
    by_palette = _read_by_palette(survey, table)
    if by_palette:
        notes.append(
            f"Indexed masks are read by their colours, which are those of {table.source}, and not by their "
            "numbers."
        )
    elif survey.disagree:
        notes.append("The palettes of indexed masks differ: their numbers are taken, not their colours.")
    two = table.numbers == (0, 1) and not table.colours and str(_WHITE) not in ignore
    if two and set(survey.numbers) == {0, _WHITE}:
        table = _black_and_white(table)
        notes.append(f"0 and 255 in masks are the two classes of {table.source}: {listed(table.names)}.")
    elif not by_palette and (greys := _read_by_greys(survey, table)):
        table = table._replace(numbers=greys)
        notes.append(f"Grey masks are read by the greys of {table.source}, and not by its numbers.")
    legend = legend_of(table, ignore, void=void, by_palette=by_palette)
    if taken := [name for name in void if name in table.names and name not in ignore]:
        notes.append(f"{listed(taken)} is ignored, as it is in this format.")
    elif likely := [name for name in table.names if name.casefold() in _VOID_WORDS and name not in ignore]:
        notes.append(f"{likely[0]!r} is a class here; {setting('ignore', likely[0])} leaves its pixels out.")
    if voc and legend.colours:
        legend = replace(legend, colours={code(VOC_VOID): IGNORED, **legend.colours})
    return _coloured(legend, survey), notes


def _as_voc(table: ClassTable | None, ignore: Sequence[str]) -> tuple[ClassTable, Sequence[str], list[str]]:
    """What VOC's masks have where nothing else is said: its classes, and outlines that are ignored."""
    notes = []
    if table is None:
        table = VOC
        notes.append(
            "The folders are named as VOC's are and list no classes: its 21 are taken. A classes.txt beside "
            "them would name others."
        )
    if _WHITE not in table.numbers:
        ignore = tuple(dict.fromkeys((*ignore, str(_WHITE))))
        notes.append("255, the outlines in VOC's masks, is ignored.")
    return table, ignore, notes


_VOID_WORDS = frozenset(("void", "ignore", "ignored", "unlabeled", "unlabelled"))


def _read_by_palette(survey: _Survey, table: ClassTable) -> bool:
    """Whether indexed masks have the table's colours in their palettes, and under other numbers than its."""
    numbers = dict(zip(map(code, table.colours), table.numbers, strict=False))
    if not survey.indexed or not set(survey.palette.values()) <= numbers.keys():
        return False
    return survey.disagree or any(numbers[rgb] != number for number, rgb in survey.palette.items())


def _read_by_greys(survey: _Survey, table: ClassTable) -> tuple[int, ...]:
    """The table's colours as numbers, where all are grey and masks have these, and not its numbers alone."""
    greys = tuple(red for red, green, blue in table.colours if red == green == blue)
    found = survey.numbers.keys()
    return greys if len(greys) == len(table.names) and found <= {*greys} and found - table.numbers else ()


def _black_and_white(table: ClassTable) -> ClassTable:
    """A table of two classes as 0 and 255."""
    return table._replace(numbers=(0, _WHITE))


def _binary() -> ClassTable:
    return ClassTable("the masks", _BINARY, (0, _WHITE))


def _surveyed(root: str, files: Sequence[MaskFiles], *, whole: bool) -> _Survey:
    """What occurs in masks. Those that cannot be read are left out, for the scan names them.

    whole: these are all masks, of which nobody else says what they mean. Raises MisreadMaskError then.
    """
    survey = _Survey()
    present = [(os.path.join(root, one.masks[0]), one.called) for one in files if one.masks]  # noqa: PTH118
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="masks") as pool:
        for (_, name), found in zip(present, pool.map(lambda one: _occurring(*one), present), strict=True):
            if found is not None and found.lossy and whole:
                raise lossy_mask(name, found.lossy)
            if found is not None:
                survey.add(name, found)
    return survey


def _unnamed(survey: _Survey, ignore: Sequence[str], called: str) -> tuple[Legend, list[str]]:
    """The meaning of numbers that no table names."""
    if survey.colours:
        raise _colours_without_table(survey, called)
    words = [text for text in ignore if not (text.isascii() and text.isdigit())]
    left_out = {int(text) for text in ignore if text not in words}
    numbers = sorted(set(survey.numbers) - left_out)
    between = sum(survey.numbers[number] for number in numbers if number not in (0, _WHITE))
    if _WHITE in numbers and between <= MOST_EDGES * survey.total:
        note = (
            "0 and 255 in masks are read as background and foreground; a classes.txt of two lines names them."
        )
        return replace(legend_of(_binary(), ignore), edges=True), [note]
    if len(numbers) > MOST_UNNAMED or (_WHITE in numbers and len(numbers) > 2 and between > 0):
        raise _unclear(survey, numbers, between, called)
    table = ClassTable("the masks", tuple(f"class {number}" for number in numbers), tuple(numbers))
    if not numbers:
        raise DatasetError(f"{called} has no mask that can be read and shows a class.")
    note = (
        f"Nobody names the classes; they are called by their numbers, {listed(table.names)}: a classes.txt "
        "beside the masks, a name a line from 0 on, names them."
    )
    return _coloured(legend_of(table, ignore), survey), [note]


def _unclear(survey: _Survey, numbers: Sequence[int], between: int, called: str) -> DatasetError:
    if len(numbers) > MOST_UNNAMED:
        return DatasetError(
            f"{called} has masks with {len(numbers)} different numbers, {share(between / survey.total)} of "
            "the pixels between 0 and 255: a mask has one number a class; were they smoothed, by resizing or "
            "as JPEG? If they are classes, name them in a classes.txt."
        )
    few = [number for number in numbers if number != _WHITE]
    return DatasetError(
        f"{called} has masks with the numbers {few[0]} to {few[-1]}, and 255: if 255 marks what is to be "
        f"left out, say {setting('ignore', '255')}; if it is a class, name all in classes.csv (name,number)."
    )


def _colours_without_table(survey: _Survey, called: str) -> DatasetError:
    total = survey.colours.total()
    frequent = ", ".join(
        f"({rgb >> 16}, {rgb >> 8 & 255}, {rgb & 255}) {share(count / total)}"
        for rgb, count in survey.colours.most_common(3)
    )
    return DatasetError(
        f"{called} has masks in colour ({survey.first_in_colour!r}), and nothing says which colour is which "
        f"class: put a classes.csv with the columns name,r,g,b beside them. Most frequent are {frequent}."
    )


def _coloured(legend: Legend, survey: _Survey) -> Legend:
    """The legend with the palettes' colours, where it has none and they agree."""
    labelling = legend.labelling
    if labelling.colours or survey.disagree or not survey.palette:
        return legend
    by_place = {place: survey.palette.get(number, -1) for number, place in legend.numbers.items()}
    colours = [by_place.get(place, -1) for place in range(len(labelling.classes))]
    if min(colours) < 0 or len(set(colours)) < len(colours):
        return legend
    found: tuple[Colour, ...] = tuple((rgb >> 16, rgb >> 8 & 255, rgb & 255) for rgb in colours)
    return replace(legend, labelling=labelling._replace(colours=found))
