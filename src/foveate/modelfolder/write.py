"""Writing a model folder: built aside, compared with torch, measured, then put in place at once.

with Draft(out) as draft:
    draft.add_network(network, preprocessing=..., task=..., sample_images=...)
    values = draft.predictor().run(pixels)  # what is measured is what ships
    draft.add_text("report.html", html)
    folder = draft.publish(config)
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from foveate.errors import InputError, MissingExtraError
from foveate.exporter.novelty import Novelty
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.atomic import REQUEST_NAME, RUN_NAME, Staging
from foveate.modelfolder.read import MAX_MODEL_BYTES
from foveate.runtime.config import (
    CONFIG_NAME,
    ONNX_NAME,
    TEXT_NAMES,
    WEIGHTS_NAME,
    FileRecord,
    InputShape,
    ModelConfig,
)
from foveate.runtime.predictor import Predictor
from foveate.tasks.base import Task

if TYPE_CHECKING:
    from foveate.exporter.to_onnx import Deployed


class Draft:
    """A model folder in the making, beside ``out``; nothing is seen in ``out`` before `publish`.

    A context manager: leaving it without publishing removes the draft. Raises InputError when ``out`` holds
    something that is neither a model folder nor a run, StorageError when it cannot be written.
    """

    def __init__(self, out: str | Path) -> None:
        self._staging = Staging(out)
        self._files: dict[str, FileRecord] = {}
        self._network: dict[str, Any] = {}  # what config.json must say of it
        self._model = b""
        self._predictor: Predictor | None = None

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._staging.close()

    @property
    def folder(self) -> Path:
        """Where the draft lies; it moves when published."""
        return self._staging.folder

    def add_network(
        self,
        module: nn.Module,
        *,
        preprocessing: Preprocessing,
        task: Task,
        sample_images: np.ndarray,
        architecture: Mapping[str, Any],
        novelty: Novelty | None = None,
    ) -> None:
        """Write ``model.onnx``, the files of its pieces if it has any, and ``model.safetensors``.

        What runs is compared with torch.

        module: (N, C, H, W) float32 -> (N, labels); it is copied, never changed. sample_images: real
        pictures, uint8 (N >= 2, height, width, 3 or 1) as `Preprocessing.apply` makes them. novelty: makes
        ``model.onnx`` also say how unlike the training pictures a picture is; `foveate.exporter.novelty`.

        Raises InputError (the network cannot be exported, or does not fit the labels), ParityError (the
        exported one computes something else), StorageError.
        """
        try:
            from foveate.exporter.to_onnx import Deployed, check_parity, export_onnx, export_parts
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"Writing a model folder ({error.name})", "train") from error
        facts: dict[str, Any] = {
            "architecture": dict(architecture),
            "task": task,
            "input": InputShape(preprocessing.height, preprocessing.width, preprocessing.channels),
            "preprocessing": preprocessing.to_dict(),
        }
        ModelConfig.from_dict(
            ModelConfig(**facts).to_dict()
        )  # what config.json could not hold is refused before anything is computed
        pictures = _in_colour(sample_images, preprocessing)
        deployed = Deployed(module, preprocessing, task, novelty)
        _check_output(deployed, pictures[:2])
        metadata = {"version": version("foveate"), "architecture": json.dumps(facts["architecture"])}
        self._model = export_onnx(deployed, preprocessing, metadata)
        if len(self._model) > MAX_MODEL_BYTES:
            raise InputError(f"The network has {len(self._model)} bytes; ONNX holds {MAX_MODEL_BYTES}.")
        self._network, self._predictor = facts, None
        check_parity(deployed, self.predictor(), pictures)
        self._write(ONNX_NAME, self._model)
        if parts := export_parts(deployed, preprocessing):
            check_parity(deployed, Predictor(self._model, task, preprocessing, parts=parts), pictures)
        for name, part in parts.items():
            self._write(name, part)
        self._write(WEIGHTS_NAME, weights_bytes(module))

    def predictor(self) -> Predictor:
        """The exported network, run as a user will run it: measure with this one."""
        if not self._network:
            raise InputError("Draft.predictor: expected a network, found none; call add_network first.")
        if self._predictor is None:
            preprocessing = Preprocessing.from_dict(self._network["preprocessing"])
            self._predictor = Predictor(self._model, self._network["task"], preprocessing)
        return self._predictor

    def add_text(self, name: str, text: str) -> None:
        """Write one of the texts of ``format.TEXT_NAMES``, in UTF-8. Raises StorageError.

        Names of files may hold other bytes; a table keeps them, so that it can be read again.
        """
        if name not in TEXT_NAMES:
            raise InputError(f"add_text: expected {', '.join(TEXT_NAMES)}, found {name!r}.")
        errors = "surrogateescape" if name == "splits.csv" else "backslashreplace"
        self._write(name, text.encode("utf-8", errors))

    def publish(self, config: ModelConfig, *, keep_checkpoint: bool = False) -> Path:
        """Write ``config.json`` with the hashes, and put the folder in the place of ``out``, at once.

        config: everything but ``files``. keep_checkpoint: carry ``out/checkpoint/`` over, but for
        ``run.json``, which names files by their paths; else it goes. What else is in ``out`` and was not
        written by this program is carried over. Returns the folder.

        Raises InputError when config and network disagree, StorageError with ``out`` as it was.
        """
        if not self._network:
            raise InputError("Draft.publish: expected a network, found none; call add_network first.")
        of_network = ModelConfig(**self._network)
        for name in self._network:
            if getattr(config, name) != getattr(of_network, name):
                raise InputError(f"Draft.publish: the configuration's {name} is not that of the network.")
        config = dataclasses.replace(config, files=dict(self._files))
        self._staging.write(CONFIG_NAME, config.to_json().encode("ascii"))
        return self._staging.publish(drop=(REQUEST_NAME if keep_checkpoint else RUN_NAME,))

    def _write(self, name: str, data: bytes) -> None:
        self._staging.write(name, data)
        self._files[name] = FileRecord(hashlib.sha256(data).hexdigest(), len(data))


def weights_bytes(module: nn.Module) -> bytes:
    """``model.safetensors`` under the network's own key names; the same weights give the same bytes."""
    import safetensors.torch

    tensors = {
        name: tensor.detach().cpu().clone().contiguous() for name, tensor in module.state_dict().items()
    }
    return safetensors.torch.save(tensors, metadata={"format": "pt"})


def _in_colour(pictures: np.ndarray, preprocessing: Preprocessing) -> np.ndarray:
    """The samples as the graph takes them: (N, height, width, 3) uint8."""
    size = (preprocessing.height, preprocessing.width)
    ok = pictures.dtype == np.uint8 and pictures.ndim == 4 and pictures.shape[1:3] == size
    if not ok or len(pictures) < 2 or pictures.shape[3] not in (1, 3):
        raise InputError(
            f"sample_images: expected at least 2 real pictures (N, {size[0]}, {size[1]}, 3) uint8, "
            f"found {pictures.dtype} {pictures.shape}."
        )
    return pictures if pictures.shape[3] == 3 else np.repeat(pictures, 3, axis=3)


def _check_output(deployed: Deployed, pictures: np.ndarray) -> None:
    """One run in torch, so that a network that does not fit says so in its own words, not the exporter's."""
    import torch

    with torch.inference_mode():
        shape = tuple(deployed.outputs(torch.from_numpy(np.ascontiguousarray(pictures))).shape)
    expected = (len(pictures), *deployed.task.raw_shape(*pictures.shape[1:3]))
    if not deployed.task.takes_outputs(shape, *pictures.shape[1:3]):
        what = "one number a class" if deployed.task.whole_picture else "one number a class and pixel"
        raise InputError(
            f"The network gives {shape} for {len(pictures)} pictures, expected {expected}: "
            f"{what}; give it the right num_classes."
        )
