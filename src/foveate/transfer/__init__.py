"""Learning from few pictures: features of a network that learnt on millions, and a head fitted to them.

with Features(packaged_backbone(), folder) as features:
    views = features.of(pixels, mirrored=True).views  # (2, N, D), kept on disk by content
head = fit_head(views, labels, folds, num_classes)  # logistic regression, penalty by cross-validation
"""

from foveate.transfer.backbone import Backbone, backbone_from_file, packaged_backbone
from foveate.transfer.features import Extracted, Features
from foveate.transfer.head import Head, fit_head

__all__ = [
    "Backbone",
    "Extracted",
    "Features",
    "Head",
    "backbone_from_file",
    "fit_head",
    "packaged_backbone",
]
