"""The best of many scored boxes, as many for each picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.reading import Reading, Value
from foveate.operators.table import MODULES, LayerEntry


class BestCandidates(nn.Module):
    """The boxes with the greatest scores, each with its class: (N, P, C + S) to (N, most, C + 2).

    Args:
        most: how many; what fills up where there are fewer is 0 throughout.
        classes: K. Scores are laid out with the class last: either each box has K of them (S = K), or boxes
            go K by K, one of each class (S = 1).
        columns: C, the numbers of a box that are not its scores.

    What comes out are these columns, the score and the class, by falling score.
    """

    def __init__(self, most: int, classes: int, columns: int = 4) -> None:
        super().__init__()
        self.most, self.classes, self.columns = most, classes, columns

    def forward(self, x: Tensor) -> Tensor:
        boxes, scores = x[..., : self.columns], x[..., self.columns :]
        width = scores.shape[2]
        flat = scores.flatten(1)
        count = min(self.most, flat.shape[1])
        best, which = flat.topk(count, dim=1)
        places = torch.div(which, width, rounding_mode="floor")
        chosen = boxes.gather(1, places[..., None].expand(-1, -1, self.columns))
        labels = torch.remainder(which, self.classes).to(x.dtype)
        found = torch.cat([chosen, best[..., None], labels[..., None]], dim=2)
        return F.pad(found, (0, 0, 0, self.most - count))

    def extra_repr(self) -> str:
        return f"most={self.most}, classes={self.classes}"


def _read(module: Any, x: Value, out: Value) -> Reading:
    settings = {"most": module.most, "classes": module.classes}
    return Reading("best_candidates", f"the best {out.shape[1]:,}", settings)


def _write(g: OnnxGraph, module: Any, x: Value) -> Any:
    _, places, numbers = x.shape
    width = numbers - module.columns
    count = min(module.most, places * width)
    boxes, scores = g.op("Split", x, g.integers([module.columns, width]), axis=2, outputs=2)
    flat = g.op("Reshape", scores, g.integers([0, places * width]))
    best, which = g.op("TopK", flat, g.integers([count]), axis=1, outputs=2)
    index = g.op("Reshape", g.op("Div", which, np.array(width, np.int64)), g.integers([0, count, 1]))
    chosen = g.op("GatherND", boxes, index, batch_dims=1)
    labels = g.op("Cast", g.op("Mod", which, np.array(module.classes, np.int64)), to=1)
    column = g.integers([0, count, 1])
    rows = (g.op("Reshape", best, column), g.op("Reshape", labels, column))
    found = g.op("Concat", chosen, *rows, axis=2)
    if count == module.most:
        return found
    return g.op("Pad", found, g.integers([0, 0, 0, 0, module.most - count, 0]))


MODULES[BestCandidates] = LayerEntry(_read, onnx=_write)
