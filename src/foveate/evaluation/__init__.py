"""How good predictions are, in plain NumPy, and the report that says so."""

from foveate.evaluation.calibration import Reliability, apply_temperature, fit_temperature, reliability
from foveate.evaluation.metrics import (
    Confusion,
    Evaluation,
    confusion_matrix,
    evaluate,
    most_confident_mistakes,
    wilson_interval,
)

__all__ = [
    "Confusion",
    "Evaluation",
    "Reliability",
    "apply_temperature",
    "confusion_matrix",
    "evaluate",
    "fit_temperature",
    "most_confident_mistakes",
    "reliability",
    "wilson_interval",
]
