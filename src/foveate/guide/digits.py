"""Digits drawn by the program: strokes that are bent, turned and shifted at random."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SIDE = 16
# The points of each digit's one stroke, x to the right and y down, in a box of side 1.
STROKES: tuple[tuple[tuple[float, float], ...], ...] = (
    tuple(
        (0.5 + 0.26 * math.sin(math.tau * i / 14), 0.5 - 0.4 * math.cos(math.tau * i / 14)) for i in range(15)
    ),
    ((0.34, 0.28), (0.55, 0.1), (0.55, 0.9)),
    ((0.25, 0.3), (0.35, 0.14), (0.55, 0.1), (0.7, 0.2), (0.7, 0.38), (0.25, 0.9), (0.77, 0.9)),
    (
        (0.25, 0.15),
        (0.5, 0.1),
        (0.7, 0.22),
        (0.65, 0.42),
        (0.43, 0.48),
        (0.68, 0.56),
        (0.73, 0.76),
        (0.5, 0.9),
        (0.24, 0.84),
    ),
    ((0.6, 0.9), (0.6, 0.1), (0.2, 0.66), (0.82, 0.66)),
    (
        (0.72, 0.1),
        (0.32, 0.1),
        (0.28, 0.46),
        (0.5, 0.4),
        (0.72, 0.52),
        (0.73, 0.76),
        (0.5, 0.9),
        (0.25, 0.82),
    ),
    (
        (0.66, 0.12),
        (0.4, 0.25),
        (0.27, 0.55),
        (0.3, 0.8),
        (0.5, 0.9),
        (0.7, 0.78),
        (0.68, 0.58),
        (0.5, 0.5),
        (0.3, 0.62),
    ),
    ((0.22, 0.1), (0.78, 0.1), (0.42, 0.9)),
    (
        (0.5, 0.48),
        (0.3, 0.36),
        (0.32, 0.18),
        (0.5, 0.1),
        (0.68, 0.18),
        (0.7, 0.36),
        (0.5, 0.48),
        (0.28, 0.62),
        (0.28, 0.8),
        (0.5, 0.9),
        (0.72, 0.8),
        (0.72, 0.62),
        (0.5, 0.48),
    ),
    (
        (0.7, 0.38),
        (0.5, 0.5),
        (0.32, 0.42),
        (0.3, 0.22),
        (0.5, 0.1),
        (0.68, 0.2),
        (0.7, 0.38),
        (0.66, 0.7),
        (0.5, 0.9),
    ),
)


def draw(digit: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(SIDE, SIDE) of 0 to 1: the digit in white on black, unlike any that was drawn before."""
    points = np.array(STROKES[digit]) - 0.5 + rng.normal(0, 0.02, (len(STROKES[digit]), 2))
    angle, shear = rng.uniform(-0.25, 0.25), rng.uniform(-0.25, 0.25)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = points @ (turn @ np.array([[1, shear], [0, 1]])).T * rng.uniform(0.75, 1.0, 2)
    points = (points + 0.5) * SIDE + rng.uniform(-1.2, 1.2, 2)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1) + 0.5  # (SIDE, SIDE, 2): x, y
    begin, along = points[:-1], np.diff(points, axis=0)
    away = grid[:, :, None] - begin  # (SIDE, SIDE, S, 2)
    share = np.clip((away * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9), 0, 1)
    distance = np.linalg.norm(away - share[..., None] * along, axis=-1).min(-1)
    return np.clip(rng.uniform(0.6, 1.1) + 0.5 - distance, 0, 1).astype(np.float32)


def digits(count: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(count, 1, SIDE, SIDE) pictures of 0 to 1, and which digit each is: all ten equally often."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(STROKES)
    return np.stack([draw(int(label), rng) for label in labels])[:, None], labels
