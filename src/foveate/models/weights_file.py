"""A weights file as plain names and tensors, whatever wrapper and names its writer gave it.

Nothing in a file is executed: safetensors holds no code, and ``torch.load`` runs with ``weights_only=True``.
"""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from foveate.errors import WeightsError
from foveate.models.names import WEIGHTS_SUFFIXES
from foveate.seal import FIELD, digest
from foveate.words import first_line

WRAPPERS = ("model", "state_dict", "model_state_dict")  # keys under which trainers put the weights
PREFIXES = ("module.", "_orig_mod.")  # DataParallel's and torch.compile's


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a ``.safetensors``, ``.pth`` or ``.pt`` file, or of a folder's ``model.safetensors``.

    Wrappers (``{"state_dict": ...}``, ``{"model": ...}``) and ``module.`` prefixes are taken off. A file that
    lies in a model folder is compared with the SHA-256 that the folder's ``config.json`` holds of it.

    Raises :class:`WeightsError` for another kind of file, a damaged one, or one that holds no tensors.
    """
    found = find_weights(path)
    _check_against_folder(found)
    return _without_prefix(_unwrapped(_read(found), found))


def find_weights(path: str | Path) -> Path:
    """The weights file that a path names, itself or the folder it is in; it is not opened.

    Raises :class:`WeightsError` where there is none, or one of another kind.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "model.safetensors"
    if path.suffix.lower() not in WEIGHTS_SUFFIXES:
        raise WeightsError(
            f"Weights come as {', '.join(WEIGHTS_SUFFIXES)} or a folder with model.safetensors; got {path}."
        )
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path}.")
    return path


def _check_against_folder(path: Path) -> None:
    """Raise WeightsError where the file is not the one that the model folder around it was written with."""
    config = path.with_name("config.json")
    try:
        document = json.loads(config.read_bytes())
        recorded = document["files"][path.name]["sha256"]
        whole = document["format_version"] == 1 or document[FIELD] == digest(document)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return  # no model folder: a hub's config.json, or none
    if not whole:
        raise WeightsError(
            f"{config} was changed after it was written, so that {path.name} cannot be compared with it; "
            "copy the model folder again, or give the weights file alone, from a folder of its own."
        )
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != recorded:
            raise WeightsError(
                f"{path}: damaged or changed after training (its SHA-256 is not the one in config.json); "
                "copy the model folder again, or give another file."
            )


def _read(path: Path) -> Any:
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about the pickle's protocol
            return torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except (SafetensorError, OSError, EOFError, RuntimeError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} is damaged or no weights file: {first_line(error)}.") from error
    except Exception as error:  # torch's unpickler answers a refused or broken pickle with many types
        # Its own text is not repeated: it advises to load the file with code and all.
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f"asks for {asked[1]}" if asked else "holds more than tensors, or is damaged,"
        raise WeightsError(
            f"{path} {what} and is not unpickled; a file of weights holds names and tensors alone: "
            "save the network's state_dict() as .safetensors."
        ) from error


def _unwrapped(content: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path} holds no state dict (names and tensors), but {type(content).__name__}.")
    strange = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if strange:
        kind = type(content[strange[0]]).__name__
        raise WeightsError(f"{path} holds no plain state dict: {strange[0]!r} is {kind}, no tensor.")
    return {str(name): value for name, value in content.items()}


def _without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in weights):
            weights = {name.removeprefix(prefix): value for name, value in weights.items()}
    return weights


def renamed(weights: Mapping[str, Tensor], table: Mapping[str, str]) -> dict[str, Tensor] | None:
    """The weights with each foreign name replaced by ours, or None if a name is not in the table.

    ``table`` maps a tensor's whole name, or a layer's dotted one; then the last part (``weight``,
    ``running_mean``...) stays.
    """
    result = {}
    for name, value in weights.items():
        layer, _, tensor = name.rpartition(".")
        if name in table:
            result[table[name]] = value
        elif layer in table:
            result[f"{table[layer]}.{tensor}"] = value
        else:
            return None
    return result


def foreign_table(names: Iterable[str], rules: Sequence[tuple[str, str]]) -> dict[str, str]:
    """A table for `renamed`, from what our names of tensors are changed by to become another program's.

    rules: regular expressions and what takes their place, one after another.
    """
    table = {}
    for name in names:
        theirs = name
        for ours, other in rules:
            theirs = re.sub(ours, other, theirs)
        table[theirs] = name
    return table
