"""Reading a model folder: its ``config.json``, its files against their hashes, and the whole for use.

Everything here distrusts the folder: sizes are bounded before reading, links and pipes are not followed, and
nothing read is ever used as a path, imported or executed. No torch.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from foveate.errors import InputError, ModelFolderError, show_path
from foveate.images.preprocess import Preprocessing
from foveate.runtime.config import CONFIG_NAME, ONNX_NAME, ModelConfig
from foveate.runtime.predictor import Predictor

MAX_CONFIG_BYTES = 64 << 20
MAX_MODEL_BYTES = 2 << 30  # protobuf's own limit for one message

T = TypeVar("T")


class Runnable(NamedTuple):
    """What a model folder holds for use: the bytes of ``model.onnx`` and what goes with them.

    parts: the bytes of the files that a search drives, by name, where they were asked for.
    """

    config: ModelConfig
    preprocessing: Preprocessing
    model: bytes
    parts: Mapping[str, bytes]


def load(folder: str | Path, *, threads: int | None = None, verify: bool = True) -> Predictor:
    """Open a model folder for use. Only ``config.json`` and ``model.onnx`` are read.

    threads: how many ONNX Runtime uses, by default the physical cores. verify: compare ``model.onnx`` with
    the SHA-256 that ``config.json`` holds. Raises ModelFolderError: missing, damaged or hostile.
    """
    found = read_runnable(folder, verify=verify)
    return Predictor(
        found.model,
        found.config.task,
        found.preprocessing,
        config=found.config,
        threads=threads,
        source=str(Path(folder) / ONNX_NAME),
    )


def read_runnable(folder: str | Path, *, verify: bool = True, parts: bool = False) -> Runnable:
    """What `load` makes a `Predictor` of, and with the same arguments and errors.

    parts: read also what a search drives (`foveate.tasks.base.Task.parts`).
    """
    return of_one_model(folder, lambda config: _runnable(Path(folder), config, verify=verify, parts=parts))


def _runnable(folder: Path, config: ModelConfig, *, verify: bool, parts: bool) -> Runnable:
    if verify:
        model = read_verified(folder, config, ONNX_NAME)
    else:
        model = read_bounded(folder, ONNX_NAME, MAX_MODEL_BYTES)
    try:
        preprocessing = Preprocessing.from_dict(dict(config.preprocessing))
    except InputError as error:
        raise ModelFolderError(f"{show_path(folder)}/config.json: preprocessing: {error}") from error
    shape = (preprocessing.height, preprocessing.width, preprocessing.channels)
    if shape != (config.input.height, config.input.width, config.input.channels):
        raise ModelFolderError(
            f"{show_path(folder)}/config.json: expected input and preprocessing to agree, found "
            f"{config.input} and {shape}; copy the model folder again."
        )
    driven = {name: read_verified(folder, config, name) for name in config.task.parts} if parts else {}
    return Runnable(config, preprocessing, model, driven)


def of_one_model(folder: str | Path, read: Callable[[ModelConfig], T]) -> T:
    """What ``read`` makes of the files that a ``config.json`` lists; raises what it raises.

    A training may put its model in the place of this one meanwhile, in one step: then the files are not those
    of the ``config.json`` that was read before, but nothing is damaged, and it is read again.
    """
    config = read_config(folder)
    while True:
        try:
            return read(config)
        except ModelFolderError:
            now = read_config(folder)
            if now.files == config.files:
                raise
            config = now


def read_config(folder: str | Path) -> ModelConfig:
    """Read and check ``config.json`` of a model folder; the other files are not opened (see `verify`).

    Raises ModelFolderError: the folder is no model folder, was written by a newer version, is damaged, or was
    edited by hand without giving it its new hash.
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
        return ModelConfig.from_json(data)
    except InputError as error:
        raise ModelFolderError(f"{show_path(folder / CONFIG_NAME)}: {error}") from error


def verify(folder: str | Path, names: Iterable[str] | None = None) -> ModelConfig:
    """Compare the files of a model folder with the SHA-256 that ``config.json`` holds of them.

    names: which files; by default all that are listed. Raises ModelFolderError for the first that is
    missing, truncated or changed.
    """

    def checked(config: ModelConfig) -> ModelConfig:
        for name in config.files if names is None else names:
            read_verified(folder, config, name)
        return config

    return of_one_model(folder, checked)


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
