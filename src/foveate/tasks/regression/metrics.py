"""How far off the numbers are: mean absolute error, root mean squared error and R², with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.errors import InputError, ShapeError
from foveate.tasks.measures import Headline
from foveate.tasks.notebooks import ShownEvaluation
from foveate.tasks.regression.in_short import in_lines, number_table
from foveate.tasks.regression.names import R2
from foveate.tasks.sections import Table

RESAMPLES, FEWEST_RESAMPLES = 1_000, 200
RESAMPLED_NUMBERS = 20_000_000  # pictures drawn in all, so that many pictures take no minutes
Floats = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True)
class NumberScores:
    """How well one number is told, in its own unit.

    bias: the mean of answer - truth. median, median_mae: always answering that would be so far off, on
    average; mean, mean_rmse: the same for squares. covered: the share of pictures within the model's
    interval, where it gives one.
    """

    name: str
    mae: float
    mae_interval: Interval
    rmse: float
    rmse_interval: Interval
    r2: float
    r2_interval: Interval
    bias: float
    median: float
    median_mae: float
    mean: float
    mean_rmse: float
    covered: float | None = None


@dataclass(frozen=True)
class Evaluation(ShownEvaluation):
    """A regression measured on N pictures; made by `evaluate`. r2: the mean over the numbers."""

    samples: int
    r2: float
    r2_interval: Interval
    numbers: tuple[NumberScores, ...]

    @property
    def headline(self) -> Headline:
        """R², against always answering the mean."""
        return Headline(R2, self.r2, self.r2_interval, 0.0)

    @property
    def mae(self) -> float:
        """The mean over the numbers, whatever their units."""
        return float(np.mean([one.mae for one in self.numbers]))

    @property
    def rmse(self) -> float:
        """The mean over the numbers, whatever their units."""
        return float(np.mean([one.rmse for one in self.numbers]))

    def scores(self) -> dict[str, float | int]:
        return {"r2": self.r2, "mae": self.mae, "rmse": self.rmse, "samples": self.samples}

    def lines(self, pictures: str) -> list[str]:
        return in_lines(self, pictures)

    def tables(self) -> list[Table]:
        return [number_table(self)]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for strict JSON."""
        return {
            **self.scores(),
            "r2_interval": list(self.r2_interval),
            "numbers": [asdict(one) for one in self.numbers],
        }


def evaluate(
    said: ArrayLike,
    true: ArrayLike,
    names: Sequence[str],
    deviations: Sequence[float],
    half_widths: Sequence[float] | None = None,
) -> Evaluation:
    """Measure answers against true numbers.

    said, true: (N, K). deviations: (K,) of the training pictures' numbers, for R² where the true numbers here
    are all the same. half_widths: (K,) of the model's intervals.

    Raises ShapeError for shapes that do not fit, InputError for no pictures or numbers that are not finite.
    """
    a, y = np.asarray(said, np.float64), np.asarray(true, np.float64)
    if a.shape != y.shape or a.ndim != 2 or a.shape[1] != len(names):
        raise ShapeError(f"Expected answers and true numbers (N, {len(names)}); got {a.shape} and {y.shape}.")
    if not len(a):
        raise InputError("There is nothing to evaluate: at least one picture is needed.")
    if not (np.isfinite(a).all() and np.isfinite(y).all()):
        raise InputError("Answers and true numbers must be finite; some are infinite or NaN.")
    drawn = _resampled(a, y, np.asarray(deviations))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)  # (3, K) each
    mae, rmse, r2 = scores_of(a, y, deviations)
    mean_r2 = np.quantile(drawn[:, 2].mean(axis=1), [0.025, 0.975])
    median = np.median(y, axis=0)
    numbers = [
        NumberScores(
            name=name,
            mae=float(mae[k]),
            mae_interval=(float(low[0, k]), float(high[0, k])),
            rmse=float(rmse[k]),
            rmse_interval=(float(low[1, k]), float(high[1, k])),
            r2=float(r2[k]),
            r2_interval=(float(low[2, k]), float(high[2, k])),
            bias=float((a - y)[:, k].mean()),
            median=float(median[k]),
            median_mae=float(np.abs(y[:, k] - median[k]).mean()),
            mean=float(y[:, k].mean()),
            mean_rmse=float(y[:, k].std()),
            covered=None if half_widths is None else _covered(a[:, k], y[:, k], half_widths[k]),
        )
        for k, name in enumerate(names)
    ]
    return Evaluation(len(a), float(r2.mean()), (float(mean_r2[0]), float(mean_r2[1])), tuple(numbers))


def scores_of(said: Floats, true: Floats, deviations: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """Mean absolute error, root mean squared error and R², (K,) each; said and true: (N, K)."""
    sums = _summands(said, true).sum(axis=0)
    mae, rmse, r2 = _scores(sums, len(said), np.asarray(deviations, np.float64))
    return mae, rmse, r2


def _summands(said: Floats, true: Floats) -> Floats:
    """(N, 4, K) whose sums over pictures say everything: |e|, e², y and y², y from about its mean."""
    error, centred = said - true, true - true.mean(axis=0)
    return np.stack([np.abs(error), error**2, centred, centred**2], axis=1)


def _scores(sums: Floats, count: int, deviations: Floats) -> Floats:
    """(..., 4, K) sums over ``count`` pictures -> (3, ..., K) mean absolute error, RMSE and R².

    True numbers that are all the same have no variance to explain: that of the training pictures takes its
    place, so that of two networks the better one still has the larger R².
    """
    absolute, squared, total, squares = np.moveaxis(sums, -2, 0)
    spread = squares - total**2 / count
    spread = np.where(spread > 1e-12 * np.maximum(squares, deviations**2), spread, count * deviations**2)
    return np.stack([absolute / count, np.sqrt(squared / count), 1 - squared / spread])


def _resampled(said: Floats, true: Floats, deviations: Floats) -> Floats:
    """(B, 3, K): the scores of as many pictures drawn with replacement, B times (Efron 1979).

    NumPy guarantees the raw stream of PCG64 for ever, which it does not for ``integers``.
    """
    n = len(said)
    count = int(np.clip(RESAMPLED_NUMBERS // n, FEWEST_RESAMPLES, RESAMPLES))
    summands, stream = _summands(said, true), np.random.PCG64(0)
    sums = np.empty((count, *summands.shape[1:]))
    for draw in range(count):
        rows = ((stream.random_raw(n) >> np.uint64(32)) * np.uint64(n)) >> np.uint64(32)
        times = np.bincount(rows.astype(np.int64), minlength=n)
        sums[draw] = np.tensordot(times, summands, axes=(0, 0))
    return np.moveaxis(_scores(sums, n, deviations), 0, 1)


def _covered(said: Floats, true: Floats, half_width: float) -> float:
    return float((np.abs(said - true) <= half_width).mean())
