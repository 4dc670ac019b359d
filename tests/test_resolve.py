"""What a name of a network means, and that the same weights are given the same pictures wherever they go."""

import hashlib
from pathlib import Path

import pytest
import torch

from foveate.errors import InputError, UnknownNameError, WeightsError
from foveate.models import create_model, pretrained
from foveate.models.hub import HubWeights
from foveate.models.names import BlueprintFile, Folder, HubName, Registered, find_name, read_name
from foveate.models.weightless import weightless
from foveate.resolve import outlined, resolve
from foveate.tasks.segmentation.task import Segmentation

NET = "input: [3, 16, 16]\nlayers: [{conv: {filters: 4, kernel: 3}}, relu, global_avg_pool, {dense: 5}]\n"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.yaml").write_text(NET)
    (tmp_path / "folder").mkdir()
    (tmp_path / "lenet5").mkdir()
    return tmp_path


def saved(path, module):
    torch.save(module.state_dict(), path)
    return str(path)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("folder", Folder),
        ("lenet5", Folder),  # what is there is meant first
        ("resnet18", Registered),
        ("net.yaml", BlueprintFile),
        ("gone.JSON", BlueprintFile),
        ("hf:timm/resnet18", HubName),
    ],
)
def test_what_a_name_means(text, kind):
    assert type(read_name(text)) is kind


def test_a_name_of_nothing_is_told_what_names_there_are(here):
    (here / "notes.txt").write_text("x")
    assert find_name("resnet51") is find_name("notes.txt") is find_name("w.pth") is None
    with pytest.raises(
        UnknownNameError, match=r"did you mean resnet50.*a blueprint.*hf:OWNER/REPO or timm:NAME"
    ):
        read_name("resnet51")
    with pytest.raises(InputError, match="neither a network's name, nor a blueprint"):
        read_name("notes.txt")
    with pytest.raises(InputError, match="and the file with weights"):
        read_name("w.pth")


def test_a_files_weights_bring_their_number_of_classes_and_imagenets_preprocessing(here):
    torch.manual_seed(1)
    theirs = create_model("resnet18", num_classes=7).eval()
    model = resolve("resnet18", saved(here / "w.pth", theirs))
    assert model.labels == tuple(f"class {i}" for i in range(7)) and model.weights == "given"
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(model.module(x), theirs(x))
    seen = model.preprocessing  # torchvision: 256 px, of which the middle 224
    assert (seen.height, seen.width, seen.crop_fraction, seen.interpolation) == (224, 224, 0.875, "bilinear")
    assert seen.mean == (0.485, 0.456, 0.406) and seen.std == (0.229, 0.224, 0.225)


def test_a_network_that_scores_pixels_brings_that_task_and_sees_the_whole_picture(here):
    theirs = create_model("pyramid_compact", num_classes=4)
    untrained = resolve("pyramid_compact", untrained=True)
    filled = resolve("pyramid_compact", saved(here / "w.pth", theirs))
    for model, count in ((untrained, 21), (filled, 4)):
        assert isinstance(model.task, Segmentation)
        assert model.labels == tuple(f"class {i}" for i in range(count))
        assert (model.preprocessing.fit, model.preprocessing.crop_fraction) == ("pad", 1)
        assert model.preprocessing.mean == (0.485, 0.456, 0.406)


def test_torchvisions_own_files_of_scored_pixels_name_vocs_classes(here, monkeypatch):
    """As torchvision has them (COCO_WITH_VOC_LABELS_V1), which calls the first `__background__`."""
    name = "lraspp_mobilenet_v3_large"
    file = saved(here / "w.pth", create_model(name))
    assert resolve(name, file).labels[15] == "class 15"
    digits = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(pretrained, "VOC_FILES", {digits})
    task = resolve(name, file).task
    assert isinstance(task, Segmentation) and " ".join(task.labels[1:]) == (
        "aeroplane bicycle bird boat bottle bus car cat chair cow diningtable dog horse motorbike person "
        "pottedplant sheep sofa train tvmonitor"
    )
    assert (task.labels[0], task.colours[15]) == ("background", (192, 128, 128))


def test_a_blueprint_takes_a_files_weights_or_random_ones(here):
    first, second = resolve("net.yaml", untrained=True), resolve("net.yaml", untrained=True)
    assert first.weights == "random" and first.input_shape == (3, 16, 16)
    torch.manual_seed(2)
    theirs = create_model("lenet5")  # draws other numbers
    for ours, again in zip(first.module.parameters(), second.module.parameters(), strict=True):
        assert torch.equal(ours, again)
    with torch.no_grad():
        next(first.module.parameters()).add_(1)
    filled = resolve("net.yaml", saved(here / "own.pt", first.module))
    assert torch.equal(next(filled.module.parameters()), next(first.module.parameters()))
    with pytest.raises(WeightsError):
        resolve("net.yaml", saved(here / "other.pt", theirs))


@pytest.mark.parametrize("name", ["resnet50", "net.yaml"])
def test_without_weights_there_is_nothing_to_use(name):
    with pytest.raises(InputError, match="comes without weights"):
        resolve(name)


def test_an_outline_has_shapes_and_no_numbers():
    with weightless():
        module, shape = outlined("net.yaml", (1, 20, 30), 3)
    assert shape == (1, 20, 30)
    assert all(p.is_meta for p in module.parameters()) and next(module.parameters()).shape == (4, 1, 3, 3)


def test_a_hub_names_its_network(monkeypatch):
    def hub(name, *, download, say=None):
        known = "resnet18" if name.repo == "some/one" else None
        return HubWeights(name, Path("model.safetensors"), "0" * 40, known, None)

    monkeypatch.setattr("foveate.resolve.hub_weights", hub)
    with weightless():
        module, shape = outlined("hf:some/one", None, 9)
    assert shape == (3, 224, 224) and module.fc.out_features == 9
    with pytest.raises(WeightsError, match="other/one names no network in its"):
        outlined("hf:other/one", None, None)
    with pytest.raises(InputError, match="weights belongs to a network's name"):
        resolve("hf:some/one", "w.pth")
