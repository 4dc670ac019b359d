"""foveate: a folder of pictures goes in; a trained, measured, explained network that runs anywhere comes out.

>>> import foveate
>>> foveate.list_models("lenet*")
['lenet5']

The names below are imported when they are first used: importing foveate imports no torch.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foveate.api.check import check
    from foveate.api.doctor import doctor
    from foveate.api.evaluate import evaluate
    from foveate.api.explain import explain
    from foveate.api.export import export
    from foveate.api.load import LoadedModel, load
    from foveate.api.predict_shards import ShardWork, predict_shards, shards
    from foveate.api.push import push
    from foveate.api.serve import serve
    from foveate.api.shard import shard
    from foveate.api.summary import summary
    from foveate.api.train import train
    from foveate.api.weights import import_weights
    from foveate.dataset import DataSet, open_dataset
    from foveate.dataset.sources.open import register_format
    from foveate.explanation.methods import HeatMap, register_heatmap
    from foveate.images.preprocess import Preprocessing
    from foveate.images.read import read_image
    from foveate.layers.known import register_layer
    from foveate.models.anatomy import Network
    from foveate.models.registry import create_model, list_models, model_info, register_model
    from foveate.pipeline import TrainRequest
    from foveate.pipeline.finish import Finished
    from foveate.runtime.predictor import Predictor
    from foveate.tasks import register_metric, register_task
    from foveate.tasks.measures import Metric

    __version__: str

# ONNX Runtime reports to its maker and keeps an identity of the device in the user's cache unless this stands
# in the environment before its library is loaded: here, first of all, and in every child process.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_HOMES = {
    "DataSet": "foveate.dataset",
    "Finished": "foveate.pipeline.finish",
    "HeatMap": "foveate.explanation.methods",
    "LoadedModel": "foveate.api.load",
    "Metric": "foveate.tasks.measures",
    "Network": "foveate.models.anatomy",
    "Predictor": "foveate.runtime.predictor",
    "Preprocessing": "foveate.images.preprocess",
    "ShardWork": "foveate.api.predict_shards",
    "TrainRequest": "foveate.pipeline",
    "check": "foveate.api.check",
    "create_model": "foveate.models.registry",
    "doctor": "foveate.api.doctor",
    "evaluate": "foveate.api.evaluate",
    "explain": "foveate.api.explain",
    "export": "foveate.api.export",
    "import_weights": "foveate.api.weights",
    "list_models": "foveate.models.registry",
    "load": "foveate.api.load",
    "model_info": "foveate.models.registry",
    "open_dataset": "foveate.dataset",
    "predict_shards": "foveate.api.predict_shards",
    "push": "foveate.api.push",
    "read_image": "foveate.images.read",
    "register_format": "foveate.dataset.sources.open",
    "register_heatmap": "foveate.explanation.methods",
    "register_layer": "foveate.layers.known",
    "register_metric": "foveate.tasks",
    "register_model": "foveate.models.registry",
    "register_task": "foveate.tasks",
    "serve": "foveate.api.serve",
    "shard": "foveate.api.shard",
    "shards": "foveate.api.predict_shards",
    "summary": "foveate.api.summary",
    "train": "foveate.api.train",
}

__all__ = [
    "DataSet",
    "Finished",
    "HeatMap",
    "LoadedModel",
    "Metric",
    "Network",
    "Predictor",
    "Preprocessing",
    "ShardWork",
    "TrainRequest",
    "__version__",
    "check",
    "create_model",
    "doctor",
    "evaluate",
    "explain",
    "export",
    "import_weights",
    "list_models",
    "load",
    "model_info",
    "open_dataset",
    "predict_shards",
    "push",
    "read_image",
    "register_format",
    "register_heatmap",
    "register_layer",
    "register_metric",
    "register_model",
    "register_task",
    "serve",
    "shard",
    "shards",
    "summary",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # takes 25 ms, which `foveate predict` need not wait for

        return version("foveate")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'foveate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
