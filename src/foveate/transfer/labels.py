"""Which labels the pictures contradict: each one is judged by a classifier that has not seen it.

The classifier is a ridge regression of the classes (as 0 and 1) on frozen features. For it the answer to each
picture of a classifier that was fitted without that picture, and without its copies, has a closed form: with
the hat matrix H the left-out residual is (I - H_gg)^-1 (y - Hy)_g for a group g (Allen, "The relationship
between variable selection and data augmentation", Technometrics 1974). One eigendecomposition serves all
penalties, all pictures and all rounds: no folds, no seed, and 5,000 pictures take seconds.

Pictures are ranked by the calibrated probability of the given label. How many of them are named follows
confident learning (Northcutt, Jiang & Chuang, "Confident learning: estimating uncertainty in dataset labels",
JAIR 2021): as many as have another class that is at least as sure as it is, on average, of its own pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foveate.tasks.classification.calibration import apply_temperature, fit_temperature

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# Of the mean loss, for features of variance 1: what suits 200 pictures is at the top, 50,000 at the bottom.
PENALTIES = tuple(float(p) for p in np.geomspace(1e-3, 1e2, 11))
LEAST_PICTURES = 5  # of a class; fewer say too little about it to be contradicted
RETAUGHT_SHARE = 0.05  # of the pictures: the most contradicted ones are taught with the other class
ROUNDS = 1
SHARPER = 10.0  # a regression's answers lie between 0 and 1: as logits they are this much too flat
ALIKE_COSINE = 0.8  # of centred features: see `alike`
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Judged:
    """What left-out classifiers say of N pictures.

    Attributes:
        suggested: (N,) the likeliest class other than the given one.
        suggested_probability: (N,) of that class.
        score: (N,) one minus the probability of the given class; NaN where the class is too small to judge.
        ranking: (M,) the judged pictures, the most suspicious first; of equal ones the earlier first.
        doubtful: how many of the first are probably wrong.
    """

    suggested: Integers
    suggested_probability: Floats
    score: Floats
    ranking: Integers
    doubtful: int


def judge_labels(pictures: LeftOut, labels: Integers, num_classes: int) -> Judged:
    """Hold every label against what the other pictures say. labels: (N,) in 0..num_classes-1."""
    targets = np.eye(num_classes)[labels]
    errors = [np.square(targets - pictures.predict(targets, penalty)).sum() for penalty in PENALTIES]
    penalty = PENALTIES[int(np.argmin(errors))]
    predicted = pictures.predict(targets, penalty)
    for _ in range(ROUNDS):  # what is probably wrong should not testify against its neighbours
        predicted = pictures.predict(_retaught(predicted, labels), penalty)
    return _verdict(predicted, labels)


class LeftOut:
    """Ridge regression with a free constant, and its predictions for rows that it was fitted without."""

    def __init__(self, features: NDArray[np.float32], groups: Integers) -> None:
        """features: (N, D); groups: (N,) rows that are left out together."""
        self.rows, self.squares = in_own_axes(features)  # (N, R), (R,)
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


def in_own_axes(features: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Features (N, D), centred and of one scale, in a basis in which their columns are orthogonal.

    Returns:
        rows (N, R), of which the last column is the constant, and the sums of the columns' squares (R,).
    """
    x = features.astype(np.float64)
    x -= x.mean(axis=0)
    x /= x.std() or 1.0
    if len(x) < x.shape[1]:
        values, vectors = np.linalg.eigh(x @ x.T)
        rows = vectors * np.sqrt(np.maximum(values, 0))
    else:
        values, vectors = np.linalg.eigh(x.T @ x)
        rows = x @ vectors
    return np.column_stack([rows, np.ones(len(rows))]), np.append(np.maximum(values, 0), len(rows))


def _retaught(predicted: Floats, labels: Integers) -> Floats:
    """(N, K) targets in which the most contradicted pictures bear the class that is suggested."""
    each = np.arange(len(labels))
    suggested = _others(predicted, labels).argmax(axis=1)
    margin = predicted[each, suggested] - predicted[each, labels]
    rows = np.argsort(-margin, kind="stable")[: max(1, round(RETAUGHT_SHARE * len(labels)))]
    rows = rows[margin[rows] > 0]
    taught = labels.copy()
    taught[rows] = suggested[rows]
    return np.asarray(np.eye(predicted.shape[1])[taught])


def _others(predicted: Floats, labels: Integers) -> Floats:
    """The predictions of the classes that are not given; the given one is out of the running."""
    others = predicted.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    return others


def _verdict(predicted: Floats, labels: Integers) -> Judged:
    each, num_classes = np.arange(len(labels)), predicted.shape[1]
    logits = SHARPER * predicted
    probabilities = apply_temperature(logits, fit_temperature(logits, labels))
    suggested = _others(predicted, labels).argmax(axis=1)
    given, other = probabilities[each, labels], probabilities[each, suggested]
    counts = np.bincount(labels, minlength=num_classes)
    usual = np.bincount(labels, weights=given, minlength=num_classes) / np.maximum(counts, 1)
    judged = counts[labels] >= LEAST_PICTURES
    score = np.where(judged, 1 - given, np.nan)
    doubtful = judged & (other > given) & (other >= usual[suggested])
    ranking = np.argsort(-score, kind="stable")[: int(judged.sum())]
    return Judged(suggested, other, score, ranking, int(doubtful.sum()))


def _several(groups: Integers) -> Sequence[Integers]:
    """The rows of each group of two and more."""
    order = np.argsort(groups, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1) if len(order) else []
    return [np.sort(part) for part in parts if len(part) > 1]


def alike(features: NDArray[np.float32]) -> Integers:
    """(P, 2) pairs i < j of pictures that are copies by their features, in rising order.

    The cosine of features from which the data set's mean is taken.
    """
    x = features - features.mean(axis=0)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)
    found = [np.empty((0, 2), dtype=np.int64)]
    for first in range(0, len(x), ROWS_AT_ONCE):
        likeness = x[first : first + ROWS_AT_ONCE] @ x[first:].T
        i, j = np.nonzero(np.triu(likeness > ALIKE_COSINE, 1))
        found.append(np.column_stack([i, j]) + first)
    return np.concatenate(found)
