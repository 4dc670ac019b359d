import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from foveate.cli.main import main
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.write import Draft, weights_bytes
from foveate.models import create_model
from foveate.models.blueprint import build, load_blueprint
from foveate.runtime.config import InputShape, ModelConfig
from foveate.tasks.classification.task import Classification
from pixelwise import pixelwise_folder
from strongest import blocks

CLASSES = ("ant", "bee", "7")
METHODS = ("grad-cam", "integrated-gradients", "occlusion", "saliency")


def published(out, module, architecture):
    preprocessing = Preprocessing(16, 16, 3)
    with Draft(out) as draft:
        draft.add_network(
            module,
            preprocessing=preprocessing,
            task=Classification(CLASSES),
            sample_images=np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8),
            architecture=architecture,
        )
        return draft.publish(
            ModelConfig(
                architecture=architecture,
                task=Classification(CLASSES),
                input=InputShape(16, 16, 3),
                preprocessing=preprocessing.to_dict(),
            )
        )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    module = create_model("compact_s", num_classes=3, in_channels=3, image_size=(16, 16))
    architecture = {"name": "compact_s", "options": {"image_size": [16, 16]}}
    return published(tmp_path_factory.mktemp("explain") / "model", module, architecture)


@pytest.fixture
def image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(1).integers(0, 256, (30, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return "photo.png"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(["explain", *map(str, arguments), "--overwrite"])
    seen = capsys.readouterr()
    return caught.value.code, seen.out, seen.err


def test_one_picture(capsys, folder, image, tmp_path):
    code, out, err = run(capsys, folder, image)
    assert (code, err) == (0, "")
    assert "grad-cam at stages.2.relu2, a map of 2x2, for" in out
    assert "hide the hottest 20%" in out and "the same shape elsewhere" in out and "deletion" in out
    names = {"picture", "grad-cam", "explanation", "maps", "kernels"}
    made = tmp_path / "photo-explained"
    assert {path.name for path in made.iterdir()} == {"explanation.json", *(f"{n}.png" for n in names)}
    assert all(np.asarray(Image.open(made / f"{name}.png")).std() > 0 for name in names)
    assert run(capsys, folder, image)[0] == 0  # once more, in the folder that it made


def test_all_methods_as_json(capsys, folder, image, tmp_path):
    code, out, _ = run(capsys, folder, image, "--method", "all", "--class", "bee", "--out", "why", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["class"] == "bee" and tuple(facts["methods"]) == METHODS
    assert facts == json.loads((tmp_path / "why" / "explanation.json").read_text())
    assert sum(top["probability"] for top in facts["top"]) == pytest.approx(1, abs=1e-5)
    for method in METHODS:
        assert f"why/{method}.png" in facts["files"]
        assert 0 <= facts["methods"][method]["curves"]["deletion_area"] <= 1


def test_a_class_by_name_before_number(capsys, folder, image):
    for given, meant in (("7", "7"), ("0", "ant"), ("ant", "ant")):
        option = "--output" if given == "0" else "--class"
        _, out, _ = run(capsys, folder, image, option, given, "--json")
        assert json.loads(out)["class"] == meant


def test_another_layer_and_a_data_set(capsys, folder, image, tmp_path):
    for name in ("x", "y"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(3):
            pixels = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"{i}.png")
    (tmp_path / "data" / "x" / "torn.png").write_bytes(b"torn")
    code, out, err = run(capsys, folder, image, "--layer", "stages.1.relu1", "--data", "data", "--json")
    facts = json.loads(out)
    assert code == 0 and facts["layer"] == "stages.1.relu1" and "torn.png is left out" in err
    assert facts["data"]["pictures"] == 6 and facts["data"]["unreadable"] == 1
    assert (tmp_path / "photo-explained" / "exciting.png").is_file()


def test_a_network_without_maps(capsys, image, tmp_path):
    dense = load_blueprint({"input": [3, 16, 16], "layers": ["flatten", {"dense": "classes"}]}).adapted(
        classes=3
    )
    model = published(tmp_path / "dense", build(dense, 3), {"blueprint": dense.to_dict()})
    code, _, err = run(capsys, model, image)
    assert code == 2 and "a method that needs no map: integrated-gradients, occlusion, saliency" in err
    code, out, err = run(capsys, model, image, "--method", "all", "--json")
    assert code == 0 and tuple(json.loads(out)["methods"]) == METHODS[1:] and "grad-cam is left out" in err
    assert run(capsys, model, image, "--method", "occlusion")[0] == 0
    code, _, err = run(capsys, model, image, "--method", "all", "--data", "fashion-mnist-mini")
    assert code == 2 and "--data shows what excites maps, and this network makes none" in err


def test_a_network_by_name_with_a_weights_file(capsys, image, tmp_path):
    torch.manual_seed(0)
    (tmp_path / "w.safetensors").write_bytes(weights_bytes(create_model("tinyvgg", num_classes=5)))
    code, out, err = run(capsys, "tinyvgg", image, "--weights", "w.safetensors", "--class", "4", "--json")
    assert code == 0 and "torchvision's for ImageNet is assumed" in err
    assert json.loads(out)["class"] == "class 4"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "wasp"], "Unknown class 'wasp'"),
        (["--class", "3"], "Unknown class '3'"),
        (["--layer", "stages.9"], "Unknown layer 'stages.9'"),
        (["--layer", "fc"], "no map"),
        (["--method", "magic"], "Unknown method 'magic'"),
        (["--weights", "w.pth"], "--weights belongs to a network's name"),
        (["--out", "photo.png"], "expected a folder, found a file"),
        (["--out", "."], "found other files"),
        (["--data", "nowhere"], "nowhere"),
        (["--region", "0,0,9,9"], "this network's answer is about the whole of it"),
        (["--region", "0,0,9"], "--region: expected x1,y1,x2,y2 in pixels of the picture"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(capsys, folder, image, arguments, message):
    code, out, err = run(capsys, folder, image, *arguments)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("resnet51", "did you mean"),
        ("resnet50", "comes without weights"),
        ("photo.png", "neither a network's name, nor"),
        (".", "config.json"),
    ],
)
def test_what_is_no_model(capsys, image, model, message):
    code, out, err = run(capsys, model, image)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1


def test_what_is_no_picture(capsys, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("text")
    code, _, err = run(capsys, folder, "text.png")
    assert code == 2 and "text.png" in err
    assert not (tmp_path / "text-explained").exists()


def test_an_answer_for_each_pixel_is_explained_by_class_and_region(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, (picture, mask) = pixelwise_folder(tmp_path), blocks(4)
    Image.fromarray(picture).save("blocks.png")
    wanted = ("red", "green", "blue")[int(mask[60, 20])]  # of the block from (0, 40) to (40, 80)
    code, out, _ = run(capsys, model, "blocks.png", "--region", "5,45,35,75", "--method", "all", "--json")
    found = json.loads(out)
    assert code == 0 and found["class"] == wanted and found["region"] == [5, 45, 35, 75]
    assert found["probability"] > 0.9 and tuple(found["methods"]) == METHODS
    for method in METHODS:
        hiding = found["methods"][method]["hiding"]
        assert hiding["before"] == pytest.approx(found["probability"])
        # Grad-CAM marks all that looks so; the others what was looked at: hidden elsewhere it is missed less.
        assert method == "grad-cam" or hiding["drop"] > 3 * hiding["drop_elsewhere"], method
    assert {"answer.png", "grad-cam.png", "explanation.json"} <= {Path(file).name for file in found["files"]}
    code, out, _ = run(capsys, model, "blocks.png", "--region", "5,45,35,75", "--class", "blue")
    assert code == 0 and "for blue in 5,45,35,75" in out
    code, out, _ = run(capsys, model, "blocks.png", "--class", "green", "--json")
    assert code == 0 and json.loads(out)["class"] == "green" and "region" not in json.loads(out)
    code, out, err = run(capsys, model, "blocks.png", "--region", "5,45,35,400")
    assert (code, out) == (2, "") and "within the picture's 160x120 pixels" in err and err.count("\n") == 1
