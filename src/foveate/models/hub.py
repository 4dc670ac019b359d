"""Weights by name from a hub: ``hf:OWNER/REPO``. Fetched when the user asks for it, and never else.

Only ``.safetensors`` files are taken: they hold names and tensors and no code. What the repository's
``config.json`` says of size, crop, mean and standard deviation (timm's form) comes with them, for weights
never travel alone. ``HF_ENDPOINT``, ``HF_HOME`` and ``HF_HUB_OFFLINE`` hold as huggingface_hub has them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from foveate.errors import DownloadError, InputError, MissingExtraError, WeightsError
from foveate.images.preprocess import Preprocessing
from foveate.models.names import SCHEME, HubName
from foveate.words import first_line, setting

CONFIG_FILE = "config.json"
LARGEST_SIDE_PX = 1024  # of the pictures: as --image-size
LARGEST_CONFIG_BYTES = 1_000_000
FITS = {"center": "crop", "squash": "stretch", "border": "pad"}  # timm's crop_mode and our name for it


@dataclass(frozen=True)
class HubWeights:
    """A file of weights on this machine, and what its repository says about it.

    Attributes:
        path: of the file in huggingface_hub's cache.
        revision: the commit it comes from, for `hf:OWNER/REPO@REVISION` to get the same one again.
        architecture: the network's name as timm has it, or None where config.json names none.
        preprocessing: what the weights were learnt with, or None where config.json does not say.
    """

    name: HubName
    path: Path
    revision: str
    architecture: str | None
    preprocessing: Preprocessing | None

    @property
    def source(self) -> str:
        """Where the weights come from, in words."""
        return f"the weights of {SCHEME}{self.name.repo}@{self.revision[:12]} ({self.name.file})"


def hub_weights(
    name: HubName, *, download: bool, say: Callable[[str], None] = lambda sentence: None
) -> HubWeights:
    """The file and what is known of it: from the cache, or from the hub where ``download`` is true.

    Raises:
        WeightsError: it is not in the cache and ``download`` is false; or config.json makes no sense.
        DownloadError: the hub does not have it, cannot be reached, or what came is damaged.
        MissingExtraError: huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import constants
    except ImportError as error:
        raise MissingExtraError("Weights by name from a hub", "hub") from error
    if download and not constants.HF_HUB_OFFLINE:
        say(f"Getting {name.file} of {name.repo} from {constants.ENDPOINT}, unless it is here already.")
        path = _download(name, name.file, name.revision)
        if path is None:
            raise DownloadError(f"{name.repo} on {constants.ENDPOINT} has no file {name.file}.")
        config = _download(name, CONFIG_FILE, _revision(name, path))
    else:
        path = _cached(name, name.file, name.revision)
        config = _cached(name, CONFIG_FILE, _revision(name, path)) if path else None
        if path is None or config is None:
            raise WeightsError(_not_here(name, download))
    _check_content(path)
    told = _read_config(config) if config and config.name else {}
    return HubWeights(
        name=name,
        path=path,
        revision=_revision(name, path),
        architecture=_architecture(told),
        preprocessing=timm_preprocessing(told, f"config.json of {name.repo}"),
    )


def fetch_file(name: HubName) -> Path | None:
    """A file of a repository in huggingface_hub's cache, fetched if need be; None where there is none.

    Raises DownloadError: the hub cannot be reached, or does not have it. MissingExtraError.
    """
    try:
        import huggingface_hub  # noqa: F401  # it is asked for, and only then worth its time
    except ImportError as error:
        raise MissingExtraError("A model by name from a hub", "hub") from error
    return _download(name, name.file, name.revision)


def timm_config(preprocessing: Preprocessing) -> dict[str, Any]:
    """A preprocessing as `timm_preprocessing` reads it."""
    ours = preprocessing
    return {
        "input_size": [ours.channels, ours.height, ours.width],
        "crop_pct": ours.crop_fraction,
        "crop_mode": next(theirs for theirs, fit in FITS.items() if fit == ours.fit),
        "interpolation": ours.interpolation,
        "mean": list(ours.mean),
        "std": list(ours.std),
    }


def timm_preprocessing(config: Mapping[str, Any], where: str) -> Preprocessing | None:
    """The preprocessing that a config.json of timm's form names, or None where it names none.

    Source: timm's ``resolve_data_config``: the shorter side is scaled to ``input_size / crop_pct`` and the
    centre cut out (``crop_mode`` center), or the picture is stretched (squash) or padded (border).

    Raises:
        WeightsError: it names values that cannot be.
    """
    told = config.get("pretrained_cfg", config)
    if not isinstance(told, Mapping) or "mean" not in told or "std" not in told:
        return None
    try:
        channels, height, width = told["input_size"]
        if channels != 3 or not max(height, width) <= LARGEST_SIDE_PX:
            raise InputError(f"input_size is 3 channels of at most {LARGEST_SIDE_PX} px")
        return Preprocessing(
            height=height,
            width=width,
            fit=FITS[told.get("crop_mode") or "center"],  # type: ignore[arg-type]
            crop_fraction=told.get("crop_pct") or 0.875,
            interpolation=told.get("interpolation") or "bicubic",
            mean=tuple(told["mean"]),
            std=tuple(told["std"]),
        )
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{where} names a preprocessing that cannot be: {error}.") from error


def _download(name: HubName, file: str, revision: str | None) -> Path | None:
    """The file in the cache, fetched if need be; None where the repository has no such file."""
    from huggingface_hub import constants, errors, hf_hub_download

    where = f"{name.repo} on {constants.ENDPOINT}"
    try:
        return Path(hf_hub_download(name.repo, file, revision=revision, library_name="foveate"))
    except errors.LocalEntryNotFoundError as error:
        reason = error.__cause__ or error
        raise DownloadError(f"Could not reach {where}: {first_line(reason)}.") from error
    except errors.EntryNotFoundError:
        return None
    except errors.GatedRepoError as error:
        raise DownloadError(
            f"{where} is given only to those who accepted its terms: do so there, then `hf auth login`."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DownloadError(f"There is no {where}, or it is private.") from error
    except errors.RevisionNotFoundError as error:
        raise DownloadError(f"{where} has no revision {revision}.") from error
    except (errors.HfHubHTTPError, errors.HTTPError, OSError) as error:
        raise DownloadError(f"Could not get {file} of {where}: {first_line(error)}.") from error


def _cached(name: HubName, file: str, revision: str | None) -> Path | None:
    """The file in the cache; an empty path where it is known that there is no such file; None: not known."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(name.repo, file, revision=revision)
    if found is None:
        return None
    return Path(found) if isinstance(found, str) else Path()


def _revision(name: HubName, path: Path) -> str:
    """The commit: the cache lays files out as .../snapshots/COMMIT/FILE."""
    return path.parents[len(PurePosixPath(name.file).parts) - 1].name


def _not_here(name: HubName, download: bool) -> str:
    if download:
        return f"HF_HUB_OFFLINE is set, so nothing is fetched, and {name} was not fetched before."
    return (
        f"{name} is not on this machine, and nothing is fetched unasked: give {setting('download', True)} "
        "to get it from the "
        "hub."
    )


def _check_content(path: Path) -> None:
    """The cache names a large file by the SHA-256 that the hub stated of it."""
    stated = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", stated):
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != stated:
            raise DownloadError(
                f"{path} is damaged: its SHA-256 is {found}, not {stated}. Delete {path.resolve()} and fetch "
                "it again."
            )


def _read_config(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > LARGEST_CONFIG_BYTES:
            raise ValueError(f"it is larger than {LARGEST_CONFIG_BYTES:,} bytes")
        config = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is no JSON file: {first_line(error)}.") from error
    return config if isinstance(config, dict) else {}


def _architecture(config: Mapping[str, Any]) -> str | None:
    name = config.get("architecture")
    return name if isinstance(name, str) else None
