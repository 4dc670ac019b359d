"""Which labels the pictures contradict: each one is judged by a classifier that has not seen it.

The classifier is a ridge regression of the classes (as 0 and 1) on frozen features. For it the answer to each
picture of a classifier that was fitted without that picture, and without its copies, has a closed form: with
the hat matrix H the left-out residual is (I - H_gg)^-1 (y - Hy)_g for a group g (Allen, "The relationship
between variable selection and data augmentation", Technometrics 1974). One eigendecomposition serves all
penalties, all pictures and all rounds: no folds, no seed, and 5,000 pictures take seconds.

Pictures are ranked by the margin by which another class beats the given one. How many of them are named
follows confident learning (Northcutt, Jiang & Chuang, "Confident learning: estimating uncertainty in dataset
labels", JAIR 2021): those whose other class is as sure as it is, on average, of the pictures that bear it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.evaluation.calibration import apply_temperature, fit_temperature

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Of the mean loss, for features of variance 1: what suits 200 pictures is at the top, 50,000 at the bottom.
PENALTIES = tuple(float(p) for p in np.geomspace(1e-3, 1e2, 11))
LEAST_PICTURES = 5  # of a class; fewer say too little about it to be contradicted
RETAUGHT_SHARE = 0.05  # of the pictures: the most contradicted ones are taught with the other class
ROUNDS = 2


@dataclass(frozen=True)
class Judged:
    """What left-out classifiers say of N pictures.

    Attributes:
        suggested: (N,) the likeliest class other than the given one.
        margin: (N,) by how much it beats the given class in the regression; above 0 it is likelier. NaN for
            pictures of classes too small to judge.
        given_probability, suggested_probability: (N,) calibrated on the labels as given.
        doubtful: (N,) whether the given label is probably wrong.
    """

    suggested: Integers
    margin: Floats
    given_probability: Floats
    suggested_probability: Floats
    doubtful: NDArray[np.bool_]

    @property
    def ranking(self) -> Integers:
        """The judged pictures, the most contradicted first; of equal ones the earlier first."""
        order = np.argsort(-self.margin, kind="stable")
        return order[: int((~np.isnan(self.margin)).sum())]


def judge_labels(
    features: NDArray[np.float32], labels: Integers, groups: Integers, num_classes: int
) -> Judged:
    """Hold every label against what the other pictures say.

    Args:
        features: (N, D).
        labels: (N,) in 0..num_classes-1, right or wrong.
        groups: (N,) the same number for copies of one picture: none of them testifies for another.
    """
    regression = LeftOut(features, groups)
    targets = np.eye(num_classes)[labels]
    errors = [((targets - regression.predict(targets, p)) ** 2).sum() for p in PENALTIES]
    penalty = PENALTIES[int(np.argmin(errors))]
    predicted = regression.predict(targets, penalty)
    for _ in range(ROUNDS):  # what is probably wrong should not testify against its neighbours
        retaught = _retaught(targets, predicted, labels)
        predicted = regression.predict(retaught, penalty)
    small = np.bincount(labels, minlength=num_classes) < LEAST_PICTURES
    return _verdict(predicted, labels, small)


class LeftOut:
    """Ridge regression with a free constant, and its predictions for rows that it was fitted without."""

    def __init__(self, features: NDArray[np.float32], groups: Integers) -> None:
        """features: (N, D); groups: (N,) rows that are left out together."""
        x = features.astype(np.float64)
        x -= x.mean(axis=0)
        x /= x.std() or 1.0
        if len(x) < x.shape[1]:
            values, vectors = np.linalg.eigh(x @ x.T)
            rows = vectors * np.sqrt(np.maximum(values, 0))
        else:
            values, vectors = np.linalg.eigh(x.T @ x)
            rows = x @ vectors
        # In this basis the columns are orthogonal; the last one is the constant.
        self.rows = np.column_stack([rows, np.ones(len(rows))])  # (N, R)
        self.squares = np.append(np.maximum(values, 0), len(rows))  # (R,)
        self.copies = _several(groups)

    def predict(self, targets: Floats, penalty: float) -> Floats:
        """(N, K) -> (N, K): for each row what the others' solution says, at a penalty on the mean loss."""
        count = len(self.rows)
        penalties = np.append(np.full(len(self.squares) - 1, penalty * count), 0.0)
        shrink = 1 / (self.squares + penalties)  # (R,)
        residual = targets - self.rows @ (shrink[:, None] * (self.rows.T @ targets))
        leverage = np.square(self.rows) @ shrink  # (N,) the hat matrix's diagonal
        left_out = residual / (1 - leverage)[:, None]
        for members in self.copies:
            left_out[members] = self._solved(members, shrink, residual[members])
        return targets - left_out

    def _solved(self, members: Integers, shrink: Floats, residual: Floats) -> Floats:
        """(I - H_gg)^-1 residual, by the smaller of two systems (Woodbury)."""
        rows = self.rows[members]  # (M, R)
        if len(members) <= rows.shape[1]:
            hat = (rows * shrink) @ rows.T
            return np.asarray(np.linalg.solve(np.eye(len(members)) - hat, residual))
        inner = np.diag(1 / shrink) - rows.T @ rows
        return np.asarray(residual + rows @ np.linalg.solve(inner, rows.T @ residual))


def _retaught(targets: Floats, predicted: Floats, labels: Integers) -> Floats:
    """Targets in which the most contradicted pictures bear the class that is suggested."""
    margin, suggested = _margin(predicted, labels)
    most = max(1, round(RETAUGHT_SHARE * len(labels)))
    rows = np.argsort(-margin, kind="stable")[:most]
    rows = rows[margin[rows] > 0]
    changed = targets.copy()
    changed[rows] = np.eye(targets.shape[1])[suggested[rows]]
    return changed


def _margin(predicted: Floats, labels: Integers) -> tuple[Floats, Integers]:
    """By how much the best other class beats the given one, and which it is."""
    each = np.arange(len(labels))
    others = predicted.copy()
    others[each, labels] = -np.inf
    suggested = others.argmax(axis=1)
    return others[each, suggested] - predicted[each, labels], suggested


def _verdict(predicted: Floats, labels: Integers, small: NDArray[np.bool_]) -> Judged:
    each, num_classes = np.arange(len(labels)), predicted.shape[1]
    margin, suggested = _margin(predicted, labels)
    scaled = 10 * predicted  # the temperature's search begins at 1
    probabilities = apply_temperature(scaled, fit_temperature(scaled, labels))
    given = probabilities[each, labels]
    counts = np.maximum(np.bincount(labels, minlength=num_classes), 1)
    usual = np.bincount(labels, weights=given, minlength=num_classes) / counts
    doubtful = (margin > 0) & (probabilities[each, suggested] >= usual[suggested])
    margin[small[labels]] = np.nan
    return Judged(suggested, margin, given, probabilities[each, suggested], doubtful & ~small[labels])


def _several(groups: Integers) -> Sequence[Integers]:
    """The rows of each group of two and more."""
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
    return [np.sort(part) for part in parts if len(part) > 1]
