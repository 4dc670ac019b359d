"""Sentences in JSON: COCO's captions, one file a split, and Karpathy's, with the splits inside.

COCO's (cocodataset.org/#format-data, "Image Captioning") has ``images`` with id and file_name,
``annotations`` with image_id and caption. Karpathy's (Deep Visual-Semantic Alignments, CVPR 2015;
dataset_flickr8k.json) has ``images`` with filename, perhaps filepath, split, and ``sentences`` with raw or
tokens.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from foveate.dataset.sources.caption_parts import CaptionedData, Collected, Place, split_meant
from foveate.dataset.sources.documents import content, folder_named, json_with, read_json
from foveate.dataset.sources.split_names import split_word
from foveate.errors import DatasetError
from foveate.strict_json import is_int, short

_FOLDERS = ("annotations",)
_CAPTION, _SENTENCES, _CATEGORY = b'"caption"', b'"sentences"', b'"category_id"'


def json_files(folder: Path, *, asked: bool) -> dict[str, Path]:
    """Split -> file of captions in a folder; none where annotations of things lie there, unless asked.

    Raises DatasetError where a split has several.
    """
    inner = folder_named(folder, *_FOLDERS)
    files = [file for place in (folder, inner) if place for file in json_with(place, "images")]
    ours = [file for file in files if _is_ours(content(file))]  # one text at a time: they are large
    if not asked and len(ours) < len(files):
        return {}
    found: dict[str, Path] = {}
    for file in ours:
        word = split_word(file.stem)
        key = word[0] if word else ""
        if key in found:
            raise DatasetError(
                f"Data set {str(folder)!r} has {found[key].name!r} and {file.name!r}, each of which may be "
                "meant; name the one file as the data, or keep one."
            )
        found[key] = file
    return found


def root_of(file: Path) -> Path:
    """The data set's folder, of a file that may lie in a folder of annotations."""
    return file.parent.parent if file.parent.name.lower() in _FOLDERS else file.parent


def read_caption_json(root: Path, files: Mapping[str, Path]) -> CaptionedData | None:
    """The sentences in files by split; None where they are of neither form. "" is a file without a split."""
    parts = []
    for key, file in files.items():
        if not file.is_file() or not _is_ours(content(file)):
            return None
        parts.append(_read(root, file, key))
    splits: dict[str, Any] = {}
    for part in parts:
        for key, pictures in part.splits.items():
            splits[key] = {**splits.get(key, {}), **pictures}
    return CaptionedData(root, splits, tuple(note for part in parts for note in part.notes))


def _is_ours(text: bytes) -> bool:
    """Whether a JSON text holds sentences of pictures, and no classes of things."""
    return b'"images"' in text and (_CAPTION in text or _SENTENCES in text) and _CATEGORY not in text


def _read(root: Path, file: Path, key: str) -> CaptionedData:
    document = read_json(file)
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, list):
        raise DatasetError(f"{str(file)!r} has no list 'images'; JSON of captions has one.")
    if "annotations" in document:
        return _coco(root, file, document, key)
    return _karpathy(root, file, images)


def _coco(root: Path, file: Path, document: Mapping[str, Any], key: str) -> CaptionedData:
    split = key or "train"
    names: dict[Hashable, str] = {}
    for place, entry in enumerate(_objects(file, document, "images"), start=1):
        number = _id(file, f"Image no. {place}", entry, "id")
        if number in names:
            raise DatasetError(
                f"{str(file)!r} has the image {short(number)} twice; each needs an id of its own."
            )
        names[number] = _name(file, f"Image {short(number)}", entry, "file_name")
    said: dict[Hashable, list[str]] = {number: [] for number in names}
    for place, entry in enumerate(_objects(file, document, "annotations"), start=1):
        where = f"Annotation {short(entry['id'])}" if "id" in entry else f"Annotation no. {place}"
        number, sentence = _id(file, where, entry, "image_id"), entry.get("caption")
        if number not in said:
            raise DatasetError(
                f"{where} of {str(file)!r} is of the image {short(number)}, which the file does not list."
            )
        if not isinstance(sentence, str):
            found = f"the caption {short(sentence)}" if "caption" in entry else "no 'caption'"
            raise DatasetError(f"{where} of {str(file)!r} has {found}; expected a sentence.")
        said[number].append(sentence)
    collected = Collected(root, file, *_places(root, file, split))
    for number, name in names.items():
        collected.add(Place(f"Image {short(number)}", name, split), said[number])
    return collected.data()


def _karpathy(root: Path, file: Path, images: list[Any]) -> CaptionedData:
    collected = Collected(root, file, *_places(root, file, ""))
    for place, entry in enumerate(images, start=1):
        where = f"Image no. {place}"
        if not isinstance(entry, dict):
            raise DatasetError(f"{where} of {str(file)!r} is {short(entry)}; expected an object.")
        name = _name(file, where, entry, "filename")
        above = entry.get("filepath", "")
        sentences = entry.get("sentences")
        if not isinstance(above, str):
            raise DatasetError(
                f"{where} of {str(file)!r} has the 'filepath' {short(above)}; expected a text."
            )
        if not isinstance(sentences, list):
            raise DatasetError(f"{where} of {str(file)!r} has no list 'sentences'.")
        said = [_sentence(file, where, one) for one in sentences]
        split = split_meant(where, file, entry.get("split", "train"))
        collected.add(Place(where, f"{above}/{name}" if above else name, split), said)
    return collected.data()


def _sentence(file: Path, where: str, entry: Any) -> str:
    """As it was written, else of its words."""
    raw = entry.get("raw") if isinstance(entry, dict) else None
    tokens = entry.get("tokens") if isinstance(entry, dict) else None
    if isinstance(raw, str):
        return raw
    if isinstance(tokens, list) and all(isinstance(one, str) for one in tokens):
        return " ".join(tokens)
    raise DatasetError(f"{where} of {str(file)!r} has the sentence {short(entry)}; expected 'raw', a text.")


def _objects(file: Path, document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    entries = document.get(name)
    if not isinstance(entries, list):
        raise DatasetError(f"{str(file)!r} has no list {name!r}; COCO's JSON of captions has one.")
    if strange := [one for one in entries if not isinstance(one, dict)]:
        raise DatasetError(f"{str(file)!r} has {short(strange[0])} in {name!r}, where an object is expected.")
    return entries


def _id(file: Path, where: str, entry: Mapping[str, Any], key: str) -> Hashable:
    number = entry.get(key)
    if not is_int(number) and not isinstance(number, str):
        found = f"the {key!r} {short(number)}" if key in entry else f"no {key!r}"
        raise DatasetError(f"{where} of {str(file)!r} has {found}; expected a whole number.")
    return number


def _name(file: Path, where: str, entry: Mapping[str, Any], key: str) -> str:
    name = entry.get(key)
    if not isinstance(name, str) or not name.strip():
        raise DatasetError(f"{where} of {str(file)!r} has no {key!r}.")
    return name


def _places(root: Path, file: Path, split: str) -> list[Path]:
    """Where the pictures of a file may lie, the most likely first."""
    names = (split, f"{split}2017", f"{split}2014", "images", "data")
    return [*(folder for name in names if name and (folder := root / name).is_dir()), file.parent]
