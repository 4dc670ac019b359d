"""The head on frozen features: a linear model with the task's loss, its penalty by cross-validation.

The objective for features x, answers y and weights W (K numbers) is

    mean of loss(W x + b, y)  +  penalty / 2 * |W|^2,

with the loss of `Learner.objective`; for classes it is -log softmax(W x + b)[y], multinomial logistic
regression. It is convex, so there is one solution, found by L-BFGS: no learning rate, no seed. The features
are centred and divided by their one standard deviation before, and this is taken back into the weights.

Where there are fewer rows than features the rows are first turned into the basis of their own span (singular
value decomposition): the penalty does not see a rotation, and the solution lies in the span of the rows, so
nothing is lost and 1,280 columns become as many as there are rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveate.tasks.learning import Learner
from foveate.tasks.targets import Targets
from foveate.transfer.lbfgs import minimise

CHOICE_MOST = 10_000  # pictures by which the penalty is chosen
WORSE = 1.1
ITERATIONS = 200
SEARCH_TOLERANCE = 1e-4  # of the gradient: held-out losses are compared in their third digit
ALONE_MOST = 2_000_000  # numbers (rows x directions x folds) up to which one thread is as fast as many
DOUBLE_MOST = 50_000_000  # numbers (rows x features x folds) up to which there is time for float64


@dataclass(frozen=True)
class Head:
    """weight: (K, D), bias: (K,): outputs for features as they come from the backbone.

    held_out: (N, K) outputs for each picture, as it is, from a head that had not seen it: what ships looks at
    no other view, so these calibrate it. NaN for pictures that were in the training part of every fold.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    penalty: float
    held_out: NDArray[np.float64]

    @property
    def was_held_out(self) -> NDArray[np.bool_]:
        """(N,) for which pictures there is an answer of a head that had not seen them."""
        return ~np.isnan(self.held_out[:, 0])


def fit_head(
    views: NDArray[np.float32],
    targets: Targets,
    folds: NDArray[np.int64],
    learner: Learner,
    *,
    penalty: float | None = None,
) -> Head:
    """Choose the penalty by cross-validation, then fit on all pictures.

    Args:
        views: (V, N, D) features of V views (the picture, its mirror image, ...) of N pictures.
        folds: (N,) the fold in which a picture is held out, or -1: it is never held out.
        learner: the loss, and what an example of each label counts.
        penalty: take this one and choose none; then nothing is held out.
    """
    chosen = _choice_rows(folds)
    wanted = learner.task.matrix(targets)  # (N, K)
    held_out = np.full(wanted.shape, np.nan)
    flat = views.reshape(-1, views.shape[-1])
    centre, scale = flat.mean(axis=0, dtype=np.float64), float(flat.std()) or 1.0
    search: _Problem | None = None
    if penalty is None:
        search = _Problem.of(views[:, chosen], wanted[chosen], folds[chosen], learner, (centre, scale))
        penalty, held_out[chosen] = _search(search, targets.take(chosen))
        # What is kept with more pictures is the penalty against the sum of the losses, not their mean.
        penalty *= len(chosen) / len(targets)
    if search is not None and len(chosen) == len(targets):
        whole = search.undivided()
    else:
        never = np.full(len(targets), -1)
        whole = _Problem.of(views, wanted, never, learner, (centre, scale))
    solution = whole.solve(penalty, whole.start())[0].double().numpy()
    weight = (whole.basis.double().numpy() @ solution[:-1]).T / scale  # (K, D)
    bias = solution[-1] - weight @ centre
    return Head(weight.astype(np.float32), bias.astype(np.float32), penalty, held_out)


def _choice_rows(folds: NDArray[np.int64]) -> NDArray[np.int64]:
    """All pictures, or CHOICE_MOST of them taken at even distances within the held out and the rest."""
    if len(folds) <= CHOICE_MOST:
        return np.arange(len(folds))
    order = np.argsort(folds, kind="stable")
    return np.sort(order[np.linspace(0, len(order) - 1, CHOICE_MOST).astype(np.int64)])


def _search(problem: _Problem, targets: Targets) -> tuple[float, NDArray[np.float64]]:
    """The penalty with the least loss on held-out pictures, and the outputs (N, K) for their first view.

    The loss is that of the mean over the views, which tells penalties apart with less noise.
    """
    best: tuple[float, float, Tensor] | None = None
    solution = problem.start()
    penalties = problem.learner.penalties
    for penalty in penalties:
        solution = problem.solve(penalty, solution, SEARCH_TOLERANCE)
        views = problem.held_out(solution)
        outputs = views.mean(dim=0)
        known = ~torch.isnan(outputs[:, 0])
        if not known.any():  # nothing can be held out: one picture a class
            return penalties[len(penalties) // 2], views[0].double().numpy()
        losses = problem.learner.losses(outputs[known], targets.take(np.flatnonzero(known.numpy())))
        counts = problem.weight[: len(outputs)][known]
        loss = float((losses * counts).sum() / counts.sum())
        if best is None or loss < best[0]:
            best = (loss, penalty, views[0])
        elif loss > WORSE * best[0]:
            break  # the loss has one minimum along the path, and it lies behind
    if best is None:  # penalties are not empty
        raise AssertionError
    return best[1], best[2].double().numpy()


@contextlib.contextmanager
def _threads_for(size: int) -> Iterator[None]:
    """Small products gain nothing by a second thread, and on a busy machine they wait for it each time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1 if size <= ALONE_MOST else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class _Problem:
    """One linear model a fold, all solved at once: M = V N rows, F folds, R directions.

    rows: (M, R + 1) features in the basis, and a one for the bias. basis: (D, R). wanted: (M, K).
    weight: (M,) what each row counts; training: (F, M) that, in each fold's loss, as shares. folds: (N,).
    """

    rows: Tensor
    basis: Tensor
    wanted: Tensor
    weight: Tensor
    training: Tensor
    folds: NDArray[np.int64]
    learner: Learner

    @classmethod
    def of(
        cls,
        views: NDArray[np.float32],
        wanted: NDArray[np.float64],
        folds: NDArray[np.int64],
        learner: Learner,
        standard: tuple[NDArray[np.float64], float],
    ) -> _Problem:
        centre, scale = standard
        count, width = views.shape[0], views.shape[2]
        numbers = sorted(set(folds.tolist()) - {-1})
        size = views.size * max(len(numbers), 1)
        precision = torch.float64 if size <= DOUBLE_MOST else torch.float32
        x = torch.from_numpy(views.reshape(-1, width)).to(precision)
        x = (x - torch.from_numpy(centre).to(precision)) / scale
        basis = torch.eye(width, dtype=precision)
        if len(x) < width:
            basis = torch.linalg.svd(x, full_matrices=False).Vh.T.contiguous()
            x = x @ basis
        y = torch.from_numpy(np.tile(wanted, (count, 1))).to(precision)
        weight = learner.example_weights(y)
        inside = [torch.from_numpy(np.tile(folds != number, count)) for number in numbers]
        training = torch.stack([weight * rows for rows in inside] or [weight])
        training = training / training.sum(dim=1, keepdim=True)
        ones = torch.ones(len(x), 1, dtype=precision)
        return cls(torch.cat([x, ones], dim=1), basis, y, weight, training, folds, learner)

    def undivided(self) -> _Problem:
        """The same pictures with none held out."""
        training = (self.weight / self.weight.sum())[None]
        return replace(self, training=training, folds=np.full(len(self.folds), -1))

    def start(self) -> Tensor:
        """Zeros (F, R + 1, K)."""
        return self.rows.new_zeros(len(self.training), self.rows.shape[1], self.wanted.shape[1])

    def solve(self, penalty: float, start: Tensor, tolerance: float = 1e-6) -> Tensor:
        """The weights (F, R + 1, K) of least loss, from a guess of them; tolerance: of the gradient."""
        folds, _, numbers = start.shape
        weight = self.training.T[..., None]  # (M, F, 1)

        def loss(weights: Tensor) -> tuple[float, Tensor]:
            outputs = (self.rows @ weights.movedim(1, 0).flatten(1)).view(-1, folds, numbers)  # (M, F, K)
            losses, error = self.learner.objective(outputs, self.wanted[:, None], weight)
            value = penalty / 2 * weights[:, :-1].square().sum() + losses
            gradient = (self.rows.T @ error.flatten(1)).view(-1, folds, numbers).movedim(0, 1).clone()
            gradient[:, :-1] += penalty * weights[:, :-1]
            return float(value), gradient

        with _threads_for(self.rows.numel() * len(self.training)):
            return minimise(loss, start, tolerance=tolerance, iterations=ITERATIONS)

    def held_out(self, weights: Tensor) -> Tensor:
        """(V, N, K) outputs for each view of each picture by the fold that held it out; NaN for none."""
        numbers = sorted(set(self.folds.tolist()) - {-1})
        views = self.rows.view(-1, len(self.folds), self.rows.shape[1])
        outputs = self.rows.new_full((*views.shape[:2], weights.shape[-1]), torch.nan)
        for place, number in enumerate(numbers):
            rows = torch.from_numpy(np.flatnonzero(self.folds == number))
            outputs[:, rows] = views[:, rows] @ weights[place]
        return outputs
