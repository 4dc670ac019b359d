"""What a network says of a picture: numbers, each with the interval that the true one should lie in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NotRequired, TypedDict, cast

from foveate.tasks.notebooks import ShownPrediction
from foveate.tasks.unlikeness import UnlikenessDocument

_COVERED = "of the 90 % interval; absent where too few pictures were held out to tell it"


class NumberDocument(TypedDict):
    name: str
    value: float
    low: NotRequired[Annotated[float, {"description": f"Lower end {_COVERED}."}]]
    high: NotRequired[Annotated[float, {"description": f"Upper end {_COVERED}."}]]


class NumbersDocument(UnlikenessDocument):
    """What `Numbers.to_dict` gives."""

    numbers: Annotated[list[NumberDocument], {"minItems": 1}]


@dataclass(frozen=True)
class Said:
    """A number that the network says. margin: half the width of its interval, where that is known.

    decimals: so many digits behind the point mean something.
    """

    name: str
    value: float
    margin: float | None
    decimals: int

    def told(self, value: float) -> str:
        return f"{value:,.{self.decimals}f}"

    @property
    def interval(self) -> tuple[float, float] | None:
        return None if self.margin is None else (self.value - self.margin, self.value + self.margin)

    def to_text(self) -> str:
        """``age 31.2 (28.0 to 34.4)``"""
        told = f"{self.name} {self.told(self.value)}"
        if self.interval is None:
            return told
        low, high = map(self.told, self.interval)
        return f"{told} ({low} to {high})"

    def to_dict(self) -> NumberDocument:
        document = {"name": self.name, "value": self.value}
        if self.interval is not None:
            document |= dict(zip(("low", "high"), self.interval, strict=True))
        return cast(NumberDocument, document)


@dataclass(frozen=True)
class Numbers(ShownPrediction):
    """What the network says of one picture. unlikeness: None where the model measures none."""

    said: Sequence[Said]
    unlikeness: float | None = None

    @property
    def unlike(self) -> bool:
        """Whether the picture is unlike the training pictures: then no number need be right."""
        return self.unlikeness is not None and self.unlikeness > 1

    def cells(self) -> list[str]:
        return [f"{value:.7g}" for one in self.said for value in (one.value, *(one.interval or ()))]

    def lines(self) -> list[str]:
        return [one.to_text() for one in self.said]

    def to_text(self) -> str:
        return ", ".join(self.lines())

    def to_dict(self) -> NumbersDocument:
        """For machines: numbers with their intervals; unlikeness and unlike where measured."""
        document: NumbersDocument = {"numbers": [one.to_dict() for one in self.said]}
        if self.unlikeness is not None:
            document |= {"unlikeness": self.unlikeness, "unlike": self.unlike}
        return document


def decimals_of(deviation: float) -> int:
    """Digits behind the point for numbers that spread so far: a hundredth of it can be told apart."""
    return min(max(2 - math.floor(math.log10(deviation)), 0), 12)
