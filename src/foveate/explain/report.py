"""What the report shows of explanations: where the network looked when it was surest and wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from foveate.errors import InputError
from foveate.evaluation.report_data import Explanation, Explanations, Mistake
from foveate.explain.faithfulness import MARKED_FRACTION, hiding
from foveate.explain.grad_cam import grad_cam, upsampled
from foveate.explain.hooks import last_map
from foveate.explain.render import overlay
from foveate.images.preprocess import Preprocessing

PICTURES_SHOWN = 8
DRAWS = 5  # of random parts to hide, for each picture: enough for a mean over all of them


def explain_for_report(
    module: nn.Module,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    pictures: Sequence[Mistake],
    *,
    temperature: float = 1.0,
) -> Explanations | None:
    """Grad-CAM of the first few pictures: for the class the network named, and for the right one.

    Args:
        module: (N, C, H, W) to scores (N, classes), on the processor; left as it was found.
        pictures: as the report's mistakes: what the network saw, (height, width, channels) uint8, with both
            classes by name. Pictures that it got right (both classes the same) may stand there too.

    Returns:
        None where there is nothing to show: no pictures, or a network without maps.
    """
    shown = list(pictures[:PICTURES_SHOWN])
    if not shown:
        return None
    x = torch.from_numpy(preprocessing.normalise(np.stack([_sized(m.picture, preprocessing) for m in shown])))
    number = {name: i for i, name in enumerate(classes)}
    try:
        layer = last_map(module, x)
    except InputError:
        return None
    size = (x.shape[2], x.shape[3])
    heats: dict[str, Any] = {}
    for key in ("predicted", "true"):
        target = torch.tensor([number[getattr(m, key)] for m in shown])
        heats[key] = upsampled(grad_cam(module, x, target, layer=layer), size)
    tests = [
        hiding(
            module,
            x[i : i + 1],
            number[m.predicted],
            heats["predicted"][i],
            draws=DRAWS,
            temperature=temperature,
        )
        for i, m in enumerate(shown)
    ]
    return Explanations(
        items=tuple(
            Explanation(m, _over(m, heats["predicted"][i]), _over(m, heats["true"][i]))
            for i, m in enumerate(shown)
        ),
        method="Grad-CAM",
        layer=layer,
        fraction=MARKED_FRACTION,
        drop=float(np.mean([t.drop for t in tests])),
        drop_elsewhere=float(np.mean([t.drop_elsewhere for t in tests])),
    )


def _sized(picture: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """As the network sees it; a no-op for pictures that are of its size already."""
    return preprocessing.apply(picture)


def _over(mistake: Mistake, heat: torch.Tensor) -> NDArray[np.uint8]:
    return overlay(mistake.picture, heat.numpy())
