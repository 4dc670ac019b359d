"""The ways of explaining by name, with settings that suit any picture: what the command calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from foveate.errors import InputError, UnknownNameError
from foveate.explanation.faithfulness import blurred
from foveate.explanation.grad_cam import grad_cam, upsampled
from foveate.explanation.gradients import heat_of_gradient, integrated_gradients, smooth_grad
from foveate.explanation.hooks import OUTPUT, Score, Watched, last_map
from foveate.explanation.occlusion import occlusion
from foveate.explanation.render import overlay, signed_overlay
from foveate.explanation.rollout import attention_layers, rollout
from foveate.plugins import Registry

Method = Callable[["Question"], "HeatMap"]
NEED_MAPS = {"grad-cam"}  # the methods for which the network must make maps
NEED_ATTENTION = {"rollout"}  # and those for which its tokens must attend to each other
WINDOWS_A_SIDE = 6  # occlusion covers a sixth of the picture's side at a time


@dataclass(frozen=True)
class HeatMap:
    """values: (H, W) float32 of the picture's size; the larger, the more it speaks for the label.

    What is found for single pixels is softened a little: regions are marked, not specks. signed: whether
    values below 0 mean "against the class". facts: what was looked at, plain data.
    """

    method: str
    values: NDArray[np.float32]
    signed: bool
    facts: dict[str, Any] = field(default_factory=dict)

    def over(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The map laid over its picture (H, W, 1 or 3): (H, W, 3)."""
        return signed_overlay(picture, self.values) if self.signed else overlay(picture, self.values)


def heat_map(
    module: nn.Module,
    x: Tensor,
    target: int,
    method: str = "grad-cam",
    *,
    layer: str | None = None,
    watched: Watched = OUTPUT,
    seed: int = 0,
) -> HeatMap:
    """Explain why one picture, (1, C, H, W) normalised, is (or might be) called ``target``.

    The score of what is ``watched`` is explained; occlusion looks at its value. ``layer`` is for Grad-CAM,
    ``seed`` for the noise of saliency. Raises UnknownNameError for a method or layer, InputError as the
    method does.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    return METHODS[method](Question(module, x, target, layer, watched.score, watched.value, seed))


@dataclass(frozen=True)
class Question:
    """What a heat map is to answer: why a network gives its number ``target`` for one picture.

    x: (1, C, H, W) normalised. layer: asked for by name, if any. score: what of the outputs is explained,
    value: what the answer says, both given (outputs, labels). seed: of what is drawn by chance.
    """

    module: nn.Module
    x: Tensor
    target: int
    layer: str | None
    score: Score
    value: Score
    seed: int


def _grad_cam(q: Question) -> HeatMap:
    name = q.layer or last_map(q.module, q.x)
    cam = grad_cam(q.module, q.x, q.target, layer=name, score=q.score)
    size = (q.x.shape[2], q.x.shape[3])
    return HeatMap("grad-cam", _array(upsampled(cam, size)), False, {"layer": name, "map": [*cam.shape[1:]]})


def _integrated_gradients(q: Question) -> HeatMap:
    found = integrated_gradients(q.module, q.x, q.target, score=q.score)
    facts = {
        "baseline": "the mean colour",
        "sum": float(found.attribution.sum()),
        "completeness_gap": float(found.gap),
    }
    return HeatMap("integrated-gradients", _array(_softened(found.attribution.sum(dim=1))), True, facts)


def _occlusion(q: Question) -> HeatMap:
    window = tuple(max(side // WINDOWS_A_SIDE, 1) for side in q.x.shape[2:])
    size = (window[0], window[1])
    falls = occlusion(q.module, q.x, q.target, window=size, score=q.value, fill=blurred(q.x))
    facts = {"window": [*window], "largest_fall": float(falls.max())}
    return HeatMap("occlusion", _array(falls), True, facts)


def _saliency(q: Question) -> HeatMap:
    gradient = smooth_grad(q.module, q.x, q.target, score=q.score, seed=q.seed)
    return HeatMap("saliency", _array(_softened(heat_of_gradient(gradient))), False, {"noisy_copies": 25})


def _rollout(q: Question) -> HeatMap:
    cells = rollout(q.module, q.x)
    facts = {
        "blocks": len(attention_layers(q.module)),
        "map": [*cells.shape[1:]],
        "same_for_every_label": True,
    }
    return HeatMap("rollout", _array(upsampled(cells, (q.x.shape[2], q.x.shape[3]))), False, facts)


METHODS: Registry[Method] = Registry(
    {
        "grad-cam": _grad_cam,
        "integrated-gradients": _integrated_gradients,
        "occlusion": _occlusion,
        "saliency": _saliency,
        "rollout": _rollout,
    }
)


def register_heatmap(name: str, *, needs_maps: bool = False) -> Callable[[Method], Method]:
    """Make a way of explaining known by its name, to `explain` and its command; a decorator.

    >>> @register_heatmap("input", needs_maps=False)
    ... def _(question):
    ...     return HeatMap("input", question.x[0].abs().sum(0).numpy(), signed=False)
    >>> del METHODS["input"]

    needs_maps: whether it is left out for a network that makes no maps. Raises InputError for a name that is
    taken.
    """

    def tie(method: Method) -> Method:
        known = METHODS.peek(name)
        if known is not None and known.__qualname__ != method.__qualname__:
            raise InputError(f"There is a heat map {name!r} already; give yours another name.")
        METHODS[name] = method
        (NEED_MAPS.add if needs_maps else NEED_MAPS.discard)(name)
        return method

    return tie


def _softened(heat: Tensor) -> Tensor:
    """(N, H, W), with a Gaussian of a fiftieth of the side."""
    return blurred(heat[:, None], sigma_fraction=0.02)[:, 0]


def _array(heat: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = heat[0].detach().cpu().to(torch.float32).numpy()
    return array
