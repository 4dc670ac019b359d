"""Which pictures a command line means: names, folders, patterns, lists and standard input, in their order."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from foveate.cli.console import STDIN, typed
from foveate.errors import InputError
from foveate.stores import is_url
from foveate.words import printable

if TYPE_CHECKING:
    from foveate.dataset.samples import EncodedImages


class ShardPicture(str):
    """A picture of shards: its name, and where it is read."""

    images: EncodedImages
    number: int

    @classmethod
    def of(cls, images: EncodedImages, number: int) -> ShardPicture:
        made = cls(images.name(number))
        made.images, made.number = images, number
        return made


def named_pictures(model: str, pictures: tuple[str, ...], *, files_from: str | None, null: bool) -> list[str]:
    """The pictures in the order given; a name may well stand there twice. Raises InputError for none."""
    names = [*_expand(pictures), *_listed(files_from, null)]
    if names.count(STDIN) > 1:
        raise InputError(f"-: expected standard input once, found it {names.count(STDIN)} times.")
    if not names:
        _check_model_given(model)
        raise InputError("expected pictures, found none; see `foveate predict --help` for what can be given.")
    return names


def _check_model_given(model: str) -> None:
    """Raises InputError where the only name is a picture's: in a hurry the model is forgotten."""
    from foveate.images.read import is_image_name

    if is_image_name(model):
        raise InputError(
            f"{printable(model)}: expected a model and then pictures, found this one name; try "
            f"`foveate predict MODEL {typed(Path(model))}`, where MODEL is a model folder or "
            "efficientnet_lite0."
        )


def _expand(arguments: tuple[str, ...]) -> Iterator[str]:
    """The files that the arguments mean, in order; what is no file is left for reading to complain of."""
    for argument in arguments:
        if argument == STDIN or os.path.isfile(argument):  # noqa: PTH113 -- names stay as they were typed
            yield argument
        elif is_url(argument) or _has_shards(argument):
            yield from _of_shards(argument)
        elif os.path.isdir(argument):  # noqa: PTH112
            yield from _walk(argument)
        elif glob.has_magic(argument) and not os.path.lexists(argument):
            for name in _matching(argument):
                yield from _walk(name) if os.path.isdir(name) else [name]  # noqa: PTH112
        else:
            yield argument


def _has_shards(place: str) -> bool:
    if not os.path.isdir(place):  # noqa: PTH112
        return False
    from foveate.dataset.shards.names import INDEX

    return (Path(place) / INDEX).is_file()


def _of_shards(place: str) -> Iterator[str]:
    """The pictures of shards, split by split."""
    from foveate.dataset.samples import EncodedImages
    from foveate.dataset.sources.shards import open_shards

    for split in open_shards(place).splits.values():
        images = split.images
        if isinstance(images, EncodedImages):
            yield from (ShardPicture.of(images, index) for index in range(len(images)))


def _matching(pattern: str) -> list[str]:
    """The names that a pattern matches, sorted; a folder reached by several links gives its files once."""
    found: dict[tuple[str, str], str] = {}
    names = glob.glob(pattern, recursive=True)  # noqa: PTH207 -- a pattern may be absolute
    for name in sorted(names, key=lambda name: (name.count(os.sep), name)):
        place, last = os.path.split(name)
        found.setdefault((os.path.realpath(place), last), name)
    if not found:
        raise InputError(f"{printable(pattern)}: no file matches; put the pattern in quotes and check it.")
    return sorted(found.values())


def _walk(folder: str) -> Iterator[str]:
    """The pictures in a folder at any depth, by name; hidden ones left out, each folder entered once."""
    from foveate.images.read import is_image_name

    entered: set[tuple[int, int]] = set()
    count = 0
    for place, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(place)  # noqa: PTH116
        if (status.st_dev, status.st_ino) in entered:
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if is_image_name(name) and not name.startswith("."):
                count += 1
                yield os.path.join(place, name)  # noqa: PTH118
    if not count:
        raise InputError(f"{printable(folder)}: expected pictures in this folder, found none.")


def _listed(source: str | None, null: bool) -> Iterator[str]:
    if source is None:
        if null:
            raise InputError("-0: expected --files-from as well, which it belongs to.")
        return
    if source == STDIN:
        data = sys.stdin.buffer.read()
    else:
        try:
            with open(source, "rb") as file:  # noqa: PTH123
                data = file.read()
        except OSError as error:
            raise InputError(
                f"--files-from {printable(source)}: cannot be read ({error.strerror}); name a file that "
                "holds the names of pictures, one a line."
            ) from error
    for name in data.split(b"\0") if null else data.splitlines():
        if name:
            yield os.fsdecode(name)
