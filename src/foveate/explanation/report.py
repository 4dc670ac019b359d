"""What the report shows of explanations: where the network looked for the answers that tell most."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.explanation.faithfulness import MARKED_FRACTION, Hiding, hiding
from foveate.explanation.grad_cam import grad_cam, upsampled
from foveate.explanation.hooks import last_map
from foveate.explanation.render import overlay
from foveate.graph.trace import evaluating
from foveate.images.preprocess import Preprocessing
from foveate.tasks.base import Task
from foveate.tasks.learning import Learner, learner_of
from foveate.tasks.telling import Explained, Explanations, ToExplain

PICTURES_SHOWN = 8
DRAWS = 5  # of random parts to hide, for each picture: enough for a mean over all of them
FORWARDS_A_PICTURE = 30  # at most: finding the layer, two times Grad-CAM (there and back), hiding 12 parts


def explain_for_report(
    module: nn.Module,
    preprocessing: Preprocessing,
    task: Task,
    pictures: Sequence[ToExplain],
    *,
    seconds: float = math.inf,
) -> Explanations | None:
    """Grad-CAM of the first few pictures, for each output in question.

    Args:
        module: (N, C, H, W) to numbers (N, K), on the processor; left as it was found.
        task: what the K numbers mean. `hiding` watches what its answer makes of them.
        pictures: what the task wants explained, the most telling first.
        seconds: the time there is. As many pictures are explained as fit.

    Returns:
        None where there is nothing to show: no pictures, no time, or a network without maps.
    """
    began = time.monotonic()
    shown = pictures[:PICTURES_SHOWN]
    if not shown or seconds <= 0:
        return None
    x = torch.from_numpy(
        preprocessing.normalise(np.stack([preprocessing.apply(one.pixels) for one in shown]))
    )
    longest = FORWARDS_A_PICTURE * _forward_seconds(module, x[:1])  # of a picture, until one has been timed
    if time.monotonic() - began + longest > seconds:
        return None
    try:
        layer = last_map(module, x)
    except InputError:
        return None
    explain = _Explainer(module, layer, learner_of(task)(task))
    found: list[tuple[Explained, Hiding]] = []
    for i, one in enumerate(shown):
        start = time.monotonic()
        if found and start - began + longest > seconds:
            break
        found.append(explain(one, x[i : i + 1]))
        longest = max(longest, time.monotonic() - start) if i else time.monotonic() - start
    return Explanations(
        items=tuple(explained for explained, _ in found),
        method="Grad-CAM",
        layer=layer,
        fraction=MARKED_FRACTION,
        drop=float(np.mean([test.drop for _, test in found])),
        drop_elsewhere=float(np.mean([test.drop_elsewhere for _, test in found])),
    )


@dataclass(frozen=True)
class _Explainer:
    module: nn.Module
    layer: str
    learner: Learner

    def __call__(self, subject: ToExplain, x: Tensor) -> tuple[Explained, Hiding]:
        """A map for each output, and what hiding the first one's marked part does; x: (1, C, H, W)."""
        heats = [self._heat(x, output) for output in subject.outputs]
        test = hiding(self.module, x, subject.outputs[0], heats[0], draws=DRAWS, score=self.learner.value)
        return Explained(subject, [overlay(subject.pixels, heat.numpy()) for heat in heats]), test

    def _heat(self, x: Tensor, target: int) -> Tensor:
        """(H, W), of the picture's size."""
        cam = grad_cam(self.module, x, target, layer=self.layer, score=self.learner.score)
        return upsampled(cam, (x.shape[2], x.shape[3]))[0]


def _forward_seconds(module: nn.Module, x: Tensor) -> float:
    """The faster of two: the first one after an export finds nothing where it needs it."""
    times = []
    with evaluating(module), torch.inference_mode():
        for _ in range(2):
            start = time.monotonic()
            module(x)
            times.append(time.monotonic() - start)
    return min(times)
