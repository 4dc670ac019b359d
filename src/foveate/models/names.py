"""What the name of a network or of weights means: decided here and nowhere else. Needs no torch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from foveate.errors import InputError, UnknownNameError
from foveate.models.catalogue import CATALOGUE
from foveate.words import setting

BLUEPRINT_SUFFIXES = (".yaml", ".yml", ".json")
WEIGHTS_SUFFIXES = (".safetensors", ".pth", ".pt")
SCHEME = "hf:"
TIMM_SCHEME = "timm:"
DEFAULT_FILE = "model.safetensors"
_HUB_NAME = r"hf:(?P<repo>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w.-]+))?(?:/(?P<file>.+))?"


@dataclass(frozen=True)
class Folder:
    """A model folder, or what is taken for one."""

    path: Path


@dataclass(frozen=True)
class Registered:
    """A network of `foveate.models.list_models`, or one of timm's, ``timm:NAME[.TAG]``."""

    name: str

    @property
    def weights(self) -> HubName | None:
        """Where the weights lie that its name means: those of a tag of timm's; None for other names."""
        arch = self.name.removeprefix(TIMM_SCHEME)
        tagged = is_timm_name(self.name) and "." in arch
        return HubName(f"timm/{arch}") if tagged else None


@dataclass(frozen=True)
class BlueprintFile:
    """A network written as data; the file may not be there."""

    path: Path


@dataclass(frozen=True)
class HubName:
    """``hf:OWNER/REPO[@REVISION][/FILE]``: a file of a repository; revision None is its main branch."""

    repo: str
    file: str = DEFAULT_FILE
    revision: str | None = None

    def __str__(self) -> str:
        revision = "" if self.revision is None else f"@{self.revision}"
        return f"{SCHEME}{self.repo}{revision}/{self.file}"


NetworkName = Folder | Registered | BlueprintFile | HubName


IMPORTED = ("nanodet",)  # models that are made of a file by `foveate weights import`


def find_name(text: str) -> NetworkName | None:
    """What a name means; None for a name of nothing. A folder that is there is meant first.

    Raises InputError for a hub's name of another form.
    """
    path = Path(text)
    if path.is_dir():
        return Folder(path)
    if text in CATALOGUE or is_timm_name(text):
        return Registered(text)
    if is_hub_name(text):
        return parse_hub_name(text)
    if is_blueprint_name(text):
        return BlueprintFile(path)
    return None


def read_name(text: str) -> NetworkName:
    """What a name means. Raises InputError, which says what it can be, and the closest names."""
    found = find_name(text)
    if found is not None:
        return found
    path = Path(text)
    if path.suffix.lower() in WEIGHTS_SUFFIXES:
        raise InputError(
            f"{text} is named as a file of weights, which does not tell its network: give the network's "
            f"name, and the file with {setting('weights')}."
        )
    if path.exists():
        raise InputError(
            f"{text} is neither a network's name, nor a blueprint ({', '.join(BLUEPRINT_SUFFIXES)}), nor a "
            "model folder."
        )
    also = (
        f"It can also be a model folder, a blueprint ({', '.join(BLUEPRINT_SUFFIXES)}), hf:OWNER/REPO or "
        "timm:NAME."
    )
    raise UnknownNameError("network", text, CATALOGUE, also=also)


def is_blueprint_name(text: str) -> bool:
    """Whether a file named so is taken for a blueprint."""
    return Path(text).suffix.lower() in BLUEPRINT_SUFFIXES


def is_timm_name(text: str) -> bool:
    """Whether a network named so is one of timm's."""
    return text.startswith(TIMM_SCHEME)


def is_hub_name(text: str) -> bool:
    """Whether weights named so lie on a hub."""
    return text.startswith(SCHEME)


def parse_hub_name(text: str) -> HubName:
    """Read ``hf:OWNER/REPO[@REVISION][/FILE]``.

    Raises:
        InputError: it is not of that form, or the file is no .safetensors.
    """
    found = re.fullmatch(_HUB_NAME, text, re.ASCII)
    file = (found["file"] if found else None) or DEFAULT_FILE
    parts = file.split("/")
    if found is None or any(part in {"", ".", ".."} for part in [*parts, *found["repo"].split("/")]):
        raise InputError(f"Weights of a hub are named hf:OWNER/REPO or hf:OWNER/REPO/FILE; found {text!r}.")
    if not file.endswith(".safetensors"):
        raise InputError(
            f"From a hub only .safetensors files are taken, which hold no code; found {file!r}. Leave the "
            f"file out to get {DEFAULT_FILE}."
        )
    return HubName(found["repo"], file, found["revision"])
