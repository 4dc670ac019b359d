"""The half of the heading task that trains: sine and cosine by squared error."""

import numpy as np
from heading import apart, degrees
from torch import atan2, from_numpy, pi

from foveate.layers.ranks import mean_of_batch
from foveate.tasks.learning import Learner


class HeadingLearner(Learner):
    linear_model = "a ridge regression"

    def loss(self, outputs, targets):
        return mean_of_batch((outputs.float() - targets["values"]).square())

    def running(self, outputs, targets):
        said, true = (atan2(pair[:, 0], pair[:, 1]) * 180 / pi for pair in (outputs, targets["values"]))
        return ((said - true + 180) % 360 - 180).abs().sum()

    def scores(self, outputs, targets):
        off = apart(degrees(outputs.numpy()), degrees(targets.values))
        return {"loss": float(self.losses(outputs, targets).mean()), "circular_error": float(off.mean())}

    def losses(self, outputs, targets):
        return (outputs.double() - from_numpy(np.array(targets.values))).square().mean(dim=1)

    def objective(self, outputs, wanted, weight):
        off = outputs - wanted
        return (off.square() * weight).sum() / 2, off * weight
