"""The four detectors of torchvision, stage by stage, against its figures.

The slowest, of which 1,000 regions go through four convolutions each, are looked at where few regions do; so
is one at 800 pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from foveate.layers.truth import Truth
from foveate.models import create_model
from foveate.models.region_detector import RegionDetector, batched, resize_scale
from waves import keys_sha256, photo, prepare, some

EXPECTED = json.loads((Path(__file__).parent / "detection_outputs.json").read_text())
PICTURES = [photo(240, 320, 1), photo(200, 180, 3)]
NAMES = [name for name in EXPECTED if name.startswith("fasterrcnn")]
STAGES = [name for name in NAMES if "@" not in name and name != "fasterrcnn_mobilenet_v3_large_fpn"]
QUICK = [name for name in STAGES if not name.endswith("_v2")]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the figures were made: with several threads torch enlarges pictures by another kernel.

    Its rounding, of a float32 resize, moves what follows by some millionths.
    """
    usual = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(usual)


def made(name: str) -> tuple[RegionDetector, dict[str, Any]]:
    expected = EXPECTED[name]
    network = create_model(expected["builder"], **expected["options"])
    prepare(network, expected["gain"], expected["scale"], expected["add"])
    assert isinstance(network, RegionDetector)
    return network.double().eval(), expected


def near(found: torch.Tensor, expected: dict[str, Any], tolerance: float = 1e-6) -> None:
    """A tensor's shape, and some of its numbers, over the deviation of all."""
    assert list(found.shape) == expected["shape"]
    apart = some(found, len(expected["values"])) - torch.tensor(expected["values"], dtype=torch.float64)
    assert (apart.abs() / expected["std"]).max() <= tolerance


@pytest.mark.parametrize("name", NAMES)
def test_names_shapes_and_constants(name: str) -> None:
    with torch.device("meta"):
        network = create_model(EXPECTED[name]["builder"])
    expected = EXPECTED[name]
    state = network.state_dict()
    assert keys_sha256(state) == expected["keys_sha256"]
    assert keys_sha256(state, "num_batches_tracked") == expected["keys_sha256_frozen"]
    assert sum(p.numel() for p in network.parameters()) == expected["parameters"]
    eps = {one.eps for one in network.modules() if isinstance(one, nn.BatchNorm2d)}
    assert sorted(eps) == expected["norm_eps"]


@pytest.mark.parametrize("name", STAGES)
@torch.no_grad()
def test_every_stage(name: str) -> None:
    network, expected = made(name)
    batch, sizes = batched(PICTURES, network.min_size, network.max_size)
    assert [list(size) for size in sizes] == expected["transform"]["resized_hw"]
    near(batch.double(), expected["transform"]["batch"], 1e-5)
    limits = torch.tensor([[w, h, w, h] for h, w in sizes], dtype=torch.float64)[:, None]
    maps = network.forward_maps(batch.double())
    for one, level in zip(maps, expected["features"].values(), strict=True):
        near(one, level)
    for one, level in zip(maps, expected["rpn"].values(), strict=True):
        scores, steps = network.rpn.head(one)
        near(scores, level["objectness"])
        near(steps, level["deltas"])
    seen = network.rpn.seen(maps, (batch.shape[2], batch.shape[3]))
    _same_anchors(seen, expected["anchors"])
    proposals = network.rpn.proposals(seen, limits)
    for found, those in zip(proposals, expected["proposals"], strict=True):
        assert int((found[:, 4] > 0).sum()) == those["count"]
        first = torch.tensor(those["first"], dtype=torch.float64)
        torch.testing.assert_close(found[: len(first), :4], first, rtol=0, atol=1e-4)
    _same_box_head(network, maps, expected["box_head"])


def _same_anchors(seen: Any, expected: dict[str, Any]) -> None:
    assert list(seen.counts) == expected["per_level"]
    assert seen.anchors[: len(expected["first"])].tolist() == expected["first"]
    assert seen.anchors[-len(expected["last"]) :].tolist() == expected["last"]
    torch.testing.assert_close(seen.anchors.mean(0), torch.tensor(expected["mean"], dtype=torch.float64))


def _same_box_head(network: RegionDetector, maps: Any, expected: dict[str, Any]) -> None:
    boxes = torch.tensor(expected["boxes"], dtype=torch.float64)
    parts = [boxes[:8], boxes[8:]]
    filled = torch.stack([torch.cat([part, part[:1].expand(8 - len(part), 4)]) for part in parts])
    pooled = network.roi_heads.box_roi_pool(filled, *maps)
    hidden = network.roi_heads.box_head(pooled)
    scores, steps = network.roi_heads.box_predictor(hidden)
    for name, found in (
        ("pooled", pooled), ("hidden", hidden), ("class_logits", scores), ("box_regression", steps)
    ):  # fmt: skip
        near(torch.cat([found[0], found[1, :4]]), expected[name])


@pytest.mark.parametrize("name", QUICK)
def test_answers(name: str) -> None:
    network, expected = made(name)
    together = network.detect(PICTURES)
    alone = [network.detect([picture])[0] for picture in PICTURES]
    wanted_all = expected["detections"] + expected["detections_alone"]
    for found, those in zip(together + alone, wanted_all, strict=True):
        if those is None:
            continue
        assert found["labels"].tolist() == those["labels"]
        for key in ("boxes", "scores"):
            wanted = torch.tensor(those[key], dtype=torch.float64)
            torch.testing.assert_close(found[key], wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", QUICK)
def test_losses_and_gradients(name: str) -> None:
    network, expected = made(name)
    given = EXPECTED["exhaustive"]
    object.__setattr__(network.rpn, "settings", _all_of(network.rpn.settings, given))
    network.roi_heads.settings = type(network.roi_heads.settings)(sampled=10**9)
    network.train()
    for one in network.modules():
        if isinstance(one, nn.BatchNorm2d):
            one.eval()
    batch, sizes = batched(PICTURES, network.min_size, network.max_size)
    limits = torch.tensor([[w, h, w, h] for h, w in sizes], dtype=torch.float64)[:, None]
    truths = []
    for target, picture, (h, w) in zip(EXPECTED["targets"], PICTURES, sizes, strict=True):
        boxes = torch.tensor(target["boxes"], dtype=torch.float32)
        boxes = boxes * torch.tensor([w / picture.shape[2], h / picture.shape[1]] * 2)
        labels = torch.tensor(target["labels"]) - 1
        truths.append(Truth(boxes.double(), labels, torch.zeros(len(boxes), dtype=torch.bool)))
    parts = network.to_learn(batch.double(), limits).losses(truths)
    names = {
        "loss_classifier": "classes", "loss_box_reg": "boxes",
        "loss_objectness": "objectness", "loss_rpn_box_reg": "proposal_boxes",
    }  # fmt: skip
    for theirs, ours in names.items():
        assert parts[ours].item() == pytest.approx(expected["training"]["losses"][theirs], rel=1e-5), theirs
    sum(parts[ours] for ours in names.values()).backward()
    for key, norm in expected["training"].get("gradient_norms_of_the_sum", {}).items():
        gradient = network.get_parameter(key).grad
        assert gradient is not None and gradient.norm().item() == pytest.approx(norm, rel=1e-5), key


def _all_of(settings: Any, given: dict[str, int]) -> Any:
    return type(settings)(
        sampled=10**9,
        before_training=given["rpn_pre_nms_top_n_train"],
        after_training=given["rpn_post_nms_top_n_train"],
    )


def test_sizes_and_padding_are_torchvisions() -> None:
    ops = json.loads((Path(__file__).parents[1] / "layers" / "box_ops.json").read_text())
    given = ops["transform_sizes"]
    for limits, expected in given["resized_hw_by_min_max"].items():
        low, high = map(int, limits.split(","))
        found = [
            [int(side * resize_scale(tuple(size), low, high)) for side in size] for size in given["sizes_hw"]
        ]
        assert found == expected
    case = ops["transform"]
    batch, sizes = batched(
        [photo(6, 9), photo(9, 5)], case["min_size"], case["max_size"], case["size_divisible"]
    )
    assert [list(size) for size in sizes] == case["image_sizes"]
    torch.testing.assert_close(
        batch.double(), torch.tensor(case["batch"], dtype=torch.float64), rtol=0, atol=1e-5
    )
