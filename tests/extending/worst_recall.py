"""A selection metric of one's own: the recall of the class that is found worst. This file is all of it."""

import numpy as np

import foveate

METRIC = foveate.Metric("worst_recall", higher_is_better=True, is_fraction=True)


@foveate.register_metric("classification", METRIC)
def worst_recall(outputs, targets):
    right = outputs.argmax(axis=1) == targets.labels
    return float(min(np.mean(right[targets.labels == label]) for label in np.unique(targets.labels)))
