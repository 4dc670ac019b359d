"""Recurrent cells: RNN, LSTM (Hochreiter, Schmidhuber, 1997) and GRU (Cho et al., 2014, arXiv:1406.1078).

A cell makes a new state (N, S) of an input (N, features) and a state. The state of an LSTM is [h, c], its
output beside its memory, so S is twice its units; of the others S is the units. Weights have the names, the
shapes and the order of gates of ``torch.nn.RNNCell``, ``LSTMCell`` and ``GRUCell``: i, f, g, o; r, z, n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from foveate.operators.onnx import OnnxGraph
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.reading import Reading, Value
from foveate.operators.sums import Arithmetic, Formula, Place, Term, shown
from foveate.operators.table import MODULES, LayerEntry, sums


class RecurrentCell(nn.Module):
    """``forward(x, state)`` of (N, features) and (N, state_size); every weight begins as torch's do."""

    gates: ClassVar[tuple[str, ...]] = ("",)
    states: ClassVar[int] = 1

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.features, self.units = features, units
        rows = len(self.gates) * units
        self.weight_ih = nn.Parameter(torch.empty(rows, features))
        self.weight_hh = nn.Parameter(torch.empty(rows, units))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(units**-0.5), units**-0.5)

    @property
    def state_size(self) -> int:
        return self.states * self.units

    @property
    def multiply_adds(self) -> int:
        """Of one step of one row."""
        return len(self.gates) * self.units * (self.features + self.units)

    def output(self, state: Tensor) -> Tensor:
        """What of a state others see, (N, units)."""
        return state[:, : self.units]

    def sums(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """The input's and the state's part of the gates' sums, (N, gates units) each."""
        return F.linear(x, self.weight_ih, self.bias_ih), F.linear(h, self.weight_hh, self.bias_hh)

    def extra_repr(self) -> str:
        return f"features={self.features}, units={self.units}"


class RNNCell(RecurrentCell):
    """h' = tanh(W x + U h + b)."""

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        given, kept = self.sums(x, state)
        return torch.tanh(given + kept)


class LSTMCell(RecurrentCell):
    """c' = f c + i g, h' = o tanh(c'); the state is [h, c]."""

    gates: ClassVar[tuple[str, ...]] = ("input", "forget", "cell", "output")
    states: ClassVar[int] = 2

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        h, c = state.chunk(2, dim=1)
        given, kept = self.sums(x, h)
        i, f, g, o = (given + kept).chunk(4, dim=1)
        memory = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(memory), memory], dim=1)


class GRUCell(RecurrentCell):
    """h' = (1 − z) n + z h, with n = tanh(W x + r (U h))."""

    gates: ClassVar[tuple[str, ...]] = ("reset", "update", "new")

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        given, kept = (part.chunk(3, dim=1) for part in self.sums(x, state))
        reset = torch.sigmoid(given[0] + kept[0])
        update = torch.sigmoid(given[1] + kept[1])
        new = torch.tanh(given[2] + reset * kept[2])
        return new + update * (state - new)


# --- One number of a state taken apart ---------------------------------------------------------------------


def _reader(op: str, label: str) -> Callable[[Any, Value, Value], Reading]:
    def read(module: Any, x: Value, out: Value) -> Reading:
        tensors = {name: getattr(module, name) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        return Reading(op, f"{label} {module.units:,}", {"units": module.units}, tensors)

    return read


class _Gates:
    """The sums of a cell's gates for one unit: of each a term of the input and one of the state."""

    def __init__(self, place: Place, names: Sequence[str]) -> None:
        units = place.step.settings["units"]
        self.unit = place.channel % units
        x, state = (place.input(i).astype(np.float64) for i in (0, 1))
        h = state[:units]
        self.before = state  # (S,)
        self.terms: list[Term] = []
        self.steps: list[Formula] = []
        self.given: list[float] = []
        self.kept: list[float] = []
        for number, name in enumerate(names):
            row = number * units + self.unit
            parts = []
            for i, (values, weight, bias) in enumerate(
                ((x, "weight_ih", "bias_ih"), (h, "weight_hh", "bias_hh"))
            ):
                weights = place.tensor(weight)[row].astype(np.float64)
                total = math.fsum(weights * values)
                self.terms.append(Term(place.step.inputs[i], None, weights, values, total))
                parts.append((total, float(place.tensor(bias)[row])))
            (of_x, b), (of_h, c) = parts
            self.given.append(of_x + b)
            self.kept.append(of_h + c)
            text = (
                f"{name or 'sum'}: {x.size:,} products of the input {shown(of_x)} + {h.size:,} of the state "
                f"{shown(of_h)} + biases {shown(b)} and {shown(c)}"
            )
            self.steps.append(Formula(text, shown(of_x + b + of_h + c)))

    def sum(self, number: int) -> float:
        return self.given[number] + self.kept[number]

    def arithmetic(self, place: Place, total: float, last: Sequence[Formula]) -> Arithmetic:
        facts = {"unit": self.unit}
        return Arithmetic(
            place.step.op, place.value, total, tuple(self.terms), steps=(*self.steps, *last), facts=facts
        )


def _sigmoid(x: float) -> float:
    decay = math.exp(-abs(x))
    return (1.0 if x >= 0 else decay) / (1 + decay)


@sums("rnn_cell")
def _sum_rnn(place: Place) -> Arithmetic:
    gates = _Gates(place, RNNCell.gates)
    total = math.tanh(gates.sum(0))
    return gates.arithmetic(place, total, [Formula(f"tanh({shown(gates.sum(0))})", shown(total))])


@sums("lstm_cell")
def _sum_lstm(place: Place) -> Arithmetic:
    """Of a number of the output, or of the memory behind it."""
    gates = _Gates(place, LSTMCell.gates)
    units = place.step.settings["units"]
    taken, kept, shows = (_sigmoid(gates.sum(i)) for i in (0, 1, 3))
    new, before = math.tanh(gates.sum(2)), float(gates.before[units + gates.unit])
    memory = kept * before + taken * new
    text = (
        f"forget σ {shown(kept)} · memory {shown(before)} + input σ {shown(taken)} · cell tanh {shown(new)}"
    )
    steps = [Formula(text, shown(memory))]
    if place.channel >= units:
        return gates.arithmetic(place, memory, steps)
    total = shows * math.tanh(memory)
    steps.append(Formula(f"output σ {shown(shows)} · tanh({shown(memory)})", shown(total)))
    return gates.arithmetic(place, total, steps)


@sums("gru_cell")
def _sum_gru(place: Place) -> Arithmetic:
    gates = _Gates(place, GRUCell.gates)
    reset, update = _sigmoid(gates.sum(0)), _sigmoid(gates.sum(1))
    inside = gates.given[2] + reset * gates.kept[2]
    new, before = math.tanh(inside), float(gates.before[gates.unit])
    total = (1 - update) * new + update * before
    steps = [
        Formula(
            f"tanh({shown(gates.given[2])} + reset σ {shown(reset)} · {shown(gates.kept[2])})", shown(new)
        ),
        Formula(
            f"(1 − update σ {shown(update)}) · {shown(new)} + {shown(update)} · state {shown(before)}",
            shown(total),
        ),
    ]
    return gates.arithmetic(place, total, steps)


# --- As ONNX -----------------------------------------------------------------------------------------------


def _sums_written(g: OnnxGraph, module: Any, x: Any, h: Any) -> tuple[str, str]:
    given = g.op("Gemm", x, module.weight_ih, module.bias_ih, transB=1)
    return given, g.op("Gemm", h, module.weight_hh, module.bias_hh, transB=1)


def _write_rnn(g: OnnxGraph, module: Any, x: Value, state: Value) -> str:
    name: str = g.op("Tanh", g.op("Add", *_sums_written(g, module, x, state)))
    return name


def _write_lstm(g: OnnxGraph, module: Any, x: Value, state: Value) -> str:
    h, c = g.op("Split", state, g.integers([module.units] * 2), axis=1, outputs=2)
    together = g.op("Add", *_sums_written(g, module, x, h))
    i, f, cell, o = g.op("Split", together, g.integers([module.units] * 4), axis=1, outputs=4)
    kept = g.op("Mul", g.op("Sigmoid", f), c)
    memory = g.op("Add", kept, g.op("Mul", g.op("Sigmoid", i), g.op("Tanh", cell)))
    shows = g.op("Mul", g.op("Sigmoid", o), g.op("Tanh", memory))
    name: str = g.op("Concat", shows, memory, axis=1)
    return name


def _write_gru(g: OnnxGraph, module: Any, x: Value, state: Value) -> str:
    sizes = g.integers([module.units] * 3)
    given, kept = (
        g.op("Split", part, sizes, axis=1, outputs=3) for part in _sums_written(g, module, x, state)
    )
    reset, update = (g.op("Sigmoid", g.op("Add", given[i], kept[i])) for i in (0, 1))
    new = g.op("Tanh", g.op("Add", given[2], g.op("Mul", reset, kept[2])))
    name: str = g.op("Add", new, g.op("Mul", update, g.op("Sub", state, new)))
    return name


def _macs(module: Any, x: Value, out: Value) -> int:
    return int(module.multiply_adds) * out.shape[0]


for _cell, _op, _label, _write in (
    (RNNCell, "rnn_cell", "RNN", _write_rnn),
    (LSTMCell, "lstm_cell", "LSTM", _write_lstm),
    (GRUCell, "gru_cell", "GRU", _write_gru),
):
    MODULES[_cell] = LayerEntry(_reader(_op, _label), onnx=_write, multiply_adds=_macs)
