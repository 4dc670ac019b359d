"""Weights & Biases, and trackio, which has its interface: curves and the numbers at the end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from foveate.tracking.run import PROJECT, Run


class WeightsAndBiases:
    """https://docs.wandb.ai: WANDB_MODE=offline keeps it here, WANDB_PROJECT says where it stands."""

    def __init__(self, run: Run) -> None:
        import os

        import wandb

        self._wandb = wandb
        project = os.environ.get("WANDB_PROJECT", PROJECT)
        self._run = wandb.init(project=project, name=run.name, config=dict(run.settings))

    def epoch(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def finish(self, values: Mapping[str, float], folder: Path) -> None:
        self._run.summary.update(dict(values))
        artifact = self._wandb.Artifact(folder.name, type="model")
        artifact.add_dir(str(folder))
        self._run.log_artifact(artifact)

    def close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))


class Trackio:
    """https://huggingface.co/docs/trackio: kept on this machine, shown by `trackio show`."""

    def __init__(self, run: Run) -> None:
        import trackio

        self._trackio = trackio
        trackio.init(project=PROJECT, name=run.name, config=dict(run.settings))

    def epoch(self, step: int, values: Mapping[str, float]) -> None:
        self._trackio.log(dict(values), step=step)

    def finish(self, values: Mapping[str, float], folder: Path) -> None:
        self._trackio.log(dict(values))

    def close(self, *, failed: bool) -> None:
        self._trackio.finish()
