"""A model folder made from another: the same model, with its network in integers."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

from foveate.errors import NotWorthItError, show_path
from foveate.exporter.quantise import BATCHES, LEAST_GAIN, Comparison, compare, divide, quantise
from foveate.modelfolder.atomic import Staging, check_output, check_unclaimed
from foveate.modelfolder.read import read_runnable, read_verified
from foveate.runtime.config import CONFIG_NAME, ONNX_NAME, FileRecord
from foveate.runtime.names import AUTO
from foveate.runtime.predictor import Predictor

CARD_NAME = "README.md"


def quantise_folder(
    model: str | Path,
    out: str | Path,
    data: str | Path,
    *,
    overwrite: bool = False,
    say: Callable[[str], None] = lambda step: None,
) -> Comparison:
    """Write the folder ``out``: ``model`` with its network in 8-bit integers, calibrated on ``data``.

    overwrite: whether ``out`` may be a finished model, which is then replaced. say: called with the name of
    each step. The weights, the history and the report are those of the float network; ``config.json`` holds
    the comparison under ``metrics.int8``.

    Each network is measured on the runtime that ``--runtime auto`` takes for it here. Raises NotWorthItError
    with the figures where the integers are not 1.3 times as fast, or lose 0.5 points of the task's first
    metric or more; nothing is written then. InputError, DatasetError, ModelFolderError, StorageError.
    """
    folder = Path(model)
    check_unclaimed(check_output(out), overwrite=overwrite)
    model_files = read_runnable(folder)
    plain, config, preprocessing = model_files.model, model_files.config, model_files.preprocessing

    def opened(network: bytes, place: str | Path) -> Predictor:
        source = str(Path(place) / ONNX_NAME)
        return Predictor(network, config.task, preprocessing, config=config, source=source, wanted=AUTO)

    predictor = opened(plain, folder)
    with contextlib.closing(Staging(out)) as staging:
        say("reading the calibration pictures")
        pictures, measured = divide(predictor, data)
        say(f"calibrating on {len(pictures)} pictures")
        integer = quantise(plain, pictures, predictor.feeds)
        say("measuring both networks")
        quantised = opened(integer, out)
        for each in (predictor, quantised):
            each.settle([each.coloured(pictures[:count]) for count in BATCHES])
        found = compare(predictor, quantised, measured, (len(plain), len(integer)))
        if not found.accepted:
            slow = f"it is not {LEAST_GAIN:g} times as fast here"
            why = slow if not found.faster else f"it loses too much {found.metric.words}"
            raise NotWorthItError(
                f"{show_path(folder)}: not exported in 8-bit integers, for {why}: {found.describe()}."
            )
        files = {name: read_verified(folder, config, name) for name in config.files if name != ONNX_NAME}
        if CARD_NAME in files:
            remark = f"\nThis is the network in 8-bit integers: {found.describe()}.\n"
            files[CARD_NAME] += remark.encode()
        files[ONNX_NAME] = integer
        for name, content in files.items():
            staging.write(name, content)
        records = {n: FileRecord(hashlib.sha256(b).hexdigest(), len(b)) for n, b in sorted(files.items())}
        metrics = {**config.metrics, "int8": found.to_dict()}
        changed = dataclasses.replace(config, files=records, metrics=metrics)
        staging.write(CONFIG_NAME, changed.to_json().encode("ascii"))
        staging.publish()
    return found
