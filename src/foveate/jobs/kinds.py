"""What is done with a shard: answers of a model, or a look at its pictures."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from foveate.dataset.quality.scan import ScanResult, scan
from foveate.dataset.samples import Split
from foveate.dataset.shards.index import Shard, ShardIndex
from foveate.dataset.shards.pictures import ShardImages
from foveate.errors import ImageError, ModelFolderError, show_path
from foveate.jobs import forms
from foveate.modelfolder.read import MAX_CONFIG_BYTES, read_bounded, read_runnable
from foveate.runtime.config import CONFIG_NAME, ONNX_NAME
from foveate.runtime.predictor import Predictor
from foveate.words import encodable


class Made(NamedTuple):
    """What was made of a shard. unreadable: pictures of which nothing could be said."""

    data: bytes
    pictures: int
    unreadable: int


class Kind(Protocol):
    """What a job does with each shard; it travels to other processes."""

    @property
    def ending(self) -> str:
        """Of the objects' names."""
        ...

    @property
    def identity(self) -> str:
        """Equal for jobs that make the same of the same shard."""
        ...

    def make(self, index: ShardIndex, split: Split, shard: Shard) -> Made:
        """The object of a shard. Raises StoreError."""
        ...


def object_name(kind: Kind, shard: Shard) -> str:
    """``train-000017.0123456789abcdef.jsonl.gz``: by the shard, and by what it holds and what is done."""
    found = hashlib.blake2b(f"{shard.hash} {kind.identity}".encode(), digest_size=8).hexdigest()
    return f"{shard.stem}.{found}{kind.ending}"


@dataclass(frozen=True)
class Answers:
    """A model's answers, a row a picture.

    folder: of the model. form: of the objects, not "auto". top_k, threshold, beam: as for `foveate predict`.
    threads: of ONNX Runtime.
    """

    folder: str
    form: str = forms.JSONL
    top_k: int = 5
    threshold: float | None = None
    beam: int | None = None
    batch_size: int = 32
    threads: int | None = None

    @property
    def ending(self) -> str:
        return forms.ENDINGS[self.form]

    @cached_property
    def identity(self) -> str:
        """The SHA-256 of config.json, which holds those of all the model's files, and what is asked of it.

        Raises ModelFolderError.
        """
        return self._identity_now()

    def _identity_now(self) -> str:
        config = read_bounded(self.folder, CONFIG_NAME, MAX_CONFIG_BYTES)
        return json.dumps([hashlib.sha256(config).hexdigest(), self.top_k, self.threshold, self.beam])

    @cached_property
    def _predictor(self) -> Predictor:
        """Raises ModelFolderError for another model than the one by which objects are named."""
        named = self.identity
        found = read_runnable(self.folder, parts=self.beam is not None)
        if self._identity_now() != named:
            raise ModelFolderError(
                f"{show_path(self.folder)}: holds another model than when the job began; give the job a "
                "folder that nothing replaces, the same on every machine, and run again."
            )
        return Predictor(
            found.model,
            found.config.task.with_choices(beam=self.beam, threshold=self.threshold),
            found.preprocessing,
            config=found.config,
            threads=self.threads,
            source=str(Path(self.folder) / ONNX_NAME),
            parts=found.parts,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the open model, which does not travel; with its identity, which all shall share."""
        return {
            **{key: value for key, value in vars(self).items() if key != "_predictor"},
            "identity": self.identity,
        }

    def make(self, index: ShardIndex, split: Split, shard: Shard) -> Made:
        rows = list(self._rows(split, shard))
        data = forms.written(rows, self.form, self._predictor.task.document)
        return Made(data, len(rows), sum("error" in row for row in rows))

    def _rows(self, split: Split, shard: Shard) -> Iterator[dict[str, Any]]:
        predictor, images = self._predictor, split.images
        read = partial(images.take_for, predictor.preprocessing)
        for number, found in predictor.stream(range(len(images)), read, batch_size=self.batch_size):
            row: dict[str, Any] = {"file": encodable(images.name(number)), "split": shard.split}
            row["row"] = _number(images, number)
            if isinstance(found, ImageError):
                yield {**row, "error": encodable(str(found))}
                continue
            (told,) = predictor.task.predictions(found, self.top_k)
            yield {**row, **told.to_dict()}


def _number(images: Any, index: int) -> int:
    """The picture's number in its split."""
    found: ShardImages = images
    return found.places[index].row.number


_COLUMNS = ("sizes", "grey", "extents", "digests", "thumbnails", "colours")
_TEXTS = ("reasons", "formats", "modes")


@dataclass(frozen=True)
class Scan:
    """What `foveate check` looks at of each picture."""

    @property
    def ending(self) -> str:
        return ".scan.npz"

    @property
    def identity(self) -> str:
        return "scan 1"

    def make(self, index: ShardIndex, split: Split, shard: Shard) -> Made:
        found = scan(split.images, fault=partial(index.task.fault, split.targets), workers=1)
        rows = np.array([_number(split.images, i) for i in range(len(split))], np.int64)
        texts = json.dumps([getattr(found, name) for name in _TEXTS]).encode("ascii")
        file = io.BytesIO()
        arrays = {name: getattr(found, name) for name in _COLUMNS}
        np.savez_compressed(file, rows=rows, texts=np.frombuffer(texts, np.uint8), **arrays)
        return Made(file.getvalue(), len(split), int((~found.ok).sum()))


def put_scan(data: bytes, whole: ScanResult) -> None:
    """Fill the rows of a split's result that one shard's object tells of."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        rows = found["rows"]
        for name in _COLUMNS:
            getattr(whole, name)[rows] = found[name]
        texts = json.loads(found["texts"].tobytes())
    for name, of in zip(_TEXTS, texts, strict=True):
        column = getattr(whole, name)
        for row, text in zip(rows.tolist(), of, strict=True):
            column[row] = text
