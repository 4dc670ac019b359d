"""How numbers are learnt: standardised, by squared error, and told in their own units at the end.

Squared error and not Huber's: R² is made of it, the head on frozen features has it in closed form (a
ridge regression), and neither was clearly better, even with wrong numbers among the right ones
(docs/regression.md).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from foveate.layers.ranks import mean_of_batch
from foveate.tasks.learning import PARITY_TOLERANCE, Arrays, Learner, differing
from foveate.tasks.regression.intervals import fit_margins
from foveate.tasks.regression.metrics import scores_of
from foveate.tasks.regression.names import VALUES
from foveate.tasks.regression.task import Regression, numbers_of
from foveate.tasks.targets import Targets
from foveate.tasks.values import Values


class RegressionLearner(Learner):
    """outputs: standardised numbers (N, K); targets: ``values`` (N, K) in their own units."""

    task: Regression
    linear_model: ClassVar[str] = "a ridge regression"
    penalties: ClassVar[tuple[float, ...]] = (100.0, 30.0, 10.0, 3.0, *Learner.penalties)

    def loss(self, outputs: Tensor, targets: Arrays) -> Tensor:
        return mean_of_batch(self._squares(outputs.float(), targets["values"]))

    def running(self, outputs: Tensor, targets: Arrays) -> Tensor:
        # 1 - e² / variance: its mean over the training pictures is R²
        return (1 - self._squares(outputs.float(), targets["values"])).mean(dim=1).sum()

    def scores(self, outputs: Tensor, targets: Targets) -> dict[str, float]:
        true, said = numbers_of(targets), self.task.in_units(outputs.double().numpy())
        mae, rmse, r2 = (float(found.mean()) for found in scores_of(said, true, self.task.deviations))
        return {"loss": float(self.losses(outputs, targets).mean()), "r2": r2, "mae": mae, "rmse": rmse}

    def losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        return self._squares(outputs.double(), torch.from_numpy(np.array(numbers_of(targets)))).mean(dim=1)

    def calibrated_losses(self, outputs: Tensor, targets: Targets) -> Tensor:
        return self.losses(outputs, targets)  # a number is not more or less sure

    def objective(self, outputs: Tensor, wanted: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        off = (outputs - wanted) / outputs.shape[-1]
        return ((outputs - wanted) * off * weight).sum(), 2 * off * weight

    def calibrated(self, outputs: np.ndarray, targets: Targets, **wanted: Any) -> Regression:
        return self.task.with_margins(fit_margins(self.task.in_units(outputs), numbers_of(targets)))

    def answer(self) -> nn.Module:
        return InUnits(self.task.means, self.task.deviations)

    def difference(self, outputs: np.ndarray, expected: Values, found: Values) -> str:
        """In standard deviations; what float32 rounds of a mean that is far from 0 is no difference."""
        means, deviations = np.array(self.task.means), np.array(self.task.deviations)
        right, other = ((given[VALUES] - means) / deviations for given in (expected, found))
        rounded = 4 * float(np.finfo(np.float32).eps * np.abs(means / deviations).max())
        return differing(VALUES, right, other, PARITY_TOLERANCE + rounded)

    def _squares(self, outputs: Tensor, values: Tensor) -> Tensor:
        """(N, K) squared errors, standardised."""
        means, deviations = (
            torch.cat([outputs.new_full((1,), one) for one in of])  # filled where it lies: nothing is sent
            for of in (self.task.means, self.task.deviations)
        )
        return (outputs - (values.to(outputs.dtype) - means) / deviations).square()


class InUnits(nn.Module):
    """Standardised numbers (N, K) -> the numbers themselves."""

    means: Tensor
    deviations: Tensor

    def __init__(self, means: tuple[float, ...], deviations: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("means", torch.tensor(means), persistent=False)
        self.register_buffer("deviations", torch.tensor(deviations), persistent=False)

    def forward(self, outputs: Tensor) -> Tensor:
        return outputs * self.deviations + self.means
