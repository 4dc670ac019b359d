"""A network as a graph of operations on one picture: what was computed, from what, with which numbers.

A view of the network's trace, with the numbers: functional sums, concatenations and activations are steps as
layers are. Layers that compute several functions for one idea (padding and convolution, say) are kept whole.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from foveate.errors import InputError, ShapeError
from foveate.graph.trace import Call, ModuleCall, Trace, takes_values, taking, trace
from foveate.layers.known import FUNCTIONS, MODULES
from foveate.operators.fields import Field
from foveate.operators.reading import Reading, Value, other, values_in
from foveate.operators.sums import Recording, Step


def record(module: nn.Module, x: Tensor) -> Recording:
    """Run the network on one picture (1, C, H, W), in evaluation mode, and keep every step of it.

    The network is left as it was found. Operations nobody here can read are steps of the kind "other".

    Raises:
        ShapeError: the network does not take this picture.
        InputError: it does not give one tensor computed from the picture.
    """
    if x.ndim != 4 or len(x) != 1:
        raise ShapeError(
            f"One picture (1, C, H, W) is recorded at a time, and the input is {tuple(x.shape)}."
        )
    steps, out = _steps_of(module, x)
    last = None if not isinstance(out, Value) else steps.number(out)
    if last is None:
        raise InputError("The network does not give one tensor that is computed from the picture.")
    if last != len(steps.steps) - 1:
        raise InputError("The network goes on computing after its result; it cannot be followed.")
    return Recording(tuple(steps.steps), tuple(steps.values))


def record_step(module: nn.Module, *inputs: Tensor) -> Recording:
    """The same of a module that is given several tensors (1, ...), such as a step of a recurrent network.

    The first steps are the inputs, in their order; the last is the first tensor that it gives.

    Raises InputError where what it gives is not computed from them.
    """
    steps, out = _steps_of(module, *inputs)
    last = steps.number(values_in(out)[0]) if values_in(out) else None
    if last is None:
        raise InputError("The module gives no tensor that is computed from what it is given.")
    return Recording(tuple(steps.steps[: last + 1]), tuple(steps.values[: last + 1]))


def followed_by(recording: Recording, module: nn.Module) -> Recording:
    """The recording with what stands after the network, up to the first tensor that this gives.

    module: from the network's result, in a batch of one; its steps belong to no module of the network.
    """
    after, out = _steps_of(module, recording.values[-1][None])
    last = len(recording.steps) - 1  # which `module` takes for its input, the step 0
    end = 1 + (after.number(values_in(out)[0]) or 0)
    steps = (
        replace(step, module=None, inputs=tuple(last + number for number in step.inputs))
        for step in after.steps[1:end]
    )
    return Recording((*recording.steps, *steps), (*recording.values, *after.values[1:end]))


def _steps_of(module: nn.Module, *inputs: Tensor) -> tuple[_Steps, Any]:
    """The steps, and what was given, with a `Value` for each tensor."""
    with taking(inputs[0]):
        first, *more = (x.clone() for x in inputs)
        traced = trace(module, first, *more, keep=True)
        if traced.overwritten:
            first, *more = (x.clone() for x in inputs)
            traced = trace(module, first, *more, keep=True, copy=True)
    return _Steps(module, traced), traced.out


class _Steps:
    """Writes a trace out as steps: a module that has a reader is one step, else each function is one."""

    def __init__(self, module: nn.Module, traced: Trace) -> None:
        self.steps: list[Step] = []
        self.values: list[Tensor] = []
        self._trace = traced
        self._numbers: dict[int, int] = {}  # number of a value -> the step that gave it
        self._names = {id(p): name for name, p in module.named_parameters()}
        self._counted: set[int] = set()
        for value in traced.inputs:
            self._keep("input", "", Reading("input", "Input"), (), value)
        for event in traced.events(self._whole):
            if isinstance(event, Call):
                self._function(event)
            elif self._whole(event):
                self._module(event)

    def number(self, value: Value) -> int | None:
        return self._numbers.get(value.number)

    def _whole(self, call: ModuleCall) -> bool:
        return type(call.module) in MODULES and takes_values(call) and bool(self._numbered(call.args))

    def _numbered(self, given: Any) -> tuple[int, ...]:
        numbers = (self.number(value) for value in values_in(given))
        return tuple(number for number in numbers if number is not None)

    def _module(self, call: ModuleCall) -> None:
        reading = MODULES[type(call.module)].read(call.module, call.args[0], call.out)
        kind = type(call.module).__name__
        self._keep(kind, call.name, reading, self._numbered(call.args), call.out, macs=call.all_macs)

    def _function(self, call: Call) -> None:
        """A step of what a function gave, or one for each of several tensors."""
        plain, made = call.name.strip("_"), values_in(call.out)
        operands = self._numbered((call.args, call.kwargs))
        if not made or not operands:
            return
        function = FUNCTIONS.get(plain)
        reader = None if function is None else function.read
        reading = None
        if reader is not None:
            with suppress(TypeError):  # called with arguments that the reader does not foresee
                reading = reader(call.out, *call.args, **call.kwargs)
        if not isinstance(call.out, Value):
            readings = reading if isinstance(reading, list) else [None] * len(made)
            for i, (value, one) in enumerate(zip(made, readings, strict=True)):
                macs = 0 if i else call.macs
                one = one or other(f"{plain}[{i}]")  # noqa: PLW2901
                self._keep(call.name, call.module, one, operands, value, macs=macs)
            return
        if reading is None and self.number(call.out) is not None:
            return  # handed on as it is: contiguous(), to()
        one = reading if isinstance(reading, Reading) else other(plain)
        self._keep(call.name, call.module, one, operands, call.out, macs=call.macs)

    def _keep(
        self,
        function: str,
        module: str,
        reading: Reading,
        inputs: tuple[int, ...],
        out: Value,
        *,
        macs: int = 0,
    ) -> None:
        tensor = self._trace.tensors[out.number]
        tensor = tensor[0] if tensor.ndim and len(tensor) == 1 else tensor  # else there is no batch any more
        shape = _plain_shape(tensor)
        learnt = {key: _learnt(t) for key, t in reading.tensors.items()}
        names = {key: self._names[id(t)] for key, t in learnt.items() if id(t) in self._names}
        fresh = {id(learnt[key]): learnt[key].numel() for key in names}
        fresh = {key: count for key, count in fresh.items() if key not in self._counted}
        self._counted.update(fresh)
        self._numbers[out.number] = len(self.steps)
        self.values.append(tensor.reshape(shape))
        self.steps.append(
            Step(
                op=reading.op,
                label=reading.label,
                function=function,
                module=module or None,
                inputs=tuple(self._numbers[n] for n in reading.inputs) or inputs,
                settings=reading.settings,
                tensors={key: t.detach() for key, t in reading.tensors.items()},
                parameters=names,
                fresh=sum(fresh.values()),
                shape=shape,
                seen=_seen(out, shape),
                macs=macs,
            )
        )


def _learnt(tensor: Tensor) -> Tensor:
    """The tensor that all of its numbers are a view of, such as a parameter with axes more."""
    base = tensor._base
    return tensor if base is None or base.numel() != tensor.numel() else base


def _seen(value: Value, shape: tuple[int, ...]) -> Field:
    """Which pixels each place of a step depends on; what is no map may depend on all of them."""
    fits = len(shape) == 3 and value.seen is not None and value.seen.shape == shape[1:]
    return value.seen if value.seen is not None and fits else Field.everything((1, *shape))


def _plain_shape(value: Tensor) -> tuple[int, ...]:
    """(C, H, W) or (K,): other ranks are laid out as one of them, tokens (T, D) as one map."""
    shape = tuple(value.shape)
    if len(shape) in (1, 3):
        return shape
    if len(shape) == 2:
        return 1, *shape
    return (1,) if not shape else (shape[0], shape[1], value[0, 0].numel())
