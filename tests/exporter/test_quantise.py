"""Networks in integers: close to the float ones, calibrated on other pictures, refused where not worth it."""

import json

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from foveate.cli.main import main
from foveate.dataset import ArrayImages, DataSet, Split
from foveate.errors import InputError, NotWorthItError
from foveate.exporter import quantise
from foveate.exporter.quantise import Comparison
from foveate.exporter.to_onnx import Deployed, export_onnx
from foveate.images.preprocess import Preprocessing
from foveate.modelfolder import quantised as reissue
from foveate.modelfolder.read import load, verify
from foveate.modelfolder.write import Draft
from foveate.runtime.config import InputShape, ModelConfig
from foveate.runtime.onnx_check import check_onnx
from foveate.runtime.predictor import Predictor
from foveate.tasks.classification.names import ACCURACY
from foveate.tasks.classification.targets import ClassTargets
from foveate.tasks.classification.task import Classification

CLASSES = ("dark", "light")
PREPROCESSING = Preprocessing(12, 12)


def network():
    """A few layers of every kind that becomes integers; classes by brightness, so that answers are known."""
    torch.manual_seed(2)
    body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
    head = nn.Sequential(nn.Conv2d(8, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    with torch.no_grad():
        body[0].weight.abs_()
        head[0].weight.abs_()
        head[3].weight.copy_(torch.tensor([[-6.0] * 4, [6.0] * 4]))
        middle = nn.Sequential(body, *head[:3])(torch.full((1, 3, 12, 12), 0.5)).sum()
        head[3].bias.copy_(torch.stack([6 * middle, -6 * middle]))
    return nn.Sequential(body, head).eval()


@pytest.fixture(scope="module")
def samples():
    """Pictures from dark to light, and which they are."""
    rng = np.random.default_rng(1)
    levels = np.repeat(np.linspace(20, 235, 60), 1)
    pixels = (levels[:, None, None, None] + rng.normal(0, 9, (60, 12, 12, 3))).clip(0, 255)
    return pixels.astype(np.uint8), (levels > 127).astype(np.int64)


@pytest.fixture(scope="module")
def plain():
    return export_onnx(Deployed(network(), PREPROCESSING, Classification(CLASSES)), PREPROCESSING, {})


def quantised(plain, samples):
    return quantise.quantise(plain, samples[0][::3])


def weights_of(model):
    graph = onnx.load_from_string(model).graph
    found = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    return [a for a in found.values() if a.dtype == np.int8 and a.ndim > 1], found


def test_integers_answer_as_floats_do(plain, samples):
    model = quantised(plain, samples)
    check_onnx(model)  # what the runtime's guard lets through
    one, other = (Predictor(m, Classification(CLASSES), PREPROCESSING, threads=1) for m in (plain, model))
    answers = [p.predict_proba(samples[0]) for p in (one, other)]
    assert np.abs(answers[0] - answers[1]).max() < 0.1
    assert (answers[0].argmax(1) == answers[1].argmax(1)).mean() > 0.95
    np.testing.assert_array_equal(answers[1][:1], other.predict_proba(samples[0][:1]))


def test_every_weight_is_a_byte_with_a_scale_for_each_channel(plain, samples):
    weights, constants = weights_of(quantised(plain, samples))
    assert sorted(w.shape for w in weights) == [(2, 4), (4, 8, 1, 1), (8, 1, 3, 9)]
    scales = [a for name, a in constants.items() if name.endswith("_scale") and a.shape == (8,)]
    assert scales and all((a > 0).all() for a in scales)
    nodes = onnx.load_from_string(quantised(plain, samples)).graph.node
    kinds = [n.op_type for n in nodes if n.op_type not in ("QuantizeLinear", "DequantizeLinear")]
    assert "BatchNormalization" not in kinds
    assert kinds[:3] == ["Cast", "Reshape", "Sub"]  # pictures are read in floats


def test_seven_bits_where_sums_of_bytes_overflow(plain, samples, monkeypatch):
    monkeypatch.setattr(quantise, "_sums_bytes_exactly", lambda: False)
    weights, _ = weights_of(quantised(plain, samples))
    assert 60 <= max(np.abs(w.astype(int)).max() for w in weights) <= 64


def test_the_rest_of_the_metadata_stays(plain, samples):
    entries = {p.key: p.value for p in onnx.load_from_string(quantised(plain, samples)).metadata_props}
    assert json.loads(entries["classes"]) == list(CLASSES)
    assert entries["precision"] == "int8"


@pytest.mark.parametrize(
    ("int8_accuracy", "times", "accepted"),
    [
        (0.90, {1: (2.0, 1.0), 16: (9.0, 6.5)}, True),
        (0.896, {1: (2.0, 1.0), 16: (9.0, 6.5)}, True),
        (0.894, {1: (2.0, 1.0), 16: (9.0, 6.5)}, False),
        (0.90, {1: (2.0, 1.98), 16: (9.0, 4.0)}, False),
        (0.90, {1: (2.0, 1.0), 16: (9.0, 7.0)}, False),
        (0.90, {1: (2.0, 1.0), 16: (9.0, 9.5)}, False),
    ],
)
def test_faster_at_every_batch_and_within_half_a_point(int8_accuracy, times, accepted):
    found = Comparison(1000, ACCURACY, 0.9, int8_accuracy, 0.99, times, 400, 100)
    assert found.accepted is accepted
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["accepted"] is accepted


def data_set(samples, *splits):
    pixels, labels = samples
    return DataSet(
        "levels",
        Classification(CLASSES),
        {name: Split(ArrayImages(pixels), ClassTargets(labels)) for name in splits},
    )


def test_calibration_pictures_are_not_measured_on(plain, samples):
    predictor = Predictor(plain, Classification(CLASSES), PREPROCESSING, threads=1)
    pictures, measured = quantise.divide(predictor, data_set(samples, "train"))
    assert (len(pictures), len(measured.splits["test"])) == (30, 30)
    seen = {p.tobytes() for p in pictures}
    rest = measured.splits["test"].images
    assert not any(rest.read(i).tobytes() in seen for i in range(30))
    pictures, measured = quantise.divide(predictor, data_set(samples, "train", "test"))
    assert (len(pictures), len(measured.splits["test"])) == (60, 60)
    few = (samples[0][:12], samples[1][:12])
    with pytest.raises(InputError, match="expected at least 20 pictures to calibrate and measure with"):
        quantise.divide(predictor, data_set(few, "train"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, samples):
    out = tmp_path_factory.mktemp("models") / "levels"
    facts = {"task": Classification(CLASSES), "architecture": {"custom": "levels"}}
    with Draft(out) as draft:
        draft.add_network(network(), preprocessing=PREPROCESSING, sample_images=samples[0][:4], **facts)
        draft.add_text("README.md", "A card.\n")
        shape = InputShape(12, 12, 3)
        return draft.publish(ModelConfig(input=shape, preprocessing=PREPROCESSING.to_dict(), **facts))


@pytest.fixture(scope="module")
def data(tmp_path_factory, samples):
    path = tmp_path_factory.mktemp("data") / "levels.npz"
    np.savez(path, images=samples[0], labels=np.array(CLASSES)[samples[1]])
    return path


def test_a_faster_network_becomes_a_model_folder(folder, data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(quantise, "_race", lambda one, other, batch: (3.0, 1.0))
    out = tmp_path / "small"
    with pytest.raises(SystemExit) as left:
        main(["export", str(folder), "--int8", "--data", str(data), "--out", str(out), "--json"])
    assert left.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["accepted"], told["pictures"], told["precision"]) == (True, 30, "int8")
    assert set(told["runtimes"]) <= {"onnxruntime", "openvino", "openvino-float32"}
    config = verify(out)
    assert config.metrics["int8"]["milliseconds"] == {"1": [3.0, 1.0], "16": [3.0, 1.0]}
    assert load(out).predict(np.full((12, 12, 3), 240, np.uint8))[0] == "light"
    assert "8-bit integers" in (out / "README.md").read_text()


def test_a_slower_one_is_refused_with_the_figures(folder, data, tmp_path, monkeypatch):
    monkeypatch.setattr(quantise, "_race", lambda one, other, batch: (1.0, 3.0))
    with pytest.raises(
        NotWorthItError, match=r"not 1\.3 times as fast here: accuracy .* on 30 pictures .*0\.33 x"
    ):
        reissue.quantise_folder(folder, tmp_path / "small", data)
    assert list(tmp_path.iterdir()) == []


def test_the_network_is_copied_out(folder, tmp_path, capsys):
    out = tmp_path / "levels.onnx"
    with pytest.raises(SystemExit) as left:
        main(["export", str(folder), "--out", str(out)])
    assert left.value.code == 0
    assert out.read_bytes() == (folder / "model.onnx").read_bytes()
    for arguments, message in (
        (["--int8"], "expected --data DATA as well"),
        (["--data", "x"], "expected --int8 as well"),
        (["--out", str(tmp_path)], "expected a file's name, found a folder"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["export", str(folder), *arguments])
        assert left.value.code == 2
        assert message in capsys.readouterr().err
