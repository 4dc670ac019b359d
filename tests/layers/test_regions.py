"""RoIPool and RoIAlign, ours and the NumPy twins, against torchvision's figures; in ONNX; taken apart."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from foveate.exporter.emitter import emit
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.layers.feature_pyramid import FeaturePyramid
from foveate.layers.regions import Pooling, PyramidRoIAlign, RoIAlign, RoIPool, roi_align, roi_pool
from foveate.reference import regions as reference
from waves import picture

EXPECTED = json.loads((Path(__file__).parent / "box_ops.json").read_text())["roi"]
ROIS = torch.tensor(EXPECTED["rois"], dtype=torch.float64)
BOXES, PICTURES = ROIS[:, 1:], ROIS[:, 0].long()
MAPS = picture(2, 3, 9, 11).double()


def close(found, expected, atol=1e-7):
    found, expected = (x.detach().numpy() if isinstance(x, torch.Tensor) else x for x in (found, expected))
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=0, atol=atol)


@pytest.mark.parametrize("case", EXPECTED["roi_align"], ids=str)
def test_roi_align(case):
    how = (tuple(case["output_size"]), case["spatial_scale"], case["sampling_ratio"], case["aligned"])
    close(roi_align(MAPS, BOXES, PICTURES, Pooling(*how)), case["out"])
    twin = reference.roi_align(MAPS.numpy(), BOXES.numpy(), PICTURES.numpy(), reference.Regions(*how))
    close(twin, case["out"])


@pytest.mark.parametrize("case", EXPECTED["roi_pool"], ids=str)
def test_roi_pool(case):
    how = (tuple(case["output_size"]), case["spatial_scale"])
    close(roi_pool(MAPS, BOXES, PICTURES, Pooling(*how)), case["out"])
    twin = reference.roi_pool(MAPS.numpy(), BOXES.numpy(), PICTURES.numpy(), reference.Regions(*how))
    close(twin, case["out"])


def test_the_gradient_of_roi_align():
    given = EXPECTED["roi_align_gradient"]
    how = (tuple(given["output_size"]), given["spatial_scale"], given["sampling_ratio"], given["aligned"])
    maps = MAPS.clone().requires_grad_()
    out = roi_align(maps, BOXES, PICTURES, Pooling(*how))
    (out * out).sum().backward()
    close(maps.grad, given["gradient"])
    twin = reference.roi_align_backward(
        2 * out.detach().numpy(), MAPS.numpy(), BOXES.numpy(), PICTURES.numpy(), reference.Regions(*how)
    )
    close(twin, given["gradient"])


def test_the_gradient_of_roi_pool_goes_to_the_greatest():
    maps, how = MAPS.clone().requires_grad_(), ((2, 3), 1.0)
    out = roi_pool(maps, BOXES, PICTURES, Pooling(*how))
    out.backward(picture(*out.shape).double())
    twin = reference.roi_pool_backward(
        picture(*out.shape).double().numpy(),
        MAPS.numpy(),
        BOXES.numpy(),
        PICTURES.numpy(),
        reference.Regions(*how),
    )
    close(maps.grad, twin)


class Regions(nn.Module):
    """A layer of regions between a map and numbers that are boxes."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        low = x[:, 0, :4, :2] * 2 + 4
        return self.layer(x, torch.cat([low, low + x[:, 1, :4, :2].abs() * 6 + 2], dim=2))


@pytest.mark.parametrize(
    "layer",
    [
        RoIAlign((3, 2), 0.5),
        RoIAlign((2, 2), 1.0, 0, aligned=True),
        RoIAlign((2, 2), 1.0, 0),
        RoIPool((2, 3), 1.0),
    ],
    ids=str,
)
def test_regions_in_onnx(layer):
    x, network = picture(3, 2, 9, 11), Regions(layer)
    file = emit(network, x, "x", "y").SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for rows in (x, x[:1]):
        (found,) = session.run(["y"], {"x": rows.numpy()})
        close(found, network(rows), atol=1e-5)


@pytest.mark.parametrize("layer", [RoIAlign((3, 2), 0.5), RoIAlign((2, 2), 1.0, 0, aligned=True)], ids=str)
def test_a_number_of_roi_align_taken_apart(layer):
    run = record(Regions(layer).eval(), picture(1, 2, 9, 11))
    last = len(run.steps) - 1
    for place in ((0, 0, 0), (3, 1, 3), (2, 1, 2)):
        found = explain_value(run, last, *place)
        assert found.total == pytest.approx(found.value, abs=1e-5)
        assert found.terms[0].sum == pytest.approx(found.total)


class OnTwoMaps(nn.Module):
    """Boxes of 30 and of 150 pixels, which are read from different maps, and a bit of the picture in them."""

    def __init__(self):
        super().__init__()
        self.layer = PyramidRoIAlign((2, 3), (4, 8))

    def forward(self, x):
        boxes = torch.tensor([[2.0, 3, 32, 33], [5, 1, 155, 151]])
        return self.layer(boxes + x[:, :1, :2, :4].flatten(1, 2), x, F.avg_pool2d(x, 2))


def test_a_number_of_a_pyramids_roi_align_is_of_the_map_that_suits_its_box():
    run = record(OnTwoMaps().eval(), picture(1, 2, 12, 16))
    last = len(run.steps) - 1
    read = []
    for place in ((0, 0, 0), (0, 1, 5), (1, 1, 3), (1, 0, 2)):
        found = explain_value(run, last, *place)
        assert found.total == pytest.approx(found.value, abs=1e-5) and found.terms
        read.append(run.steps[found.terms[0].step].shape[1])
    assert read == [12, 12, 6, 6]


def test_a_pyramid_adds_the_enlarged_coarser_map():
    """Identity convolutions: each level is its map and all coarser ones, every place repeated."""
    pyramid = FeaturePyramid((1, 1, 1), 1)
    for block in pyramid.inner_blocks:
        nn.init.ones_(block[0].weight)
    for block in pyramid.layer_blocks:
        nn.init.zeros_(block[0].weight)
        block[0].weight.data[0, 0, 1, 1] = 1
    maps = [picture(1, 1, 8 >> i, 12 >> i) for i in range(3)]
    found = pyramid(maps)
    twice = maps[2].repeat_interleave(2, 2).repeat_interleave(2, 3) + maps[1]
    close(found[1].detach(), twice, atol=1e-6)
    close(found[0].detach(), maps[0] + twice.repeat_interleave(2, 2).repeat_interleave(2, 3), atol=1e-6)
    assert [tuple(m.shape[2:]) for m in found] == [(8, 12), (4, 6), (2, 3), (1, 2)]
