"""A network's trace written out, operator by operator, as an ONNX graph.

torch's own exporter takes seconds for a network that computes in milliseconds; a training budget of 20
seconds feels that. Here each torch function the network calls (`foveate.graph.trace`) is looked up in a table
of ONNX operators. What the table has not raises `NotInTable`, and torch's exporter
does the work; whoever wrote the graph, `foveate.exporter.to_onnx` compares it with torch on real pictures.

The first axis of everything is the batch and stays free, or the batch together with the axes that it was
flattened with, as for regions of pictures; all other sizes are written as they were seen.
Numbers have the types that they have in torch: float32, or what pictures, places and answers are counted in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.overrides import resolve_name

from foveate.graph.trace import Call, ModuleCall, Trace, takes_values, trace
from foveate.layers.known import FUNCTIONS, MODULES, WRITERS
from foveate.operators.onnx import UNUSED, NotInTable, element_type, type_name
from foveate.operators.reading import Reading, Value, values_in
from foveate.operators.table import Function

Given = Mapping[str, Tensor]
Shapes = Mapping[str, tuple[Any, tuple[int, ...]]]
Body = Callable[["Graph", dict[str, str]], tuple[str, dict[str, str]]]
BODY_BATCH = 3  # not 1, which is broadcast
OPSET = 20  # the first with Gelu
IR_VERSION = 10
# What a network may ask of a tensor without computing with its numbers.
_QUESTIONS = {"size", "dim", "ndimension", "numel", "is_floating_point", "is_contiguous", "stride", "__len__"}
_PROPERTIES = {"shape", "ndim", "dtype", "device", "is_cuda", "requires_grad", "layout", "is_quantized"}
_FOLDS = {"flatten", "view", "reshape"}  # which may join axes with the batch
# What works on whole numbers and truths as it does on float32: in ONNX most operators do not.
_OF_ANY_TYPE = {
    *("float", "long", "int", "byte", "bool", "type", "to", "contiguous", "clone", "detach"),
    *("add", "radd", "iadd", "mul", "rmul", "imul", "multiply", "sub", "isub", "subtract", "rsub"),
    *("div", "truediv", "itruediv", "divide", "true_divide", "rdiv", "rtruediv"),
    *("maximum", "minimum", "gt", "ge", "lt", "le", "eq", "ne", "where", "logical_not", "max_unpool2d"),
    *("flatten", "view", "reshape", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as"),
    *("permute", "transpose", "swapaxes", "chunk", "split", "getitem", "embedding"),
}


class Graph:
    """The ONNX graph being written. Constants are stored once; names are the same in each run.

    lengths: of a first axis that goes with the batch. inputs: those beside what the network takes.
    """

    def __init__(self, known: dict[int, str], batch: int, within: Graph | None = None) -> None:
        """within: the graph in which this one is the body of a loop; it has the constants of both."""
        self.lengths = {batch}
        self.inputs: dict[str, Value] = {}
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {} if within is None else within.constants
        self._prefix = "" if within is None else f"body_{len(within.nodes)}_"
        self.out: Any = None  # what the function at hand returned in torch
        # Zero padding of the rows and columns: name -> (what is padded, pads as a convolution takes them).
        self.padded: dict[str, tuple[str, list[int]]] = {}
        self._known = known  # id of a parameter -> its name in the network
        self._names: dict[int, str] = {}  # number of a value -> its name

    def name(self, value: Value, name: str) -> None:
        """What computes a value gave it this name."""
        self._names[value.number] = name

    def value(self, value: Any) -> str:
        """The name of a computed tensor, or of a constant made of a parameter, an array or a number."""
        if isinstance(value, str):
            return value
        if isinstance(value, Value):
            if value.number not in self._names:
                raise NotInTable("a value that has no place in ONNX")
            return self._names[value.number]
        if isinstance(value, Tensor):
            name = self._known.get(id(value), f"constant_{len(self.constants)}")
            type_name(value.dtype)  # or left to torch
            array = value.detach().cpu().contiguous().numpy()
        else:
            array = np.asarray(value, dtype=None if isinstance(value, np.ndarray) else np.float32)
            name = f"constant_{array.dtype}_{array.tolist()}".replace(" ", "") if array.size < 9 else ""
            name = name or f"constant_{len(self.constants)}"
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def integers(self, values: Any) -> str:
        return self.value(np.asarray(values, dtype=np.int64))

    def ones(self, count: int, value: float = 1.0) -> str:
        return self.value(np.full(count, value, dtype=np.float32))

    def op(self, kind: str, *inputs: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node; returns the name of its output, or the list of them where there are several."""
        name = f"{self._prefix}{kind.lower()}_{len(self.nodes)}"
        names = [f"{name}_{i}" if i else name for i in range(outputs)]
        self.nodes.append(
            helper.make_node(kind, [self.value(i) for i in inputs], names, name=names[0], **attributes)
        )
        return names[0] if outputs == 1 else names

    def loop(self, most: int, first: Mapping[str, str], shapes: Shapes, body: Body) -> dict[str, str]:
        """Add a loop; see `foveate.operators.onnx.OnnxGraph.loop`."""
        inner = Graph(self._known, BODY_BATCH, self)
        carried = {name: f"{inner._prefix}{name}" for name in first}
        still, after = body(inner, carried)
        for name, value in after.items():
            inner.nodes.append(helper.make_node("Identity", [value], [f"{carried[name]}_after"]))

        def told(ends: str) -> list[Any]:
            return [
                helper.make_tensor_value_info(f"{carried[name]}{ends}", element_type(dtype), ["N", *sides])
                for name, (dtype, sides) in shapes.items()
            ]

        number = helper.make_tensor_value_info(f"{inner._prefix}number", TensorProto.INT64, [])
        before = helper.make_tensor_value_info(f"{inner._prefix}going_on", TensorProto.BOOL, [])
        goes_on = helper.make_tensor_value_info(still, TensorProto.BOOL, [])
        inputs, outputs = [number, before, *told("")], [goes_on, *told("_after")]
        graph = helper.make_graph(inner.nodes, f"{inner._prefix}graph", inputs, outputs)
        given = (np.array(most, np.int64), np.array(True), *first.values())
        names = self.op("Loop", *given, outputs=len(first), body=graph)
        return dict(zip(first, [names] if isinstance(names, str) else names, strict=True))

    def traced(self, module: nn.Module, given: Sequence[tuple[str, Any, Sequence[int]]]) -> list[str]:
        """Add what a module calls; see `foveate.operators.onnx.OnnxGraph.traced`."""
        samples = [torch.zeros(BODY_BATCH, *sides, dtype=dtype) for _, dtype, sides in given]
        found = trace(module, samples[0], *samples[1:])
        for value, (name, _, _) in zip(found.inputs, given, strict=True):
            self.name(value, name)
        outside, self.lengths = self.lengths, {BODY_BATCH}
        _write_all(self, found)
        self.lengths = outside
        return [self.value(out) for out in values_in(found.out)]

    def input(self, name: str, value: Value) -> str:
        """A further input of the graph; its first axis is the batch."""
        self.inputs[name] = value
        return name

    def producer(self, name: str) -> Any:
        """The node that computes a value; None for a constant or the input."""
        return next((node for node in reversed(self.nodes) if name in node.output), None)

    def prune(self, *results: str) -> None:
        """Drop the nodes and constants that the results do not need."""
        needed = set(results)
        for node in reversed(list(self.nodes)):
            if needed.isdisjoint(node.output):
                self.nodes.remove(node)
            else:
                needed.update(inputs_of(node))
        self.constants = {name: value for name, value in self.constants.items() if name in needed}


def inputs_of(node: NodeProto) -> list[str]:
    """The names of what a node takes, and of what the nodes of a body in it take."""
    bodies = [attribute.g for attribute in node.attribute if attribute.type == AttributeProto.GRAPH]
    return [*node.input, *(name for body in bodies for inner in body.node for name in inputs_of(inner))]


def _write_all(graph: Graph, traced: Trace) -> None:
    """Add the nodes of all calls. Raises NotInTable."""
    for call in traced.events(_is_written_whole):
        if isinstance(call, Call):
            _write(graph, call)
        elif _is_written_whole(call):
            _write_layer(graph, call)


def _write(graph: Graph, call: Call) -> None:
    """Add the nodes of a call of a function. Raises NotInTable."""
    full_name = resolve_name(call.function) or call.name
    if isinstance(call.out, Tensor):
        raise NotInTable(f"{full_name}: a constant that depends on the batch")
    if not values_in(call.out):
        asked = full_name.split(".")
        if call.name not in _QUESTIONS and not (call.name == "__get__" and asked[-2] in _PROPERTIES):
            raise NotInTable(f"{full_name}: the network decides by its numbers")
        return
    plain = call.name.strip("_")
    function = FUNCTIONS.get(plain)
    real = all(value.dtype == torch.float32 for value in values_in((call.args, call.kwargs)))
    if function is None or not (real or plain in _OF_ANY_TYPE):
        raise NotInTable(full_name)
    graph.out = call.out
    if plain in _FOLDS and isinstance(call.args[0], Value) and isinstance(call.out, Value):
        _fold(graph, call.args[0].shape, len(call.out))
    try:
        names = _names(graph, function, call)
    except (TypeError, AttributeError) as error:  # called with arguments that the table does not foresee
        raise NotInTable(f"{call.name}: {error}") from error
    _name(graph, call.name, names)


def _fold(graph: Graph, shape: Sequence[int], length: int) -> None:
    """Where axes are flattened into the batch, their product goes with the batch from now on."""
    if shape[0] in graph.lengths and any(math.prod(shape[:k]) == length for k in range(2, len(shape) + 1)):
        graph.lengths.add(length)


def _names(graph: Graph, function: Function, call: Call) -> str | list[str]:
    """Write a function in its own way, or as the kind of operation that it is read as."""
    if function.onnx is not None:
        return function.onnx(graph, *call.args, **call.kwargs)
    reading = function.read(call.out, *call.args, **call.kwargs) if function.read else None
    if not isinstance(reading, Reading) or reading.op not in WRITERS:
        raise NotInTable(resolve_name(call.function) or call.name)
    return WRITERS[reading.op](graph, call.args[0] if call.args else call.kwargs["input"], reading)


def _write_layer(graph: Graph, call: ModuleCall) -> None:
    """Add the nodes of a layer whose entry says how it is written."""
    writer = MODULES[type(call.module)].onnx
    graph.out = call.out
    _name(graph, call.name, writer(graph, call.module, *call.args) if writer else [])


def _name(graph: Graph, caller: str, names: str | list[str]) -> None:
    """What was just computed goes by these names from now on."""
    for value, name in zip(values_in(graph.out), [names] if isinstance(names, str) else names, strict=True):
        if name == UNUSED:
            continue
        type_name(value.dtype)  # or left to torch
        if value.ndim == 0 or value.shape[0] not in graph.lengths:
            raise NotInTable(f"{caller}: {value.dtype} {tuple(value.shape)}")
        graph.name(value, name)


def _is_written_whole(call: ModuleCall) -> bool:
    entry = MODULES.get(type(call.module))
    return entry is not None and entry.onnx is not None and takes_values(call)


def emit(network: nn.Module, given: Tensor | Given, input_name: str, *output_names: str) -> ModelProto:
    """The ONNX model of a network in eval mode, traced on a sample (N >= 2, ...) with a free batch axis.

    given: the sample of the input; or, of a network that takes several, samples by name, and ``input_name``
    is that of the first.

    The network returns one tensor, or a tuple of as many as there are names, each in the type that it has in
    torch. Raises NotInTable.
    """
    known = {id(tensor): name for name, tensor in (*network.named_parameters(), *network.named_buffers())}
    samples = {input_name: given} if isinstance(given, Tensor) else dict(given)
    first, *more = samples.values()
    graph, traced = Graph(known, len(first)), trace(network, first, *more)
    for value, name in zip(traced.inputs, samples, strict=True):
        graph.name(value, name)
    _write_all(graph, traced)
    outs = traced.out if isinstance(traced.out, tuple) else (traced.out,)
    if len(outs) != len(output_names) or not all(isinstance(out, Value) for out in outs):
        raise NotInTable("the network does not return the tensors that it should")
    for out, name in zip(outs, output_names, strict=True):
        graph.nodes.append(helper.make_node("Identity", [graph.value(out)], [name], name=name))
    graph.prune(*output_names)
    inputs = {**dict(zip(samples, traced.inputs, strict=True)), **graph.inputs}
    proto: GraphProto = helper.make_graph(
        graph.nodes,
        "foveate",
        [
            helper.make_tensor_value_info(name, element_type(value.dtype), ["N", *value.shape[1:]])
            for name, value in inputs.items()
        ],
        [
            helper.make_tensor_value_info(name, element_type(out.dtype), ["N", *out.shape[1:]])
            for out, name in zip(outs, output_names, strict=True)
        ],
        list(graph.constants.values()),
    )
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(proto, opset_imports=opsets, ir_version=IR_VERSION, producer_name="foveate")
