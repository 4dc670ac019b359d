"""One tracer: a network runs once, and everything it does with the picture is written down as a graph.

A `Trace` holds the calls of torch's functions in their order, the modules that made them, what fed what, the
multiply-adds and the receptive fields. The summary, the drawing, the steps that the inspector shows and the
ONNX file are views of it.

Functions are seen as the network calls them (``TorchFunctionMode``), so that a graph reads as the network
is written; the ATen operations that they are made of (``TorchDispatchMode``, `foveate.graph.operations`) tell
what they cost and which pixels their values can depend on. Nothing of the network is changed. On the ``meta``
device nothing is computed either: a network made under `models.weightless` is traced in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from foveate.errors import ShapeError
from foveate.graph.operations import field_of, multiply_adds, padded, unpooled
from foveate.graph.shapes import made_without_torch, tensors_in
from foveate.layers.known import MODULES
from foveate.operators.fields import Field
from foveate.operators.reading import Value, pair
from foveate.operators.table import LayerEntry
from foveate.words import first_line

# What takes a tensor only to know its type and device: the result is a constant.
_FRESH = {
    *("new_tensor", "new_ones", "new_zeros", "new_full", "new_empty"),
    *("ones_like", "zeros_like", "full_like", "empty_like", "rand_like", "randn_like"),
}


@dataclass
class Call:
    """A call of a torch function on values. args, kwargs, out: as torch had them, a `Value` for each of them.

    name: torch's, as ``relu_``. module: dotted name of the innermost module it was called in.
    """

    function: Any
    name: str
    module: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Any = None
    macs: int = 0


@dataclass
class ModuleCall:
    """A call of a module: ``trace.calls[begin:end]`` are the calls of functions in it.

    name: the module's dotted name, and its class for a network that is a single layer. layer: whether it
    stands as a layer (see `call_names`); container: whether there are modules in it. inside: how many modules
    were called in it, at any depth. macs: multiply-adds of which no layer inside is the owner; all_macs: all.
    own_bytes: 0 where the output lies in its input's memory.
    """

    name: str
    module: nn.Module
    layer: bool
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    begin: int
    end: int = 0
    inside: int = 0
    out: Any = None
    own_bytes: int = 0
    macs: int = 0
    all_macs: int = 0

    @property
    def container(self) -> bool:
        return next(self.module.children(), None) is not None and not is_one_layer(self.module)


@dataclass
class Trace:
    """A network's run on one input, or several, of which ``input`` is the first.

    modules: in the order in which they were entered.

    tensors: the values' numbers by their number, where they were asked for. overwritten: something worked in
    place, and unless copies were asked for, ``tensors`` tell what stood there last.
    """

    input: Value
    inputs: tuple[Value, ...] = ()
    calls: list[Call] = field(default_factory=list)
    modules: list[ModuleCall] = field(default_factory=list)
    tensors: dict[int, Tensor] = field(default_factory=dict)
    out: Any = None
    macs: int = 0
    overwritten: bool = False

    def events(self, whole: Callable[[ModuleCall], bool]) -> Iterator[Call | ModuleCall]:
        """All calls in order, a module's before those in it; of a module that is ``whole`` only its own."""
        i = at = 0
        while at < len(self.modules):
            module = self.modules[at]
            yield from self.calls[i : module.begin]
            yield module
            kept = whole(module)
            i = module.end if kept else module.begin
            at += 1 + (module.inside if kept else 0)
        yield from self.calls[i:]

    def left(self) -> list[ModuleCall]:
        """The modules' calls in the order in which they were done."""
        order = sorted(range(len(self.modules)), key=lambda i: (i + self.modules[i].inside, -i))
        return [self.modules[i] for i in order]


def trace(module: nn.Module, x: Tensor, *more: Tensor, keep: bool = False, copy: bool = False) -> Trace:
    """Run the network on ``x``, in evaluation mode and without gradients, and write down what it does.

    more: what else it takes. keep: keep the tensors of all values, and with ``copy`` copies of them.
    Receptive fields are followed where ``x`` is a batch of maps (N, C, H, W). Errors of the network pass
    through.
    """
    tracer = _Tracer(module, (x, *more), keep=keep, copy=copy)
    with evaluating(module), torch.no_grad(), tracer.hooked(module), _Functions(tracer), _Operations(tracer):
        out = module(x, *more)
    tracer.trace.out = tracer.values(out)
    return tracer.trace


@contextmanager
def taking(x: Tensor) -> Iterator[None]:
    """Errors of a network at work on ``x`` become a ShapeError that names the picture's shape.

    On the ``meta`` device what a network asks of numbers has no answer, and that is said.
    """
    try:
        yield
    except RuntimeError as error:
        size = "x".join(map(str, x.shape[1:]))
        if x.is_meta and (isinstance(error, NotImplementedError) or "meta" in str(error)):
            raise ShapeError(
                f"The network decides by the numbers of a picture what it computes "
                f"({first_line(error, 120)}), "
                "so its shapes cannot be told without its weights; train it, and name the model folder."
            ) from error
        raise ShapeError(f"The network cannot take an input of {size} (C, H, W): {error}") from error


@contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for the time of the block; afterwards each submodule is in its own mode again."""
    modes = [(child, child.training) for child in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for child, training in modes:
            child.training = training


def call_names(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules that stand as a layer: those without children, and those with parameters of their own.

    And those that say so (``one_layer``): what repeats a step many times is told of once.
    """
    for name, child in module.named_modules():
        leaf = next(child.children(), None) is None or is_one_layer(child)
        owner = next(child.parameters(recurse=False), None) is not None
        if (leaf and not isinstance(child, nn.Identity | nn.Sequential | nn.ModuleList)) or owner:
            yield name or type(child).__name__, child


def is_one_layer(module: nn.Module) -> bool:
    """Whether a module stands as one layer though there are modules in it."""
    return bool(getattr(module, "one_layer", False))


class Numbering:
    """Names of calls: a module's dotted name, and ``name#2`` when it is called the second time."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        self._calls[name] = self._calls.get(name, 0) + 1
        return name if self._calls[name] == 1 else f"{name}#{self._calls[name]}"


def takes_values(call: ModuleCall) -> bool:
    """Whether a module makes one value of values alone, as what stands whole in the operator table does."""
    given = bool(call.args) and all(isinstance(arg, Value) for arg in call.args)
    return given and not call.kwargs and isinstance(call.out, Value)


class _Tracer:
    """What the hooks and both modes write into."""

    def __init__(self, module: nn.Module, given: tuple[Tensor, ...], *, keep: bool, copy: bool) -> None:
        self.fields = WeakTensorKeyDictionary()
        self._keep, self._copy = keep, copy
        self._tensors: dict[int, Tensor] = {}
        self._values = WeakTensorKeyDictionary()  # tensor -> its value as it is now
        self._count = 0
        self._layers = {id(child) for _, child in call_names(module)}
        self._open: list[ModuleCall] = []  # the modules we are inside of, outermost first
        self._memory: list[int] = []  # for each of them, the memory that its input lies in
        for x in given:
            if x.ndim == 4 and x.is_floating_point():
                self.fields[x] = Field.of_input(*x.shape[-2:])
            self._make(x)
        inputs = tuple(self._values[x] for x in given)
        self.trace = Trace(inputs[0], inputs, tensors=self._tensors)

    # --- values ---

    def values(self, given: Any) -> Any:
        """Arguments or results with a `Value` in the place of each tensor computed from the picture."""
        if isinstance(given, Tensor):
            return self._values.get(given, given)
        if isinstance(given, dict):
            return {key: self.values(item) for key, item in given.items()}
        if isinstance(given, tuple | list) and not isinstance(given, torch.Size):
            items = [self.values(item) for item in given]
            return items if isinstance(given, list) else tuple(items)
        return given

    def _make(self, tensor: Tensor) -> None:
        """Give a tensor its next value."""
        with torch._C.DisableTorchFunction():
            value = Value(self._count, tensor.shape, tensor.dtype, self.fields.get(tensor))
            self._values[tensor] = value
            self._count += 1
            if self._keep:
                kept = tensor.detach()
                self._tensors[value.number] = kept.clone() if self._copy else kept

    # --- functions ---

    def call(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        given = [tensor for tensor in tensors_in((args, kwargs)) if tensor in self._values]
        if not given:
            return function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        call = Call(function, name, self._module_name(), self.values(args), self.values(kwargs))
        versions = [_version(tensor) for tensor in given]
        macs = self.trace.macs
        out = function(*args, **kwargs)
        call.macs = self.trace.macs - macs
        changed = [t for t, before in zip(given, versions, strict=True) if _version(t) != before]
        self.trace.overwritten = self.trace.overwritten or bool(changed)
        if function is F.pad and out.ndim == 4:
            self._pad(out, *args, **kwargs)
        if function is F.max_unpool2d and out.ndim == 4:
            self._unpool(out, *args, **kwargs)
        if name not in _FRESH:
            for tensor in tensors_in(out):  # a tensor that is handed on as it is keeps its value
                if tensor not in self._values or any(tensor is t for t in changed):
                    self._make(tensor)
        call.out = self.values(out)
        self.trace.calls.append(call)
        return out

    def _module_name(self) -> str:
        return self._open[-1].name if self._open else ""

    def _pad(self, out: Tensor, input: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> None:
        """torch writes circular padding as copies into slices, which leave no trail."""
        seen = self.fields.get(input)
        if seen is not None:
            self.fields[out] = padded(seen, pad, mode)

    def _unpool(  # noqa: PLR0917 -- torch's arguments, in torch's order
        self,
        out: Tensor,
        input: Tensor,
        indices: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> None:
        """torch's operation is told the size alone, and not which places a window covers."""
        fields = [seen for seen in map(self.fields.get, (input, indices)) if seen is not None]
        if fields:
            kernel = pair(kernel_size)
            pool = {"kernel": kernel, "stride": pair(stride or kernel), "padding": pair(padding)}
            self.fields[out] = unpooled(fields, pool, out)

    # --- operations ---

    def operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        name = function.overloadpacket.__name__
        out = made_without_torch(name, args)
        if out is None:
            out = function(*args, **kwargs)
        macs = multiply_adds(name, args, out)
        if macs:
            self.trace.macs += macs
            owner = next((module for module in reversed(self._open) if module.layer), None)
            if owner is not None:
                owner.macs += macs
        fields = [seen for seen in map(self.fields.get, tensors_in((args, kwargs))) if seen is not None]
        if fields:
            for tensor in tensors_in(out):
                self.fields[tensor] = field_of(name, args, fields, tensor)
        return out

    # --- modules ---

    @contextmanager
    def hooked(self, module: nn.Module) -> Iterator[None]:
        handles = []
        for name, child in module.named_modules():
            handles.append(child.register_forward_pre_hook(self._enter(name), with_kwargs=True, prepend=True))
            handles.append(child.register_forward_hook(self._leave))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, name: str) -> Any:
        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            calls, layer = len(self.trace.calls), id(module) in self._layers
            call = ModuleCall(name, module, layer, self.values(args), self.values(kwargs), calls)
            call.inside, call.all_macs = len(self.trace.modules) + 1, self.trace.macs
            self._open.append(call)
            self._memory.append(_memory(tensors_in((args, kwargs))))
            self.trace.modules.append(call)

        return enter

    def _leave(self, module: nn.Module, args: Any, out: Any) -> None:
        call, memory, made = self._open.pop(), self._memory.pop(), tensors_in(out)
        call.end = len(self.trace.calls)
        call.inside = len(self.trace.modules) - call.inside
        call.all_macs = self.trace.macs - call.all_macs
        call.out = self.values(out)
        if takes_values(call) and type(module) in MODULES:
            self._ask(MODULES[type(module)], call, out)
        with torch._C.DisableTorchFunction():
            if made and _memory(made) != memory:  # else in place, or a view: no memory of its own
                call.own_bytes = sum(tensor.nbytes for tensor in made)

    def _ask(self, entry: LayerEntry, call: ModuleCall, out: Tensor) -> None:
        """Follow a layer's own entry in the operator table, where it knows better than its operations."""
        x, made = call.args[0], call.out
        if entry.multiply_adds is not None:
            call.macs = entry.multiply_adds(call.module, x, made)
            self.trace.macs += call.macs - call.all_macs
            call.all_macs = call.macs
            for inner in self.trace.modules[-call.inside :] if call.inside else ():
                inner.macs = 0
        if entry.receptive_field is not None and x.seen is not None:
            seen = entry.receptive_field(call.module, x, made)
            if seen is not None:
                self.fields[out] = seen
                call.out = self._values[out] = replace(made, seen=seen)


class _Functions(TorchFunctionMode):
    def __init__(self, tracer: _Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._tracer.call(func, args, kwargs or {})


class _Operations(TorchDispatchMode):
    def __init__(self, tracer: _Tracer) -> None:
        super().__init__()
        self._tracer = tracer

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled in here, and keeping torch's compiler out would first import it: 1.2 s."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._tracer.operation(func, args, kwargs or {})


def _version(tensor: Tensor) -> int:
    """Counts the changes in place; torch does not count those of tensors made for inference."""
    return 0 if tensor.is_inference() else tensor._version


def _memory(tensors: list[Tensor]) -> int:
    """What identifies the memory of the first tensor (an address would be 0 on the meta device)."""
    with torch._C.DisableTorchFunction():
        return tensors[0].untyped_storage()._cdata if tensors else 0
