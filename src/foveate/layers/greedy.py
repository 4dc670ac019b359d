"""Writing word by word, always the likeliest: a recurrent step repeated until it says that it has ended.

In ONNX it is one ``Loop``. What it carries from step to step has fixed sizes, the words among them, so that
what it costs can be told beforehand (`foveate.runtime.onnx_cost`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.reading import Reading, Value
from foveate.operators.table import MODULES, LayerEntry

PADDING, START, END, UNKNOWN = range(4)  # words' numbers that are no words
_BOOL, _INT64 = 9, 7  # of TensorProto.DataType


class Greedy(nn.Module):
    """The likeliest word, given those before, again and again: (N, T, 2 + L), T the most words.

    Of each step it tells the word's number, its probability and the L weights with which places were looked
    at (none, L = 0, where the step looks at none); behind the end there are zeros.

    step: ``step(word, state, *memory)`` of words (N, 1) int64, states (N, S) and whatever stays the same, to
    scores (N, K), the new state and the weights (N, L).
    """

    one_layer = True

    def __init__(self, step: nn.Module, longest: int) -> None:
        super().__init__()
        self.step, self.longest = step, int(longest)

    def forward(self, state: Tensor, *memory: Tensor) -> Tensor:
        word = torch.full((len(state), 1), START, dtype=torch.int64, device=state.device)
        going = torch.ones_like(state[:, :1])
        rows: list[Tensor] = []
        for _ in range(self.longest):
            scores, state, weights = self.step(word, state, *memory)
            likely, word = torch.softmax(scores, dim=1).max(dim=1, keepdim=True)
            rows.append(torch.cat([word.to(likely.dtype), likely, weights], dim=1) * going)
            going = going * (word != END).to(going.dtype)
            if going.is_meta or not going.any():  # shapes alone end nowhere
                break
        found = torch.stack(rows, dim=1)
        return F.pad(found, (0, 0, 0, self.longest - len(rows)))

    def extra_repr(self) -> str:
        return f"longest={self.longest}"


def _read(module: Any, x: Value, out: Value) -> Reading:
    return Reading("greedy", f"the likeliest of {module.longest} words", {"longest": module.longest})


def _macs(module: Any, x: Value, out: Value) -> int:
    """Of as many steps as there can be."""
    return int(module.longest) * int(module.step.multiply_adds)


def _write(g: OnnxGraph, module: Any, state: Value, *memory: Value) -> str:
    longest, places = module.longest, g.out.shape[2] - 2
    count = g.op("Shape", state, start=0, end=1)

    def zeros(*sides: int, value: Any) -> str:
        shape = g.op("Concat", count, g.integers(sides), axis=0)
        name: str = g.op("Expand", np.reshape(value, (1,) * (1 + len(sides))), shape)
        return name

    first = {
        "word": zeros(1, value=np.array(START, np.int64)),
        "state": g.value(state),
        "going": zeros(1, value=np.array(1, np.float32)),
        "place": zeros(1, value=np.array(0, np.int64)),
        "rows": zeros(longest, 2 + places, value=np.array(0, np.float32)),
    }
    shapes: dict[str, tuple[Any, tuple[int, ...]]] = {
        "word": (torch.int64, (1,)),
        "state": (torch.float32, tuple(state.shape[1:])),
        "going": (torch.float32, (1,)),
        "place": (torch.int64, (1,)),
        "rows": (torch.float32, (longest, 2 + places)),
    }

    def body(inner: Any, carried: dict[str, str]) -> tuple[str, dict[str, str]]:
        given = [(carried[name], *shapes[name]) for name in ("word", "state")]
        looked_at = [(g.value(part), part.dtype, tuple(part.shape[1:])) for part in memory]
        scores, after, weights = inner.traced(module.step, [*given, *looked_at])
        word = inner.op("ArgMax", scores, axis=1, keepdims=1)
        likely = inner.op("ReduceMax", inner.op("Softmax", scores, axis=1), inner.integers([1]), keepdims=1)
        parts = [inner.op("Cast", word, to=1), likely, *([weights] if places else [])]
        row = inner.op("Mul", inner.op("Concat", *parts, axis=1), carried["going"])
        here = inner.op("Equal", carried["place"], np.arange(longest, dtype=np.int64)[None])  # (N, T)
        here = inner.op("Unsqueeze", here, inner.integers([2]))
        rows = inner.op("Where", here, inner.op("Unsqueeze", row, inner.integers([1])), carried["rows"])
        other = inner.op("Not", inner.op("Equal", word, np.array([[END]], np.int64)))
        going = inner.op("Mul", carried["going"], inner.op("Cast", other, to=1))
        place = inner.op("Add", carried["place"], np.array([[1]], np.int64))
        still = inner.op("Cast", inner.op("ReduceMax", going, keepdims=0), to=_BOOL)
        return still, {"word": word, "state": after, "going": going, "place": place, "rows": rows}

    return g.loop(longest, first, shapes, body)["rows"]


MODULES[Greedy] = LayerEntry(_read, onnx=_write, multiply_adds=_macs)
