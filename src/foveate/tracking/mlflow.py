"""MLflow: the run, its metrics, and the model folder as a model that ``mlflow.pyfunc`` loads again.

The model is the folder and the name of the module that opens it, which is this one: nothing is pickled.
https://mlflow.org/docs/latest/ml/model/python_model/
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foveate.runtime.predictor import Predictor
from foveate.tracking.run import PROJECT, Run

MODEL = "model"  # its name within the run


class MLflow:
    """Where to: MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME; a run that is active already is used."""

    def __init__(self, run: Run) -> None:
        import os

        import mlflow

        self._mlflow = mlflow
        self._own = mlflow.active_run() is None
        if self._own:
            mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT))
            mlflow.start_run(run_name=run.name)
        mlflow.log_params({name: value for name, value in run.settings.items() if value is not None})

    def epoch(self, step: int, values: Mapping[str, float]) -> None:
        self._mlflow.log_metrics(dict(values), step=step)

    def finish(self, values: Mapping[str, float], folder: Path) -> None:
        from mlflow import pyfunc
        from mlflow.models import ModelSignature
        from mlflow.types import Schema, TensorSpec

        self._mlflow.log_metrics(dict(values))
        pictures = TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3), "images")
        pyfunc.log_model(
            name=MODEL,
            loader_module=__name__,
            data_path=str(folder),
            signature=ModelSignature(inputs=Schema([pictures])),
            pip_requirements=["foveate"],
        )

    def close(self, *, failed: bool) -> None:
        if self._own:
            self._mlflow.end_run("FAILED" if failed else "FINISHED")


class Pyfunc:
    """What ``mlflow.pyfunc.load_model`` gives: pictures (N, H, W, 3) uint8 in, columns of answers out."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> dict[str, NDArray[Any]]:
        """The columns of `Predictor.predictions`: what pandas takes for a table."""
        pictures = model_input["images"] if isinstance(model_input, Mapping) else model_input
        return dict(self.predictor.predictions(pictures).columns())


def _load_pyfunc(path: str) -> Pyfunc:
    """MLflow's name for what opens the folder."""
    from foveate.modelfolder.read import load

    return Pyfunc(load(path))
