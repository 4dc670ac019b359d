"""A network that finds objects, in the inspector: its boxes, where it looked, and the sums behind a box."""

import numpy as np
import pytest
import torch

from foveate.images.preprocess import Preprocessing
from foveate.models.model import Model
from foveate.models.registry import create_model
from foveate.tasks.detection.task import Detection

HEIGHT, WIDTH, CLASSES = 64, 96, ("cup", "cat", "car")
LITE = {"trunk_options": {"width": 0.5, "depth": 0.25}, "width": 24}
NETWORKS = {
    "centre_efficientnet_lite0": LITE | {"depth": 1, "candidates": 60},
    "faster_rcnn_efficientnet_lite0": LITE | {"hidden": 32},
    "fast_rcnn_efficientnet_lite0": LITE | {"hidden": 32, "proposals": 40},
    "rcnn_efficientnet_lite0": {"trunk_options": LITE["trunk_options"], "crop": 32, "proposals": 20},
    "nanodet_g": {"width": 8, "channels": 16},
}
PLACES = {"centre_efficientnet_lite0", "nanodet_g"}  # which propose nothing


@pytest.fixture(scope="module", params=NETWORKS)
def net(request, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("FOVEATE_CACHE", str(tmp_path_factory.mktemp("cache")))
    torch.manual_seed(0)
    module = create_model(request.param, num_classes=len(CLASSES), **NETWORKS[request.param]).eval()
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "score" in name or "bbox_pred" in name or "distance" in name:
                weight.copy_(torch.randn_like(weight) * (0.3 if weight.ndim > 1 else 0.1))
    preprocessing = Preprocessing(HEIGHT, WIDTH, mean=(0.5,) * 3, std=(0.25,) * 3)
    yield Model("finder", module, preprocessing, Detection(CLASSES), {"name": request.param, "options": {}})
    patch.undo()


def test_the_boxes_are_the_models_answer_and_each_number_is_a_sum(make, net):
    client = make(net)
    run = client.run()
    found = client.get(f"/api/runs/{run}/boxes")
    of_run = client.session.runs.get(run)
    candidates = of_run.outputs.numpy()
    scores = [one["score"] for one in found["boxes"]]
    assert len(scores) > 3
    assert scores == sorted(scores, reverse=True)
    assert found["told"] == sum(score >= found["threshold"] for score in scores)
    for number in (0, len(scores) - 1):
        one = found["boxes"][number]
        assert one["label"] == CLASSES[one["class"]]
        same = np.abs(candidates[:, :4] - one["box"]).max(axis=1) < 1e-3
        (raw, *_) = candidates[same & (candidates[:, 5] == one["class"]), 4]
        _check_sums(client, net, f"/api/runs/{run}/boxes/{number}", one, raw)


def _check_sums(client, net, at, one, raw):
    why = client.get(at)
    assert (why["what"], why["of"][0], why["class"]) == ("score", "score", one["class"])
    for name in why["of"]:
        told = client.get(f"{at}?of={name}")
        for each in told["sums"]:
            assert each["total"] == pytest.approx(each["value"], abs=1e-4)
    if net.architecture["name"] in PLACES:
        assert why["region"] is None
        # The score is the sum's own sigmoid: no other number has a part in it.
        assert 1 / (1 + np.exp(-why["sums"][0]["value"])) == pytest.approx(raw, abs=1e-5)
    else:
        assert {each["op"] for each in why["sums"]} >= {"linear", "flatten"}
        _check_corners(client, at, one, why)


def _check_corners(client, at, one, why):
    """The box is its region moved by the four numbers, as R-CNN has it (arXiv 1311.2524, appendix C)."""
    across, down, wider, higher = (
        client.get(f"{at}?of={name}")["sums"][0]["value"] for name in why["of"][1:]
    )
    x1, y1, x2, y2 = why["region"]
    width, height = x2 - x1, y2 - y1
    x, y = (x1 + x2) / 2 + across / 10 * width, (y1 + y2) / 2 + down / 10 * height
    width, height = width * np.exp(min(wider / 5, 4.135)), height * np.exp(min(higher / 5, 4.135))
    box = np.clip([x - width / 2, y - height / 2, x + width / 2, y + height / 2], 0, [WIDTH, HEIGHT] * 2)
    np.testing.assert_allclose(one["box"], box, atol=1e-2)


def test_where_it_looked(make, net):
    client = make(net)
    run = client.run()
    found = client.get(f"/api/runs/{run}/boxes")
    regions = np.array(found["regions"]).reshape(-1, 5)
    assert (len(regions) == 0) == (net.architecture["name"] in PLACES)
    assert (len(found["anchors"]) > 0) == net.architecture["name"].startswith("faster")
    if not len(regions):
        return
    assert (np.diff(regions[:, 4]) <= 1e-6).all()
    assert (regions[:, :2] >= 0).all() and (regions[:, 2:4] <= [WIDTH, HEIGHT]).all()
    why = client.get(f"/api/runs/{run}/boxes/0")
    assert np.abs(regions[:, :4] - why["region"]).max(axis=1).min() < 1e-3
    points = np.array(why["points"])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    x1, y1, x2, y2 = why["region"]
    slack = 1.5 * why["stride"]  # a region smaller than a place is read as one place wide
    assert x1 <= left <= right <= max(x2, x1 + slack) and y1 <= top <= bottom <= max(y2, y1 + slack)
    assert len(points) >= 49


def test_what_is_not_there_is_told(make, net, client):
    own = make(net)
    run = own.run()
    assert b"There are the boxes 0 to" in own.ask("GET", f"/api/runs/{run}/boxes/999").content
    wrong = own.ask("GET", f"/api/runs/{run}/boxes/0?of=colour")
    assert wrong.status == 422
    assert b"of: expected one of score" in wrong.content
    answer = client.ask("GET", f"/api/runs/{client.run()}/boxes")
    assert (answer.status, b"finds no boxes" in answer.content) == (404, True)
