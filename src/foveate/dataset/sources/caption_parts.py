"""What the readers of sentences share: pictures by split with what is said of them, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from foveate.dataset.samples import SPLITS
from foveate.dataset.sources.annotations import Lookup
from foveate.dataset.sources.split_names import split_of
from foveate.errors import DatasetError, InputError
from foveate.strict_json import short
from foveate.tasks.captioning.reading import CAPTION, GROUP, SCENE, PictureSentences, parsed

CAPTIONING = "captioning"  # the task whose answers sentences are
_REST = "restval"  # Karpathy's validation pictures that are learnt from
_MOST_FOLDERS = 50  # beside a file, in which its pictures may lie


class CaptionedData(NamedTuple):
    """splits: by split and by file, relative to the root, what is said of each picture."""

    root: Path
    splits: Mapping[str, Mapping[str, PictureSentences]]
    notes: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a sentence stands, such as "Line 3", and of which picture."""

    where: str
    name: str
    split: str = "train"
    group: str = ""


class Collected:
    """Sentences as they are read, one after the other."""

    def __init__(self, root: Path, source: Path, *folders: Path) -> None:
        """source: what errors call the file. folders: where pictures may lie before others in the root."""
        self._source = str(source)
        self._lookup = Lookup(root, [*folders, root, *_folders_in(root)])
        self._files: dict[str, str | None] = {}
        self._first: dict[str, Place] = {}
        self._said: dict[str, PictureSentences] = {}
        self._root = root

    def add(self, place: Place, said: Any, scene: Any = None) -> None:
        """What stands of a picture in one place: a sentence, several, or none. Raises DatasetError.

        scene: the cell that tells what is true of it, if there is one.
        """
        if place.name not in self._files:
            self._files[place.name] = self._lookup.find(place.name, self._source)
        if (file := self._files[place.name]) is None:
            return
        try:
            found = parsed({CAPTION: said, GROUP: place.group, SCENE: scene})
        except InputError as error:
            raise DatasetError(f"{place.where} of {self._source!r}: {error}") from None
        first = self._first.setdefault(file, place)
        for called, a, b in (("split", first.split, place.split), ("group", first.group, place.group)):
            if a != b:
                raise DatasetError(
                    f"{first.where} and {place.where[0].lower()}{place.where[1:]} of {self._source!r} give "
                    f"{place.name!r} the {called}s {a!r} and {b!r}; a picture has one."
                )
        if before := self._said.get(file):
            sentences = (*before.sentences, *found.sentences)
            found = found._replace(sentences=sentences, scene=found.scene or before.scene)
        self._said[file] = found

    def data(self, notes: tuple[str, ...] = ()) -> CaptionedData:
        """All of it. Raises DatasetError for pictures that are not there."""
        self._lookup.require_all(self._source, len(self._files))
        splits: dict[str, dict[str, PictureSentences]] = {key: {} for key in SPLITS}
        for file, place in self._first.items():
            splits[place.split][file] = self._said[file]
        if spelled := self._lookup.respelled:
            notes += (f"{spelled} file names are spelled otherwise on the disk, and were found there.",)
        return CaptionedData(self._root, {key: of for key, of in splits.items() if of}, notes)


def split_meant(where: str, source: Path, written: Any) -> str:
    """The split that a cell names. Raises DatasetError."""
    found = split_of(written.strip()) if isinstance(written, str) else None
    if found is None and written == _REST:
        return "train"
    if found is None:
        raise DatasetError(
            f"{where} of {str(source)!r} has the split {short(written)}; train, val (valid, validation) and "
            "test are known."
        )
    return found


def _folders_in(root: Path) -> list[Path]:
    """The folders in a folder, if they are few: class folders of a thousand are no place for these."""
    found = sorted(inner for inner in root.iterdir() if inner.is_dir() and not inner.name.startswith("."))
    return found if len(found) <= _MOST_FOLDERS else []
