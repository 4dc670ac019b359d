"""The trace itself: what is written down, in which order, and under which numbers."""

import torch
from torch import nn

from foveate.graph.trace import Call, trace
from foveate.operators.reading import Value, values_in


class Gate(nn.Module):
    """A layer of two functions beside a shortcut, then work in place."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Hardsigmoid())

    def forward(self, x):
        y = x * self.body(x)
        y += 1
        return y.contiguous().flatten(1)


X = torch.rand(2, 3, 5, 5, generator=torch.Generator().manual_seed(1))


def test_every_value_is_computed_from_those_before_it_and_named_once():
    traced = trace(Gate(), X.clone())
    known = {traced.input.number}
    for call in traced.calls:
        assert {value.number for value in values_in((call.args, call.kwargs))} <= known
        known |= {value.number for value in values_in(call.out)}
    assert [call.name for call in traced.calls if values_in(call.out)] == [
        *("conv2d", "hardsigmoid", "mul", "add_", "contiguous", "flatten"),
    ]
    numbers = [call.out.number for call in traced.calls]
    assert numbers == [1, 2, 3, 4, 4, 5]  # in place: another value; handed on as it is: the same
    assert isinstance(traced.out, Value) and traced.out.number == 5
    assert traced.macs == 2 * 3 * 3 * 25


def test_a_module_that_is_whole_stands_for_its_calls():
    traced = trace(Gate(), X.clone())

    def seen(whole):
        return [e.name for e in traced.events(lambda module: module.name in whole)]

    functions = ["conv2d", "hardsigmoid", "mul", "add_", "contiguous", "flatten"]
    names = ["", "body", "body.0", "conv2d", "body.1", "hardsigmoid", *functions[2:]]
    assert seen(()) == names
    assert seen(("body",)) == ["", "body", *functions[2:]]
    assert seen(("body.0", "body.1")) == ["", "body", "body.0", "body.1", *functions[2:]]
    assert [call.name for call in traced.left()] == ["body.0", "body.1", "body", ""]
    assert [e.name for e in traced.events(lambda _: False) if isinstance(e, Call)] == functions


def test_kept_tensors_are_the_numbers_as_they_were():
    module = Gate().eval()
    with torch.no_grad():
        gated = X * module.body(X)
    assert trace(module, X.clone()).tensors == {}
    traced = trace(module, X.clone(), keep=True)
    assert traced.overwritten
    copied = trace(module, X.clone(), keep=True, copy=True).tensors
    assert torch.equal(copied[3], gated) and torch.equal(copied[4], gated + 1)
    assert torch.equal(traced.tensors[3], gated + 1)
