"""Runs told to programs that keep them: MLflow, Weights & Biases, trackio.

Nothing is told to anyone but whom the user names: where to is the tracker's own setting (MLFLOW_TRACKING_URI,
WANDB_MODE=offline, ...).
"""

from foveate.tracking.run import TRACKERS, Run, Tracker, tracked

__all__ = ["TRACKERS", "Run", "Tracker", "tracked"]
