"""`foveate predict` and `foveate evaluate` as people and machines call them; neither needs torch."""

import csv
import gc
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from foveate.cli.main import main
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.classification.task import Classification

CLASSES = ("red", "green", "blue\x1b[2J")
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
SURE = float(np.exp(10) / (np.exp(10) + 2))  # logits are 10 times the mean of each channel, 0 to 1


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    linear = nn.Linear(3, 3)
    with torch.no_grad():
        linear.weight.copy_(10 * torch.eye(3))
        linear.bias.zero_()
    shape = Preprocessing(8, 8, 3)
    facts = {"task": Classification(CLASSES), "architecture": {"custom": "colours"}}
    with Draft(tmp_path_factory.mktemp("models") / "colours") as draft:
        draft.add_network(
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear),
            preprocessing=shape,
            sample_images=np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8),
            **facts,
        )
        config = ModelConfig(input=InputShape(8, 8, 3), preprocessing=shape.to_dict(), **facts)
        return str(draft.publish(config))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """red.png, sub/green.jpg, sub/deep/blue.png, and what is no picture; the test runs inside."""
    folder = tmp_path / "photos"
    for name in ("red.png", "sub/green.jpg", "sub/deep/blue.png", ".hidden/red.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10), COLOURS[path.stem]).save(path)
    (folder / "notes.txt").write_text("no picture")
    (folder / "sub" / "loop").symlink_to(folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(capsysbinary):
    def call(*arguments):
        with pytest.raises(SystemExit) as info:
            main(["predict", *map(str, arguments)])
        out, err = capsysbinary.readouterr()
        return info.value.code, out.decode("utf-8", "surrogateescape"), err.decode()

    return call


def test_one_picture_is_a_short_table(run, model, photos):
    code, out, err = run(model, "red.png", "--top-k", 2)
    assert (code, err) == (0, "")
    assert out.splitlines() == [" 100.0%  red", "   0.0%  green"]


def test_names_of_classes_cannot_play_with_the_terminal(run, model, photos):
    _, out, _ = run(model, "sub/deep/blue.png")
    assert out.splitlines()[0] == r" 100.0%  blue\x1b[2J"
    assert "\x1b" not in out


def test_a_folder_is_searched_at_any_depth_and_each_link_followed_once(run, model, photos):
    code, out, err = run(model, ".", "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert [(p["file"], p["label"]) for p in document["predictions"]] == [
        ("./red.png", "red"),
        ("./sub/green.jpg", "green"),
        ("./sub/deep/blue.png", CLASSES[2]),
    ]
    assert document["predictions"][0]["probability"] == pytest.approx(SURE, abs=1e-6)
    assert document["predictions"][0]["top"][0] == {"label": "red", "probability": pytest.approx(SURE)}
    assert document["errors"] == []


def test_globs_are_expanded_here_too(run, model, photos):
    _, out, _ = run(model, "**/*.png", "--csv", "--top-k", 1)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["file"] for row in rows] == ["red.png", "sub/deep/blue.png"]
    assert rows[0]["label"] == "red"
    assert float(rows[0]["probability"]) == pytest.approx(SURE, abs=1e-6)


def test_csv_has_a_column_for_each_of_the_first_classes(run, model, photos):
    _, out, _ = run(model, "red.png", "--csv", "--top-k", 9)
    header, row = csv.reader(io.StringIO(out))
    assert header == ["file", "label", "probability", "label_2", "probability_2", "label_3", "probability_3"]
    assert len(row) == len(header)


def test_unreadable_files_are_named_and_the_rest_done(run, model, photos):
    code, out, err = run(model, "notes.txt", "red.png", "missing.png", "--json")
    document = json.loads(out)
    assert code == 1
    assert [p["file"] for p in document["predictions"]] == ["red.png"]
    assert [e["file"] for e in document["errors"]] == ["notes.txt", "missing.png"]
    assert "notes.txt" in err
    assert "there is no such file" in err
    assert run(model, "notes.txt")[0] == 2
    assert run(model, "red.png", "notes.txt")[0] == 1


def test_a_picture_comes_through_standard_input(run, model, photos, monkeypatch):
    with (photos / "red.png").open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        code, out, _ = run(model, "-", "--json")
    assert code == 0
    assert json.loads(out)["predictions"][0]["file"] == "-"
    assert json.loads(out)["predictions"][0]["label"] == "red"


@pytest.mark.parametrize(("flags", "end"), [([], b"\n"), (["-0"], b"\0")])
def test_names_come_from_a_file(run, model, photos, flags, end):
    name = b"odd \xff name.png"
    os.link(b"red.png", name)
    (photos / "list").write_bytes(name + end + b"sub/green.jpg" + end)
    code, out, err = run(model, "--files-from", "list", "--csv", *flags)
    assert (code, err) == (0, "")
    assert [row[0] for row in csv.reader(io.StringIO(out))][1:] == [os.fsdecode(name), "sub/green.jpg"]
    assert (
        os.fsdecode(name)
        in json.loads(run(model, "--files-from", "list", "--json", *flags)[1])["predictions"][0]["file"]
    )


def test_rows_stand_beside_the_list_that_was_given(run, model, photos):
    """One row a name: names that come twice, and names of what cannot be read, shift nothing."""
    given = ["red.png", "sub/green.jpg", "red.png", "notes.txt", "./red.png", "gone.png", "sub/green.jpg"]
    labels = ["red", "green", "red", "", "red", "", "green"]
    (photos / "list").write_text("\n".join(given))
    for arguments in (given, ["--files-from", "list"], [*given[:2], "--files-from", "rest"]):
        (photos / "rest").write_text("\n".join(given[2:]))
        code, out, err = run(model, *arguments, "--csv", "-b", 2)
        rows = list(csv.DictReader(io.StringIO(out)))
        assert [(row["file"], row["label"]) for row in rows] == list(zip(given, labels, strict=True))
        assert code == 1 and err.count("\n") == 2
        document = json.loads(run(model, *arguments, "--json")[1])
        answered = {found["row"]: found["label"] for found in document["predictions"]}
        assert answered == {row: label for row, label in enumerate(labels) if label}
        assert [(found["file"], found["row"]) for found in document["errors"]] == [
            ("notes.txt", 3),
            ("gone.png", 5),
        ]
    assert len(run(model, ".", "red.png")[1].splitlines()) == 4


WRONG = {
    "standard input twice": (["-", "red.png", "-"], "expected standard input once, found it 2 times"),
    "nothing": ([], "expected pictures, found none"),
    "no match": (["*.tiff"], "*.tiff: no file matches"),
    "both forms": (["red.png", "--csv", "--json"], "--csv and --json: expected one of them"),
    "null alone": (["red.png", "-0"], "-0: expected --files-from"),
    "top 0": (["red.png", "--top-k", "0"], "top-k"),
    "no list": (["--files-from", "nowhere"], "nowhere: cannot be read (No such file"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_one_sentence_and_code_2(run, model, photos, arguments, message):
    code, out, err = run(model, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.startswith("foveate: ")
    assert err.count("\n") == 1


def test_a_folder_without_pictures_and_a_model_that_is_none(run, model, photos, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, err = run(model, tmp_path / "empty")
    assert code == 2
    assert "expected pictures in this folder, found none" in err
    code, _, err = run(tmp_path / "empty", "red.png")
    assert code == 2
    assert "config.json: missing" in err


def test_many_pictures_pass_in_batches(run, model, photos):
    for number in range(70):
        os.link("red.png", f"copy{number}.png")
    code, out, _ = run(model, "*.png", "-b", 16, "--json")
    assert code == 0
    assert len(json.loads(out)["predictions"]) == 71


def test_another_runtime_says_the_same_and_a_note_says_which(run, model, photos, tmp_path, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path / "cache"))
    usual, found = (run(model, "red.png", "--csv", "--runtime", name) for name in ("onnxruntime", "openvino"))
    assert (usual[0], usual[2], found[0]) == (0, "", 0)
    assert found[2].startswith("Computed by openvino, ")
    assert found[2].endswith("(--runtime onnxruntime for the other).\n")
    rows = [list(csv.reader(io.StringIO(out)))[1] for _, out, _ in (usual, found)]
    assert rows[0][1] == rows[1][1] == "red"
    assert float(rows[1][2]) == pytest.approx(float(rows[0][2]), abs=0.01)


BLOCKED = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "onnx", "onnxscript", "sklearn"}:
            raise ModuleNotFoundError(f"{name} is not to be had", name=name)

sys.meta_path.insert(0, Blocker())
from foveate.cli.main import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_no_torch_is_needed(model, photos, command):
    for name, colour in (("train/red", "red"), ("train/green", "green")):
        (photos / "data" / name).mkdir(parents=True)
        Image.new("RGB", (9, 9), COLOURS[colour]).save(photos / "data" / name / "1.png")
    what = "red.png" if command == "predict" else "data"
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, command, model, what, "--json"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    document = json.loads(done.stdout)
    assert document.get("accuracy", 1.0) == 1.0


@pytest.mark.parametrize("what", ["red.png", "sub"])
def test_pictures_do_not_wait_for_what_they_have_no_use_for(model, photos, what):
    """Readers of data sets and trials of other runtimes took longer to import than a prediction."""
    program = (
        "import sys\nfrom foveate.cli.main import main\n"
        "try:\n    main()\nfinally:\n    print(*sorted(sys.modules), file=sys.stderr)\n"
    )
    command = [sys.executable, "-c", program, "predict", model, what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    imported = set(done.stderr.split())
    unused = {"torch", "jinja2", "rich", "importlib.metadata", "html", "difflib"}
    unused |= {"foveate.dataset.samples", "foveate.runtime.choice", "foveate.images.selective_search"}
    assert not imported & unused


def test_only_its_own_process_keeps_what_it_started_with_from_the_collector(model, photos, capsys):
    frozen = gc.get_freeze_count()
    assert gc.isenabled()
    with pytest.raises(SystemExit):
        main(["predict", model, "red.png"])
    assert gc.isenabled() and gc.get_freeze_count() == frozen
    capsys.readouterr()
    program = (
        "import gc, sys\n"
        "from foveate.cli.main import main\n"
        "try:\n    main()\n"
        "finally:\n    print(gc.isenabled(), gc.get_freeze_count() > 10_000, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "predict", model, "red.png"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.split() == ["True", "True"], done.stderr
