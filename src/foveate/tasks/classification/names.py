"""What a classifier gives and is measured by."""

from foveate.tasks.measures import Metric

PROBABILITIES = "probabilities"
ACCURACY = Metric("accuracy")
MACRO_F1 = Metric("macro_f1", title="macro-F1")
