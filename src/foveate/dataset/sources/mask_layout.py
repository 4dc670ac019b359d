"""Where pictures and masks lie in a folder: told by the folders' names, and which mask is which picture's.

- ``images/`` and ``masks/``, each perhaps with ``train/``, ``val/`` and ``test/`` inside;
- ``train/`` and so on, each with ``images/`` and ``masks/``;
- ``train/`` and ``trainannot/``, ``train_images/`` and ``train_masks/``, as CamVid has it;
- a folder a picture with ``images/`` and ``masks/`` inside, a mask an instance, as the Data Science Bowl's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from foveate.dataset.sources.folder import Walk
from foveate.dataset.sources.split_names import SPLIT_NAMES
from foveate.errors import DatasetError, listed
from foveate.images.read import is_image_name
from foveate.tasks.segmentation.mask_set import MaskFiles

# Names without signs between words, in small letters.
_PICTURES = frozenset(
    ("images", "image", "imgs", "img", "jpegimages", "pictures", "photos", "pics", "leftimg8bit")
)
_MASKS = frozenset(
    (
        *("masks", "mask", "labels", "label", "annotations", "annotation", "annots", "annot"),
        *("segmentationclass", "segmentationclassaug", "segmentationclasspng", "segmentations"),
        *("groundtruth", "gt", "gtfine"),
    )
)
_MASK_SIGN = re.compile(
    r"^(?:mask|gt|label)[-_]|[-_](?:masks?|labels?|l|gt|seg|segmentation|annotation)$", re.I
)
_PICTURE_SIGN = re.compile(r"^(?:image|img)[-_]|[-_](?:image|img|sat|rgb|leftimg8bit)$", re.I)
_LOOKED_INTO = 3  # folders of a data set of classes, which may hold many thousand pictures each
_DEEPEST = 4  # folders below one in which pictures are looked for
_SEPARATORS = re.compile(r"[\W_]+")


class Part(NamedTuple):
    """The folders of a split."""

    pictures: str
    masks: str


@dataclass
class Layout:
    """Where pictures and masks lie, by split; ``train`` where there are no splits.

    of_splits: the folders are named as splits, as CamVid's are (``trainannot``). voc: as VOC's are.
    by_picture: instead of two folders, one for each picture with its instances.
    """

    parts: dict[str, Part] = field(default_factory=dict)
    of_splits: bool = False
    voc: bool = False
    by_picture: dict[str, list[str]] = field(default_factory=dict)


def found_layout(walk: Walk) -> Layout | None:
    """How pictures and masks lie below a folder; None where there are no folders of such names."""
    folders, _ = walk.inside("")
    parts = _side_by_side(walk, folders)
    if parts:
        only = parts.get("train")
        voc = only is not None and _plain(only.masks).startswith("segmentationclass")
        return Layout(parts, voc=voc)
    inner = {
        split: _side_by_side(walk, walk.inside(folder)[0]).get("train")
        for folder in folders
        if (split := SPLIT_NAMES.get(_plain(folder)))
    }
    if parts := {split: part for split, part in inner.items() if part}:
        return Layout(parts)
    if parts := _by_split_names(walk, folders):
        return Layout(parts, of_splits=True)
    return _by_picture(walk, folders)


def _plain(folder: str) -> str:
    return _SEPARATORS.sub("", folder.rpartition("/")[2].casefold())


def _holds_pictures(walk: Walk, folder: str, deep: int = _DEEPEST) -> bool:
    """Whether there is a picture in a folder or below it, where links may lead round in circles."""
    folders, files = walk.inside(folder)
    if any(map(is_image_name, files)):
        return True
    return deep > 0 and any(_holds_pictures(walk, inner, deep - 1) for inner in folders[:_LOOKED_INTO])


def _one(walk: Walk, folders: Iterable[str], what: str) -> str | None:
    """The one of some folders that holds pictures. Raises DatasetError for several."""
    holding = [folder for folder in folders if _holds_pictures(walk, folder)]
    if len(holding) > 1:
        raise DatasetError(
            f"Data set {walk.root!r} has {listed(holding)}, each of which may hold the {what}; keep one of "
            "them there."
        )
    return holding[0] if holding else None


def _side_by_side(walk: Walk, folders: Sequence[str]) -> dict[str, Part]:
    """``images/`` beside ``masks/``, by the splits inside both."""
    picture_folders = [folder for folder in folders if _plain(folder) in _PICTURES]
    mask_folders = [folder for folder in folders if _plain(folder) in _MASKS]
    if not picture_folders or not mask_folders:
        return {}
    masks, pictures = _one(walk, mask_folders, "masks"), _one(walk, picture_folders, "pictures")
    if masks is None or pictures is None:
        return {}
    inner = [
        {
            SPLIT_NAMES[_plain(folder)]: folder
            for folder in walk.inside(which)[0]
            if _plain(folder) in SPLIT_NAMES
        }
        for which in (pictures, masks)
    ]
    if "train" in inner[0] and "train" in inner[1]:
        return {split: Part(inner[0][split], inner[1][split]) for split in inner[0] if split in inner[1]}
    return {"train": Part(pictures, masks)}


def _by_split_names(walk: Walk, folders: Sequence[str]) -> dict[str, Part]:
    """``train/`` beside ``trainannot/``, ``train_images/`` beside ``train_masks/``."""
    found: dict[str, dict[str, list[str]]] = {}
    for folder in folders:
        plain = _plain(folder)
        for word in sorted(SPLIT_NAMES, key=len, reverse=True):
            rest = plain.removeprefix(word) if plain.startswith(word) else plain.removesuffix(word)
            if rest != plain:
                what = "masks" if rest in _MASKS else "pictures" if not rest or rest in _PICTURES else None
                if what:
                    found.setdefault(SPLIT_NAMES[word], {}).setdefault(what, []).append(folder)
                break
    parts = {}
    for split, sides in found.items():
        if len(sides) < 2:
            continue  # train/ alone is of another form
        masks, pictures = (_one(walk, sides[what], what) for what in ("masks", "pictures"))
        if masks is not None and pictures is not None:
            parts[split] = Part(pictures, masks)
    return parts


def _by_picture(walk: Walk, folders: Sequence[str]) -> Layout | None:
    """A folder a picture with ``images/`` and ``masks/``, perhaps by split."""
    by_split = {split: folder for folder in folders if (split := SPLIT_NAMES.get(_plain(folder)))}
    groups = {split: walk.inside(folder)[0] for split, folder in by_split.items()} or {"train": list(folders)}
    if not any(_sides(walk, folder) for of in groups.values() for folder in of[:_LOOKED_INTO]):
        return None
    both = {split: [one for one in of if _sides(walk, one)] for split, of in groups.items()}
    both = {split: of for split, of in both.items() if of}
    folders_in_all = [folder for of in both.values() for folder in of]
    if len(folders_in_all) < 2 or not any(len(_pictures(walk, folder)) == 1 for folder in folders_in_all):
        return None
    return Layout(by_picture=both)


def _sides(walk: Walk, folder: str) -> tuple[str, str] | None:
    """The folders of pictures and of masks inside one."""
    inner = {_plain(one): one for one in walk.inside(folder)[0]}
    pictures = [inner[name] for name in inner if name in _PICTURES]
    masks = [inner[name] for name in inner if name in _MASKS]
    return (pictures[0], masks[0]) if pictures and masks else None


def _pictures(walk: Walk, folder: str) -> list[str]:
    sides = _sides(walk, folder)
    return [file for file in walk.inside(sides[0])[1] if is_image_name(file)] if sides else []


def instance_files(walk: Walk, folder: str) -> MaskFiles:
    """The picture of such a folder, and its masks. Raises DatasetError for several pictures."""
    pictures, sides = _pictures(walk, folder), _sides(walk, folder)
    if len(pictures) != 1 or sides is None:
        raise DatasetError(
            f"{walk.path(folder)!r} holds {len(pictures)} pictures; beside a folder of masks, one an "
            "instance, there is one picture."
        )
    masks = tuple(file for file in walk.inside(sides[1])[1] if is_image_name(file))
    return MaskFiles(pictures[0], masks, sides[1], several=True)


class Paired(NamedTuple):
    """files: of each picture. matched: masks of a picture. alone: masks of none. twice: a picture with more
    masks than one, and those.
    """

    files: list[MaskFiles]
    matched: int
    alone: list[str]
    twice: Sequence[str] = ()


def paired(walk: Walk, part: Part) -> Paired:
    """The masks of a split's pictures, by the names without what says that one is a mask (``_mask``, ``_L``).

    A folder of a picture's name holds one mask an instance. Raises DatasetError for a picture with two masks.
    """
    pictures, masks = walk.pictures(part.pictures), walk.pictures(part.masks)
    stems = {_stem(file, part.pictures): file for file in pictures}
    folders: dict[str, list[str]] = {}
    for mask in masks:
        folders.setdefault(_stem(mask, part.masks).rpartition("/")[0], []).append(mask)
    if masks and not folders.get("") and all(name in stems for name in folders):
        return _instances(part, stems, folders)
    best: Paired | None = None
    for plain_pictures, plain_masks in product((True, False), repeat=2):
        by_stem: dict[str, list[str]] = {}
        for mask in masks:
            by_stem.setdefault(_bare(_stem(mask, part.masks), _MASK_SIGN, plain_masks), []).append(mask)
        found = _matched(part, pictures, by_stem, plain_pictures)
        if best is None or found.matched > best.matched:
            best = found
    if best is not None and best.twice:
        picture, *several = best.twice
        raise DatasetError(
            f"Data set {walk.root!r} has {len(several)} masks for {picture!r}: {listed(several)}; keep one, "
            f"or put masks of instances into a folder of the picture's name in {part.masks}/."
        )
    return best if best is not None else Paired([], 0, [])


def _matched(
    part: Part, pictures: Sequence[str], by_stem: Mapping[str, Sequence[str]], plain: bool
) -> Paired:
    files: list[MaskFiles] = []
    used: set[str] = set()
    twice: list[str] = []
    for picture in pictures:
        stem = _bare(_stem(picture, part.pictures), _PICTURE_SIGN, plain)
        masks = by_stem.get(stem, ())
        if len(masks) > 1 and not twice:
            twice = [picture, *masks]
        used.update(masks)
        files.append(MaskFiles(picture, tuple(masks), masks[0] if masks else f"{part.masks}/{stem}.png"))
    alone = [mask for of in by_stem.values() for mask in of if mask not in used]
    return Paired(files, len(used), alone, twice)


def _instances(part: Part, stems: Mapping[str, str], folders: Mapping[str, list[str]]) -> Paired:
    files = [
        MaskFiles(picture, tuple(folders.get(stem, ())), f"{part.masks}/{stem}", several=True)
        for stem, picture in stems.items()
    ]
    return Paired(files, len(folders), [])


def _stem(file: str, folder: str) -> str:
    """A file's name from its folder on, without its suffix."""
    return file.removeprefix(f"{folder}/").rpartition(".")[0]


def _bare(stem: str, sign: re.Pattern[str], plain: bool) -> str:
    place, slash, name = stem.rpartition("/")
    return stem if plain else place + slash + sign.sub("", name)
