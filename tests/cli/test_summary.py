import json

import pytest

from foveate.cli.main import main
from foveate.tasks.classification.task import Classification

NET = """
input: [1, 12, 12]
layers:
  - conv: {filters: 4, kernel: 3}
  - relu
  - global_avg_pool
  - dense: classes
"""


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(["summary", *arguments])
    seen = capsys.readouterr()
    return caught.value.code, seen.out, seen.err


def document(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_a_name(capsys):
    code, out, err = run(capsys, "convnet1")
    assert (code, err) == (0, "")
    columns = "layer kind kernel stride padding output parameters multiply-adds memory receptive field jump"
    assert " ".join(out.split("\n")[0].split()) == columns
    assert "parameters: 29,034" in out and "training memory: about" in out


@pytest.mark.parametrize(
    ("name", "parameters", "giga_macs"), [("resnet50", 25_557_032, 4.09), ("vgg16", 138_357_544, 15.47)]
)
def test_the_published_counts(capsys, name, parameters, giga_macs):
    counts = document(capsys, name, "--input", "3x224x224")
    assert counts["parameters"] == parameters
    assert round(counts["macs"] / 1e9, 2) == giga_macs


def test_another_size_and_number_of_classes(capsys):
    counts = document(capsys, "convnet1", "--input", "3x32x32", "--num-classes", "4", "--batch-size", "8")
    assert counts["output_shape"] == [4] and counts["input_shape"] == [3, 32, 32]
    assert counts["training_memory"]["batch_size"] == 8


def test_a_blueprint_and_its_drawing(capsys, tmp_path):
    path = tmp_path / "net.yaml"
    path.write_text(NET)
    counts = document(capsys, str(path), "--num-classes", "3", "--draw", str(tmp_path / "net.svg"))
    assert [layer["name"] for layer in counts["layers"]][:2] == ["layers.0", "layers.1"]
    assert counts["parameters"] == 4 * 10 + 3 * 5
    assert (tmp_path / "net.svg").read_text().startswith("<svg")
    assert document(capsys, str(path), "--input", "3x9x9")["input_shape"] == [3, 9, 9]


@pytest.mark.parametrize("architecture", ["name", "blueprint"])
def test_a_model_folder(capsys, tmp_path, architecture):
    from foveate.models.blueprint import load_blueprint
    from foveate.runtime.config import InputShape, ModelConfig

    made = {
        "name": {"name": "convnet1", "options": {"image_size": [16, 16]}},
        "blueprint": {"blueprint": load_blueprint(NET).to_dict()},
    }[architecture]
    side = 16 if architecture == "name" else 12
    config = ModelConfig(
        architecture=made,
        task=Classification(("a", "b")),
        input=InputShape(side, side, 1),
        preprocessing={"height": side},
    )
    (tmp_path / "config.json").write_text(config.to_json())
    counts = document(capsys, str(tmp_path))
    assert counts["output_shape"] == [2] and counts["input_shape"] == [1, side, side]
    other = document(capsys, str(tmp_path), "--input", "3x20x20", "--num-classes", "5")
    assert other["output_shape"] == [5] and other["input_shape"] == [3, 20, 20]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet51"], "did you mean"),
        (["none.yaml"], "is not there"),
        (["."], "config.json"),
        (["convnet1", "--input", "28x28"], "channels x height x width"),
        (["convnet1", "--input", "1x3x3"], "A picture of 3x3 is too small"),
        (["convnet1", "--draw", "net.gif"], "must end in .svg or .png"),
        (["convnet1", "--batch-size", "0"], "--batch-size"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(capsys, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1


def test_a_file_that_is_no_network(capsys, tmp_path):
    (tmp_path / "net.txt").write_text("x")
    code, _, err = run(capsys, str(tmp_path / "net.txt"))
    assert code == 2 and "neither a network's name" in err
