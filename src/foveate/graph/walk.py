"""One picture walks through a network while every operation is watched: what was called, and what fed what.

Nothing of the network is changed. On the ``meta`` device nothing is computed either: a network made under
`models.weightless` is walked in milliseconds whatever its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from foveate.errors import ShapeError
from foveate.graph.fields import Field
from foveate.graph.operations import field_of, multiply_adds, padded
from foveate.graph.shapes import made_without_torch, tensors_in

JOINS = {"add": "add", "add_": "add", "cat": "concat", "mul": "multiply", "mul_": "multiply"}


@dataclass
class Node:
    """One call of a layer, or a place outside layers where several paths join (``module`` is None)."""

    name: str
    kind: str
    module: nn.Module | None
    inputs: list[int] = field(default_factory=list)
    output_shape: tuple[int, ...] = ()  # with the batch of 1
    output_bytes: int = 0  # 0 where the output lies in its input's memory
    macs: int = 0
    seen: Field = field(default_factory=Field.everything)
    container: bool = False  # has layers inside that are nodes of their own


@dataclass(frozen=True)
class Walk:
    """All calls in their order; node 0 is the input; ``macs`` counts also what no layer owns."""

    nodes: list[Node]
    macs: int
    output_shape: tuple[int, ...]


def walk(module: nn.Module, input_shape: tuple[int, int, int]) -> Walk:
    """Send one picture of zeros (1, C, H, W) through the network, in evaluation mode and without gradients.

    Raises:
        ShapeError: the network does not take pictures of this shape, or has no output tensor.
    """
    like = next(module.parameters(), torch.zeros(()))
    x = torch.zeros(1, *input_shape, device=like.device, dtype=like.dtype)
    watch = _Watch(x)
    with evaluating(module), torch.no_grad(), watch.hooked(module), _WatchPadding(watch), watch:
        try:
            out = module(x)
        except RuntimeError as error:
            size = "x".join(map(str, input_shape))
            raise ShapeError(f"The network cannot take an input of {size} (C, H, W): {error}") from error
    if not isinstance(out, Tensor):
        raise ShapeError(f"The network must give one tensor in evaluation mode, not a {type(out).__name__}.")
    return Walk(watch.nodes, watch.macs, tuple(out.shape))


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
    """The modules that stand as a layer: those without children, and those with parameters of their own."""
    for name, child in module.named_modules():
        leaf = next(child.children(), None) is None
        owner = next(child.parameters(recurse=False), None) is not None
        if (leaf and not isinstance(child, nn.Identity | nn.Sequential | nn.ModuleList)) or owner:
            yield name or type(child).__name__, child


class Numbering:
    """Names of calls: a module's dotted name, and ``name#2`` when it is called the second time."""

    def __init__(self) -> None:
        self._calls: dict[str, int] = {}

    def __call__(self, name: str) -> str:
        self._calls[name] = self._calls.get(name, 0) + 1
        return name if self._calls[name] == 1 else f"{name}#{self._calls[name]}"


class _Watch(TorchDispatchMode):
    """Follows fields and origins from tensor to tensor."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled in here, and keeping torch's compiler out would first import it: 1.2 s."""
        return False

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.nodes = [Node("input", "Input", None, [], tuple(x.shape), x.nbytes)]
        self.macs = 0
        self._open: list[int] = []  # the calls we are inside of, outermost first
        self._memory: list[int] = []  # for each of them, the memory that its input lies in
        self._number = Numbering()
        self._fields = WeakTensorKeyDictionary()
        self._origin = WeakTensorKeyDictionary()  # tensor -> the node that made it
        self.set_field(x, Field.of_input(*x.shape[-2:]))
        self._origin[x] = 0
        self.nodes[0].seen = self._fields[x]

    def set_field(self, tensor: Tensor, seen: Field) -> None:
        self._fields[tensor] = seen

    def field(self, tensor: Tensor) -> Field | None:
        seen: Field | None = self._fields.get(tensor)
        return seen

    def origins(self, tensors: list[Tensor]) -> list[int]:
        """The nodes that made these tensors, each once, in order."""
        return list(dict.fromkeys(self._origin[t] for t in tensors if t in self._origin))

    @contextmanager
    def hooked(self, module: nn.Module) -> Iterator[None]:
        handles = []
        for name, child in call_names(module):
            handles.append(child.register_forward_pre_hook(self._enter(name), with_kwargs=True, prepend=True))
            handles.append(child.register_forward_hook(self._leave))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, name: str) -> Any:
        def enter(module: nn.Module, args: Any, kwargs: Any) -> None:
            given = tensors_in((args, kwargs))
            node = Node(self._number(name), type(module).__name__, module, self.origins(given))
            node.container = next(module.children(), None) is not None
            self._open.append(len(self.nodes))
            self._memory.append(_memory(given))
            self.nodes.append(node)

        return enter

    def _leave(self, module: nn.Module, args: Any, out: Any) -> None:
        index, memory = self._open.pop(), self._memory.pop()
        node, made = self.nodes[index], tensors_in(out)
        if not made:
            return
        first = made[0]
        node.output_shape = tuple(first.shape)
        # In place, or a view: no memory of its own.
        node.output_bytes = 0 if _memory(made) == memory else sum(t.nbytes for t in made)
        node.seen = self.field(first) or Field.everything(first.shape)
        if not node.container:
            for tensor in made:
                self._origin[tensor] = index

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        out = made_without_torch(name, args)
        if out is None:
            out = func(*args, **(kwargs or {}))
        macs = multiply_adds(name, args, out)
        self.macs += macs
        if self._open:
            self.nodes[self._open[-1]].macs += macs
        given, made = tensors_in((args, kwargs)), tensors_in(out)
        fields = [seen for seen in map(self.field, given) if seen is not None]
        if fields:
            for tensor in made:
                self._fields[tensor] = field_of(name, args, fields, tensor)
        origins = self.origins(given)
        inside = self._open and not self.nodes[self._open[-1]].container
        if made and origins and not inside:
            origin = origins[0] if len(origins) == 1 else self._join(name, origins, made[0])
            for tensor in made:
                self._origin[tensor] = origin
        return out

    def _join(self, name: str, origins: list[int], made: Tensor) -> int:
        kind = JOINS.get(name, name.strip("_"))
        node = Node(self._number(kind), kind, None, origins, tuple(made.shape), 0)
        node.seen = self.field(made) or node.seen
        self.nodes.append(node)
        return len(self.nodes) - 1


class _WatchPadding(TorchFunctionMode):
    """Sees ``F.pad`` whole: torch writes circular padding as copies into slices, which leave no trail."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if func is F.pad and out.ndim == 4:
            seen = self._watch.field(args[0] if args else (kwargs or {})["input"])
            if seen is not None:
                self._watch.set_field(out, _padded(seen, *args[1:3], **(kwargs or {})))
        return out


def _padded(seen: Field, pad: Sequence[int], mode: str = "constant", **others: Any) -> Field:
    """What ``F.pad`` does to a field, called as it is."""
    return padded(seen, pad, mode)


def _memory(tensors: list[Tensor]) -> int:
    """What identifies the memory of the first tensor (an address would be 0 on the meta device)."""
    return tensors[0].untyped_storage()._cdata if tensors else 0
