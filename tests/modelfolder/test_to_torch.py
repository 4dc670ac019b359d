"""A network made again computes what the folder's model.onnx computes; everything else is refused."""

import json

import numpy as np
import pytest
import torch

from foveate.errors import ModelFolderError
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder.read import load
from foveate.modelfolder.to_torch import rebuild
from foveate.modelfolder.write import Draft
from foveate.models import create_model
from foveate.models.blueprint import build, load_blueprint
from foveate.runtime.config import InputShape, ModelConfig
from foveate.seal import sealed
from foveate.tasks.classification.task import Classification

CLASSES = ("a", "b", "c")
BLUEPRINT = {
    "input": [1, 12, 12],
    "layers": [{"conv": {"filters": 4, "kernel": 3}}, "relu", "global_avg_pool", {"dense": "classes"}],
}


def write(out, architecture, module, channels):
    preprocessing = Preprocessing(12, 12, channels, mean=(0.4,) * channels, std=(0.3,) * channels)
    config = ModelConfig(
        architecture=architecture,
        task=Classification(CLASSES, 1.7),
        input=InputShape(12, 12, channels),
        preprocessing=preprocessing.to_dict(),
    )
    with Draft(out) as draft:
        draft.add_network(
            module,
            preprocessing=preprocessing,
            task=Classification(CLASSES, 1.7),
            sample_images=np.random.default_rng(0).integers(0, 256, (4, 12, 12, 3), dtype=np.uint8),
            architecture=architecture,
        )
        return draft.publish(config)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    out = tmp_path_factory.mktemp("rebuild")
    torch.manual_seed(0)
    named = create_model("compact_s", num_classes=3, in_channels=3, image_size=(12, 12))
    drawn = build(load_blueprint(BLUEPRINT), 3)
    made = load_blueprint(BLUEPRINT).adapted(classes=3).to_dict()
    return {
        "name": write(out / "n", {"name": "compact_s", "options": {"image_size": [12, 12]}}, named, 3),
        "blueprint": write(out / "b", {"blueprint": made}, drawn, 1),
        "custom": write(out / "c", {"custom": "my.Net"}, drawn, 1),
    }


@pytest.mark.parametrize("kind", ["name", "blueprint"])
def test_it_computes_what_the_folder_computes(folders, kind):
    made = rebuild(folders[kind])
    assert not made.module.training and made.labels == CLASSES
    pixels = np.random.default_rng(1).integers(
        0, 256, (5, 12, 12, made.preprocessing.channels), dtype=np.uint8
    )
    with torch.no_grad():
        scores = made.module(torch.from_numpy(made.preprocessing.normalise(pixels)))
    ours = torch.softmax(scores / made.task.temperature, dim=1).numpy()
    np.testing.assert_allclose(ours, load(folders[kind]).predict_proba(pixels), atol=1e-5)
    assert all(p.device.type == "cpu" for p in made.module.state_dict().values())


def test_a_class_of_somebodys_own_is_never_run(folders):
    with pytest.raises(ModelFolderError, match=r"the class 'my\.Net' of whoever trained it"):
        rebuild(folders["custom"])


def damaged(folder, tmp_path, change):
    """A copy whose config.json was changed; its files keep their hashes."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    document = json.loads((copy / "config.json").read_text())
    change(document)
    (copy / "config.json").write_text(json.dumps(sealed(document)))
    return copy


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"name": "nonet", "options": {}}, "Unknown network 'nonet'"),
        ({"name": "compact_s", "options": {"pretrained": True}}, "and not 'pretrained'"),
        ({"name": "compact_s", "options": {"num_classes": 9}}, "and not 'num_classes'"),
        ({"name": "compact_s", "options": {"widths": [10**9]}}, "100,000 is the most"),
        ({"name": "compact_m", "options": {"image_size": [12, 12]}}, "is not of the network in config.json"),
        ({"name": "compact_s", "options": {"widths": [99_000] * 3}}, "is not of the network in config.json"),
        ({"blueprint": {"input": 3}}, "cannot be made again"),
    ],
)
def test_another_architecture_is_refused(folders, tmp_path, architecture, message):
    copy = damaged(folders["name"], tmp_path, lambda document: document.update(architecture=architecture))
    with pytest.raises(ModelFolderError, match=message):
        rebuild(copy)


def test_changed_weights_are_refused(folders, tmp_path):
    copy = damaged(folders["name"], tmp_path, lambda document: None)
    data = bytearray((copy / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (copy / "model.safetensors").write_bytes(data)
    with pytest.raises(ModelFolderError, match="damaged or changed after training"):
        rebuild(copy)


def test_what_is_no_tensor_file(folders, tmp_path):
    import hashlib

    def change(document):
        record = {"sha256": hashlib.sha256(b"not tensors").hexdigest(), "bytes": 11}
        document["files"]["model.safetensors"] = record

    copy = damaged(folders["name"], tmp_path, change)
    (copy / "model.safetensors").write_bytes(b"not tensors")
    with pytest.raises(ModelFolderError, match="holds no tensors"):
        rebuild(copy)
