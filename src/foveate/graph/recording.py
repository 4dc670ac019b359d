"""A network as a graph of operations on one picture: what was computed, from what, with which numbers.

The network runs once while every torch function it calls is seen as it is called, so functional sums,
concatenations and activations are caught like layers. Layers that compute several functions for one idea
(padding and convolution, say) are kept whole: see `foveate.graph.read_layers`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from foveate.errors import InputError, ShapeError
from foveate.graph.fields import Axis, Field, union
from foveate.graph.read_functions import FUNCTIONS
from foveate.graph.read_layers import MODULES
from foveate.graph.reading import Operand, Reading, other
from foveate.graph.shapes import tensors_in
from foveate.graph.walk import evaluating

WINDOWED = frozenset({"conv2d", "max_pool", "avg_pool", "min_pool", "sum_pool", "l2_pool", "gaussian_pool"})
# Each value may depend on every value of the input.
FLAT = frozenset({"flatten", "linear", "softmax", "other", "global_avg_pool", "global_max_pool"})


@dataclass(frozen=True)
class Step:
    """One operation. Shapes are without the batch: (C, H, W) of a map, (K,) of a vector.

    op: its kind, in the words of the readers. function: torch's name for it.
    module: dotted name of the innermost module that called it; None for the network itself.
    inputs: numbers of the steps whose results it takes, in order (one may stand there twice).
    settings: its plain numbers (kernel, stride, ...). tensors: its weights and statistics, as they were used.
    parameters: dotted names of the parameters among them. fresh: how many of their numbers are new here.
    seen: which pixels of the picture its values can depend on. macs: multiply-adds.
    """

    op: str
    label: str
    function: str
    module: str | None
    inputs: tuple[int, ...]
    settings: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    parameters: Mapping[str, str]
    fresh: int
    shape: tuple[int, ...]
    seen: Field
    macs: int


@dataclass(frozen=True)
class Recording:
    """A run of a network on one picture: the steps in their order, and what each of them gave.

    values: float tensors of the steps' shapes; step 0 is the input, the last one the result.
    """

    steps: tuple[Step, ...]
    values: tuple[Tensor, ...]

    @property
    def nbytes(self) -> int:
        """Memory of the values; what lies in another's memory is counted again."""
        return sum(value.nbytes for value in self.values)


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
    recorder = _record(module, x, copy=False)
    if recorder.overwritten:  # something works in place: keep copies
        recorder = _record(module, x, copy=True)
    return Recording(tuple(recorder.steps), tuple(recorder.values))


def _record(module: nn.Module, x: Tensor, *, copy: bool) -> _Recorder:
    given = x.clone()
    recorder = _Recorder(module, given, copy=copy)
    with evaluating(module), torch.no_grad(), recorder.hooked(module), recorder:
        try:
            out = module(given)
        except RuntimeError as error:
            size = "x".join(map(str, x.shape[1:]))
            raise ShapeError(f"The network cannot take an input of {size} (C, H, W): {error}") from error
    if not isinstance(out, Tensor) or recorder.number(out) is None:
        raise InputError("The network does not give one tensor that is computed from the picture.")
    last = recorder.number(out)
    if last != len(recorder.steps) - 1:
        raise InputError("The network goes on computing after its result; it cannot be followed.")
    return recorder


@dataclass
class _Whole:
    """A layer that is kept whole, while it runs."""

    module: nn.Module
    inputs: list[Tensor] = field(default_factory=list)


class _Recorder(TorchFunctionMode):
    def __init__(self, module: nn.Module, x: Tensor, *, copy: bool) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.values: list[Tensor] = []
        self.overwritten = False
        self._copy = copy
        self._numbers: dict[int, int] = {}  # id of a tensor -> the step that gave it
        self._alive: list[Tensor] = []  # an id is a name only while its tensor lives
        self._names = {id(p): name for name, p in module.named_parameters()}
        self._counted: set[int] = set()
        self._path: list[str] = []  # the modules we are inside of
        self._whole: _Whole | None = None
        self._keep("input", None, Reading("input", "Input"), (), x)

    def number(self, tensor: Any) -> int | None:
        return self._numbers.get(id(tensor)) if isinstance(tensor, Tensor) else None

    @contextmanager
    def hooked(self, module: nn.Module) -> Iterator[None]:
        handles = []
        for name, child in module.named_modules():
            handles.append(child.register_forward_pre_hook(self._enter(name), prepend=True))
            handles.append(child.register_forward_hook(self._leave))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, name: str) -> Any:
        def enter(module: nn.Module, args: Any) -> None:
            self._path.append(name)
            tracked = [arg for arg in args if self.number(arg) is not None]
            if self._whole is None and type(module) in MODULES and len(tracked) == 1 == len(args):
                self._whole = _Whole(module, tracked)

        return enter

    def _leave(self, module: nn.Module, args: Any, out: Any) -> None:
        whole = self._whole
        if whole is not None and whole.module is module and isinstance(out, Tensor):
            self._whole = None
            reading = MODULES[type(module)](module, whole.inputs[0], out)
            numbers = tuple(n for n in map(self.number, whole.inputs) if n is not None)
            self._keep(type(module).__name__, self._path[-1], reading, numbers, out)
        self._path.pop()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self._whole is not None:
            return func(*args, **kwargs)
        given = [t for t in tensors_in((args, kwargs)) if self.number(t) is not None]
        versions = [t._version for t in given]
        out = func(*args, **kwargs)
        made = tensors_in(out)
        if not given or not made or getattr(func, "__name__", "") in _FRESH:
            return out
        changed = any(t._version != before for t, before in zip(given, versions, strict=True))
        if changed and not self._copy:
            self.overwritten = True
        self._keep_all(func, args, kwargs, out)
        return out

    def _keep_all(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        """A step of what a function gave, or one for each of several tensors."""
        given = [t for t in tensors_in((args, kwargs)) if self.number(t) is not None]
        name = getattr(func, "__name__", str(func))
        plain = name.strip("_")
        module = self._path[-1] if self._path else ""
        operands = tuple(n for n in map(self.number, given) if n is not None)
        if not isinstance(out, Tensor):
            for i, tensor in enumerate(tensors_in(out)):
                self._keep(name, module, other(f"{plain}[{i}]"), operands, tensor)
            return
        if out is given[0] and not name.endswith("_") and plain not in FUNCTIONS:
            return  # handed on as it is: contiguous(), to()
        reader = FUNCTIONS.get(plain)
        reading = None
        if reader is not None:
            try:
                reading = reader(self._operands(args), self._operands(kwargs), out)
            except TypeError:  # called with arguments that the reader does not foresee
                reading = None
        self._keep(name, module, reading or other(plain), operands, out)

    def _operands(self, value: Any) -> Any:
        """The arguments, with an `Operand` in the place of each tensor that a step gave."""
        if isinstance(value, Tensor):
            number = self.number(value)
            return value if number is None else Operand(number, tuple(value.shape))
        if isinstance(value, dict):
            return {key: self._operands(item) for key, item in value.items()}
        if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
            return type(value)(self._operands(item) for item in value)
        return value

    def _keep(
        self, function: str, module: str | None, reading: Reading, inputs: tuple[int, ...], out: Tensor
    ) -> None:
        inputs = reading.inputs or inputs
        with torch._C.DisableTorchFunction():
            value = out.detach().clone() if self._copy else out.detach()
            value = value[0] if value.ndim and len(value) == 1 else value  # else there is no batch any more
            shape = _plain_shape(value)
            value = value.reshape(shape)
        parameters = {
            key: self._names[id(tensor)]
            for key, tensor in reading.tensors.items()
            if id(tensor) in self._names
        }
        fresh = 0
        for key in parameters:
            tensor = reading.tensors[key]
            if id(tensor) not in self._counted:
                self._counted.add(id(tensor))
                fresh += tensor.numel()
        if function == "input":
            seen = Field.of_input(shape[1], shape[2])
        else:
            seen = field_after(reading, [self.steps[i] for i in inputs], shape)
        self._numbers[id(out)] = len(self.steps)
        self._alive.append(out)
        self.values.append(value)
        self.steps.append(
            Step(
                op=reading.op,
                label=reading.label,
                function=function,
                module=module or None,
                inputs=inputs,
                settings=reading.settings,
                tensors={key: tensor.detach() for key, tensor in reading.tensors.items()},
                parameters=parameters,
                fresh=fresh,
                shape=shape,
                seen=seen,
                macs=_macs(reading, shape),
            )
        )


# What takes a tensor only to know its type and device: the result is a constant.
_FRESH = {
    *("new_tensor", "new_ones", "new_zeros", "new_full", "new_empty"),
    *("ones_like", "zeros_like", "full_like", "empty_like", "rand_like", "randn_like"),
}


def field_after(reading: Reading, before: list[Step], shape: tuple[int, ...]) -> Field:
    """Which pixels the values of a step can depend on, from what its inputs' do."""
    everything = Field.everything((1, *shape))
    if len(shape) != 3 or reading.op in FLAT or any(len(step.shape) != 3 for step in before):
        return everything
    seen, given = before[0].seen, reading.settings
    if reading.op in WINDOWED:
        return Field(*(_windowed(axis, given, i, shape[i + 1]) for i, axis in enumerate(seen.axes)))
    if reading.op == "pad":
        (top, bottom), (left, right) = given["around"]
        return Field(seen.rows.pad(top, bottom, given["fill"]), seen.columns.pad(left, right, given["fill"]))
    if reading.op.startswith("adaptive_"):
        return Field(seen.rows.adaptive(shape[1]), seen.columns.adaptive(shape[2]))
    joined = union([step.seen for step in before])
    return joined if joined.shape == shape[1:] else everything


def _windowed(axis: Axis, given: Mapping[str, Any], i: int, n: int) -> Axis:
    """What ``n`` windows along one axis see; a convolution may pad by copies."""
    kernel, stride, dilation = given["kernel"][i], given["stride"][i], given["dilation"][i]
    before, after = given["around"][i]
    fill = given.get("fill", "zeros")
    if fill == "zeros":
        return axis.window(n, kernel, stride, before, dilation)
    return axis.pad(before, after, fill).window(n, kernel, stride, 0, dilation)


def _macs(reading: Reading, shape: tuple[int, ...]) -> int:
    if reading.op not in ("conv2d", "linear"):
        return 0
    weight = reading.tensors["weight"]
    return int(torch.Size(shape).numel() * weight[0].numel())


def _plain_shape(value: Tensor) -> tuple[int, ...]:
    """(C, H, W) or (K,): other ranks are laid out as one of them."""
    shape = tuple(value.shape)
    if len(shape) in (1, 3):
        return shape
    if len(shape) == 2:
        return shape[0], 1, shape[1]
    return (1,) if not shape else (shape[0], shape[1], value[0, 0].numel())
