"""The layers of a network in the order of their calls, and what feeds what: a view of its trace.

The summary's table and the drawing are made of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from foveate.errors import ShapeError
from foveate.graph.trace import Call, ModuleCall, Numbering, Trace, taking, trace
from foveate.operators.fields import Field
from foveate.operators.reading import values_in

# What joins paths by torch's names for it; others go by their own.
JOINS = {
    **dict.fromkeys(("add", "radd", "iadd"), "add"),
    **dict.fromkeys(("mul", "rmul", "imul"), "multiply"),
    **dict.fromkeys(("sub", "rsub", "isub"), "sub"),
    **dict.fromkeys(("truediv", "rtruediv", "itruediv"), "div"),
    **dict.fromkeys(("cat", "concatenate"), "concat"),
}


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
    with taking(x):
        traced = trace(module, x)
    outs = values_in(traced.out)
    if isinstance(traced.out, tuple | list | dict) or not (outs or isinstance(traced.out, Tensor)):
        kind = type(traced.out).__name__
        raise ShapeError(f"The network must give one tensor in evaluation mode, not a {kind}.")
    return Walk(_nodes(traced, x.nbytes), traced.macs, tuple(traced.out.shape))


def _nodes(traced: Trace, input_bytes: int) -> list[Node]:
    nodes = [Node("input", "Input", None, [], tuple(traced.input.shape), input_bytes)]
    nodes[0].seen = traced.input.seen or nodes[0].seen
    origin = {traced.input.number: 0}  # value -> the node that made it
    number = Numbering()
    for event in traced.events(_stands_alone):
        if isinstance(event, ModuleCall) and not event.layer:
            continue
        given = (event.args, event.kwargs)
        origins = list(dict.fromkeys(origin[v.number] for v in values_in(given) if v.number in origin))
        made = values_in(event.out)
        node = None
        if isinstance(event, ModuleCall):
            node = _layer(event, number)
        elif len(origins) > 1 and made:
            node = _join(event, number)
        if node is not None:
            node.inputs = origins
            if made:
                node.output_shape, node.seen = tuple(made[0].shape), made[0].seen or node.seen
            nodes.append(node)
            origins = [len(nodes) - 1]
        if origins and not (node and node.container):
            origin.update((value.number, origins[0]) for value in made)
    return nodes


def _stands_alone(call: ModuleCall) -> bool:
    return call.layer and not call.container


def _layer(call: ModuleCall, number: Numbering) -> Node:
    kind = type(call.module).__name__
    name = number(call.name or kind)
    return Node(
        name, kind, call.module, macs=call.macs, output_bytes=call.own_bytes, container=call.container
    )


def _join(call: Call, number: Numbering) -> Node:
    plain = call.name.strip("_")
    kind = JOINS.get(plain, plain)
    return Node(number(kind), kind, None)
