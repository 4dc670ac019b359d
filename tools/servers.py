"""Servers for the campaigns of this folder: `foveate serve` and `inspect` as processes, on loopback.

The model is made by hand and needs no training: three classes by the mean of each channel, 8 x 8 pixels.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from foveate.images.preprocess import Preprocessing
from foveate.runtime.config import FileRecord, InputShape, ModelConfig
from foveate.tasks.classification.task import Classification

SIDE = 8
CLASSES = ("red", "green", "blue")


def make_model(folder: Path) -> Path:
    """A model folder whose network is a mean and a softmax."""
    folder.mkdir(parents=True)
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Softmax", ["mean"], ["probabilities"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", SIDE, SIDE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(CLASSES)])],
        [onnx.numpy_helper.from_array(np.array([1, 2]), "axes")],
    )
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    (folder / "model.onnx").write_bytes(model)
    config = ModelConfig(
        architecture={"custom": "colours"},
        task=Classification(CLASSES),
        input=InputShape(SIDE, SIDE, 3),
        preprocessing=Preprocessing(SIDE, SIDE, 3).to_dict(),
        files={"model.onnx": FileRecord(hashlib.sha256(model).hexdigest(), len(model))},
    )
    (folder / "config.json").write_text(config.to_json())
    return folder


class Server:
    """A server in a process of its own. command: its name and flags."""

    def __init__(self, *command: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- a pipe that nobody empties would stop it
        self._process = subprocess.Popen(
            [sys.executable, "-m", "foveate.cli.main", *command, "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=dict(os.environ, OMP_NUM_THREADS="1"),
        )
        text = b""
        while not text.endswith(b"}\n"):
            if not (line := self._process.stdout.readline() if self._process.stdout else b""):
                raise RuntimeError(f"foveate {command[0]} did not start: {self.stop()[1]}")
            text += line
        self.port = int(re.search(r":(\d+)/", json.loads(text)["url"])[1])  # type: ignore[index]

    def connect(self, timeout_seconds: float = 10.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout_seconds)

    def memory(self, *, most: bool = False) -> float:
        """Resident MB, now or at most since `forget_most`."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        found = re.search(rf"{'VmHWM' if most else 'VmRSS'}:\s+(\d+)", status)
        return int(found[1]) / 1024 if found else 0.0

    def forget_most(self) -> None:
        """Let the most that was resident be counted anew, where the system can."""
        with contextlib.suppress(OSError):
            Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")

    def stop(self) -> tuple[int, str]:
        """The exit code, and what it wrote on standard error."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        with self._log as log:
            log.seek(0)
            return self._process.returncode, log.read().decode(errors="replace")


@contextlib.contextmanager
def started(kind: str, *flags: str) -> Iterator[Server]:
    """``serve`` or ``inspect`` with a network that costs next to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        if kind == "serve":
            server = Server("serve", str(make_model(Path(folder) / "colours")), *flags)
        else:
            server = Server("inspect", "lenet5", "--no-open", *flags)
        try:
            yield server
        finally:
            if server._process.poll() is None:
                server.stop()


def read_answers(client: socket.socket, *, bodies: bool = True) -> tuple[list[int], bytes, str]:
    """All answers until the end of the stream: (statuses, what is left over, how it ended).

    The end is "closed", "reset" or "open" where the client's patience ended first. bodies: there are some,
    as there are not after HEAD.
    """
    received, end = bytearray(), "closed"
    try:
        while piece := client.recv(1 << 16):
            received += piece
    except ConnectionError:
        end = "reset"
    except TimeoutError:
        end = "open"
    statuses = []
    while match := re.match(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)+)\r\n", received):
        length = re.search(rb"(?im)^content-length: (\d+)\r$", match[2])
        size = int(length[1]) if length and bodies else 0
        if len(received) - match.end() < size:
            break
        statuses.append(int(match[1]))
        del received[: match.end() + size]
        if statuses[-1] == 100:
            statuses.pop()
    return statuses, bytes(received), end
