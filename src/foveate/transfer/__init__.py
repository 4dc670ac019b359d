"""Learning from few pictures: features of a network that learnt on millions, and a head fitted to them.

with Features(published("efficientnet_lite0"), folder) as features:
    views = features.of(pixels, mirrored=True).views  # (2, N, D), kept on disk by content
head = fit_head(views, targets, folds, learner)  # a linear model, its penalty by cross-validation
"""

from foveate.transfer.features import Extracted, Features
from foveate.transfer.head import Head, fit_head

__all__ = [
    "Extracted",
    "Features",
    "Head",
    "fit_head",
]
