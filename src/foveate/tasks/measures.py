"""By what answers are measured, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from foveate.words import percent

if TYPE_CHECKING:
    from foveate.tasks.sections import Table


@dataclass(frozen=True)
class Metric:
    """A number by which training may select: ``val_<name>`` in the history."""

    name: str
    higher_is_better: bool = True
    is_fraction: bool = True  # told in percent
    title: str = ""  # for people, where it is not the name

    @property
    def words(self) -> str:
        """``macro-F1``"""
        return self.title or self.name.replace("_", " ")

    @property
    def heading(self) -> str:
        """``Macro-F1``"""
        return self.words[0].upper() + self.words[1:]

    def told(self, value: float, digits: int = 1) -> str:
        """``87.4 %``, or four significant digits."""
        return percent(value, digits) if self.is_fraction else f"{value:.4g}"

    def plain(self, value: float) -> str:
        """The same for a terminal: ``87.4%``."""
        return f"{value:.1%}" if self.is_fraction else f"{value:.4g}"


LOSS = Metric("loss", higher_is_better=False, is_fraction=False)  # which every task has
PROBABILITY = Metric("probability")


class Headline(NamedTuple):
    """The one number to quote, with its 95 % interval, and what a constant answer would reach."""

    metric: Metric
    value: float
    interval: tuple[float, float]
    constant: float


class Evaluation(Protocol):
    """How good answers are on N pictures."""

    @property
    def samples(self) -> int: ...

    @property
    def headline(self) -> Headline: ...

    def scores(self) -> dict[str, float | int]:
        """The few numbers for ``config.json``."""
        ...

    def lines(self, pictures: str) -> Sequence[str]:
        """The whole in words; pictures: what was measured on, such as "pictures of test"."""
        ...

    def tables(self) -> Sequence[Table]:
        """What there is to tell beside that."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """All of it, in plain JSON values."""
        ...
