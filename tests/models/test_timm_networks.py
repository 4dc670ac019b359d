"""Networks of timm by name, with a package that stands in for it (tests/helpers/standin_timm.py)."""

import sys

import pytest
import torch

import foveate
from foveate.errors import InputError, MissingExtraError, UnknownNameError, WeightsError
from foveate.modelfolder.to_torch import rebuild
from foveate.models import create_model, list_models, model_info, model_options
from foveate.models.catalogue import CATALOGUE
from foveate.models.names import HubName, Registered, read_name
from foveate.pipeline.request import TrainRequest
from foveate.resolve import resolve
from shapes import draw_shapes
from standin_timm import MEAN, NAMES, STD, TinyNet, make_timm


@pytest.fixture
def timm(monkeypatch):
    package = make_timm()
    monkeypatch.setitem(sys.modules, "timm", package)
    yield package
    for name in [name for name in CATALOGUE if name.startswith("timm:")]:
        del CATALOGUE[name]


def theirs(classes=7, seed=3):
    """A network as timm would make it, its weights and statistics drawn."""
    torch.manual_seed(seed)
    module = TinyNet("tinynet", classes, 3)
    torch.nn.init.normal_(module.bn1.running_mean)
    return module.eval()


def test_a_row_is_made_by_looking(timm):
    info = model_info("timm:tinynet")
    convolutions = 8 * 3 * 9 + 8, 8 * 8 * 9
    assert info.parameters == sum(convolutions) + 2 * 8 + 8 * 7 + 7
    assert info.macs == 16 * 16 * 8 * 3 * 9 + 8 * 8 * 8 * 8 * 9 + 8 * 7
    assert (info.input_size, info.num_classes, info.depth) == ((3, 32, 32), 7, 3)
    assert model_options("timm:tinynet") == {} and model_options("timm:tinyvit") == {"image_size": (32, 32)}
    assert "timm:tinynet" in list_models("timm*")


def test_a_file_is_read_by_timms_names_and_seen_as_timm_sees(timm, tmp_path):
    module, path = theirs(classes=5), tmp_path / "w.pth"
    torch.save(module.state_dict(), path)
    said = []
    model = resolve("timm:tinynet", str(path), say=said.append)
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(model.module(x), module(x))
    seen = model.preprocessing
    assert (seen.mean, seen.std, seen.crop_fraction, seen.interpolation) == (MEAN, STD, 0.95, "bicubic")
    assert len(model.labels) == 5 and said == []  # nothing is assumed of its preprocessing


def test_a_tag_means_weights_that_are_fetched_only_when_that_is_said(timm):
    assert read_name("timm:tinynet.a1_in1k").weights == HubName("timm/tinynet.a1_in1k")
    assert read_name("timm:tinynet").weights is None and Registered("resnet18").weights is None
    with pytest.raises(WeightsError, match=r"hf:timm/tinynet.a1_in1k.*nothing is fetched unasked"):
        resolve("timm:tinynet.a1_in1k")
    assert resolve("timm:tinynet.a1_in1k", untrained=True).weights == "random"
    assert TrainRequest(model="timm:tinynet.a1_in1k", download=True).start == HubName("timm/tinynet.a1_in1k")
    with pytest.raises(InputError, match="download"):
        TrainRequest(model="timm:tinynet", download=True)


def test_only_names_that_timm_lists_are_asked_of_it(timm):
    with pytest.raises(UnknownNameError, match="did you mean timm:tinynet"):
        model_info("timm:tinynett")
    for name in ("timm:hf-hub:someone/evil", "timm:local-dir:/etc", "timm:tinynet.b2", "timm:"):
        with pytest.raises(UnknownNameError):
            model_info(name)
    assert set(timm.asked) <= set(NAMES)


def test_a_head_that_is_no_dense_layer_is_refused(timm):
    with pytest.raises(InputError, match="ends in Conv2d, and not in one dense layer"):
        model_info("timm:convnet_tiny")


def test_without_timm_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'foveate\[timm\]'"):
        model_info("timm:resnet18")


def test_a_timm_that_cannot_be_imported_is_told_with_its_reason(monkeypatch, tmp_path):
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"operator torchvision::nms does not exist.*same release as torch"):
        model_info("timm:resnet18")
    sys.modules.pop("timm", None)


@pytest.mark.parametrize("name", ["tinynet", "tinyvit"])
def test_trained_predicted_explained_and_only_made_again_with_timm(timm, tmp_path, monkeypatch, name):
    draw_shapes(tmp_path / "shapes", count=20)
    found = foveate.train(
        tmp_path / "shapes", model=f"timm:{name}", epochs=1, image_size=16, out=tmp_path / "net", threads=1
    )
    folder = found.folder
    picture = tmp_path / "shapes" / "circle" / "0.png"
    model = rebuild(folder)
    x = torch.from_numpy(model.preprocessing.normalise(model.preprocessing.read(picture)[None]))
    with torch.no_grad():
        expected = model.task.temperature, model.module(x)
    shares = torch.softmax(expected[1] / expected[0], 1)[0].numpy()
    assert foveate.load(folder).predict_proba(picture)[0] == pytest.approx(shares, abs=1e-4)
    assert "grad-cam" in foveate.explain(folder, picture).facts["methods"]
    monkeypatch.setitem(sys.modules, "timm", None)
    for row in [row for row in CATALOGUE if row.startswith("timm:")]:
        del CATALOGUE[row]
    assert foveate.load(folder).predict_proba(picture).shape == (1, 2)  # what was trained runs without timm
    with pytest.raises(InputError, match="timm"):
        rebuild(folder)


def test_made_for_other_pictures_and_classes(timm):
    network = create_model("timm:tinyvit", num_classes=3, in_channels=1, image_size=(16, 24))
    assert network(torch.zeros(2, 1, 16, 24)).shape == (2, 3)
    network.reset_classifier(4)
    assert network.eval()(torch.zeros(1, 1, 16, 24)).shape == (1, 4)
    assert network.network.fc.out_features == 4
