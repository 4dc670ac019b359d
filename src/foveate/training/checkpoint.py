"""Checkpoints: all that an exact resume needs, written atomically, hashed, the last two kept. No pickle.

A checkpoint is two files in one directory:

    step-000001234.safetensors   every tensor: weights, averages, optimiser state, best weights
    step-000001234.json          the numbers, and the SHA-256 of the tensors; its own SHA-256 is the last line

The JSON file is written last: where it stands and its hashes hold, the checkpoint is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from foveate.errors import CheckpointError, StorageError
from foveate.files import write_durably
from foveate.words import setting

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Snapshot:
    """tensors: by dotted name; numbers: what JSON can hold."""

    tensors: dict[str, Tensor]
    numbers: dict[str, Any]


class CheckpointStore:
    """The checkpoints of one run, newest last."""

    def __init__(self, directory: Path, keep: int = 2) -> None:
        self.directory = directory
        self.keep = keep

    def save(self, step: int, snapshot: Snapshot) -> None:
        """Write a checkpoint, then remove all but the newest ``keep``.

        Raises:
            StorageError: it could not be written; the earlier checkpoints are intact.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"Could not make {self.directory}: {error.strerror}.") from error
        tensors = save(
            {name: tensor.detach().cpu().contiguous() for name, tensor in snapshot.tensors.items()}
        )
        numbers = {
            "format_version": FORMAT_VERSION,
            "step": step,
            "tensors_sha256": hashlib.sha256(tensors).hexdigest(),
            "numbers": snapshot.numbers,
        }
        body = json.dumps(numbers).encode() + b"\n"
        stem = self.directory / f"step-{step:09d}"
        write_durably(stem.with_suffix(".safetensors"), tensors)
        write_durably(stem.with_suffix(".json"), body + hashlib.sha256(body).hexdigest().encode() + b"\n")
        with contextlib.suppress(OSError):  # one too many costs space, not the run
            self._prune()

    def _prune(self) -> None:
        keep = {path.stem for path in self._newest_first()[: self.keep]}
        for path in self.directory.glob("*step-*"):  # and what a killed process left of one
            if path.stem not in keep:
                path.unlink(missing_ok=True)

    def _newest_first(self) -> list[Path]:
        return sorted(self.directory.glob("step-*.json"), reverse=True)

    def is_empty(self) -> bool:
        """Whether nothing was saved yet, whole or damaged."""
        return not self._newest_first()

    def load_latest(self) -> tuple[Snapshot, list[str]]:
        """The newest checkpoint that is whole, and one sentence for each damaged one that was passed over.

        Raises:
            CheckpointError: there is none, or all are damaged.
        """
        damage: list[str] = []
        for path, snapshot in self._candidates(damage):
            if snapshot is not None:
                return snapshot, damage
            damage.append(f"The checkpoint {path.name} is damaged; the one before it is used.")
        if damage:
            raise CheckpointError(
                f"Every checkpoint in {self.directory} is damaged; start anew with "
                f"{setting('overwrite', True)}."
            )
        raise CheckpointError(
            f"There is no checkpoint in {self.directory}; start anew with {setting('overwrite', True)}."
        )

    def _candidates(self, damage: list[str]) -> Iterator[tuple[Path, Snapshot | None]]:
        for path in self._newest_first():
            try:
                yield path, _read(path)
            except (OSError, ValueError, KeyError, SafetensorError):
                yield path, None


@dataclass(frozen=True)
class Saving:
    """How a run is saved: at every epoch's end, and within an epoch each ``every_seconds``.

    facts: what the caller wants to find again in every checkpoint's numbers.
    """

    store: CheckpointStore
    facts: Mapping[str, Any] = field(default_factory=dict)
    every_seconds: float = 30.0


def _read(path: Path) -> Snapshot:
    """Read one checkpoint; ValueError where a hash does not hold."""
    body, _, rest = path.read_bytes().rpartition(b"}\n")
    body += b"}\n"
    if hashlib.sha256(body).hexdigest().encode() + b"\n" != rest:
        raise ValueError("the numbers' hash does not hold")
    document = json.loads(body)
    tensors = path.with_suffix(".safetensors").read_bytes()
    if hashlib.sha256(tensors).hexdigest() != document["tensors_sha256"]:
        raise ValueError("the tensors' hash does not hold")
    if document["format_version"] != FORMAT_VERSION:
        raise ValueError("another format version")
    return Snapshot(load(tensors), document["numbers"])
