"""One picture through one network, whole or covered in part, with the kernels as they are or as edited."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.errors import RequestError
from foveate.graph.recording import record
from foveate.inspector.keys import alike
from foveate.inspector.networks import answered, outputs_of, steps_of
from foveate.models.model import Model
from foveate.operators.sums import Recording, Step
from foveate.tasks.learning import Learner, learner_of
from foveate.words import encodable

TOP = 10


@dataclass(frozen=True)
class Cover:
    """A rectangle of the network's picture, in its pixels, that is hidden; it may reach outside."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class KernelEdit:
    """Other numbers for the kernel that leads from one input map to one output map of a convolution."""

    node: int
    output_channel: int
    input_channel: int
    kernel: Sequence[Sequence[float]]


@dataclass(frozen=True)
class BiasEdit:
    """Another bias of one output channel."""

    node: int
    channel: int
    value: float


Edit = KernelEdit | BiasEdit


@dataclass(frozen=True)
class Question:
    """What is asked of a network: a picture, hidden in part, with other kernels.

    picture: its id. pixels: (height, width, channels) uint8, as the network's preprocessing makes them.
    """

    picture: str
    pixels: NDArray[np.uint8]
    covers: Sequence[Cover] = ()
    edits: Sequence[Edit] = ()


@dataclass(frozen=True)
class Run:
    """What a network made of a picture. pixels: (H, W, C) uint8 as it saw them; x: normalised, (1, C, H, W).

    weights: the edited parameters, by their dotted names. outputs: (K,), of the network before its answer,
    which is the last step of the recording; where each place has an answer (K, H, W), and of sentences
    (T, 2 + L), and the last step.
    """

    net_id: str
    net: Model
    picture: str
    pixels: NDArray[np.uint8]
    x: Tensor
    outputs: Tensor
    recording: Recording
    weights: Mapping[str, Tensor]
    seconds: float

    @property
    def nbytes(self) -> int:
        return self.recording.nbytes

    @property
    def values(self) -> NDArray[np.float32]:
        """(K,) what the answer says of each label, a `Task.says`."""
        found = self.recording.values[-1]
        if not self.net.task.whole_picture:
            found = self.learner.values(self.outputs[None])[0]
        return np.asarray(found.numpy(), np.float32)

    @property
    def learner(self) -> Learner:
        return learner_of(self.net.task)(self.net.task)

    def step(self, number: int) -> Step:
        return self.recording.steps[number]

    def top(self) -> list[dict[str, Any]]:
        """The likeliest labels, at most ten, best first; of numbers the first ten.

        logit: the network's own number; of answers that have a place its mean.
        """
        values, outputs = self.values, self.learner.each(self.outputs[None])[0].numpy()
        return [
            {
                **alike(int(i), "class", "index"),
                "label": encodable(self.net.labels[i]),
                "probability": float(values[i]),
                "logit": float(outputs[i]),
            }
            for i in self.net.task.order(values)[:TOP]
        ]


def make_run(net_id: str, net: Model, question: Question) -> Run:
    """Send a picture through a network.

    Raises RequestError 422 for an edit that the network has no place for.
    """
    began = time.perf_counter()
    seen = covered(question.pixels, question.covers, cover_colour(net))
    x = torch.from_numpy(net.preprocessing.normalise(seen[None]))
    weights = edited_weights(net, question.edits)
    with swapped(net.module, weights):
        recording = record(net.module, x)
    outputs, recording = outputs_of(recording, net.task), answered(recording, net.task)
    seconds = time.perf_counter() - began
    return Run(net_id, net, question.picture, seen, x, outputs, recording, weights, seconds)


def cover_colour(net: Model) -> tuple[int, ...]:
    """What covers a part: the mean colour of the preprocessing, which the network sees as about 0."""
    return tuple(round(255 * value) for value in net.preprocessing.mean)


def covered(pixels: NDArray[np.uint8], covers: Sequence[Cover], colour: tuple[int, ...]) -> NDArray[np.uint8]:
    """A copy of a picture (H, W, C) with the rectangles filled."""
    if not covers:
        return pixels
    out = pixels.copy()
    for cover in covers:
        rows = slice(max(cover.top, 0), max(cover.top + cover.height, 0))
        columns = slice(max(cover.left, 0), max(cover.left + cover.width, 0))
        out[rows, columns] = colour
    return out


# --- Edits -------------------------------------------------------------------------------------------------


def edited_weights(net: Model, edits: Sequence[Edit]) -> dict[str, Tensor]:
    """Copies of the parameters that the edits change, changed. Raises RequestError 422."""
    weights: dict[str, Tensor] = {}
    for edit in edits:
        steps = steps_of(net)
        if not 0 <= edit.node < len(steps):
            raise RequestError(422, f"edits: there is no node n{edit.node}.")
        if isinstance(edit, KernelEdit):
            _edit_kernel(net, weights, steps[edit.node], edit)
        else:
            _edit_bias(net, weights, steps[edit.node], edit)
    return weights


def _edit_kernel(net: Model, weights: dict[str, Tensor], step: Step, edit: KernelEdit) -> None:
    if step.op != "conv2d" or "weight" not in step.parameters:
        raise RequestError(422, f"edits: n{edit.node} ({step.label}) has no kernels to edit.")
    weight = _copy(net, weights, step.parameters["weight"])
    outputs, per_group, *size = weight.shape
    _check_channel("output_channel", edit.output_channel, outputs)
    first = edit.output_channel // (outputs // step.settings["groups"]) * per_group
    _check_channel("input_channel", edit.input_channel, first + per_group, first)
    shape = [len(edit.kernel), *{len(row) for row in edit.kernel}]
    if shape != size:
        raise RequestError(422, f"edits: the kernel must be {size[0]}x{size[1]}, as n{edit.node} has them.")
    weight[edit.output_channel, edit.input_channel - first] = torch.tensor(edit.kernel, dtype=weight.dtype)


def _edit_bias(net: Model, weights: dict[str, Tensor], step: Step, edit: BiasEdit) -> None:
    if "bias" not in step.parameters:
        raise RequestError(422, f"edits: n{edit.node} ({step.label}) has no bias to edit.")
    bias = _copy(net, weights, step.parameters["bias"])
    _check_channel("channel", edit.channel, len(bias))
    bias[edit.channel] = edit.value


def _copy(net: Model, weights: dict[str, Tensor], name: str) -> Tensor:
    if name not in weights:
        weights[name] = net.module.get_parameter(name).detach().clone()
    return weights[name]


def _check_channel(name: str, value: int, end: int, first: int = 0) -> None:
    if not first <= value < end:
        raise RequestError(422, f"edits: {name} must be {first} to {end - 1} here, and is {value}.")


@contextmanager
def swapped(module: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """While the block lasts, these tensors stand in the place of the module's own parameters."""
    before: list[tuple[nn.Module, str, Any]] = []
    try:
        for name, tensor in weights.items():
            path, _, leaf = name.rpartition(".")
            owner = module.get_submodule(path)
            before.append((owner, leaf, getattr(owner, leaf)))
            setattr(owner, leaf, nn.Parameter(tensor, requires_grad=False))
        yield
    finally:
        for owner, leaf, parameter in before:
            setattr(owner, leaf, parameter)
