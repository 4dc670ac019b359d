"""What a multi-label network gives and is measured by."""

from foveate.tasks.measures import Metric

PROBABILITIES = "probabilities"
# The first is what is selected by: it goes by the order of the pictures alone, so that it says how good a
# network is before any threshold is chosen, and moves with every picture that moves.
MAP = Metric("mean_average_precision", title="mean average precision")
MACRO_F1 = Metric("macro_f1", title="macro-F1")
MICRO_F1 = Metric("micro_f1", title="micro-F1")
EXACT_MATCH = Metric("exact_match", title="exact match")
