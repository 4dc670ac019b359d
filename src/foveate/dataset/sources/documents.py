"""Annotation files from strangers, read within bounds, and the folders that such sets are laid out in."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from foveate.dataset.sources.split_names import split_of
from foveate.errors import DatasetError, listed
from foveate.images.read import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_BYTES = 1 << 29  # COCO's own largest file has 449 MiB
MAX_VALUES = 80_000_000  # of a JSON text, and of these 60 million; the memory goes with them
MAX_XML_BYTES = 1 << 27
MAX_SMALL_BYTES = 1 << 20  # of a list of classes or folders
_COCO_NAME = re.compile(r"(?<![a-z])(coco|instances)(?![a-z])", re.I)
_SNIFFED = 20  # JSON files in a folder, more of which are annotations of one picture each


def content(path: Path, most: int = MAX_BYTES) -> bytes:
    """The bytes of a file. Raises DatasetError."""
    if not path.is_file():
        raise DatasetError(f"{str(path)!r} is no regular file.")
    try:
        size = path.stat().st_size
        if size > most:
            raise DatasetError(f"{str(path)!r} has {size:,} bytes; at most {most:,} are read.")
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r}: {error.strerror}.") from None


def text_of(path: Path, most: int = MAX_SMALL_BYTES) -> str:
    """The text of a file. Raises DatasetError where it is not UTF-8."""
    try:
        return content(path, most).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DatasetError(f"{str(path)!r} is no UTF-8 text: save it as UTF-8.") from None


def read_json(path: Path) -> Any:
    """A JSON document. Raises DatasetError for what is none, keys that are there twice, NaN, and bombs."""
    data = content(path)
    values = data.count(b",") + data.count(b"[") + data.count(b"{")
    if values > MAX_VALUES:
        raise DatasetError(f"{str(path)!r} holds {values:,} values; at most {MAX_VALUES:,} are read.")
    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise DatasetError(f"{str(path)!r} is no UTF-8 text: save it as UTF-8.") from None
    except RecursionError:
        raise DatasetError(f"{str(path)!r} is nested too deep to be annotations.") from None
    except ValueError as error:
        raise DatasetError(f"{str(path)!r} is no valid JSON: {error}.") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return document


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def read_xml(path: Path) -> Element:
    """The root of an XML document without a DTD, which could make much of little. Raises DatasetError."""
    from xml.etree import ElementTree  # only some data sets have it

    class WithoutDoctype(ElementTree.TreeBuilder):
        def doctype(self, *_: object) -> None:
            raise _DoctypeError

    parser = ElementTree.XMLParser(target=WithoutDoctype())
    try:
        parser.feed(content(path, MAX_XML_BYTES))
        return parser.close()
    except _DoctypeError:
        raise DatasetError(
            f"{str(path)!r} has a DTD (<!DOCTYPE ...>), which annotations do without: take it out."
        ) from None
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise DatasetError(f"{str(path)!r} is no valid XML: {error}.") from None


class _DoctypeError(Exception):
    pass


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a small YAML file. Raises DatasetError."""
    import yaml  # only some data sets have it

    try:
        document = yaml.safe_load(text_of(path))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = str(getattr(error, "problem", None) or error).splitlines()[0]
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        raise DatasetError(f"{str(path)!r} is no valid YAML: {said}{line}.") from None
    if not isinstance(document, dict):
        raise DatasetError(f"{str(path)!r} holds no settings; expected names: and train:, one a line.")
    return document


def json_with(folder: Path, *keys: str) -> list[Path]:
    """The JSON files in a folder that are COCO's by name, or whose text has these keys.

    Where there are as many files as pictures, they are annotations of one each, and names alone count.
    """
    files = named(folder, ".json")
    sure = [file for file in files if _COCO_NAME.search(file.name)]
    if len(files) > _SNIFFED:
        return sure
    marks = [json.dumps(key).encode() for key in keys]
    return [file for file in files if file in sure or all(mark in content(file) for mark in marks)]


def named(folder: Path, *suffixes: str) -> list[Path]:
    """The files in a folder whose names end so, sorted; hidden ones are none."""
    ends = tuple(suffixes)
    return [Path(one.path) for one in _listing(folder) if one.name.lower().endswith(ends) and one.is_file()]


def pictures_in(folder: Path) -> dict[str, list[Path]]:
    """The pictures in a folder by the stem of their names: one each, as a rule."""
    found: dict[str, list[Path]] = {}
    for file in named(folder, *IMAGE_SUFFIXES):
        found.setdefault(file.stem, []).append(file)
    return found


def folder_named(folder: Path, *names: str) -> Path | None:
    """The folder in a folder that has one of these names, in whatever letters."""
    found = [inner for inner in _listing(folder) if inner.name.lower() in names and inner.is_dir()]
    return Path(min(found, key=lambda inner: names.index(inner.name.lower())).path) if found else None


def split_folders(folder: Path) -> dict[str, Path]:
    """Split -> the folder in a folder that is named for it: ``train``, ``val2017``, ``Validation``.

    Raises DatasetError where two mean the same.
    """
    found: dict[str, Path] = {}
    for inner in _listing(folder):
        key = split_of(inner.name) if inner.is_dir() else None
        if key is None:
            continue
        if key in found:
            names = listed([found[key].name, inner.name])
            raise DatasetError(
                f"Data set {str(folder)!r} has {names}, each of which means {key}; keep one of them."
            )
        found[key] = Path(inner.path)
    return found


def _listing(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder, by name: of 100,000 files no more than that is asked."""
    if not folder.is_dir():
        return []
    try:
        with os.scandir(folder) as entries:
            return sorted((one for one in entries if not one.name.startswith(".")), key=lambda one: one.name)
    except OSError as error:
        raise DatasetError(f"Cannot list the folder {str(folder)!r}: {error.strerror}.") from None


def inside(root: Path, path: Path, said: str) -> str:
    """A path relative to a folder, with slashes. said: who names it, for the error where it lies outside.

    Links are left as the user made them.
    """
    start = os.path.abspath(root)  # noqa: PTH100
    target = os.path.abspath(path)  # noqa: PTH100
    if target != start and not target.startswith(start.rstrip(os.sep) + os.sep):
        raise DatasetError(f"{said}, which lies outside the data set's folder {str(root)!r}: move it inside.")
    return os.path.relpath(target, start).replace(os.sep, "/")
