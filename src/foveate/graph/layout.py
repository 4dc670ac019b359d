"""Where the boxes and curves of a network's drawing stand: plain geometry, before any SVG or pixel.

Boxes go down the page by the length of the longest path to them. The longest branch behind a fork goes
straight on; the others take lanes to its right. A layer that only follows another (normalisation, activation,
dropout) shares its box.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from foveate.graph.walk import Node, Walk

BOX_WIDTH, BOX_HEIGHT = 330, 50
ACROSS, DOWN = BOX_WIDTH + 34, BOX_HEIGHT + 26
MARGIN = 60
JOIN_WIDTH, JOIN_HEIGHT = 230, 30

Point = tuple[float, float]


@dataclass
class Box:
    """One box: what is written in it, its colour's name, its place (left, top, width, height) in pixels."""

    title: str
    detail: str
    shape: str
    parameters: int
    colour: str
    inputs: list[int]
    rank: int = 0
    lane: int = 0

    @property
    def join(self) -> bool:
        return self.colour == "join"

    def add(self, node: Node) -> None:
        """Let a layer that follows share the box."""
        if self.join:
            self.title += f" · {node.kind}"
        else:
            self.detail += f" · {node.kind}"
        self.parameters += _parameters(node)

    @property
    def place(self) -> tuple[float, float, float, float]:
        width, height = (JOIN_WIDTH, JOIN_HEIGHT) if self.join else (BOX_WIDTH, BOX_HEIGHT)
        x = MARGIN + self.lane * ACROSS + BOX_WIDTH / 2
        y = MARGIN / 2 + self.rank * DOWN + BOX_HEIGHT / 2
        return x - width / 2, y - height / 2, width, height


@dataclass(frozen=True)
class Layout:
    """curves: cubic Béziers (start, control, control, end), from box to box."""

    boxes: list[Box]
    curves: list[tuple[Point, Point, Point, Point]]
    width: float
    height: float


def lay_out(walk: Walk) -> Layout:
    """Place the layers of a walk."""
    boxes = _boxes(walk)
    _rank(boxes)
    _spread(boxes)
    curves = [_curve(boxes, source, box) for box in boxes for source in box.inputs]
    lanes, ranks = max(box.lane for box in boxes) + 1, max(box.rank for box in boxes) + 1
    return Layout(boxes, curves, 2 * MARGIN + lanes * ACROSS - (ACROSS - BOX_WIDTH), MARGIN + ranks * DOWN)


def _boxes(walk: Walk) -> list[Box]:
    nodes = {i: node for i, node in enumerate(walk.nodes) if not node.container}
    readers: dict[int, int] = {}
    for node in nodes.values():
        for fed in node.inputs:
            readers[fed] = readers.get(fed, 0) + 1
    boxes: list[Box] = []
    home: dict[int, int] = {}  # node -> its box
    for i, node in nodes.items():
        source = node.inputs[0] if len(node.inputs) == 1 else None
        if source is not None and readers[source] == 1 and _follows(node, walk.nodes[source]):
            home[i] = home[source]
            boxes[home[i]].add(node)
            continue
        home[i] = len(boxes)
        boxes.append(_box(node, list(dict.fromkeys(home[fed] for fed in node.inputs))))
    return boxes


def _follows(node: Node, before: Node) -> bool:
    """Whether a node may share the box of the one before it: it changes values, not shapes."""
    shapes = any(hasattr(node.module, name) for name in ("kernel_size", "output_size", "in_features"))
    same = node.output_shape == before.output_shape
    return node.module is not None and before.kind != "Input" and same and not shapes


def _box(node: Node, inputs: list[int]) -> Box:
    shape = "×".join(map(str, node.output_shape[1:]))
    if node.module is None:
        colour = "input" if node.kind == "Input" else "join"
        return Box(node.kind.lower(), "", shape, 0, colour, inputs)
    window = getattr(node.module, "kernel_size", None)
    title = node.kind
    if window is not None:
        kernel = (window, window) if isinstance(window, int) else window
        title += f" {kernel[0]}×{kernel[-1]}"
        stride = getattr(node.module, "stride", 1)
        steps = [stride, stride] if isinstance(stride, int) else list(stride)
        title += "" if steps == [1, 1] else f" /{steps[0] if steps[0] == steps[1] else steps}"
    return Box(title, node.name, shape, _parameters(node), _colour(node.module), inputs)


def _parameters(node: Node) -> int:
    return 0 if node.module is None else sum(p.numel() for p in node.module.parameters())


def _colour(module: nn.Module) -> str:
    if isinstance(module, nn.Linear):
        return "dense"
    if isinstance(module, nn.modules.conv._ConvNd):
        return "conv"
    return "pool" if "Pool" in type(module).__name__ else "other"


def _rank(boxes: list[Box]) -> None:
    for box in boxes:
        box.rank = max((boxes[source].rank + 1 for source in box.inputs), default=0)


def _spread(boxes: list[Box]) -> None:
    """Give each box a lane: the child with the longest way to go stays in its parent's."""
    children: list[list[int]] = [[] for _ in boxes]
    for i, box in enumerate(boxes):
        for source in box.inputs:
            children[source].append(i)
    rest = [0] * len(boxes)
    for i in reversed(range(len(boxes))):
        rest[i] = max((rest[child] + 1 for child in children[i]), default=0)
    heir = [max(kids, key=lambda kid: rest[kid], default=-1) for kids in children]
    filled: list[int] = []  # lane -> the last rank that is taken in it
    for i in sorted(range(len(boxes)), key=lambda i: boxes[i].rank):
        box = boxes[i]
        parents = [boxes[source].lane for source in box.inputs]
        if len(box.inputs) > 1 or not parents:
            box.lane = min(parents, default=0)
        elif heir[box.inputs[0]] == i:
            box.lane = parents[0]
        else:
            box.lane = parents[0] + 1
        # A lane is kept until the branch in it is joined, so that curves do not run through boxes.
        while box.lane < len(filled) and filled[box.lane] >= box.rank and len(box.inputs) <= 1:
            box.lane += 1
        filled += [-1] * (box.lane + 1 - len(filled))
        ends = [boxes[child].rank - 1 for child in children[i]]
        filled[box.lane] = max(box.rank, *ends) if ends and box.lane else box.rank


def _curve(boxes: list[Box], source: int, box: Box) -> tuple[Point, Point, Point, Point]:
    left, top, width, height = boxes[source].place
    start = (left + width / 2, top + height)
    left, top, width, _ = box.place
    end = (left + width / 2, top)
    if boxes[source].lane == box.lane and box.rank - boxes[source].rank > 1:
        # Around the boxes between, on the left, within the margin (a Bézier stays inside its controls).
        start, end = (boxes[source].place[0], top_middle(boxes[source])), (left, top_middle(box))
        x = MARGIN + box.lane * ACROSS - (1.1 * MARGIN if box.lane == 0 else ACROSS - BOX_WIDTH)
        return start, (x, start[1]), (x, end[1]), end
    bend = min((end[1] - start[1]) / 2, DOWN)
    if box.join and boxes[source].lane != box.lane:
        end = (left + width, top_middle(box))
        return start, (start[0], end[1]), (start[0], end[1]), end
    return start, (start[0], start[1] + bend), (end[0], end[1] - bend), end


def top_middle(box: Box) -> float:
    """The height of a box's middle."""
    return box.place[1] + box.place[3] / 2
