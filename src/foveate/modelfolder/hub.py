"""Model folders on a hub, ``hf:OWNER/NAME``: pushed whole, in one commit; fetched when the user asks for it.

What the hub shows of a model stands as a head of YAML above the model card, which is taken off again when the
folder is fetched, so that every file has the SHA-256 that ``config.json`` holds. A network of timm is pushed
so that timm loads it, too: its own ``config.json`` and weights by its names stand first, and the model folder
in ``foveate/`` beside them.
https://huggingface.co/docs/hub/model-cards
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from foveate.errors import DownloadError, InputError, MissingExtraError, StorageError, WeightsError
from foveate.folders import replacing_folder
from foveate.images.preprocess import Preprocessing
from foveate.kept import cache_folder
from foveate.modelfolder.read import MAX_CONFIG_BYTES, read_bounded, read_verified, verify
from foveate.models.hub import fetch_file, timm_config
from foveate.models.names import SCHEME, TIMM_SCHEME, HubName, is_hub_name, parse_hub_name
from foveate.runtime.config import CONFIG_NAME, WEIGHTS_NAME, ModelConfig
from foveate.words import first_line, setting

CARD_NAME = "README.md"
INSIDE = "foveate/"  # where a model folder stands in a repository of timm's form
_HEAD = "---\n"

Say = Callable[[str], None]


def hub_model(text: str) -> HubName:
    """``hf:OWNER/NAME[@REVISION]``, the name of a whole model. Raises InputError."""
    if not is_hub_name(text):
        raise InputError(f"{text}: expected a model on a hub, {SCHEME}OWNER/NAME; put {SCHEME} before it.")
    name = parse_hub_name(text)
    if name != HubName(name.repo, revision=name.revision):
        raise InputError(f"{text}: expected a whole model, {SCHEME}OWNER/NAME, found the name of a file.")
    return name


# --- Fetching --------------------------------------------------------------------------------------------


def fetched_folder(name: HubName, *, download: bool, say: Say = lambda sentence: None) -> Path:
    """The model folder of this name: with ``download`` fetched from the hub, else as it was fetched before.

    Raises WeightsError: it was not fetched before, and is not to be now. DownloadError: the hub has no such
    model or cannot be reached. ModelFolderError: what came is damaged or no model folder of this program.
    """
    place = cache_folder() / "hub" / name.repo.replace("/", "--")
    place = place if name.revision is None else place.with_name(f"{place.name}@{name.revision}")
    if not download:
        if not (place / CONFIG_NAME).is_file():
            raise WeightsError(
                f"{SCHEME}{name.repo} is not on this machine, and nothing is fetched unasked: give "
                f"{setting('download', True)} to get it from the hub."
            )
        return place
    say(f"Getting the model {name.repo} from its hub.")
    inside, content = _config_of(name)
    with replacing_folder(place) as part:
        (part / CONFIG_NAME).write_bytes(content)
        for file in _read(content, name).files:
            found = _fetched(name, inside + file)
            (part / file).write_bytes(without_head(found) if file == CARD_NAME else found)
        verify(part)
    return place


def _config_of(name: HubName) -> tuple[str, bytes]:
    """Where the model folder stands in the repository, and its ``config.json``."""
    content = _fetched(name, CONFIG_NAME)
    if b'"format_version"' in content:
        return "", content
    try:
        return INSIDE, _fetched(name, INSIDE + CONFIG_NAME)
    except DownloadError:
        raise DownloadError(
            f"{SCHEME}{name.repo} holds weights, and no model that foveate made: they are a start for "
            f"training, {setting('weights', f'{SCHEME}{name.repo}')}."
        ) from None


def _fetched(name: HubName, file: str) -> bytes:
    path = fetch_file(HubName(name.repo, file, name.revision))
    if path is None:
        raise DownloadError(f"{SCHEME}{name.repo} has no file {file}.")
    return path.read_bytes()


def _read(content: bytes, name: HubName) -> ModelConfig:
    if len(content) > MAX_CONFIG_BYTES:
        raise DownloadError(f"{SCHEME}{name.repo}: config.json is larger than {MAX_CONFIG_BYTES:,} bytes.")
    try:
        return ModelConfig.from_json(content)
    except InputError as error:
        raise DownloadError(f"{SCHEME}{name.repo}: config.json {error}") from error


# --- Pushing ---------------------------------------------------------------------------------------------


def push_folder(
    folder: Path,
    name: HubName,
    *,
    private: bool = False,
    licence: str | None = None,
    overwrite: bool = False,
    say: Say = lambda sentence: None,
) -> str:
    """Put a model folder on a hub, in one commit, after its files were compared with their hashes.

    private: of a repository that is made. licence: the hub's word for it, such as "apache-2.0".

    Returns the address of the model. Raises ModelFolderError; InputError where the repository holds files and
    they are not to be replaced; StorageError where the hub takes nothing; MissingExtraError.
    """
    files = dict(_repository(folder, name, licence))
    try:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants, errors
    except ImportError as error:
        raise MissingExtraError("Pushing to a hub", "hub") from error
    hub = HfApi(library_name="foveate")
    try:
        say(f"Pushing {len(files)} files to {name.repo} on {constants.ENDPOINT}.")
        made = hub.create_repo(name.repo, private=private, exist_ok=True)
        there = set(hub.list_repo_files(name.repo)) - {".gitattributes"}
        if there and not overwrite:
            raise InputError(
                f"{SCHEME}{name.repo} holds files already ({sorted(there)[0]}, ...): give "
                f"{setting('overwrite', True)} to replace them, or another name."
            )
        add = [CommitOperationAdd(path, io.BytesIO(content)) for path, content in files.items()]
        old = [CommitOperationDelete(path) for path in sorted(there - files.keys())]
        hub.create_commit(name.repo, [*add, *old], commit_message="Upload a model made by foveate")
    except (errors.HfHubHTTPError, errors.HTTPError, OSError) as error:
        raise StorageError(
            f"{SCHEME}{name.repo}: the hub did not take it: {first_line(error)}. Log in with "
            "`hf auth login`, by a token that may write, and try again."
        ) from error
    return str(made)


def _repository(folder: Path, name: HubName, licence: str | None) -> Iterator[tuple[str, bytes]]:
    """What is pushed: the path of each file, and its bytes."""
    config = verify(folder)
    files = {file: read_verified(folder, config, file) for file in config.files}
    files[CONFIG_NAME] = read_bounded(folder, CONFIG_NAME, MAX_CONFIG_BYTES)
    card = card_head(config, name.repo.partition("/")[2], licence).encode() + files.get(CARD_NAME, b"")
    arch = str(config.architecture.get("name", ""))
    if not arch.startswith(TIMM_SCHEME):
        yield from {**files, CARD_NAME: card}.items()
        return
    yield from ((INSIDE + file, content) for file, content in files.items())
    yield CARD_NAME, card
    yield CONFIG_NAME, json.dumps(_timm_form(config, arch), indent=2).encode()
    yield WEIGHTS_NAME, _timm_weights(files[WEIGHTS_NAME])


def _timm_form(config: ModelConfig, arch: str) -> dict[str, Any]:
    labels = list(config.task.labels)
    told = timm_config(Preprocessing.from_dict(dict(config.preprocessing)))
    return {
        "architecture": arch.removeprefix(TIMM_SCHEME).partition(".")[0],
        "num_classes": len(labels),
        "label_names": labels,
        "pretrained_cfg": {**told, "num_classes": len(labels)},
    }


def _timm_weights(content: bytes) -> bytes:
    """The weights by timm's names: ours begin with where timm's module stands in our network."""
    from safetensors.numpy import load, save

    return save({name.removeprefix("network."): value for name, value in load(content).items()})


# --- The card's head -------------------------------------------------------------------------------------


def card_head(config: ModelConfig, title: str, licence: str | None) -> str:
    """The head of a model card, as the hub reads it: what the model is for, and what was measured."""
    timm = str(config.architecture.get("name", "")).startswith(TIMM_SCHEME)
    head: dict[str, Any] = {
        "library_name": "timm" if timm else "foveate",
        "tags": ["foveate", "onnx", *(["timm"] if timm else [])],
    }
    if config.task.hub_tag:
        head["pipeline_tag"] = config.task.hub_tag
    if licence:
        head["license"] = licence
    if results := _results(config):
        head["model-index"] = [{"name": title, "results": [results]}]
    return f"{_HEAD}{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}{_HEAD}\n"


def _results(config: ModelConfig) -> dict[str, Any] | None:
    """What was measured on the split that is quoted; None where the hub has no word for such answers."""
    split = config.metrics.get("evaluated_on")
    scores = config.metrics.get(split) if isinstance(split, str) else None
    if not isinstance(scores, Mapping) or not config.task.hub_tag:
        return None
    told = {metric.name: metric for metric in config.task.metrics}
    metrics = [
        {"type": name, "value": scores[name], "name": metric.heading}
        for name, metric in told.items()
        if isinstance(scores.get(name), int | float)
    ]
    dataset = {"type": "imagefolder", "name": f"its own {split} pictures", "split": split}
    return (
        {"task": {"type": config.task.hub_tag}, "dataset": dataset, "metrics": metrics} if metrics else None
    )


def without_head(card: bytes) -> bytes:
    """A model card as it was before `card_head` was put above it."""
    if not card.startswith(_HEAD.encode()):
        return card
    _, _, rest = card.removeprefix(_HEAD.encode()).partition(f"\n{_HEAD}\n".encode())
    return rest
