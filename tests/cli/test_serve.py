"""`foveate serve` as a process: started and stopped by people and by machines, without torch."""

import json
import signal
import subprocess
import sys
import urllib.request

import numpy as np
import pytest
from click.testing import CliRunner

from foveate.cli.main import COMMANDS, main
from foveate.cli.serve import command
from foveate.errors import InputError
from foveate.tasks.classification.task import Classification
from foveate.words import flags_spoken

WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = None; from foveate.cli.main import main; main(sys.argv[1:])"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The smallest model folder: two classes, by the first pixel's red."""
    import hashlib

    import onnx
    from onnx import TensorProto, helper

    from foveate.images.preprocess import Preprocessing
    from foveate.runtime.config import FileRecord, InputShape, ModelConfig

    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
        helper.make_node("Softmax", ["mean"], ["probabilities"], axis=-1),
    ]
    shapes = [("images", TensorProto.UINT8, ["N", 2, 3, 3]), ("probabilities", TensorProto.FLOAT, ["N", 3])]
    values = [helper.make_tensor_value_info(*shape) for shape in shapes]
    axes = onnx.numpy_helper.from_array(np.array([1, 2]), "axes")
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [axes])
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    folder = tmp_path_factory.mktemp("models") / "my model"
    folder.mkdir()
    config = ModelConfig(
        architecture={"custom": "g"},
        task=Classification(("red", "green", "blue")),
        input=InputShape(2, 3, 3),
        preprocessing=Preprocessing(2, 3, 3).to_dict(),
        files={"model.onnx": FileRecord(hashlib.sha256(model).hexdigest(), len(model))},
    )
    (folder / "model.onnx").write_bytes(model)
    (folder / "config.json").write_text(config.to_json())
    return folder


def start(folder, *flags):
    return subprocess.Popen(
        [sys.executable, "-c", WITHOUT_TORCH, "serve", str(folder), "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_says_where_it_is_answers_and_ends_with_0(folder):
    with start(folder, "--json", "--drain-seconds", "0") as process:
        said = "".join(iter(process.stdout.readline, "}\n")) + "}"
        document = json.loads(said)
        assert document["model"] == "my-model"
        assert document["pid"] == process.pid
        picture = b"P6 3 2 255\n" + bytes([0, 200, 0] * 6)
        request = urllib.request.Request(document["url"] + "predict", picture, {"Content-Type": "image/x"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["predictions"][0]["label"] == "green"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_person_is_told_the_address_and_ctrl_c_ends_it(folder):
    with start(folder, "--name", "pets") as process:
        line = process.stderr.readline()
        assert line.startswith("foveate: pets answers at http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
    assert process.returncode == 0


WRONG = {
    "open to others without a key": (
        ["--host", "0.0.0.0"],
        "--host 0.0.0.0 opens the server to other machines",
    ),
    "a short key": (["--api-key", "secret"], "--api-key: expected at least 16"),
    "a name for no URL": (["--name", "a/b"], "--name: expected letters, digits"),
    "no such address": (["--host", "203.0.113.1", "--api-key", "x" * 16], "Cannot listen at 203.0.113.1"),
}


@pytest.mark.parametrize(("flags", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_is_refused_in_a_sentence(folder, flags, message):
    with flags_spoken(), pytest.raises(InputError, match=message):
        CliRunner().invoke(command, [str(folder), *flags], catch_exceptions=False)


def test_a_port_in_use_is_said_so(folder, capsys):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(SystemExit) as left:
            main(["serve", str(folder), "--port", str(taken.getsockname()[1])])
        assert left.value.code == 2
    assert "give another --port, or --port 0" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(folder, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("foveate.server.", "starlette."))]:
        if name != "foveate.http.settings":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    with pytest.raises(InputError, match=r"pip install 'foveate\[serve\]'"):
        CliRunner().invoke(command, [str(folder)], catch_exceptions=False)


def test_it_is_a_command_with_an_example():
    assert "serve" in COMMANDS
    text = CliRunner().invoke(command, ["--help"]).output
    assert "curl --data-binary @cat.jpg" in text
