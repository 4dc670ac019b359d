"""The model folder's ``config.json``: what it may hold, how it is read, how its files are verified.

Everything here distrusts the folder: sizes are bounded before reading, types are exact, names come from a
fixed list, nothing read is ever used as a path, imported or executed. Standard library only.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from foveate.errors import InputError, ModelFolderError

FORMAT_VERSION = 1
CONFIG_NAME = "config.json"
ONNX_NAME = "model.onnx"
WEIGHTS_NAME = "model.safetensors"
TEXT_NAMES = ("report.html", "history.csv", "splits.csv", "README.md")
FILE_NAMES = (ONNX_NAME, WEIGHTS_NAME, *TEXT_NAMES)  # the only names that config.json may list
OPTIONAL = {"confidence", "unlikeness"}  # fields of config.json that may be absent
TASKS = ("classification",)  # "multilabel" is reserved: sigmoid outputs, same folder

MAX_CLASSES = 100_000
MAX_NAME_LENGTH = 1_000  # characters of a class name, an architecture's name, a version, ...
MAX_SIDE_PX = 16_384
MAX_CONFIG_BYTES = 64 << 20
MAX_CONFIG_VALUES = 4_000_000  # commas and brackets: what decides the memory that parsing takes
MAX_MODEL_BYTES = 2 << 30  # protobuf's own limit for one message
MAX_DEPTH = 32  # nesting of the free parts (recipe, metrics, blueprint, ...)


@dataclass(frozen=True)
class InputShape:
    """The pictures that the network takes, in pixels; ``channels`` is 3 (colour) or 1 (grey)."""

    height: int
    width: int
    channels: int

    def __post_init__(self) -> None:
        for name, side in (("input.height", self.height), ("input.width", self.width)):
            _need(_is_int(side) and 1 <= side <= MAX_SIDE_PX, name, f"1 to {MAX_SIDE_PX} pixels", side)
        _need(_is_int(self.channels) and self.channels in (1, 3), "input.channels", "1 or 3", self.channels)


@dataclass(frozen=True)
class FileRecord:
    """What a file of the folder must be: SHA-256 in lower-case hexadecimal, and its length in bytes."""

    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        ok = isinstance(self.sha256, str) and re.fullmatch(r"[0-9a-f]{64}", self.sha256) is not None
        _need(ok, "sha256", "64 lower-case hexadecimal digits", self.sha256)
        _need(_is_int(self.bytes) and self.bytes >= 0, "bytes", "a length of at least 0", self.bytes)


@dataclass(frozen=True)
class ModelConfig:
    """All that is known of a model folder, as ``config.json`` holds it. Validated when made.

    architecture: exactly one of ``{"name": "lenet5", "options": {...}}`` (a registered network),
    ``{"blueprint": {...}}`` (a network written as data) and ``{"custom": "my.module.Net"}`` (for people to
    read; never imported). ``temperature`` is already inside ``model.onnx``; it stands here for the record.
    ``confidence``, where it is known: answers of a probability below ``unsure_below`` are unsure; the others
    are right with the ``precision`` that was asked for, and are the share ``coverage`` of all; found on so
    many ``samples``. ``unlikeness``, where ``model.onnx`` measures it: how.

    Raises InputError, naming the field, what was expected and what was found.
    """

    architecture: Mapping[str, Any]
    classes: tuple[str, ...]
    input: InputShape
    preprocessing: Mapping[str, Any]
    temperature: float = 1.0
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int | None = None
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    created: str = ""  # ISO 8601, UTC
    files: Mapping[str, FileRecord] = dataclasses.field(default_factory=dict)
    confidence: Mapping[str, Any] | None = None
    unlikeness: Mapping[str, Any] | None = None
    task: str = "classification"
    format_version: int = FORMAT_VERSION

    def __post_init__(self) -> None:
        # Tuples become lists here, as JSON would make them: a configuration equals itself read back.
        for name in ("architecture", "preprocessing", "recipe", "metrics", "versions"):
            value = getattr(self, name)
            _need(isinstance(value, Mapping), name, "an object", value)
            object.__setattr__(self, name, _plain(value, name))
        for name in OPTIONAL:
            value = getattr(self, name)
            _need(value is None or isinstance(value, Mapping), name, "an object", value)
            object.__setattr__(self, name, _plain(value, name))
        _check_confidence(self.confidence)
        object.__setattr__(self, "classes", check_classes(self.classes))
        _check_architecture(self.architecture)
        ok = _is_int(self.format_version) and self.format_version == FORMAT_VERSION
        _need(ok, "format_version", str(FORMAT_VERSION), self.format_version)
        _need(self.task in TASKS, "task", " or ".join(TASKS), self.task)
        _need(isinstance(self.input, InputShape), "input", "height, width and channels", self.input)
        ok = _is_number(self.temperature) and math.isfinite(self.temperature) and self.temperature > 0
        _need(ok, "temperature", "a number above 0", self.temperature)
        ok = self.seed is None or (_is_int(self.seed) and 0 <= self.seed < 1 << 64)
        _need(ok, "seed", "an integer from 0 below 2^64, or null", self.seed)
        _need(_is_name(self.created, empty=True), "created", "a date and time", self.created)
        _need(all(_is_name(v) for v in self.versions.values()), "versions", "names and texts", self.versions)
        _check_files(self.files)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data; `from_dict` gives an equal configuration back."""
        document: dict[str, Any] = {
            "format_version": self.format_version,
            "task": self.task,
        }  # these two first
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is not None or field.name not in OPTIONAL:
                document.setdefault(field.name, value)
        document["classes"] = list(self.classes)
        document["input"] = dataclasses.asdict(self.input)
        document["files"] = {name: dataclasses.asdict(record) for name, record in self.files.items()}
        return document

    @classmethod
    def from_dict(cls, document: Any) -> ModelConfig:
        """The configuration that `to_dict` wrote. Raises InputError for a missing or unknown field."""
        known = {field.name for field in dataclasses.fields(cls)}
        absent = OPTIONAL - document.keys() if isinstance(document, dict) else OPTIONAL
        values = _exact_keys(document, known - absent, "fields")
        values["input"] = InputShape(**_exact_keys(values["input"], {"height", "width", "channels"}, "input"))
        _need(isinstance(values["files"], dict), "files", "an object", values["files"])
        _need(isinstance(values["classes"], list), "classes", "a list", values["classes"])
        values["files"] = {
            name: FileRecord(**_exact_keys(record, {"sha256", "bytes"}, f"files[{_short(name)}]"))
            for name, record in values["files"].items()
        }
        return cls(**values)

    def to_json(self) -> str:
        """``config.json``'s text: strict, and ASCII only, so that undecodable class names survive."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False, ensure_ascii=True) + "\n"


def check_classes(classes: Any) -> tuple[str, ...]:
    """The class names, in order: 2 to 100,000 distinct texts of 1 to 1,000 characters. Raises InputError."""
    _need(isinstance(classes, list | tuple), "classes", "a list of names", classes)
    _need(2 <= len(classes) <= MAX_CLASSES, "classes", f"2 to {MAX_CLASSES} names", len(classes))
    bad = next((name for name in classes if not _is_name(name)), None)
    _need(all(map(_is_name, classes)), "classes", f"texts of 1 to {MAX_NAME_LENGTH} characters", bad)
    if len(set(classes)) != len(classes):
        seen: set[str] = set()
        twice = next(name for name in classes if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InputError(f"classes: expected different names, found {_short(twice)} twice.")
    return tuple(classes)


def read_config(folder: str | Path) -> ModelConfig:
    """Read and check ``config.json`` of a model folder; the other files are not opened (see `verify`).

    Raises ModelFolderError: the folder is no model folder, was written by a newer version, or is damaged.
    """
    folder = Path(folder)
    if not folder.is_dir():
        what = "a file" if folder.exists() else "nothing"
        raise ModelFolderError(
            f"{show_path(folder)}: expected a model folder, found {what}; "
            "give the folder that `foveate train` wrote."
        )
    data = read_bounded(folder, CONFIG_NAME, MAX_CONFIG_BYTES)
    try:
        document = _parse(data)
        _check_version(document)
        return ModelConfig.from_dict(document)
    except InputError as error:
        raise ModelFolderError(f"{show_path(folder / CONFIG_NAME)}: {error}") from error


def verify(folder: str | Path, names: Iterable[str] | None = None) -> ModelConfig:
    """Compare the files of a model folder with the SHA-256 that ``config.json`` holds of them.

    names: which files; by default all that are listed. Raises ModelFolderError for the first that is
    missing, truncated or changed.
    """
    config = read_config(folder)
    for name in config.files if names is None else names:
        read_verified(folder, config, name)
    return config


def read_verified(folder: str | Path, config: ModelConfig, name: str) -> bytes:
    """The bytes of a listed file, after their hash was checked: what was verified is what is used."""
    if name not in config.files:
        raise ModelFolderError(
            f"{show_path(Path(folder) / CONFIG_NAME)}: does not list {name}; train or export again."
        )
    record = config.files[name]
    data = read_bounded(folder, name, min(record.bytes, MAX_MODEL_BYTES))
    found = f"it has {len(data)} bytes, not {record.bytes}" if len(data) != record.bytes else ""
    if not found and hashlib.sha256(data).hexdigest() != record.sha256:
        found = "its SHA-256 is not the recorded one"
    if found:
        raise ModelFolderError(
            f"{show_path(Path(folder) / name)}: damaged or changed after training ({found}); "
            "copy the model folder again, or train again."
        )
    return data


def read_bounded(folder: str | Path, name: str, limit: int) -> bytes:
    """The bytes of a plain file of the folder. Links, pipes and devices are refused: they lead outside."""
    path = Path(folder) / name
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise ModelFolderError(
            f"{show_path(path)}: missing; expected a complete model folder, as `foveate train` writes it."
        ) from None
    except OSError as error:
        reason = "is a link, and files of a model folder must be plain files" if path.is_symlink() else ""
        raise ModelFolderError(f"{show_path(path)}: cannot be opened: {reason or error.strerror}.") from error
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise ModelFolderError(
                f"{show_path(path)}: expected a plain file, found a pipe, device or folder."
            )
        if info.st_size > limit:
            raise ModelFolderError(
                f"{show_path(path)}: has {info.st_size} bytes, expected at most {limit}; "
                "copy the model folder again."
            )
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit + 1)
    except OSError as error:
        raise ModelFolderError(f"{show_path(path)}: cannot be read: {error.strerror}.") from error
    finally:
        os.close(descriptor)


# --- Strict JSON -----------------------------------------------------------------------------------------


def _parse(data: bytes) -> Any:
    if data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_CONFIG_VALUES:
        raise InputError(f"holds more than {MAX_CONFIG_VALUES} values; this is no model's configuration.")
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique_keys,
            parse_constant=lambda name: _fail("numbers", "finite ones", name),
            parse_float=_finite,
        )
    except RecursionError:
        raise InputError(
            f"is nested deeper than {MAX_DEPTH} levels; this is no model's configuration."
        ) from None
    except InputError:
        raise
    except ValueError as error:
        raise InputError(
            f"is no valid JSON ({error}); copy the model folder again, or train again."
        ) from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise InputError("holds the same key twice; expected each once.")
    return document


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _fail("numbers", "finite ones", text)


def _check_version(document: Any) -> None:
    version = document.get("format_version") if isinstance(document, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise InputError(
            f"was written by a newer foveate (format {_short(version)}, this one reads {FORMAT_VERSION}); "
            "upgrade with `pip install -U foveate`."
        )


def _exact_keys(document: Any, keys: set[str], where: str) -> dict[str, Any]:
    _need(isinstance(document, dict), where, "an object", document)
    missing, unknown = sorted(keys - document.keys()), sorted(document.keys() - keys)
    if missing:
        _fail(where, f"the field {missing[0]!r}", "none")
    if unknown:
        _fail(where, f"only the fields {', '.join(sorted(keys))}", unknown[0])
    return dict(document)


def _plain(value: Any, where: str, depth: int = 0) -> Any:
    """A copy made of plain JSON values only; refuses anything else, non-finite numbers and deep nesting."""
    if depth > MAX_DEPTH:
        _fail(where, f"at most {MAX_DEPTH} levels of nesting", "more")
    if isinstance(value, Mapping):
        _need(all(isinstance(key, str) for key in value), where, "text keys", value)
        return {key: _plain(item, where, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, where, depth + 1) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else _fail(where, "finite numbers", value)
    _need(value is None or isinstance(value, str | int), where, "plain JSON values", value)
    return value


# --- Checks ----------------------------------------------------------------------------------------------


def _check_architecture(architecture: Mapping[str, Any]) -> None:
    keys = set(architecture)
    if keys == {"name", "options"}:
        ok = _is_name(architecture["name"]) and isinstance(architecture["options"], dict)
    elif keys == {"blueprint"}:
        ok = isinstance(architecture["blueprint"], dict)
    else:
        ok = keys == {"custom"} and _is_name(architecture["custom"])
    expected = '{"name", "options"}, {"blueprint"} or {"custom"}'
    _need(ok, "architecture", expected, dict(architecture))


def _check_confidence(confidence: Mapping[str, Any] | None) -> None:
    if confidence is None:
        return
    found = _exact_keys(dict(confidence), {"unsure_below", "precision", "coverage", "samples"}, "confidence")
    for name in ("unsure_below", "precision", "coverage"):
        ok = _is_number(found[name]) and 0 <= found[name] <= 1
        _need(ok, f"confidence.{name}", "a number from 0 to 1", found[name])
    ok = _is_int(found["samples"]) and found["samples"] >= 0
    _need(ok, "confidence.samples", "a number of pictures", found["samples"])


def _check_files(files: Mapping[str, FileRecord]) -> None:
    _need(isinstance(files, Mapping), "files", "an object", files)
    for name, record in files.items():
        _need(name in FILE_NAMES, "files", f"only {', '.join(FILE_NAMES)}", name)
        _need(isinstance(record, FileRecord), f"files[{name}]", "sha256 and bytes", record)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return _is_int(value) or isinstance(value, float)


def _is_name(value: Any, *, empty: bool = False) -> bool:
    return isinstance(value, str) and (empty or len(value) > 0) and len(value) <= MAX_NAME_LENGTH


def _need(ok: bool, field: str, expected: str, found: Any) -> None:
    if not ok:
        _fail(field, expected, found)


def _fail(field: str, expected: str, found: Any) -> NoReturn:
    raise InputError(f"{field}: expected {expected}, found {_short(found)}.")


def _short(value: Any) -> str:
    """A value for an error sentence: escaped, and never longer than a line."""
    if isinstance(value, int) and value.bit_length() > 256:
        return "a huge number"
    if isinstance(value, list | tuple | dict):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def show_path(path: str | os.PathLike[str]) -> str:
    """A path for an error sentence, with control characters and undecodable bytes escaped."""
    text = os.fspath(path)
    return text if text.isprintable() else ascii(text)[1:-1]
