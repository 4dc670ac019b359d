"""Everything about one picture, a data set seen through a layer, and the report's part."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from foveate.dataset.samples import ArrayImages
from foveate.errors import InputError, UnreadableImageError
from foveate.explanation import METHODS, explain_for_report, grad_cam, heat_map, upsampled
from foveate.explanation.methods import NEED_ATTENTION
from foveate.explanation.picture import explain_picture, kernels_sheet, maps_sheet
from foveate.explanation.survey import survey
from foveate.images.preprocess import Preprocessing
from foveate.models.model import Model
from foveate.tasks.classification.task import Classification
from foveate.tasks.telling import ToExplain

CLASSES = ("ant", "bee", "cat", "dog")
SEEN = Preprocessing(12, 12, mean=(0.5,) * 3, std=(0.25,) * 3)


@pytest.fixture
def subject(network):
    return Model("four", network.eval(), SEEN, Classification(CLASSES, 2.0))


@pytest.fixture
def photo():
    return np.random.default_rng(0).integers(0, 256, (20, 16, 3), dtype=np.uint8)


def test_all_methods_on_one_picture(subject, photo):
    found = explain_picture(subject, photo, methods=tuple(METHODS))
    used = [method for method in METHODS if method not in NEED_ATTENTION]
    assert list(found.facts["methods"]) == used and list(found.facts["left_out"]) == ["rollout"]
    json.dumps(found.facts, allow_nan=False)
    x = torch.from_numpy(subject.preprocessing.normalise(subject.preprocessing.apply(photo)[None]))
    with torch.no_grad():
        expected = torch.softmax(subject.module(x) / 2.0, dim=1)[0]
    assert found.facts["class"] == CLASSES[int(expected.argmax())] == found.facts["top"][0]["label"]
    assert found.facts["probability"] == pytest.approx(float(expected.max()))
    assert found.facts["layer"] == "4.relu#2"
    assert set(found.pictures) == {"picture", *used, "explanation", "maps", "kernels"}
    assert all(p.dtype == np.uint8 and p.shape[2] == 3 for p in found.pictures.values())
    for method in set(used) - {"occlusion"}:
        assert found.facts["methods"][method]["hiding"]["before"] == pytest.approx(float(expected.max()))


def test_a_network_without_maps_is_explained_by_what_needs_none(photo):
    torch.manual_seed(0)
    dense = nn.Sequential(nn.Flatten(), nn.Linear(3 * 12 * 12, 4)).eval()
    subject = Model("dense", dense, SEEN, Classification(CLASSES))
    others = [method for method in METHODS if method not in {"grad-cam", "rollout"}]
    for methods in (others, list(METHODS), *([method] for method in others)):
        found = explain_picture(subject, photo, methods=methods)
        used = [method for method in methods if method in others]
        assert list(found.facts["methods"]) == used and found.facts["layer"] is None
        assert set(found.pictures) == {"picture", "explanation", *used}
        assert list(found.facts["left_out"]) == [method for method in methods if method not in others]
    with pytest.raises(InputError, match=r"no map with more than one place.*, or a method that needs no map"):
        explain_picture(subject, photo)


def test_the_same_twice(subject, photo):
    one, other = (explain_picture(subject, photo, target=3, methods=("saliency",), seed=4) for _ in range(2))
    assert one.facts == other.facts and one.facts["class"] == "dog"
    assert all(np.array_equal(one.pictures[name], other.pictures[name]) for name in one.pictures)


def test_heat_maps_have_the_pictures_size(subject, pictures):
    x = pictures[:1]
    for method in METHODS.keys() - NEED_ATTENTION:
        found = heat_map(subject.module, x, 1, method)
        assert found.values.shape == (12, 12) and found.values.dtype == np.float32
    expected = upsampled(grad_cam(subject.module, x, 1, layer="0"), (12, 12))[0].numpy()
    np.testing.assert_array_equal(heat_map(subject.module, x, 1, layer="0").values, expected)


def test_sheets_of_maps_and_kernels(subject):
    dead = torch.zeros(1, 70, 3, 3)
    assert maps_sheet(dead, "x").shape == maps_sheet(dead + 1, "x").shape
    first, second = kernels_sheet(subject.module), kernels_sheet(subject.module, "4.conv1")
    assert first is not None and second is not None and first.shape != second.shape
    assert kernels_sheet(torch.nn.Linear(2, 2)) is None


class SomeBroken(ArrayImages):
    def read(self, index):
        if index in (0, 5, 9):
            raise UnreadableImageError(self.name(index), "torn")
        return super().read(index)


@pytest.mark.parametrize("layer", ["0", "4"])
def test_a_data_set_seen_through_a_layer(subject, photo, layer):
    array = np.random.default_rng(1).integers(0, 256, (40, 12, 12, 3), dtype=np.uint8)
    seen = []
    found = survey(subject, SomeBroken(array), layer, photo, progress=lambda *now: seen.append(now))
    json.dumps(found.facts, allow_nan=False)
    assert found.facts["pictures"] == 37 and found.facts["unreadable"] == 3 and seen[-1] == (40, 40)
    assert [name for name, _ in found.unreadable] == ["image[0]", "image[5]", "image[9]"]
    assert [unit["name"] for unit in found.facts["units"]] == ["2", "4.relu", "4.relu#2"]
    best = found.facts["exciting"][0]
    x = torch.from_numpy(subject.preprocessing.normalise(array[[i for i in range(40) if i not in (0, 5, 9)]]))
    with torch.no_grad():
        maps = subject.module[: int(layer) + 1](x)[:, best["channel"]].flatten(1).amax(dim=1)
    assert best["examples"][0]["value"] == pytest.approx(float(maps.max()), rel=1e-5)
    numbers = [i for i in range(40) if i not in (0, 5, 9)]
    assert best["examples"][0]["picture"] == f"image[{numbers[int(maps.argmax())]}]"


def test_the_reports_part(subject):
    rng = np.random.default_rng(2)
    pictures = [
        ToExplain(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8), f"{i}.jpg", outputs)
        for i, outputs in enumerate([(1, 0), (0,), (3, 0)])
    ]
    found = explain_for_report(subject.module, subject.preprocessing, subject.task, pictures)
    assert found is not None and found.layer == "4.relu#2" and len(found.items) == 3
    first, right = found.items[0], found.items[1]
    assert not np.array_equal(*first.maps)
    assert len(right.maps) == 1
    assert -1 <= found.drop <= 1 and -1 <= found.drop_elsewhere <= 1


def test_the_report_does_without_where_there_is_nothing_to_show(subject):
    picture = np.zeros((12, 12, 3), np.uint8)
    dense = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(432, 4))
    one = ToExplain(picture, "a.jpg", (1, 0))
    assert explain_for_report(dense, subject.preprocessing, subject.task, [one]) is None
    assert explain_for_report(subject.module, subject.preprocessing, subject.task, []) is None


@pytest.mark.parametrize(
    ("seconds", "explained"), [(4.0, 8), (0.5, 3), (0.33, 2), (0.31, None), (-1.0, None)]
)
def test_the_reports_part_keeps_within_its_time(subject, monkeypatch, seconds, explained):
    class Slow(torch.nn.Module):  # by its own clock: 0.01 s a picture, of which 2 + 1, then 14 an explanation
        def __init__(self):
            super().__init__()
            self.inner, self.now = subject.module, 0.0

        def forward(self, x):
            self.now += 0.01 * len(x)
            return self.inner(x)

    slow = Slow()
    monkeypatch.setattr("foveate.explanation.report.time.monotonic", lambda: slow.now)
    pictures = [ToExplain(np.zeros((12, 12, 3), np.uint8), "a.jpg", (1, 0))] * 9
    found = explain_for_report(slow, subject.preprocessing, subject.task, pictures, seconds=seconds)
    assert (found and len(found.items)) == explained
    assert slow.now <= max(seconds, 0)
