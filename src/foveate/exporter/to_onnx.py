"""A trained network as an ONNX file, and the proof that both compute the same.

The file holds everything between the picture's bytes and the answer: grey, scaling, the network, and what the
task puts between its numbers and the answer. Two runs with the same weights give the same bytes.
"""

from __future__ import annotations

import copy
import json
import logging
import warnings
from typing import NoReturn

import numpy as np
import onnx
import onnx.inliner
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError, ParityError
from foveate.exporter.emitter import OPSET, emit
from foveate.exporter.novelty import LENGTH_FLOOR, Novelty
from foveate.exporter.simplify import rewrite
from foveate.images.preprocess import Preprocessing
from foveate.models.anatomy import Network
from foveate.operators.onnx import NotInTable
from foveate.runtime.predictor import Predictor
from foveate.tasks.base import Task
from foveate.tasks.learning import differing, learner_of
from foveate.tasks.values import MODEL_INPUT, UNLIKENESS
from foveate.words import first_line

FEATURES_NAME = "features"
TRACE_BATCH = 3  # not 1, which exporters take for a constant
UNLIKENESS_TOLERANCE = 2e-3  # of 1, or of the value where that is greater: it is a difference of near numbers
_LUMA = (19595.0, 38470.0, 7471.0)  # Pillow's rule, in 65536ths; whole numbers, so float32 sums are exact


class FromPixels(nn.Module):
    """uint8 pictures (N, H, W, 3) RGB of the network's size -> what the network gives for them.

    Works on a copy of the network, on the CPU, in eval mode, float32.
    """

    luma: Tensor
    scale: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().float().eval()
        self.grey = preprocessing.channels == 1
        self.register_buffer("luma", torch.tensor(_LUMA).reshape(1, 3, 1, 1), persistent=False)
        for name in ("scale", "shift"):
            values = torch.from_numpy(getattr(preprocessing, name)).reshape(1, -1, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        return self.outputs(images)

    def outputs(self, images: Tensor) -> Tensor:
        """What the network itself gives: (N, K)."""
        x = images.float().permute(0, 3, 1, 2)  # (N, 3, H, W)
        if self.grey:
            x = torch.floor((x * self.luma).sum(1, keepdim=True) / 65536.0 + 0.5)  # (N, 1, H, W)
        outputs: Tensor = self.network(x * self.scale + self.shift)  # (N, K)
        return outputs


class Deployed(FromPixels):
    """uint8 pictures (N, H, W, 3) RGB of the network's size -> the task's outputs, in order.

    With a ``novelty`` also how unlike the training pictures each is, (N,) float32, last. One output is
    returned as it is, several as a tuple.

    Raises InputError for a novelty where the network does not say which its last layer is
    (`foveate.models.anatomy`), or of another width.
    """

    bank: Tensor

    def __init__(
        self, network: nn.Module, preprocessing: Preprocessing, task: Task, novelty: Novelty | None = None
    ) -> None:
        super().__init__(network, preprocessing)
        self.task = task
        self.learner = learner_of(task)(task)
        self.answer = self.learner.answer()
        self.novelty = novelty
        if novelty is not None:
            self.register_buffer("bank", torch.from_numpy(novelty.bank), persistent=False)
            self.tap = FeatureTap(self.network)
        self.eval()

    @property
    def output_names(self) -> list[str]:
        """The outputs of ``model.onnx``, in order."""
        names = [output.name for output in self.task.outputs]
        return names if self.novelty is None else [*names, UNLIKENESS.name]

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, ...]:
        found = self.answers(self.outputs(images))
        return found[0] if len(found) == 1 else found

    def answers(self, outputs: Tensor) -> tuple[Tensor, ...]:
        """What `forward` makes of what the network gave last, always as a tuple."""
        answer = self.answer(outputs)
        found = answer if isinstance(answer, tuple) else (answer,)
        return found if self.novelty is None else (*found, self.unlikeness(self.novelty))

    def unlikeness(self, novelty: Novelty) -> Tensor:
        """(N,) of the pictures that the network was run on last; see `foveate.exporter.novelty`."""
        features = self.tap.features()  # (N, D)
        lengths = torch.sqrt((features * features).sum(1, keepdim=True) + LENGTH_FLOOR)
        similarities = F.linear(features / lengths, self.bank)  # (N, B)
        nearest = torch.topk(similarities, novelty.neighbours, dim=1).values
        return torch.relu((1.0 - nearest.mean(1)) * (1.0 / novelty.level))


class FeatureTap:
    """Keeps what the last layer of a network was given when it was run last.

    Raises InputError for a network that does not say which its last layer is.
    """

    def __init__(self, network: nn.Module) -> None:
        if not isinstance(network, Network):
            raise InputError(
                f"{type(network).__name__} does not say which its last layer is, so the features that it is "
                "given are not known; networks of foveate.models do."
            )
        self._seen: Tensor | None = None
        layer = network.get_submodule(network.classifier_layers()[0])
        layer.register_forward_pre_hook(self._keep)

    def _keep(self, layer: nn.Module, given: tuple[Tensor, ...]) -> None:
        self._seen = given[0]

    def features(self) -> Tensor:
        """(N, D); a map (N, D, h, w) is averaged over its places."""
        if self._seen is None:
            raise RuntimeError("the network was not run, or its last layer was not reached")
        return self._seen if self._seen.dim() == 2 else self._seen.mean((2, 3))


def export_onnx(deployed: Deployed, preprocessing: Preprocessing, metadata: dict[str, str]) -> bytes:
    """The bytes of ``model.onnx``. ``metadata`` joins labels and preprocessing in ``metadata_props``.

    Raises InputError when neither this program's emitter nor torch's exporter can write the network.
    """
    shape = (TRACE_BATCH, preprocessing.height, preprocessing.width, 3)
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, shape, dtype=np.uint8)
    sample = torch.from_numpy(noise)
    try:
        model = emit(deployed, sample, MODEL_INPUT, *deployed.output_names)
    except NotInTable:
        model = _official(deployed, sample)
    rewrite(model.graph, MODEL_INPUT)
    properties = {
        "classes": json.dumps(list(deployed.task.labels)),
        "preprocessing": json.dumps(preprocessing.to_dict()),
        "author": "foveate",
        **metadata,
    }
    onnx.helper.set_model_props(model, dict(sorted(properties.items())))
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def export_parts(deployed: Deployed, preprocessing: Preprocessing) -> dict[str, bytes]:
    """The bytes of the files beside ``model.onnx`` (`foveate.tasks.base.Task.parts`), by name.

    None of a network of which a piece is not in the table: then there is nothing to search with.
    """
    made: dict[str, bytes] = {}
    height, width = preprocessing.height, preprocessing.width
    like = torch.zeros(TRACE_BATCH, preprocessing.channels, height, width)
    for name, part in deployed.learner.parts(deployed.network, like).items():
        try:
            if part.given is None:
                shape = (TRACE_BATCH, height, width, 3)
                module = FromPixels(part.module, preprocessing).eval()
                model = emit(module, torch.zeros(shape, dtype=torch.uint8), MODEL_INPUT, *part.outputs)
                rewrite(model.graph, MODEL_INPUT)
            else:
                model = emit(part.module.eval(), part.given, next(iter(part.given)), *part.outputs)
        except NotInTable:
            return {}
        made[name] = model.SerializeToString(deterministic=True)
    return made


def _official(deployed: Deployed, sample: Tensor) -> onnx.ModelProto:
    """torch's own exporter, cleared of what it says about the machine it ran on."""
    quiet = logging.getLogger("torch.onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # it reports that torchvision is not installed; nothing here needs it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations inside torch's exporter, not of our making
            program = torch.onnx.export(
                deployed,
                (sample,),
                dynamo=True,
                input_names=[MODEL_INPUT],
                output_names=deployed.output_names,
                dynamic_shapes=({0: torch.export.Dim("N")},),
                opset_version=OPSET,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # the exporter raises what it likes, from any depth
        raise InputError(
            f"This network cannot be written as ONNX ({first_line(error)}); replace the layer that is "
            "named, or keep Python decisions that depend on the pictures out of forward()."
        ) from error
    finally:
        quiet.setLevel(level)
    if program is None:
        raise InputError("torch's exporter returned nothing; torch >= 2.11 is expected.")
    model: onnx.ModelProto = program.model_proto
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    _strip(model)
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Remove stack traces and notes: they name folders of the machine and change between runs."""
    model.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for tensor in model.graph.initializer:
        tensor.ClearField("metadata_props")
        tensor.ClearField("doc_string")


def check_parity(deployed: Deployed, predictor: Predictor, pictures: np.ndarray) -> None:
    """Compare the exported file, run as it will be run, with torch on real pictures (N >= 2, H, W, 3) uint8.

    Both as one batch and alone for the first, so that a batch size baked into the graph shows. The task says
    what counts as the same. Raises ParityError with the largest difference.
    """
    with torch.inference_mode():
        outputs = deployed.outputs(torch.from_numpy(np.ascontiguousarray(pictures)))
        answers = [answer.numpy() for answer in deployed.answers(outputs)]
    if not all(np.isfinite(answer).all() for answer in answers):
        raise ParityError(
            "The network gives NaN or infinity for some of the sample pictures; its training diverged. "
            "Train again with a smaller learning rate."
        )
    for count in (len(pictures), 1):
        found = predictor.run(pictures[:count])
        expected = {name: answer[:count] for name, answer in zip(deployed.output_names, answers, strict=True)}
        unlikeness = expected.pop(UNLIKENESS.name, None)
        if unlikeness is not None and UNLIKENESS.name not in found:
            _mismatch("the unlikeness is missing")
        reason = deployed.learner.difference(outputs[:count].numpy(), expected, found)
        if not reason and unlikeness is not None:
            reason = differing("the unlikeness", unlikeness, found[UNLIKENESS.name], UNLIKENESS_TOLERANCE)
        if reason:
            _mismatch(reason)


def _mismatch(what: str) -> NoReturn:
    raise ParityError(
        f"The exported network does not compute what the trained one computes: {what}. No model folder was "
        "written; please report the network's layers."
    )
