"""Every command's work, done from Python: what a function returns is what the command prints as JSON."""

import inspect
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import foveate
from foveate.cli.main import COMMANDS, main
from foveate.errors import InputError, NotWorthItError, UnknownNameError

PICTURES = ["shapes/circle/0.png", "shapes/square/3.png", "shapes/circle/9.png"]


def printed(capsys, *command):
    """What a command prints with --json."""
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main([*command, "--json"])
    return json.loads(capsys.readouterr().out)


def plain(document):
    """What JSON makes of it: lists of tuples."""
    return json.loads(json.dumps(document))


def test_train_takes_settings_by_name_and_makes_the_folder_that_the_command_makes(desk):
    done = foveate.train("shapes", model="net.yaml", epochs=1)
    assert done.folder == Path("runs/shapes-2")  # runs/shapes was there
    assert len((done.folder / "history.csv").read_text().splitlines()) == 2  # a head, and one epoch
    assert done.to_dict()["evaluation"]["accuracy"] == done.evaluation.headline.value


def test_train_prints_what_it_returns(desk, capsys):
    returned = foveate.train("shapes", model="net.yaml", epochs=1, out="one").to_dict()
    said = printed(capsys, "train", "shapes", "--model", "net.yaml", "--epochs", "1", "--out", "two")
    for document in (returned, said):
        assert set(document.pop("seconds_by_phase")) >= {"read", "train", "export"}
    assert said == {**returned, "model": "two"}
    assert Path("one/model.safetensors").read_bytes() == Path("two/model.safetensors").read_bytes()


def test_train_takes_arrays(desk):
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 90, (40, 16, 16, 3), dtype=np.uint8)
    pictures[::2, :8] += 120
    done = foveate.train((pictures, np.arange(40) % 2), model="net.yaml", epochs=1)
    assert done.folder == Path("runs/model")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "Unknown setting 'epoch'; did you mean epochs"),
        ({"request": foveate.TrainRequest(), "epochs": 3}, "either a request or its settings"),
        ({"out": "runs/shapes"}, "holds a finished model"),
    ],
)
def test_train_says_what_is_wrong_before_anything_is_read(desk, settings, message):
    with pytest.raises(InputError, match=message):
        foveate.train("nowhere", **settings)


def test_help_shows_the_settings_of_train():
    assert {"data", "out", "epochs", "budget", "task"} <= inspect.signature(foveate.train).parameters.keys()


def test_evaluate(desk, capsys):
    found = foveate.evaluate("runs/shapes", "shapes")
    assert found.to_dict() == printed(capsys, "evaluate", "runs/shapes", "shapes")
    assert found.evaluation.samples == 80
    assert foveate.evaluate(foveate.load("runs/shapes"), "shapes").to_dict() == found.to_dict()


def test_check(desk, capsys):
    Path("shapes/circle/1.png").write_bytes(Path("shapes/square/1.png").read_bytes())
    found = foveate.check("shapes", html="check.html")
    assert found.to_dict() == printed(capsys, "check", "shapes")
    assert not found.usable or found.items
    assert "<html" in Path("check.html").read_text()
    with pytest.raises(InputError, match="exists already"):
        foveate.check("shapes", html="check.html")


def test_explain_returns_pictures_and_writes_them_where_it_is_told_to(desk, capsys):
    before = set(desk.iterdir())
    found = foveate.explain("runs/shapes", PICTURES[0], class_="circle")
    assert set(desk.iterdir()) == before
    said = printed(capsys, "explain", "runs/shapes", PICTURES[0], "--class", "circle", "--out", "why")
    files = said.pop("files")
    assert {**said, "files": []} == found.to_dict()
    written = np.asarray(Image.open("why/grad-cam.png"))
    assert "why/grad-cam.png" in files
    assert np.array_equal(written, found.pictures["grad-cam"])
    pixels = np.asarray(Image.open(PICTURES[0]).convert("RGB"))
    assert foveate.explain("runs/shapes", pixels, class_=0).facts["methods"] == found.facts["methods"]
    with pytest.raises(UnknownNameError, match="did you mean grad-cam"):
        foveate.explain("runs/shapes", PICTURES[0], method="gradcam")


def test_summary(desk, capsys):
    found = foveate.summary("net.yaml", input=(3, 20, 20), draw="net.svg")
    assert plain(found.to_dict()) == printed(capsys, "summary", "net.yaml", "--input", "3x20x20")
    assert found.rows[0].output_shape == (8, 20, 20)
    assert "<svg" in Path("net.svg").read_text()


def test_export(desk, capsys):
    found = foveate.export("runs/shapes")
    assert (found.path, found.to_dict()["precision"]) == (Path("shapes.onnx"), "float32")
    said = printed(capsys, "export", "runs/shapes", "--out", "other.onnx")
    assert found.to_dict() == {**said, "file": "shapes.onnx"}
    pixels = np.zeros((1, 16, 16, 3), np.uint8)
    (probabilities,) = onnxruntime.InferenceSession("shapes.onnx").run(["probabilities"], {"images": pixels})
    assert probabilities == pytest.approx(foveate.load("runs/shapes").predict_proba(pixels))
    with pytest.raises(InputError, match="expected"):
        foveate.export("runs/shapes", out="small", int8=True)


def test_export_in_integers_gives_a_folder_or_says_why_not(desk):
    try:
        found = foveate.export("runs/shapes", int8=True, data="shapes")
    except NotWorthItError as error:
        assert re.search(r"accuracy .* ms", str(error))
        assert not Path("shapes-int8").exists()
    else:
        assert foveate.load(found.path).classes_ == ("circle", "square")
        assert found.to_dict()["int8_bytes"] == found.bytes


SERVING = """
import foveate
foveate.serve("runs/shapes", port=0, name="forms", on_ready=lambda url, name: print(url, name, flush=True))
"""


def test_serve_answers_until_it_is_told_to_stop(desk):
    with subprocess.Popen([sys.executable, "-c", SERVING], stdout=subprocess.PIPE, text=True) as process:
        url, name = process.stdout.readline().split()
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=30) as reply:
            assert json.load(reply)["model"] == name == "forms"
        process.terminate()
        assert process.wait(30) == 0


def test_serve_names_the_closest_setting():
    with pytest.raises(UnknownNameError, match="'ports'; did you mean port"):
        foveate.serve("runs/shapes", ports=1)


def test_load_to_torch_computes_the_same(desk):
    model = foveate.load("runs/shapes")
    network = model.to_torch()
    pixels = np.stack([model.preprocessing.read(path) for path in PICTURES])
    with torch.inference_mode():
        logits = network(torch.from_numpy(model.preprocessing.normalise(pixels)))
    expected = torch.softmax(logits / model.task.temperature, dim=1).numpy()
    assert model.predict_proba(PICTURES) == pytest.approx(expected, abs=1e-5)


def test_embed_gives_what_the_last_dense_layer_is_given(desk):
    model = foveate.load("runs/shapes")
    network, seen = model.to_torch(), []
    dense = [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)][-1]
    dense.register_forward_hook(lambda module, given, out: seen.append(given[0]))
    pixels = np.stack([model.preprocessing.read(path) for path in PICTURES])
    with torch.inference_mode():
        network(torch.from_numpy(model.preprocessing.normalise(pixels)))
    found = model.embed(PICTURES)
    assert found.shape == (3, 16)
    assert found == pytest.approx(seen[0].numpy(), abs=1e-5)


def test_embed_needs_no_torch(desk):
    program = "import sys; sys.modules['torch'] = None; import foveate; "
    program += f"print(foveate.load('runs/shapes').embed({PICTURES!r}).shape)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "(3, 16)\n"


def test_torch_is_asked_for_in_a_sentence(desk):
    program = "import sys; sys.modules['torch'] = None; import foveate\n"
    for call in ("train('shapes')", "summary('lenet5')", "load('runs/shapes').to_torch()"):
        code = f"{program}try: foveate.{call}\nexcept foveate.errors.MissingExtraError as error: print(error)"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "pip install 'foveate[train]'" in done.stdout


def test_every_command_has_a_function_of_its_name_or_its_names_in_python():
    otherwise = {  # command -> what does its work
        "predict": foveate.LoadedModel.predictions,
        "models": foveate.list_models,
        "weights": foveate.import_weights,
        "data": foveate.open_dataset,
        "filter": foveate.read_image,
        "inspect": None,  # a page in the browser
        "guide": None,  # pages to read
        "bench": None,  # a measurement of this machine
        "demo": foveate.train,
    }
    for name in COMMANDS:
        assert callable(getattr(foveate, name, None)) or name in otherwise


def test_importing_foveate_imports_no_torch_and_little_else():
    heavy = [
        "torch",
        "numpy",
        "onnxruntime",
        "click",
        "rich",
        "PIL",
        "jinja2",
        "yaml",
        "inspect",
        "dataclasses",
    ]
    program = f"import sys, foveate; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_errors_speak_of_arguments_in_python_and_of_flags_on_the_command_line(desk, capsys):
    with pytest.raises(InputError) as python:
        foveate.train("shapes", epochs=3, budget="60s")
    assert str(python.value) == "Give either budget (a time) or epochs (a number), not both."
    with pytest.raises(SystemExit):
        main(["train", "shapes", "--epochs", "3", "--budget", "60s"])
    assert "Give either --budget (a time) or --epochs (a number), not both." in capsys.readouterr().err
    with pytest.raises(InputError, match=r"^out must end in \.onnx"):
        foveate.export("runs/shapes", out="shapes.png")
    with pytest.raises(InputError, match="choose another out, or give overwrite=True to replace it"):
        foveate.train("shapes", out="runs/shapes")
