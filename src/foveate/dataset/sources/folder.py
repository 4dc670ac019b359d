"""A folder of class folders, or one with ``train/`` and ``val|valid|validation|test/``, -> a data set.

Splits may have other names (``training_set/`` and ``test_set/``, ``seg_train/`` and ``seg_test/``) where the
class folders inside agree; what was taken for what is then said in the notes.

Names decide here what counts as a picture; whether it can be read is for the scan to find out. Hidden files
and folders and what operating systems leave behind are passed over in silence; everything else that is left
out is said in the data set's notes.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from foveate.dataset.samples import DataSet, FileImages, from_answers
from foveate.dataset.sources.names import how_they_differ
from foveate.dataset.sources.split_names import SPLIT_NAMES, alike, split_word
from foveate.errors import DatasetError, listed
from foveate.images.read import is_image_name
from foveate.tasks.classification.task import Classification

LAYOUT = "Expected DATA/<class>/<picture>, or DATA/train/<class>/<picture> with val/ or test/ beside train/"
_LEFT_BEHIND = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin"})

FileId = tuple[int, int]


def open_folder(path: str | Path, *, min_classes: int = 2) -> DataSet:
    """Open a folder; ``classes`` are its class folders' names sorted as strings, as torchvision sorts them.

    Pictures may lie in folders below a class folder. Symbolic links are followed, each folder is read once.

    Raises ``DatasetError`` where the layout is another, saying what was found.
    """
    walk = Walk(os.fspath(path))
    folders, loose = walk.inside("")
    splits = _split_folders(walk, folders)
    classes = {"train": folders}
    if splits:
        if others := sorted(set(folders) - set(splits.values())):
            walk.notes.append(f"Beside the splits, these folders were left out: {listed(others)}.")
        walk.claim(splits.values())
        listings = {key: walk.inside(folder) for key, folder in splits.items()}
        classes = {key: class_folders for key, (class_folders, _) in listings.items()}
        loose = loose + [file for _, files in listings.values() for file in files]
    for class_folders in classes.values():
        walk.claim(class_folders)
    found = {key: {name: walk.pictures(name) for name in folders} for key, folders in classes.items()}

    walk.ignored.extend(file for file in loose if not is_image_name(file))
    loose = [file for file in loose if is_image_name(file)]
    _require_classes(walk, found["train"], loose, min_classes)
    if loose:
        walk.notes.append(f"{len(loose)} pictures lie in no class folder, left out: {listed(loose)}.")
    rows = {}
    for key, by_class in found.items():
        samples = [(file, _label(folder)) for folder, files in by_class.items() for file in files]
        if samples:
            rows[key] = (FileImages((file for file, _ in samples), path), [label for _, label in samples])
        else:
            walk.notes.append(f"{splits[key]}/ has no class folders with pictures: there is no {key} split.")
    return from_answers(walk.root, rows, kind=Classification, notes=walk.remarks(found), fewest=min_classes)


def _label(class_folder: str) -> str:
    return class_folder.rpartition("/")[2]


def _split_folders(walk: Walk, folders: list[str]) -> dict[str, str]:
    """Split -> folder; empty where the folders are classes, one of which may well be called ``train``."""
    named: dict[str, list[str]] = {}
    for folder in folders:
        if key := SPLIT_NAMES.get(folder.lower()):
            named.setdefault(key, []).append(folder)
    if agreeing := _agreeing(walk, folders, [name for names in named.values() for name in names]):
        return agreeing
    holding = {key for key, names in named.items() if any(walk.inside(name)[0] for name in names)}
    others = len(folders) > sum(len(names) for names in named.values())
    if not holding or (others and ("train" not in holding or len(named) < 2)):
        return {}
    for key, names in named.items():
        if len(names) > 1:
            raise DatasetError(
                f"Data set {walk.root!r} has {listed(names)}, each of which means {key}; keep one of them."
            )
    if "train" not in named:
        raise DatasetError(
            f"Data set {walk.root!r} has {listed(folders)} and no train/. {LAYOUT}. To use one of these "
            f"folders alone, name it."
        )
    return {key: _unwrapped(walk, names[0]) for key, names in named.items()}


def _agreeing(walk: Walk, folders: list[str], plain: list[str]) -> dict[str, str]:
    """Split -> folder, of folders that are named as splits in some way and hold the same class folders.

    ``plain`` names, which mean splits in any case, must be among them. A class folder may be missing in
    another split than train.
    """
    for group in alike(folders):
        found = {key: _unwrapped(walk, names[0]) for key, names in group.items()}
        if "train" not in group or any(len(names) > 1 for names in group.values()):
            continue
        inner = {key: {_label(name) for name in walk.inside(folder)[0]} for key, folder in found.items()}
        if len(inner["train"]) < 2 or not all(names and names <= inner["train"] for names in inner.values()):
            continue
        taken = [names[0] for names in group.values()]
        if not set(plain) <= set(taken):
            continue
        if set(taken) != set(plain):
            means = ", ".join(f"{names[0]!r} as {key}" for key, names in group.items())
            walk.notes.append(f"Splits by their names, for their class folders agree: {means}.")
        return found
    return {}


def _unwrapped(walk: Walk, folder: str) -> str:
    """The folder, or the one of the same meaning that is all it holds: archives often hold ``test/test/``."""
    inner, files = walk.inside(folder)
    if len(inner) != 1 or any(is_image_name(file) for file in files):
        return folder
    means = split_word(_label(inner[0]))
    same = _label(inner[0]).casefold() == _label(folder).casefold()
    return inner[0] if same or (means and means == split_word(_label(folder))) else folder


def _require_classes(walk: Walk, pictures: dict[str, list[str]], loose: list[str], min_classes: int) -> None:
    """Refuse what is no data set, saying what it seems to be."""
    full = [folder for folder, files in pictures.items() if files]
    if len(full) >= max(min_classes, 1):
        return
    if full:
        inner = walk.inside(full[0])[0]
        hint = f"did you mean {walk.path(full[0])!r}?" if len(inner) > 1 else "add pictures of another class."
        raise DatasetError(
            f"Data set {walk.root!r} has the one class folder {full[0]!r}; a classifier needs at least "
            f"{min_classes} classes: {hint}"
        )
    if loose:
        raise DatasetError(
            f"Data set {walk.root!r} has {len(loose)} pictures and no class folders. {LAYOUT}: put the "
            f"pictures of each class into a folder of its own, or list them in a table."
        )
    kinds = Counter(PurePath(file).suffix.lower() or "no suffix" for file in walk.ignored)
    seen = ", ".join(f"{count} of {kind!r}" for kind, count in kinds.most_common(3))
    found = f"only other files ({seen})" if seen else "only empty folders" if pictures else "nothing"
    skipped = f" {walk.notes[0]}" if walk.notes else ""
    raise DatasetError(f"Data set {walk.root!r} has no pictures; {found} found.{skipped} {LAYOUT}.")


@dataclass
class Walk:
    """Lists folders below ``root``, each once, and keeps what is to be said about them."""

    root: str
    notes: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    _claimed: dict[FileId, str] = field(default_factory=dict)
    _twins: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._claimed[self._identity("")] = "."

    def path(self, folder: str) -> str:
        return os.path.join(self.root, folder) if folder else self.root  # noqa: PTH118 (bytes-exact)

    def inside(self, folder: str) -> tuple[list[str], list[str]]:
        """The folders and the regular files inside ``folder``, sorted; names relative to the root."""
        folders, files = [], []
        try:
            with os.scandir(self.path(folder)) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            raise DatasetError(f"Cannot list the folder {self.path(folder)!r}: {error.strerror}.") from None
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in _LEFT_BEHIND:
                continue
            name = f"{folder}/{entry.name}" if folder else entry.name
            kind = _kind(entry)
            if kind == "folder":
                folders.append(name)
            elif kind == "file":
                files.append(name)
            else:
                self._skip(name, kind)
        return folders, files

    def claim(self, folders: Iterable[str]) -> None:
        """Say which folders are classes, so that no link inside one class brings in another."""
        for folder in folders:
            identity = self._identity(folder)
            if identity in self._claimed:
                self._twins.add(folder)
                self._skip(folder, f"it is the same folder as {self._claimed[identity]!r}")
            self._claimed.setdefault(identity, folder)

    def pictures(self, class_folder: str) -> list[str]:
        """All pictures in and below a class folder, sorted by name."""
        if class_folder in self._twins:
            return []
        pictures: list[str] = []
        waiting = [class_folder]
        while waiting:
            folders, files = self.inside(waiting.pop())
            for file in files:
                (pictures if is_image_name(file) else self.ignored).append(file)
            for folder in folders:
                identity = self._identity(folder)
                if identity in self._claimed:
                    self._skip(folder, f"it is the same folder as {self._claimed[identity]!r}")
                else:
                    self._claimed[identity] = folder
                    waiting.append(folder)
        return sorted(pictures)

    def remarks(self, found: dict[str, dict[str, list[str]]]) -> list[str]:
        """The notes, with those that need the whole picture."""
        notes = list(dict.fromkeys(self.notes))
        full = {folder: bool(files) for folders in found.values() for folder, files in folders.items()}
        if empty := [folder for folder in full if not full[folder] and folder not in self._twins]:
            notes.append(f"Folders without a picture, left out: {listed(empty)}.")
        if self.ignored:
            others = listed(sorted(self.ignored))
            notes.append(f"{len(self.ignored)} files are no pictures by their names, left out: {others}.")
        return notes + twin_notes({_label(folder) for folder in full if full[folder]})

    def _identity(self, folder: str) -> FileId:
        try:
            status = Path(self.path(folder)).stat()
        except OSError as error:
            raise DatasetError(f"Cannot open the folder {self.path(folder)!r}: {error.strerror}.") from None
        return status.st_dev, status.st_ino

    def _skip(self, name: str, reason: str) -> None:
        self.notes.append(f"{name!r} was left out: {reason}.")


def _kind(entry: os.DirEntry[str]) -> str:
    """``folder``, ``file``, or the reason why it is neither."""
    try:
        if entry.is_dir():  # these two ask the system about links only, so 60,000 files are listed at once
            return "folder"
        if entry.is_file():
            return "file"
        mode = entry.stat().st_mode
    except OSError:
        return "the link leads nowhere"
    if stat.S_ISFIFO(mode):
        return "it is a pipe"
    return "it is a socket" if stat.S_ISSOCK(mode) else "it is a device"


def twin_notes(classes: Iterable[str]) -> list[str]:
    """Remarks on class names that people and file systems take for one another (``Cat`` and ``cat``)."""
    alike: dict[str, list[str]] = {}
    for name in sorted(classes):
        alike.setdefault(unicodedata.normalize("NFKC", name).casefold().strip(), []).append(name)
    return [
        f"The classes {listed(names)} {how_they_differ(names)}; they are kept apart."
        for names in alike.values()
        if len(names) > 1
    ]
