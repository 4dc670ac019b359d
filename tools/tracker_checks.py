"""Runs told to the real trackers, and asked back from them: MLflow on its own server, the others offline.

python tools/tracker_checks.py [mlflow wandb trackio tensorboard]

Each tracker that is installed (`pip install mlflow wandb trackio`) is told of a small run; what it kept is
compared with history.csv, and the model that MLflow gives back with the model folder. On this machine only.
Ends with a line that counts, ``n tried, 0 wrong``, and exits with 1 otherwise.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import foveate
from foveate.pipeline.finish import Finished

PROJECT = "foveate-check"
Curve = list[float]


def train(folder: Path, name: str, **settings: object) -> Finished:
    """Two epochs on bright and dark pictures."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 128, (60, 16, 16, 1), dtype=np.uint8)
    pixels[::2] += 100
    labels = np.arange(60) % 2
    return foveate.train(
        (pixels, labels),
        out=folder / "runs" / name,
        model="lenet5",
        image_size=32,
        epochs=2,
        threads=1,
        **settings,
    )


def expected(finished: Finished) -> Curve:
    with (finished.folder / "history.csv").open(encoding="utf-8") as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file)]


def with_mlflow(folder: Path) -> list[str]:
    """The run by MLflow's own client from its server, and the model by its own loader."""
    with server(folder) as address:
        os.environ["MLFLOW_TRACKING_URI"] = address
        os.environ["MLFLOW_EXPERIMENT_NAME"] = PROJECT
        import mlflow

        mlflow.set_tracking_uri(address)
        finished = train(folder, "mlflow", track=["mlflow"])
        client = mlflow.MlflowClient()
        (run,) = client.search_runs([client.get_experiment_by_name(PROJECT).experiment_id])
        wrong = compared(
            "mlflow", [m.value for m in client.get_metric_history(run.info.run_id, "val_loss")], finished
        )
        if run.info.status != "FINISHED" or run.data.params["epochs"] != "2":
            wrong.append(f"mlflow: status {run.info.status}, parameters {run.data.params}")
        if run.data.metrics["test_accuracy"] != finished.evaluation.headline.value:
            wrong.append("mlflow: another accuracy")
        pixels = np.random.default_rng(1).integers(0, 256, (4, 20, 20, 3), dtype=np.uint8)
        (logged,) = mlflow.search_logged_models(experiment_ids=[run.info.experiment_id], output_format="list")
        loaded = mlflow.pyfunc.load_model(f"models:/{logged.model_id}")
        found = loaded.predict(pixels)
        own = foveate.load(finished.folder).predictions(pixels).columns()
        if any(list(found[name]) != list(own[name]) for name in own):
            wrong.append("mlflow: the model it loads answers otherwise")
        return wrong


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """MLflow's own server on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", str(folder / "artifacts"), "--workers", "1"),
    ]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 300
        while time.monotonic() < until:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=5):
                break
            time.sleep(1)
        yield address
    finally:
        process.terminate()
        process.wait()


def with_wandb(folder: Path) -> list[str]:
    """What stands in the file of an offline run, by wandb's own messages."""
    os.environ |= {"WANDB_MODE": "offline", "WANDB_DIR": str(folder), "WANDB_PROJECT": PROJECT}
    finished = train(folder, "wandb", track=["wandb"])
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.rglob("*.wandb")
    curve = []
    for data in log_records(path.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        for item in record.history.item:
            if (item.key or ".".join(item.nested_key)) == "val_loss":
                curve.append(float(item.value_json))
    return compared("wandb", curve, finished)


def log_records(content: bytes) -> Iterator[bytes]:
    """The records of a log in LevelDB's form, behind a head of 7 bytes: blocks of 32 KiB, records in pieces.

    https://github.com/google/leveldb/blob/main/doc/log_format.md
    """
    at, record = 7, b""
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # too little of the block is left for a piece
            at += 32768 - at % 32768
            continue
        length, kind = int.from_bytes(content[at + 4 : at + 6], "little"), content[at + 6]
        record += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in {1, 4}:  # whole, or the last piece
            yield record
            record = b""


def with_trackio(folder: Path) -> list[str]:
    """What its own storage has of the run."""
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    finished = train(folder, "trackio", track=["trackio"])
    from trackio.sqlite_storage import SQLiteStorage

    logs = SQLiteStorage.get_logs("foveate", "trackio")
    return compared("trackio", [log["val_loss"] for log in logs if "val_loss" in log], finished)


def with_tensorboard(folder: Path) -> list[str]:
    """What its own reader finds beside the checkpoints."""
    finished = train(folder, "tensorboard", tensorboard=True)
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    (path,) = finished.folder.glob("tensorboard/events.*")
    curve = [
        float(np.asarray(value.tensor.float_val or [value.simple_value]).ravel()[0])
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
        if value.tag == "val/loss"
    ]
    return compared("tensorboard", curve, finished)


def compared(name: str, curve: Curve, finished: Finished) -> list[str]:
    """What is wrong with a curve that a tracker kept of the validation loss."""
    own = expected(finished)
    alike = len(curve) == len(own) and np.allclose(curve, own, rtol=1e-6)
    return [] if alike else [f"{name}: kept {curve}, history.csv has {own}"]


CHECKS = {
    "mlflow": with_mlflow,
    "wandb": with_wandb,
    "trackio": with_trackio,
    "tensorboard": with_tensorboard,
}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="of the trackers; all that are installed by default")
    names = parser.parse_args().names or list(CHECKS)
    tried, wrong = 0, []
    with tempfile.TemporaryDirectory() as place:
        for name in names:
            if importlib.util.find_spec(name) is None:
                print(f"{name}: left out, it is not installed")
                continue
            found = CHECKS[name](Path(place))
            print(f"{name}: {found or 'as it was told'}", flush=True)
            tried += 1
            wrong += found
    print(f"{tried} tried, {len(wrong)} wrong")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
