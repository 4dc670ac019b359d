"""A classification of so many classes, for tests whose classes need no names."""

import numpy as np

from foveate.tasks.classification.learn import ClassificationLearner
from foveate.tasks.classification.task import Classification


def classes(count):
    return Classification(tuple(map(str, range(count))))


def learner(count, **how):
    return ClassificationLearner(classes(count), **how)


def one_hot(labels):
    return np.eye(labels.max() + 1)[labels]
