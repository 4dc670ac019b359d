"""A model whose answers can be worked out by hand, served by a process of its own without torch."""

import contextlib
import hashlib
import http.client
import io
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from foveate.images.preprocess import Preprocessing
from foveate.runtime.config import FileRecord, InputShape, ModelConfig
from foveate.runtime.predictor import Predictor
from foveate.tasks.classification.task import Classification

CLASSES = ("red", "green", "<script>alert(1)</script>")
SIDE = 8

PROGRAM = """
import json, sys, time
sys.modules["torch"] = None  # importing it now fails
from foveate.runtime.predictor import Predictor
from foveate.modelfolder.read import load
from foveate.http.log import set_up_log
from foveate.server.app import serve
from foveate.http.settings import ServeSettings

folder, seconds, settings = sys.argv[1], float(sys.argv[2]), json.loads(sys.argv[3])
predictor = load(folder, threads=1)
if seconds:
    run = predictor.run
    predictor.run = lambda batch: (time.sleep(seconds), run(batch))[1]
set_up_log(as_json=True)
serve(predictor, "colours", ServeSettings(port=0, **settings), lambda url: print(url, flush=True))
"""


def colour_graph(output="probabilities"):
    """softmax(10 x the mean of each channel / 255): ``model.onnx`` made by hand."""
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [output], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", len(CLASSES)])],
        [
            onnx.numpy_helper.from_array(np.array([1, 2]), "axes"),
            onnx.numpy_helper.from_array(np.float32(10 / 255), "scale"),
        ],
    )
    opset = [helper.make_opsetid("", 20)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def expected(picture):
    """The same by hand, in float64: (H, W, 3) uint8 -> (3,)."""
    logits = 10 * picture.reshape(-1, 3).astype(float).mean(0) / 255
    weights = np.exp(logits - logits.max())
    return weights / weights.sum()


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


class Running:
    """A server in a process of its own, and the simplest ways to talk to it."""

    def __init__(self, process, url, log):
        self.process = process
        self.log = log
        self.name = url.removeprefix("http://").rstrip("/")
        host, _, port = url.removeprefix("http://").rstrip("/").rpartition(":")
        self.address = (host, int(port or 0))

    def ask(self, method, path, body=None, headers=None):
        """(status, headers, body) by the standard library's client."""
        connection = http.client.HTTPConnection(*self.address, timeout=5)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

    def json(self, method, path, body=None, headers=None):
        status, _, content = self.ask(method, path, body, headers)
        return status, json.loads(content)

    def connect(self):
        return socket.create_connection(self.address, timeout=5)

    def raw(self, data):
        """All that comes back until the server closes the connection."""
        with self.connect() as client:
            client.sendall(data)
            return self.rest(client)

    @staticmethod
    def rest(client):
        received = bytearray()
        with contextlib.suppress(ConnectionResetError):
            while chunk := client.recv(65536):
                received += chunk
        return bytes(received)

    def memory(self):
        """Resident bytes of the process, now and at most."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
        return int(sizes["VmRSS"]) * 1024, int(sizes["VmHWM"]) * 1024

    def children(self):
        return Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def stop(self, number=signal.SIGTERM):
        """The exit code, and the log."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.communicate(timeout=15)
        finally:
            self.process.kill()
            self.process.communicate()
        with self.log as log:
            log.seek(0)
            return self.process.returncode, log.read().decode()


@pytest.fixture(scope="session")
def colours():
    """What the tests need of this file; tests cannot import it."""

    class Colours:
        classes, side, preprocessing = CLASSES, SIDE, Preprocessing(SIDE, SIDE, 3)
        expected, png, graph = staticmethod(expected), staticmethod(png), staticmethod(colour_graph)
        write_folder = staticmethod(write_folder)

        @staticmethod
        def predictor():
            return Predictor(colour_graph(), Classification(CLASSES), Colours.preprocessing, threads=1)

    return Colours


@pytest.fixture(scope="session")
def pictures():
    return np.random.default_rng(6).integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory, colours):
    return write_folder(
        tmp_path_factory.mktemp("models") / "colours", Classification(CLASSES), colour_graph()
    )


def write_folder(folder, task, model):
    folder.mkdir()
    (folder / "model.onnx").write_bytes(model)
    config = ModelConfig(
        architecture={"custom": "colours"},
        task=task,
        input=InputShape(SIDE, SIDE, 3),
        preprocessing=Preprocessing(SIDE, SIDE, 3).to_dict(),
        files={"model.onnx": FileRecord(hashlib.sha256(model).hexdigest(), len(model))},
    )
    (folder / "config.json").write_text(config.to_json())
    return folder


@pytest.fixture(scope="session")
def launch(model_folder):
    """A function that starts a server: ``launch(network_seconds=0.1, queue_pictures=4)``."""

    def start(network_seconds=0.0, folder=model_folder, **settings):
        settings.setdefault("drain_seconds", 0)
        arguments = [str(folder), str(network_seconds), json.dumps(settings)]
        log = tempfile.TemporaryFile()  # noqa: SIM115 -- a pipe that nobody empties would stop the server
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        url = process.stdout.readline().decode().strip()
        running = Running(process, url, log)
        assert url, running.stop()
        return running

    return start


@pytest.fixture(scope="session")
def server(launch):
    """One server with common limits for all tests that do not stop it; small ones, to be reached quickly."""
    running = launch(
        max_body_bytes=1 << 20, max_pictures=4, max_pixels=1_000_000, header_seconds=2, body_seconds=2
    )
    yield running
    code, _ = running.stop()
    assert code == 0
