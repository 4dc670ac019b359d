"""A trained network as an ONNX file, and the proof that both compute the same.

The file holds everything between the picture's bytes and the answer: grey, scaling, the network, the
temperature, softmax. Two runs with the same weights give the same bytes.
"""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Sequence
from typing import NoReturn

import numpy as np
import onnx
import onnx.inliner
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.errors import InputError, ParityError
from foveate.export.emitter import OPSET, NotInTable, emit
from foveate.export.novelty import LENGTH_FLOOR, Novelty
from foveate.export.simplify import rewrite
from foveate.images.preprocess import Preprocessing
from foveate.models.anatomy import Network
from foveate.runtime.predictor import INPUT_NAME, OUTPUT_NAME, UNLIKENESS_NAME, Predictor
from foveate.words import first_line

FEATURES_NAME = "features"
TRACE_BATCH = 3  # not 1, which exporters take for a constant
# float32 sums in another order differ by about 1e-6 of a logit a layer; a wrong padding, epsilon or channel
# order moves probabilities by 1e-2 and more. Log-odds see what softmax hides when it is sure of itself; being
# differences of logits, they inherit the rounding of the logits' size.
PROBABILITY_TOLERANCE = 1e-4
LOG_ODDS_TOLERANCE = 1e-3
LOGIT_TOLERANCE = 1e-4  # a fraction of the picture's largest logit, allowed on top
SMALLEST_COMPARED = 1e-30  # below, float32 probabilities lose their digits and their logarithms mean nothing
UNLIKENESS_TOLERANCE = 2e-3  # of 1, or of the value where that is greater: it is a difference of near numbers
_LUMA = (19595.0, 38470.0, 7471.0)  # Pillow's rule, in 65536ths; whole numbers, so float32 sums are exact


class Deployed(nn.Module):
    """uint8 pictures (N, H, W, 3) RGB of the network's size -> probabilities (N, K) float32.

    With a ``novelty`` also how unlike the training pictures each is, (N,) float32: then it returns both.
    Works on a copy of the network, on the CPU, in eval mode, float32. Raises InputError for a novelty where
    the network does not say which its last layer is (`foveate.models.anatomy`), or of another width.
    """

    luma: Tensor
    scale: Tensor
    shift: Tensor
    bank: Tensor

    def __init__(
        self,
        network: nn.Module,
        preprocessing: Preprocessing,
        temperature: float,
        novelty: Novelty | None = None,
    ) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().float().eval()
        self.temperature = float(temperature)
        self.grey = preprocessing.channels == 1
        self.register_buffer("luma", torch.tensor(_LUMA).reshape(1, 3, 1, 1), persistent=False)
        for name in ("scale", "shift"):
            values = torch.from_numpy(getattr(preprocessing, name)).reshape(1, -1, 1, 1)
            self.register_buffer(name, values, persistent=False)
        self.novelty = novelty
        if novelty is not None:
            self.register_buffer("bank", torch.from_numpy(novelty.bank), persistent=False)
            self.tap = FeatureTap(self.network)
        self.eval()

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        probabilities = torch.softmax(self.logits(images), dim=1)
        return probabilities if self.novelty is None else (probabilities, self.unlikeness(self.novelty))

    def unlikeness(self, novelty: Novelty) -> Tensor:
        """(N,) of the pictures whose logits were computed last; see `foveate.export.novelty`."""
        features = self.tap.features()  # (N, D)
        lengths = torch.sqrt((features * features).sum(1, keepdim=True) + LENGTH_FLOOR)
        similarities = F.linear(features / lengths, self.bank)  # (N, B)
        nearest = torch.topk(similarities, novelty.neighbours, dim=1).values
        return torch.relu((1.0 - nearest.mean(1)) * (1.0 / novelty.level))

    def logits(self, images: Tensor) -> Tensor:
        """What softmax takes: (N, K), divided by the temperature."""
        x = images.float().permute(0, 3, 1, 2)  # (N, 3, H, W)
        if self.grey:
            x = torch.floor((x * self.luma).sum(1, keepdim=True) / 65536.0 + 0.5)  # (N, 1, H, W)
        logits: Tensor = self.network(x * self.scale + self.shift)  # (N, K)
        return logits / self.temperature


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


def export_onnx(
    deployed: Deployed, preprocessing: Preprocessing, classes: Sequence[str], metadata: dict[str, str]
) -> bytes:
    """The bytes of ``model.onnx``. ``metadata`` joins classes and preprocessing in ``metadata_props``.

    Raises InputError when neither this program's emitter nor torch's exporter can write the network.
    """
    shape = (TRACE_BATCH, preprocessing.height, preprocessing.width, 3)
    noise = np.random.Generator(np.random.PCG64(0)).integers(0, 256, shape, dtype=np.uint8)
    sample = torch.from_numpy(noise)
    try:
        model = emit(deployed, sample, INPUT_NAME, *output_names(deployed))
    except NotInTable:
        model = _official(deployed, sample)
    rewrite(model.graph, INPUT_NAME)
    properties = {
        "classes": json.dumps(list(classes)),
        "preprocessing": json.dumps(preprocessing.to_dict()),
        "author": "foveate",
        **metadata,
    }
    onnx.helper.set_model_props(model, dict(sorted(properties.items())))
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def output_names(deployed: Deployed) -> list[str]:
    """The outputs of ``model.onnx``, in order."""
    return [OUTPUT_NAME] if deployed.novelty is None else [OUTPUT_NAME, UNLIKENESS_NAME]


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
                input_names=[INPUT_NAME],
                output_names=output_names(deployed),
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

    Both as one batch and one by one for the first, so that a batch size baked into the graph shows. Compared
    are probabilities (absolute), log-odds against the likeliest class, and the likeliest class itself unless
    two are nearly equal. Raises ParityError with the largest difference.
    """
    unlikeness = None
    with torch.inference_mode():
        logits = deployed.logits(torch.from_numpy(np.ascontiguousarray(pictures)))
        expected = torch.softmax(logits, dim=1).numpy()
        if deployed.novelty is not None:
            unlikeness = deployed.unlikeness(deployed.novelty).numpy()
    if not np.isfinite(expected).all():
        raise ParityError(
            "The network gives NaN or infinity for some of the sample pictures; its training diverged. "
            "Train again with a smaller learning rate."
        )
    sizes = logits.abs().amax(dim=1).numpy()  # (N,)
    for count in (len(pictures), 1):
        found = predictor.answers(pictures[:count])
        compare(expected[:count], found.probabilities, sizes[:count])
        if unlikeness is not None:
            _compare_unlikeness(unlikeness[:count], found.unlikeness)


def compare(expected: np.ndarray, found: np.ndarray, logit_sizes: np.ndarray) -> None:
    """Raise ParityError unless two tables of probabilities (N, K) agree; see `check_parity`.

    logit_sizes: (N,) the largest absolute logit of each row.
    """
    difference = float(np.abs(expected - found).max())
    if difference > PROBABILITY_TOLERANCE:
        _mismatch(f"probabilities differ by up to {difference:.2g}, allowed {PROBABILITY_TOLERANCE:g}")
    best = expected.argmax(axis=1)
    rows = np.arange(len(best))
    gap = expected[rows, best] - expected[rows, found.argmax(axis=1)]
    if (gap > 2 * PROBABILITY_TOLERANCE).any():
        _mismatch("the likeliest class is another one")
    compared = np.maximum(expected, found) >= SMALLEST_COMPARED
    tiny = np.finfo(np.float32).tiny
    odds = [np.log(np.maximum(p, tiny)) - np.log(p[rows, best])[:, None] for p in (expected, found)]
    excess = np.abs(odds[0] - odds[1]) - LOG_ODDS_TOLERANCE - LOGIT_TOLERANCE * logit_sizes[:, None]
    worst = float(np.where(compared, excess, 0).max())
    if worst > 0:
        _mismatch(f"log-odds differ by {worst:.2g} more than allowed")


def _compare_unlikeness(expected: np.ndarray, found: np.ndarray | None) -> None:
    if found is None:
        _mismatch("the unlikeness is missing")
    excess = np.abs(expected - found) / np.maximum(np.abs(expected), 1)
    if not excess.max() <= UNLIKENESS_TOLERANCE:  # NaN compares false
        _mismatch(f"the unlikeness differs by {excess.max():.2g}, allowed {UNLIKENESS_TOLERANCE:g}")


def _mismatch(what: str) -> NoReturn:
    raise ParityError(
        f"The exported network does not compute what the trained one computes: {what}. No model folder was "
        "written; please report the network's layers."
    )
