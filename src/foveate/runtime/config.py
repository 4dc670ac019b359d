"""All that is known of a finished model, as ``config.json`` holds it: checked when it is made or read.

Types are exact, names come from a fixed list, and nothing read is ever used as a path, imported or executed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from foveate.errors import InputError
from foveate.seal import FIELD, digest, sealed
from foveate.strict_json import (
    MAX_DEPTH,
    exact_keys,
    fail,
    is_int,
    need,
    parse,
    plain,
    short,
)
from foveate.tasks import read_task, written_task
from foveate.tasks.base import Task

# 2: config.json carries its own SHA-256, and the task is one object; folders of version 1 stay readable.
FORMAT_VERSION = 2
CONFIG_NAME = "config.json"
ONNX_NAME = "model.onnx"
WEIGHTS_NAME = "model.safetensors"
TEXT_NAMES = ("report.html", "history.csv", "splits.csv", "README.md")
PART_NAMES = ("encoder.onnx", "step.onnx")  # pieces of model.onnx, where a search drives them
FILE_NAMES = (ONNX_NAME, WEIGHTS_NAME, *PART_NAMES, *TEXT_NAMES)  # the only names that config.json may list
OPTIONAL = {"unlikeness"}  # fields of config.json that may be absent

MAX_NAME_LENGTH = 1_000  # characters of an architecture's name, a version, ...
MAX_SIDE_PX = 16_384


@dataclass(frozen=True)
class InputShape:
    """The pictures that the network takes, in pixels; ``channels`` is 3 (colour) or 1 (grey)."""

    height: int
    width: int
    channels: int

    def __post_init__(self) -> None:
        for name, side in (("input.height", self.height), ("input.width", self.width)):
            need(is_int(side) and 1 <= side <= MAX_SIDE_PX, name, f"1 to {MAX_SIDE_PX} pixels", side)
        need(is_int(self.channels) and self.channels in (1, 3), "input.channels", "1 or 3", self.channels)


@dataclass(frozen=True)
class FileRecord:
    """What a file of the folder must be: SHA-256 in lower-case hexadecimal, and its length in bytes."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        ok = isinstance(self.sha256, str) and re.fullmatch(r"[0-9a-f]{64}", self.sha256) is not None
        need(ok, "sha256", "64 lower-case hexadecimal digits", self.sha256)
        need(is_int(self.bytes) and self.bytes >= 0, "bytes", "a length of at least 0", self.bytes)


@dataclass(frozen=True)
class ModelConfig:
    """All that is known of a model folder, as ``config.json`` holds it. Validated when made.

    architecture: exactly one of ``{"name": "lenet5", "options": {...}}`` (a registered network),
    ``{"blueprint": {...}}`` (a network written as data) and ``{"custom": "my.module.Net"}`` (for people to
    read; never imported); with the first two, ``"refine": {...}`` tells of the field behind the network
    (`foveate.models.refined`). task: what an answer is, with its labels and all that calibration found; what
    of it stands before the answer is inside ``model.onnx`` already. ``unlikeness``, where ``model.onnx``
    measures it: how.

    Raises InputError, naming the field, what was expected and what was found.
    """

    architecture: Mapping[str, Any]
    task: Task
    input: InputShape
    preprocessing: Mapping[str, Any]
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int | None = None
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    created: str = ""  # ISO 8601, UTC
    files: Mapping[str, FileRecord] = dataclasses.field(default_factory=dict)
    unlikeness: Mapping[str, Any] | None = None
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        # Tuples become lists here, as JSON would make them: a configuration equals itself read back.
        for name in ("architecture", "preprocessing", "recipe", "metrics", "versions"):
            value = getattr(self, name)
            need(isinstance(value, Mapping), name, "an object", value)
            object.__setattr__(self, name, plain(value, name))
        for name in OPTIONAL:
            value = getattr(self, name)
            need(value is None or isinstance(value, Mapping), name, "an object", value)
            object.__setattr__(self, name, plain(value, name))
        _check_architecture(self.architecture)
        ok = is_int(self.format_version) and self.format_version == FORMAT_VERSION
        need(ok, "format_version", str(FORMAT_VERSION), self.format_version)
        need(isinstance(self.task, Task), "task", "a task", self.task)
        need(isinstance(self.input, InputShape), "input", "height, width and channels", self.input)
        ok = self.seed is None or (is_int(self.seed) and 0 <= self.seed < 1 << 64)
        need(ok, "seed", "an integer from 0 below 2^64, or null", self.seed)
        need(_is_name(self.created, empty=True), "created", "a date and time", self.created)
        need(all(_is_name(v) for v in self.versions.values()), "versions", "names and texts", self.versions)
        _check_files(self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; `from_dict` gives an equal configuration back."""
        document: dict[str, Any] = {
            "format_version": self.format_version,
            "task": written_task(self.task),
        }  # these two first
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None or field.name not in OPTIONAL:
                document.setdefault(field.name, value)
        document["input"] = dataclasses.asdict(self.input)
        document["files"] = {name: dataclasses.asdict(record) for name, record in self.files.items()}
        return document

    @classmethod
    def from_dict(cls, document: Any) -> ModelConfig:
        """The configuration that `to_dict` wrote. Raises InputError for a missing or unknown field."""
        known = {field.name for field in dataclasses.fields(cls)}
        absent = OPTIONAL - document.keys() if isinstance(document, dict) else OPTIONAL
        values = exact_keys(document, known - absent, "fields")
        values["input"] = InputShape(**exact_keys(values["input"], {"height", "width", "channels"}, "input"))
        need(isinstance(values["files"], dict), "files", "an object", values["files"])
        values["task"] = read_task(values["task"])
        values["files"] = {
            name: FileRecord(**exact_keys(record, {"sha256", "bytes"}, f"files[{short(name)}]"))
            for name, record in values["files"].items()
        }
        return cls(**values)

    @classmethod
    def from_json(cls, data: bytes) -> ModelConfig:
        """The configuration whose text `to_json` gave.

        Raises InputError: damaged, written by a newer version, or edited without giving it its new hash.
        """
        document = parse(data)
        _check_version(document)
        return cls.from_dict(_unsealed(document))

    def to_json(self) -> str:
        """``config.json``'s text, its own SHA-256 last: strict, and ASCII only, so that undecodable
        labels survive.
        """
        return json.dumps(sealed(self.to_dict()), indent=2, allow_nan=False, ensure_ascii=True) + "\n"


# --- Version and hash ------------------------------------------------------------------------------------


def _check_version(document: Any) -> None:
    version = document.get("format_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise InputError(
            f"was written by a newer foveate (format {short(version)}, this one reads {FORMAT_VERSION}); "
            "upgrade with `pip install -U foveate`."
        )


def _unsealed(document: Any) -> Any:
    """The document without its hash, which must be that of its content; version 1 had none."""
    if not isinstance(document, dict) or "format_version" not in document:
        return document
    version = document["format_version"]
    need(is_int(version), "format_version", str(FORMAT_VERSION), version)
    if version == 1:
        return _from_version_1(document)
    try:
        found = digest(document)
    except RecursionError:
        fail("fields", f"at most {MAX_DEPTH} levels of nesting", "more")
    if document.get(FIELD) != found:
        raise InputError(
            "was changed after it was written; copy the model folder again or, if you edited it on purpose, "
            f'let its last field be "{FIELD}": "{found}".'
        )
    return {key: value for key, value in document.items() if key != FIELD}


def _from_version_1(document: dict[str, Any]) -> dict[str, Any]:
    """Version 1 named the task and had what belongs to it beside it."""
    fields = {"task": "name", "classes": "classes", "temperature": "temperature", "confidence": "unsure"}
    task = {new: document[old] for old, new in fields.items() if old in document}
    others = {key: value for key, value in document.items() if key not in fields}
    return {**others, "format_version": FORMAT_VERSION, "task": {"unsure": None, **task}}


# --- Checks ----------------------------------------------------------------------------------------------


def _check_architecture(architecture: Mapping[str, Any]) -> None:
    keys = set(architecture)
    if "refine" in keys and "custom" not in keys:
        need(isinstance(architecture["refine"], dict), "refine", "an object", architecture["refine"])
        keys -= {"refine"}
    if keys == {"name", "options"}:
        ok = _is_name(architecture["name"]) and isinstance(architecture["options"], dict)
    elif keys == {"blueprint"}:
        ok = isinstance(architecture["blueprint"], dict)
    else:
        ok = keys == {"custom"} and _is_name(architecture["custom"])
    expected = '{"name", "options"}, {"blueprint"} or {"custom"}'
    need(ok, "architecture", expected, dict(architecture))


def _check_files(files: Mapping[str, FileRecord]) -> None:
    need(isinstance(files, Mapping), "files", "an object", files)
    for name, record in files.items():
        need(name in FILE_NAMES, "files", f"only {', '.join(FILE_NAMES)}", name)
        need(isinstance(record, FileRecord), f"files[{name}]", "sha256 and bytes", record)


def _is_name(value: Any, *, empty: bool = False) -> bool:
    return isinstance(value, str) and (empty or len(value) > 0) and len(value) <= MAX_NAME_LENGTH
