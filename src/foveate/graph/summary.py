"""What a network is, layer by layer: shapes, parameters, multiply-adds, memory, receptive fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import nn

from foveate.graph.cost import TrainingMemory, count_parameters, disk_bytes, training_memory
from foveate.graph.walk import Node, Walk, walk
from foveate.words import html_lines, html_table


@dataclass(frozen=True)
class LayerRow:
    """One call of a layer, for one picture.

    padding is (rows, columns), or (top, bottom, left, right) where sides differ, or a word. output_shape is
    (C, H, W) or (features,); activation_bytes is 0 where the output lies in its input's memory; a layer
    called twice has its parameters counted the first time. receptive_field is (rows, columns) in input
    pixels, padding included, and None where each value sees the whole picture; jump is the step in input
    pixels from one position of the map to the next, and None where the map is left.
    """

    name: str
    kind: str
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    padding: tuple[int, ...] | str | None
    output_shape: tuple[int, ...]
    parameters: int
    macs: int
    activation_bytes: int
    receptive_field: tuple[int, int] | None
    jump: tuple[float, float] | None


@dataclass(frozen=True)
class Summary:
    """All rows and their totals. Counts are for one picture but for ``training``, which is for a batch.

    not_run: (name, parameters) of layers that one picture in evaluation mode never reaches, such as auxiliary
    heads; ``parameters`` counts them all the same. ``macs`` counts all operations, with layers or without.
    """

    input_shape: tuple[int, int, int]
    output_shape: tuple[int, ...]
    rows: tuple[LayerRow, ...]
    not_run: tuple[tuple[str, int], ...]
    parameters: int
    macs: int
    activation_bytes: int
    disk_bytes: int
    training: TrainingMemory
    walk: Walk
    network: str | None = None  # what it was called by whoever asked

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        named = {} if self.network is None else {"network": self.network}
        return named | {
            "input_shape": list(self.input_shape),
            "output_shape": list(self.output_shape),
            "layers": [asdict(row) for row in self.rows],
            "not_run": [{"name": name, "parameters": count} for name, count in self.not_run],
            "parameters": self.parameters,
            "macs": self.macs,
            "activation_bytes": self.activation_bytes,
            "disk_bytes": self.disk_bytes,
            "training_memory": self.training.to_dict(),
        }

    def to_text(self) -> str:
        """The table and the totals, for people."""
        lines = [_aligned([HEADER, *map(_cells, self.rows)]), ""]
        lines += [f"{what}: {value}" for what, value in self.totals()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        words = (0, 1)  # the columns of names
        right = [i for i in range(len(HEADER)) if i not in words]
        return html_table(HEADER, map(_cells, self.rows), right) + html_lines(
            f"{what}: {value}" for what, value in self.totals()
        )

    def totals(self) -> list[tuple[str, str]]:
        """What stands below the table: (what, value)."""
        t = self.training
        parts = (t.parameters, t.gradients, t.optimizer_state, t.activations)
        totals = [
            ("input", " × ".join(map(str, self.input_shape))),
            ("parameters", f"{self.parameters:,}"),
            ("multiply-adds", f"{self.macs:,} ({counted(self.macs)}) for one picture"),
            ("activations", f"{bytes_text(self.activation_bytes)} for one picture"),
            ("size on disk", bytes_text(self.disk_bytes)),
            ("training memory", f"about {bytes_text(t.total)} = {' + '.join(map(bytes_text, parts))}"),
            ("that is", t.formula),
        ]
        if self.not_run:
            layers = ", ".join(f"{name} ({count:,} parameters)" for name, count in self.not_run)
            totals.append(("not run in evaluation", layers))
        return totals


def summarize(
    module: nn.Module, input_shape: tuple[int, int, int], *, batch_size: int = 32, network: str | None = None
) -> Summary:
    """Summarise a network for pictures of ``input_shape`` (C, H, W); the network is left as it was.

    ``batch_size`` is that of the training memory estimate (Adam), ``network`` what it is called in the
    summary. Networks on the ``meta`` device are summarised without computing anything.

    Raises:
        ShapeError: the network does not take such pictures.
    """
    walked = walk(module, input_shape)
    calls = [node for node in walked.nodes if node.module is not None]
    counted_once: set[int] = set()
    rows = tuple(_row(node, counted_once) for node in calls)
    activation_bytes = sum(node.output_bytes for node in walked.nodes if not node.container)
    parameter_bytes = sum(parameter.nbytes for parameter in module.parameters())
    return Summary(
        input_shape=input_shape,
        output_shape=walked.output_shape[1:],
        rows=rows,
        not_run=_not_run(module, counted_once),
        parameters=count_parameters(module),
        macs=walked.macs,
        activation_bytes=activation_bytes,
        disk_bytes=disk_bytes(module),
        training=training_memory(parameter_bytes, activation_bytes, batch_size),
        walk=walked,
        network=network,
    )


def _row(node: Node, counted_once: set[int]) -> LayerRow:
    module, rows, columns = node.module, node.seen.rows, node.seen.columns
    if module is None:
        raise ValueError(f"{node.name} is not a call of a layer")
    fresh = [p for p in module.parameters(recurse=not node.container) if id(p) not in counted_once]
    counted_once.update(map(id, fresh))
    return LayerRow(
        name=node.name,
        kind=node.kind,
        kernel=_numbers(module, "kernel_size"),
        stride=_numbers(module, "stride"),
        padding=_padding(module),
        output_shape=node.output_shape[1:],
        parameters=sum(p.numel() for p in fresh),
        macs=node.macs,
        activation_bytes=node.output_bytes,
        receptive_field=None if rows.size is None or columns.size is None else (rows.size, columns.size),
        jump=None if rows.jump is None or columns.jump is None else (rows.jump, columns.jump),
    )


def _not_run(module: nn.Module, counted_once: set[int]) -> tuple[tuple[str, int], ...]:
    """The outermost modules none of whose parameters was met, with how many they are."""
    found: list[tuple[str, int]] = []
    for name, child in module.named_modules():
        parameters = list(child.parameters())
        inside = any(name.startswith(f"{outer}.") for outer, _ in found)
        if name and parameters and not inside and not any(id(p) in counted_once for p in parameters):
            found.append((name, sum(p.numel() for p in parameters)))
    return tuple(found)


def _numbers(module: nn.Module, attribute: str) -> tuple[int, int] | None:
    value = getattr(module, attribute, None)
    if isinstance(value, int):
        return value, value
    if isinstance(value, tuple | list) and len(value) == 2 and all(isinstance(n, int) for n in value):
        return value[0], value[1]
    return None


def _padding(module: nn.Module) -> tuple[int, ...] | str | None:
    if not hasattr(module, "kernel_size") and not hasattr(module, "padding"):
        return None
    value = getattr(module, "padding", None)
    if isinstance(value, int):
        return value, value
    if isinstance(value, tuple | list):
        return tuple(n for side in value for n in (side if isinstance(side, tuple) else (side,)))
    return value if isinstance(value, str) else None


HEADER = (
    *("layer", "kind", "kernel", "stride", "padding", "output", "parameters", "multiply-adds", "memory"),
    *("receptive field", "jump"),
)
_RIGHT = range(6, 11)  # columns of numbers are set flush right


def _cells(row: LayerRow) -> tuple[str, ...]:
    return (
        row.name,
        row.kind,
        _by(row.kernel),
        _by(row.stride),
        row.padding if isinstance(row.padding, str) else _by(row.padding),
        "×".join(map(str, row.output_shape)),
        f"{row.parameters:,}" if row.parameters else "",
        counted(row.macs) if row.macs else "",
        bytes_text(row.activation_bytes) if row.activation_bytes else "",
        "all" if row.receptive_field is None else _by(row.receptive_field),
        _by(row.jump),
    )


def _by(sides: Sequence[float] | None) -> str:
    """3 for (3, 3) and 3×5 for (3, 5): square windows are the rule."""
    if sides is None:
        return ""
    texts = [f"{side:g}" for side in sides]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines = [lines[0], ["-" * width for width in widths], *lines[1:]]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in _RIGHT else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def counted(number: float) -> str:
    """Three figures and a letter: 4.09 G, 61.7 k."""
    for size, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            value = number / size
            digits = 0 if value >= 100 else 1 if value >= 10 else 2
            return f"{value:.{digits}f}{letter}"
    return f"{number:g}"


def bytes_text(number: float) -> str:
    """Bytes for people, in powers of 1,024: 97.5 MiB."""
    for size, letter in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if number >= size:
            return f"{number / size:.1f} {letter}"
    return f"{number:g} B"
