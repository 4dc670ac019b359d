"""Drawings: every layer has its place, nothing overlaps, and what is written is well-formed."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch
from PIL import Image

from foveate.errors import InputError
from foveate.graph.draw import draw, svg
from foveate.graph.layout import lay_out
from foveate.graph.walk import walk
from foveate.models import create_model, model_info


def walked(name):
    with torch.device("meta"):
        return walk(create_model(name), model_info(name).input_size)


@pytest.mark.parametrize("name", ["convnet1", "resnet18", "googlenet", "efficientnet_b0"])
def test_boxes_and_curves(name):
    found = walked(name)
    layout = lay_out(found)
    places = np.array([box.place for box in layout.boxes])
    left, top, right, bottom = (
        places[:, 0],
        places[:, 1],
        places[:, 0] + places[:, 2],
        places[:, 1] + places[:, 3],
    )
    assert (
        left.min() >= 0 and top.min() >= 0 and right.max() <= layout.width and bottom.max() <= layout.height
    )
    for i in range(len(places)):
        others = np.arange(len(places)) > i
        apart = (left > right[i]) | (right < left[i]) | (top > bottom[i]) | (bottom < top[i])
        assert apart[others].all(), layout.boxes[i]
    for i, box in enumerate(layout.boxes):
        assert all(layout.boxes[source].rank < box.rank for source in box.inputs), i
    # Each path of the network is a curve, but for those inside a shared box.
    shared = sum(not node.container for node in found.nodes) - len(layout.boxes)
    assert len(layout.curves) == sum(len(node.inputs) for node in found.nodes if not node.container) - shared
    assert sum(box.parameters for box in layout.boxes) == model_parameters(name)


def model_parameters(name):
    # The walk is in evaluation mode: auxiliary heads are not drawn.
    return {"googlenet": 6_624_904}.get(name, model_info(name).parameters)


def test_a_plain_network_is_one_column_and_a_residual_skips_on_the_left():
    assert {box.lane for box in lay_out(walked("convnet1")).boxes} == {0}
    layout = lay_out(walked("resnet18"))
    titles = [box.title for box in layout.boxes]
    assert titles.count("add · ReLU") == 8
    projections = [box for box in layout.boxes if "downsample" in box.detail]
    assert len(projections) == 3 and {box.lane for box in projections} == {1}
    assert all(min(x for x, _ in curve) >= -10 for curve in layout.curves)


def test_svg_is_well_formed_and_self_contained():
    text = svg(lay_out(walked("resnet18")))
    root = ET.fromstring(text)
    words = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "Conv2d 7×7 /2" in words and "64×112×112" in words
    assert (
        "prefers-color-scheme: dark" in text
        and "href" not in text
        and "http" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    )


def test_names_are_escaped():
    class Evil(torch.nn.Sequential):
        pass

    net = Evil()
    net.add_module("<script>", torch.nn.Conv2d(1, 1, 1))
    assert "<script>" not in svg(lay_out(walk(net, (1, 4, 4))))


def test_files(tmp_path):
    found = walked("convnet1")
    draw(found, tmp_path / "net.svg")
    ET.parse(tmp_path / "net.svg")
    draw(found, tmp_path / "net.png")
    with Image.open(tmp_path / "net.png") as picture:
        assert picture.size[0] == 450 and len(np.unique(np.asarray(picture))) > 20
    with pytest.raises(InputError, match=r"written as \.svg or \.png"):
        draw(found, tmp_path / "net.gif")
