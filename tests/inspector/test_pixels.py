"""An answer for each pixel in the inspector: drawn, with its shares, and one pixel's score taken apart."""

import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from foveate.images.preprocess import Preprocessing
from foveate.models.blueprint import load_blueprint
from foveate.models.model import Model
from foveate.resolve import designed, registered
from foveate.tasks.segmentation.task import Segmentation
from pixelwise import CLASSES, SIDE, pixelwise
from strongest import COLOURS


class Skips(nn.Module):
    """FCN's way: coarse scores, enlarged and added to finer ones, enlarged again."""

    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(3, 5, 3, stride=2, padding=1)
        self.coarse = nn.Conv2d(5, 6, 3, stride=2, padding=1)
        self.of_fine, self.of_coarse = nn.Conv2d(5, 3, 1), nn.Conv2d(6, 3, 1)

    def forward(self, x):
        fine = torch.relu(self.fine(x))
        enlarge = nn.functional.interpolate
        coarse = enlarge(self.of_coarse(torch.relu(self.coarse(fine))), fine.shape[2:], mode="bilinear")
        return enlarge(self.of_fine(fine) + coarse, x.shape[2:], mode="bilinear", align_corners=False)


@pytest.fixture
def skips(make):
    torch.manual_seed(3)
    task = Segmentation(CLASSES, colours=COLOURS, temperature=2.0)
    return make(Model("skips", Skips().eval(), Preprocessing(SIDE, SIDE + 4), task))


def run_of(client):
    picture = client.get("/api/pictures")["pictures"][0]["id"]
    found = client.post("/api/runs", {"picture": picture})
    return found, client.session.runs.get(found["run"])


def test_the_answer_is_drawn_in_the_classes_colours(skips):
    found, run = run_of(skips)
    with torch.no_grad():
        outputs = run.net.module(run.x)[0]
    wanted = outputs.argmax(dim=0).numpy()
    drawn = Image.open(io.BytesIO(skips.ask("GET", found["drawn"]["url"]).content))
    assert np.array_equal(np.asarray(drawn.convert("RGB")), np.array(COLOURS, np.uint8)[wanted])
    counts = np.bincount(wanted.ravel(), minlength=3) / wanted.size
    order = [int(k) for k in np.argsort(-counts, kind="stable") if counts[k]]
    assert [one["class"] for one in found["drawn"]["shares"]] == order
    assert [one["share"] for one in found["drawn"]["shares"]] == pytest.approx(counts[order].tolist())
    means = torch.softmax(outputs / 2.0, dim=0).mean(dim=(1, 2)).numpy()
    assert [row["class"] for row in found["top"]] == np.argsort(-means, kind="stable").tolist()
    assert [row["probability"] for row in found["top"]] == pytest.approx(
        np.sort(means)[::-1].tolist(), rel=1e-5
    )
    network = skips.get("/api/network")
    assert (network["whole_picture"], network["class_count"]) == (False, 3)
    assert network["palette"] == ["#c80000", "#00c800", "#0000c8"]


@pytest.mark.parametrize("place", [(0, 0), (13, 22), (31, 35), (30, 1)])
def test_the_sum_behind_a_pixel_is_the_networks_own_number(skips, place):
    found, run = run_of(skips)
    row, column = place
    with torch.no_grad():
        scores = run.net.module(run.x)[0, :, row, column]
    shares = torch.softmax(scores / 2.0, dim=0)
    pixel = skips.get(f"/api/runs/{found['run']}/pixel?row={row}&column={column}")
    assert (pixel["class"], pixel["label"]) == (int(scores.argmax()), CLASSES[int(scores.argmax())])
    for told in pixel["top"]:
        assert told["score"] == pytest.approx(float(scores[told["class"]]), rel=1e-6)
        assert told["probability"] == pytest.approx(float(shares[told["class"]]), rel=1e-5)
    for number in range(3):
        pixel = skips.get(f"/api/runs/{found['run']}/pixel?row={row}&column={column}&class={number}")
        first, joined, *_, last = pixel["sums"]
        assert (first["op"], joined["op"], last["op"]) == ("bilinear", "add", "conv2d")
        assert first["value"] == pytest.approx(float(scores[number]), rel=1e-6)
        for one in pixel["sums"]:  # made anew in float64 of what it shows
            pairs = [[np.array(term[key], float) for key in ("weight", "input")] for term in one["terms"]]
            shown = sum(float(np.nansum(weight * number)) for weight, number in pairs)
            assert shown + (one["bias"] or 0) == pytest.approx(one["value"], rel=1e-4, abs=1e-5)
        # each step is the largest part of the one before
        weighed = np.array(first["terms"][0]["weight"]) * np.array(first["terms"][0]["input"])
        largest = np.array(first["terms"][0]["input"]).ravel()[np.abs(weighed).argmax()]
        assert joined["value"] == pytest.approx(largest, rel=1e-6)


def test_what_a_pixel_saw_is_what_its_scores_depend_on(skips):
    found, run = run_of(skips)
    x = run.x.clone().requires_grad_()
    # Absolute weights and no rectifying: nothing cancels, and every pixel that could count does.
    net = Skips()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.rand_like(parameter) + 0.1)
    net(x.abs() + 0.1)[0, :, 20, 9].sum().backward()
    seen = np.argwhere(x.grad[0].abs().sum(dim=0).numpy() > 0)
    field = skips.get(f"/api/runs/{found['run']}/pixel?row=20&column=9")["field"]
    assert [field["top"], field["left"]] == seen.min(axis=0).tolist()
    assert [field["bottom"], field["right"]] == seen.max(axis=0).tolist()


def test_places_and_classes_that_are_not_there(skips, client):
    run = run_of(skips)[0]["run"]
    for query, status in (("row=32&column=0", 422), ("row=0&column=36", 422), ("row=x&column=0", 400)):
        assert skips.ask("GET", f"/api/runs/{run}/pixel?{query}").status == status
    assert skips.ask("GET", f"/api/runs/{run}/pixel?row=0&column=0&class=3").status == 422
    whole = client.run()
    refused = client.ask("GET", f"/api/runs/{whole}/pixel?row=0&column=0")
    assert refused.status == 422 and "about the whole picture" in json.loads(refused.content)["error"]
    assert client.ask("GET", f"/api/runs/{whole}/drawn.png").status == 404


def test_heat_for_a_class_of_pixels(skips):
    run = run_of(skips)[0]["run"]
    found = skips.post("/api/explain", {"run": run, "method": "grad-cam", "class": 1})
    assert (found["label"], found["facts"]["layer"]) == ("green", "coarse")
    assert skips.ask("GET", found["url"]).status == 200


def test_heat_for_one_pixel(skips):
    found, run = run_of(skips)
    with torch.no_grad():
        shares = torch.softmax(run.net.module(run.x)[0, :, 9, 30] / 2.0, dim=0)
    asked = {"run": found["run"], "method": "occlusion", "pixel": {"row": 9, "column": 30}}
    for number in (None, 0, 1, 2):
        told = skips.post("/api/explain", asked | {"class": number})
        wanted = int(shares.argmax()) if number is None else number
        assert told["class"] == wanted
        assert told["probability"] == pytest.approx(float(shares[wanted]), rel=1e-5)
        assert told["hiding"]["before"] == pytest.approx(float(shares[wanted]), rel=1e-5)
    for pixel in ({"row": 32, "column": 0}, {"row": 0}, "middle"):
        skips.post("/api/explain", asked | {"pixel": pixel}, 422)


def test_networks_that_nobody_trained_open_too(make):
    assert registered("pyramid_compact", untrained=True).task.labels[:2] == ("class 0", "class 1")
    small = load_blueprint(pixelwise().architecture["blueprint"])
    client = make(designed(small, "small"))
    found, _ = run_of(client)
    assert found["drawn"]["shares"] and client.get("/api/network")["classes"] is None
    opened = client.post("/api/nets", {"name": "fcn32s_resnet18"})
    network = client.get(f"/api/network?net={opened['net']}")
    assert network["nodes"][-1]["op"] == "bilinear" and network["class_count"] == 21


def test_a_network_that_gives_no_map_for_a_task_of_maps_is_refused(make):
    flat = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3)).eval()
    client = make(Model("flat", flat, Preprocessing(8, 8), Segmentation(CLASSES)))
    answer = client.ask("GET", "/api/network")
    assert (
        answer.status == 422 and "must give a map of numbers a label" in json.loads(answer.content)["error"]
    )
