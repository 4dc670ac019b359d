"""Does a picture mean the same in a mirror? Asked of the training pictures before mirror images are used.

Arrows to the left become arrows to the right: taught with the label of the picture, the mirror image of one
class contradicts the other. So a ridge regression of the answers is fitted twice, to the pictures and to the
pictures with their mirror images, and each picture is answered by the others in both. Leaving out a picture
(and its mirror image) has a closed form, as in `transfer.labels`: no folds, no seed, a second for a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from foveate.batches.loader import Pixels
from foveate.dataset.prepare import Prepared
from foveate.dataset.samples import evenly
from foveate.transfer.labels import PENALTIES, in_own_axes

MOST, FEWEST = 1_000, 10  # pictures that are asked; with fewer nothing can be said
COPY_SIDE_PX = 16  # of small grey copies, where there are no features
MARGIN = 3.0  # standard errors: of harmless data sets one in some hundreds is taken for another
CONTRADICTION = 2.0  # times the error: for features that are not those of the network to be trained
SEEN = 0.8  # of the variance of an answer: with a smaller error it can be seen in the features

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MirrorTest:
    """What pictures say of their mirror images.

    error, error_mirrored: mean squared error (0 none, 2 all wrong and sure) of the answers for n left-out
    pictures, without and with mirror images among those that answer. hurts: clearly more with them. seen:
    whether each of the K answers can be seen in these features, for else nothing can be said of it.
    """

    error: float
    error_mirrored: float
    hurts: bool
    seen: bool = False

    @property
    def harmless(self) -> bool:
        """Whether the pictures show that their mirror images have the same answers."""
        return self.seen and not self.hurts

    @property
    def contradicts(self) -> bool:
        """Whether it is much worse with mirror images, so that finer features would hardly mend it."""
        return self.hurts and self.error_mirrored > CONTRADICTION * self.error

    def in_words(self, answer: str) -> str:
        """answer: what one is called, such as "class"."""
        if not self.hurts:
            return f"whether these pictures keep their {answer} in a mirror cannot be seen in them"
        return (
            f"in a mirror these pictures take on another {answer} (answered by the others they are off by "
            f"{self.error:.2f}, mean square; by the others and their mirror images by "
            f"{self.error_mirrored:.2f})"
        )


def mirror_test(
    views: NDArray[np.floating], wanted: NDArray[np.float64], groups: NDArray[np.int64]
) -> MirrorTest:
    """Compare answers with and without mirror images.

    Args:
        views: (2, N, D) features of each picture and of its mirror image.
        wanted: (N, K) the answers as numbers, as `Task.matrix` has them.
        groups: (N,) pictures with the same number are copies; one of them is asked.
    """
    rows = np.unique(groups, return_index=True)[1]
    rows = rows[evenly(len(rows), MOST)]
    if len(rows) < FEWEST:
        return MirrorTest(0.0, 0.0, hurts=False)
    some = np.asarray(views[:, rows], np.float64)
    each, mirrored_each = _left_out_errors(some[:1], wanted[rows]), _left_out_errors(some, wanted[rows])
    plain, mirrored = each.sum(axis=1), mirrored_each.sum(axis=1)
    worse = mirrored - plain
    standard_error = float(worse.std(ddof=1)) / len(rows) ** 0.5
    hurts = float(worse.mean()) > MARGIN * standard_error
    seen = bool((each.mean(axis=0) < SEEN * wanted[rows].var(axis=0)).all())
    return MirrorTest(float(plain.mean()), float(mirrored.mean()), hurts, seen)


def mirror_test_of_copies(prepared: Prepared, pixels: Pixels) -> MirrorTest:
    """The same of grey 16 x 16 copies: they show little, but an outright contradiction they show."""
    split = prepared.splits["train"]
    rows = evenly(len(split), MOST)
    pictures = pixels.take(torch.from_numpy(rows).to(pixels.device))  # (n, C, H, W)
    grey = pictures.float().mean(dim=1, keepdim=True)
    small = F.adaptive_avg_pool2d(grey, COPY_SIDE_PX)[:, 0].cpu().numpy()  # (n, 16, 16)
    views = np.stack([small, small[:, :, ::-1]]).reshape(2, len(rows), -1)
    wanted = prepared.task.matrix(split.targets.take(rows))
    return mirror_test(views, wanted, split.groups[rows])


def _left_out_errors(views: Floats, targets: Floats) -> Floats:
    """(N, K) squared errors of each picture's answer by the others, at the penalty that suits them best.

    views: (V, N, D), V = 1 or 2; targets: (N, K).
    """
    rows, squares = in_own_axes(views.reshape(-1, views.shape[2]))
    wanted = np.tile(targets, (len(views), 1))
    products = rows.T @ wanted
    found = []
    for penalty in PENALTIES:
        added = np.append(np.full(len(squares) - 1, penalty * len(rows)), 0.0)  # the constant is free
        shrink = 1 / (squares + added)
        residual = wanted - rows @ (shrink[:, None] * products)
        found.append(np.square(_left_out(rows, shrink, residual, len(targets))))
    return min(found, key=np.sum)


def _left_out(rows: Floats, shrink: Floats, residual: Floats, count: int) -> Floats:
    """(N, K) residuals of the pictures, each left out with its mirror image: (I - H_gg)^-1 r_g, first row."""
    weighted = rows * shrink
    own = 1 - (weighted * rows).sum(axis=1)  # the diagonal of I - H
    if len(rows) == count:
        return np.asarray(residual / own[:, None])
    first, second = own[:count], own[count:]
    across = -(weighted[:count] * rows[count:]).sum(axis=1)
    numerator = second[:, None] * residual[:count] - across[:, None] * residual[count:]
    return np.asarray(numerator / (first * second - across**2)[:, None])
