"""What is known about every network: the table that ``foveate models`` prints. Plain data, no torch.

Counts are those of the network as built here with its defaults, and tests hold each of them: ``depth`` counts
the convolutions and dense layers on the longest path (squeeze-excite and projection shortcuts aside),
``macs`` the multiply-adds of one picture of ``input_size`` in convolutions and dense layers, biases aside.
``top5_error`` is the published ImageNet error in per cent, and ``top5_note`` says how it was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelInfo:
    """One network: a row of the table. ``input_size`` is (C, H, W); ``module`` is where its code stands."""

    name: str
    family: str
    year: int
    title: str
    source: str
    key_idea: str
    module: str
    depth: int
    parameters: int
    macs: int
    input_size: tuple[int, int, int]
    num_classes: int = 1000
    top5_error: float | None = None
    top5_note: str = ""


SMALL = (
    ModelInfo(
        name="convnet1",
        family="convnet1",
        year=2020,
        title="The article's convnet1, as its text says (5x5, padding 2)",
        source="An introduction to convolutional neural networks, Towards Data Science, 2020",
        key_idea="two convolutions with batch norm and pooling, then one dense layer",
        module="foveate.models.convnet1",
        depth=3,
        parameters=29_034,
        macs=0,
        input_size=(1, 28, 28),
        num_classes=10,
    ),
    ModelInfo(
        name="convnet1_k3",
        family="convnet1",
        year=2020,
        title="The article's convnet1, as its code says (3x3, padding 1)",
        source="An introduction to convolutional neural networks, Towards Data Science, 2020",
        key_idea="the same with smaller windows",
        module="foveate.models.convnet1",
        depth=3,
        parameters=20_586,
        macs=0,
        input_size=(1, 28, 28),
        num_classes=10,
    ),
)


def _table(rows: Iterable[ModelInfo]) -> dict[str, ModelInfo]:
    return {row.name: row for row in rows}


CATALOGUE = _table((*SMALL,))
