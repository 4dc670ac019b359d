"""Detectors of every kind: what they give, what they learn, whose weights they take, and ONNX."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from foveate.errors import InputError
from foveate.exporter.emitter import emit
from foveate.graph.summary import summarize
from foveate.layers.boxes import box_iou
from foveate.layers.truth import Truth
from foveate.models import create_model, list_models, model_info
from foveate.models.centre import answering, quality_focal_loss
from foveate.models.detector import Detector, suppressed
from foveate.models.region_detector import RegionDetector
from foveate.models.roi_heads import Sampled
from foveate.models.rpn import Selection
from foveate.models.searching import Searching
from foveate.models.weightless import weightless
from spreading import spread

LITE: dict[str, Any] = {"trunk_options": {"width": 0.5, "depth": 0.25}, "width": 24}
SMALL: dict[str, dict[str, Any]] = {
    "centre_efficientnet_lite0": LITE | {"depth": 1, "candidates": 60},
    "faster_rcnn_efficientnet_lite0": LITE | {"hidden": 32},
    "faster_rcnn_vgg16": {"trunk_options": {"width": 4}, "hidden": 32},
    "fast_rcnn_efficientnet_lite0": LITE | {"hidden": 32, "proposals": 60},
    "fast_rcnn_vgg16": {"trunk_options": {"width": 4}, "hidden": 32, "proposals": 60},
    "rcnn_efficientnet_lite0": {"trunk_options": LITE["trunk_options"], "crop": 32, "proposals": 60},
    "rcnn_alexnet": {
        "trunk_options": {"width": 4, "hidden": 16}, "crop": 64, "hidden": 16, "proposals": 60
    },
    "fasterrcnn_resnet50_fpn": {
        "trunk_options": {"width": 8, "depths": (1, 1, 1, 1)}, "width": 16, "hidden": 32, "proposals": 50
    },
    "fasterrcnn_resnet50_fpn_v2": {
        "trunk_options": {"width": 8, "depths": (1, 1, 1, 1)}, "width": 16, "hidden": 32, "proposals": 50
    },
    "fasterrcnn_mobilenet_v3_large_320_fpn": {
        "trunk_options": {"width": 0.25}, "width": 16, "hidden": 32, "proposals": 50
    },
}  # fmt: skip
CLASSES, HEIGHT, WIDTH = 3, 96, 128


def made(name: str, **options: Any) -> Detector:
    torch.manual_seed(0)
    network = create_model(name, num_classes=CLASSES, **(SMALL[name] | options)).eval()
    assert isinstance(network, Detector)
    if isinstance(network, RegionDetector):  # few regions are looked at, for speed
        network.roi_heads.settings = replace(network.roi_heads.settings, sampled=32)
    if isinstance(network, RegionDetector) and not isinstance(network, Searching):
        network.rpn.settings = replace(network.rpn.settings, before_training=100, after_training=60)
        usual = network.rpn.selection
        network.rpn.selection = Selection(
            usual.before.most, min(usual.after.most, 150), network.rpn.settings.overlap
        )
    return network


def squares(count: int = 2, seed: int = 0) -> tuple[Tensor, list[Truth]]:
    """Pictures with two squares each, red or green or blue, and where they are."""
    generator = torch.Generator().manual_seed(seed)
    pictures, truths = torch.zeros(count, 3, HEIGHT, WIDTH), []
    for picture in pictures:
        boxes, labels = [], []
        for left in (8, 72):
            side = int(torch.randint(20, 41, (1,), generator=generator))
            x, y = (
                left + int(torch.randint(0, 8, (1,), generator=generator)),
                int(torch.randint(4, 50, (1,), generator=generator)),
            )
            label = int(torch.randint(0, CLASSES, (1,), generator=generator))
            picture[label, y : y + side, x : x + side] = 2
            boxes.append([x, y, x + side, y + side])
            labels.append(label)
        crowd = torch.zeros(2, dtype=torch.bool)
        truths.append(Truth(torch.tensor(boxes, dtype=torch.float32), torch.tensor(labels), crowd))
    return pictures, truths


def fed(network: Detector, x: Tensor) -> dict[str, np.ndarray]:
    """What the network's graph is given: pictures, and of R-CNN and Fast R-CNN where to look."""
    told = {"proposals": network.search(x).numpy()} if isinstance(network, Searching) else {}
    return {"x": x.numpy(), **told}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEATE_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", SMALL)
def test_candidates_stand_by_falling_score_within_the_picture(name: str) -> None:
    network, (x, _) = made(name), squares()
    with torch.no_grad():
        found = network(x)
    assert found.shape[0] == 2 and found.shape[2] == 6
    scores = found[..., 4]
    assert (scores[:, 1:] <= scores[:, :-1]).all() and (scores >= 0).all() and (scores <= 1).all()
    assert (found[..., :4] >= 0).all() and (found[..., [0, 2]] <= WIDTH).all()
    assert (found[..., [1, 3]] <= HEIGHT).all() and (found[..., 5] < CLASSES).all()


@pytest.mark.parametrize("name", SMALL)
def test_onnx_gives_the_same_candidates_whatever_the_batch(name: str) -> None:
    x, _ = squares(3)
    x = x + torch.rand(x.shape, generator=torch.Generator().manual_seed(1))  # no two places are alike
    network = spread(made(name), x)
    session = onnxruntime.InferenceSession(
        emit(network, x, "x", "candidates").SerializeToString(), providers=["CPUExecutionProvider"]
    )
    for rows in (x, x[:1], x.flip(0)):
        (given,) = session.run(["candidates"], fed(network, rows))
        with torch.no_grad():
            expected = network(rows)
        for exported, own in zip(torch.from_numpy(given), expected, strict=True):
            assert exported.shape == own.shape
            one, other = exported[exported[:, 4] > 0], own[own[:, 4] > 0]
            assert len(one) == len(other) > 30
            same = (box_iou(one[:, :4], other[:, :4]) > 0.99) & (one[:, None, 5] == other[:, 5])
            same &= (one[:, None, 4] - other[:, 4]).abs() < 1e-3
            assert same.any(dim=0).all() and same.any(dim=1).all()
    (nothing,) = session.run(["candidates"], fed(network, torch.zeros(2, 3, HEIGHT, WIDTH)))
    assert np.isfinite(nothing).all() and (np.diff(nothing[..., 4], axis=1) <= 0).all()


def one_square_each(count: int) -> tuple[Tensor, list[Truth]]:
    """Pictures of 48 x 64 with a square of 16 to 28 pixels, red or green or blue."""
    generator = torch.Generator().manual_seed(0)
    pictures, truths = torch.zeros(count, 3, 48, 64), []
    for number, picture in enumerate(pictures):
        side = int(torch.randint(16, 29, (1,), generator=generator))
        x = int(torch.randint(0, 64 - side, (1,), generator=generator))
        y = int(torch.randint(0, 48 - side, (1,), generator=generator))
        label = number % CLASSES
        picture[label, y : y + side, x : x + side] = 2
        box = torch.tensor([[x, y, x + side, y + side]], dtype=torch.float32)
        truths.append(Truth(box, torch.tensor([label]), torch.zeros(1, dtype=torch.bool)))
    return pictures, truths


def learn_by_heart(network: Detector, x: Tensor, truths: list[Truth], steps: int, rate: float) -> None:
    """On a trunk that does not lose what pictures show; then each box must be found, by a score of 0.3."""
    spread(network, x, "trunk.")
    optimiser = torch.optim.AdamW(network.parameters(), rate, fused=True)
    network.train()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * min(1, 2 * (1 - step / steps))
        parts = network.forward_to_learn(x)[0].losses(truths)
        optimiser.zero_grad()
        sum(parts[part] for part in parts if part != "quality").backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
    with torch.no_grad():
        for found, truth in zip(network.eval()(x), truths, strict=True):
            best = suppressed(found, threshold=0.5, most=len(truth.boxes), least_score=0.3)
            order = best[:, 0].argsort()
            assert best[order, 5].tolist() == truth.labels.tolist()
            assert box_iou(best[order, :4], truth.boxes).diagonal().min() > 0.8


def test_eight_pictures_are_learnt_by_heart_in_one_stage() -> None:
    learn_by_heart(made("centre_efficientnet_lite0"), *one_square_each(8), 70, 6e-3)


def test_pictures_are_learnt_by_heart_in_two_stages() -> None:
    learn_by_heart(made("faster_rcnn_efficientnet_lite0"), *squares(2), 150, 3e-3)


def test_norms_follow_the_pictures_only_where_they_are_to() -> None:
    network, (x, truths) = made("faster_rcnn_efficientnet_lite0"), squares()
    norm = network.get_submodule("trunk.features.0.1")
    for frozen in (False, True):
        before = norm.running_mean.clone()
        network.freeze_norms(frozen)
        sum(network.train().forward_to_learn(x)[0].losses(truths).values()).backward()
        assert torch.equal(norm.running_mean, before) == frozen
    assert not network.eval().trunk.training


@pytest.mark.parametrize("name", SMALL)
def test_pictures_without_boxes_and_crowds_can_be_learnt_from(name: str) -> None:
    network, (x, truths) = made(name), squares()
    nothing = Truth(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.bool))
    crowd = truths[1]._replace(crowd=torch.ones(2, dtype=torch.bool))
    network.train()
    for given in ([nothing, nothing], [nothing, crowd], [truths[0], nothing]):
        parts = network.forward_to_learn(x)[0].losses(given)
        total = sum(parts.values())
        assert torch.isfinite(total)
        total.backward()


def test_regions_of_r_cnn_are_warped_to_one_size() -> None:
    """Of a picture that rises evenly a crop rises evenly, from the middle of its first cell to the last's."""
    network = made("rcnn_efficientnet_lite0")
    x = torch.arange(WIDTH, dtype=torch.float32).expand(1, 3, HEIGHT, WIDTH) + 0.5  # at the pixels' middles
    boxes = torch.tensor([[[10.0, 4, 74, 90], [100, 50, 116, 60]]])
    crops = network.roi_heads.box_roi_pool(boxes, x)
    assert crops.shape == (1, 2, 3, 32, 32)
    for crop, (left, width) in zip(crops[0], ((10.0, 64.0), (100.0, 16.0)), strict=True):
        expected = left + (torch.arange(32) + 0.5) * width / 32
        assert torch.allclose(crop, expected.expand(3, 32, 32), atol=1e-3)


def test_what_a_frozen_trunk_saw_of_regions_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    x, _ = squares()
    network = spread(made("rcnn_efficientnet_lite0"), x)
    heads, trunk = network.roi_heads, network.roi_heads.box_head.trunk
    network.train()
    boxes = network.search(x)
    sampled = [Sampled(one, torch.tensor([4, 0, 7])) for one in boxes]
    expected = heads.of_sampled([x], sampled)  # the trunk learns: nothing is kept
    assert expected.requires_grad
    network.freeze_trunk(True)
    found = heads.of_sampled([x], sampled)
    assert torch.allclose(found, expected, rtol=2e-3, atol=2e-3) and not found.requires_grad
    with monkeypatch.context() as patched:
        patched.setattr(trunk, "forward_features", lambda x: pytest.fail("looked at again"))
        again = heads.of_sampled([x], [Sampled(one, torch.tensor([7, 4])) for one in boxes])
    assert torch.equal(again, found[[2, 0, 5, 3]])
    with torch.no_grad():
        trunk.get_parameter("features.0.0.weight").mul_(1.5)
    other = heads.of_sampled([x], sampled)  # other weights see other things
    assert not torch.allclose(other, found, atol=1e-2)
    heads.box_roi_pool = made("rcnn_efficientnet_lite0", crop=48).roi_heads.box_roi_pool
    larger = heads.of_sampled([x], sampled)  # and so do the same weights in larger crops
    network.freeze_trunk(False)
    assert torch.allclose(larger, heads.of_sampled([x], sampled), rtol=2e-3, atol=2e-3)


def test_where_to_look_is_told_or_found() -> None:
    network, (x, truths) = made("fast_rcnn_efficientnet_lite0"), squares()
    pixels = (torch.rand(2, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(0)) * 255).round()
    mean, std = (torch.tensor(values)[:, None, None] for values in (network.search.mean, network.search.std))
    as_given = network.search((pixels / 255 - mean) / std)
    own = network.search.prepare(pixels.permute(0, 2, 3, 1).to(torch.uint8).numpy())
    assert np.array_equal(as_given.numpy(), own)  # the pixels are found again, to the last

    def losses(proposals: Tensor | None) -> list[float]:
        torch.manual_seed(0)  # of the sample
        told = [truth._replace(proposals=proposals) for truth in truths[:1]]
        return [part.item() for part in network.forward_to_learn(x[:1])[0].losses(told).values()]

    assert losses(None) == losses(network.search(x)[0]) != losses(torch.tensor([[0.0, 0, 9, 9]]))


@pytest.mark.parametrize("name", ["centre_efficientnet_lite0", "faster_rcnn_efficientnet_lite0"])
def test_one_box_and_five_hundred_can_be_learnt_from(name: str) -> None:
    network, (x, truths) = made(name), squares()
    corners = torch.rand(500, 2, generator=torch.Generator().manual_seed(0)) * 80
    many = Truth(
        torch.cat([corners, corners + 12], dim=1),
        torch.arange(500) % CLASSES,
        torch.zeros(500, dtype=torch.bool),
    )
    one = Truth(*(part[:1] for part in truths[0][:3]))
    total = sum(network.train().forward_to_learn(x)[0].losses([one, many]).values())
    total.backward()
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert torch.isfinite(total) and gradients and all(torch.isfinite(each).all() for each in gradients)


@pytest.mark.parametrize("name", ["centre_efficientnet_lite0", "faster_rcnn_efficientnet_lite0"])
def test_a_frozen_trunk_keeps_its_weights_and_its_norms(name: str) -> None:
    network, (x, truths) = made(name), squares()
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items() if key.startswith("trunk.")}
    network.freeze_trunk(True)
    optimiser = torch.optim.SGD(network.parameters(), 0.1)
    parts = network.forward_to_learn(x)[0].losses(truths)
    sum(parts.values()).backward()
    optimiser.step()
    after = network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())
    network.freeze_trunk(False)
    sum(network.forward_to_learn(x)[0].losses(truths).values()).backward()
    gradient = network.get_parameter("trunk.features.3.0.block.0.0.weight").grad
    assert gradient is not None and gradient.abs().sum() > 0
    norms = [key for key in before if key.endswith("running_mean")]
    assert norms and all(torch.equal(network.state_dict()[key], before[key]) for key in norms)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("centre_efficientnet_lite0", "trunk.features.0.", "trunk.features.2."),
        ("faster_rcnn_resnet18", "trunk.conv1.", "trunk.layer1."),
        ("fasterrcnn_resnet50_fpn", "backbone.body.conv1.", "backbone.body.layer1."),
        ("faster_rcnn_vgg16", "trunk.features.0.", "trunk.features.7."),
    ],
)
def test_the_first_layers_stay_where_the_trunk_was_learnt(name: str, first: str, last: str) -> None:
    """torchvision's detectors keep conv1 and layer1 of a ResNet, Fast R-CNN conv1_1 to conv2_2 of VGG-16."""
    with weightless():
        network = create_model(name)
    network.freeze_trunk(False)
    kept = [key for key, weight in network.named_parameters() if not weight.requires_grad]
    assert kept[0].startswith(first) and kept[-1].startswith(last)
    assert [key for key, _ in network.named_parameters()][: len(kept)] == kept
    network.freeze_norms(False)
    network.freeze_trunk(False)
    assert all(weight.requires_grad for weight in network.parameters())


def test_trunks_take_the_weights_of_their_classifiers() -> None:
    network = made("centre_efficientnet_lite0")
    given = create_model("efficientnet_lite0", width=0.5, depth=0.25)
    network.load_trunk(given)
    assert torch.equal(
        network.state_dict()["trunk.features.1.0.block.0.0.weight"], given.features[1][0].block[0][0].weight
    )
    with pytest.raises(InputError, match="takes the weights of efficientnet_lite0"):
        network.load_trunk(create_model("efficientnet_lite0", width=0.75, depth=0.25))


def test_classes_are_changed_in_place() -> None:
    for name in SMALL:
        network, (x, _) = made(name), squares()
        network.reset_classifier(1)
        with torch.no_grad():
            assert network(x)[..., 5].max() == 0


@pytest.mark.parametrize(
    ("name", "strides"),
    [
        ("faster_rcnn_efficientnet_lite0", (8, 16, 32, 64)),
        ("faster_rcnn_vgg16", (16,)),
        ("fasterrcnn_resnet50_fpn", (4, 8, 16, 32)),  # its fifth map's stride is torchvision's
    ],
)
def test_anchors_stand_a_stride_apart_whatever_the_sides_of_the_picture(
    name: str, strides: tuple[int, ...]
) -> None:
    """As the places of the maps do, of which none is as many of its stride as the picture is high or wide."""
    network = made(name)
    with torch.no_grad():
        maps = network.forward_maps(torch.rand(1, 3, 150, 202))
        seen = network.rpn.seen(maps, (150, 202))
    levels = ((seen.anchors[:, :2] + seen.anchors[:, 2:]) / 2).split(seen.counts)
    for one, stride, middles in zip(maps, strides, levels, strict=False):
        rows, columns = one.shape[2:]
        y, x = torch.meshgrid(torch.arange(rows) * stride, torch.arange(columns) * stride, indexing="ij")
        expected = torch.stack([x, y], dim=2)[:, :, None].float()
        assert (middles.reshape(rows, columns, -1, 2) == expected).all()


def test_anchors_are_as_many_for_each_level() -> None:
    shapes = tuple((side, side / 2) for side in (40.0, 10.0, 20.0, 80.0))
    network = made("faster_rcnn_efficientnet_lite0", anchors=shapes)
    assert network.rpn.cells[0] == [[-5, -2.5, 5, 2.5]] and network.rpn.cells[3] == [[-40, -20, 40, 20]]
    with pytest.raises(InputError, match="as many for each of the 4 levels, found 3"):
        made("faster_rcnn_efficientnet_lite0", anchors=shapes[:3])


def test_which_places_answer_for_a_box() -> None:
    """One level of 5x5 places, 8 pixels apart: of the nine around the centre those whose box fits best."""
    side = (torch.arange(5) + 0.5) * 8
    centres = torch.stack([side.repeat(5), side.repeat_interleave(5)], dim=1)
    strides = torch.full((25,), 8.0)
    large = answering(torch.tensor([[-12.0, -12.0, 52.0, 52.0]]), centres, strides, [25])
    assert (large >= 0).nonzero()[:, 0].tolist() == [12]  # just the middle one's usual box, of 64 pixels
    small = answering(torch.tensor([[10.0, 10.0, 30.0, 30.0]]), centres, strides, [25])
    assert (small >= 0).nonzero()[:, 0].tolist() == [
        6,
        7,
        8,
        11,
        12,
        13,
        16,
        17,
        18,
    ]  # it fits all nine alike
    assert (answering(torch.zeros(0, 4), centres, strides, [25]) == -1).all()
    # Of two boxes around one place it answers for the one that fits its usual box better.
    both = torch.tensor([[16.0, 16.0, 24.0, 24.0], [-10.0, -10.0, 50.0, 50.0]])
    assert answering(both, centres, strides, [25])[12] == 1


def test_the_loss_of_scores_by_its_formula() -> None:
    logit, wanted = 0.3, 0.8
    p = 1 / (1 + math.exp(-logit))
    expected = (wanted - p) ** 2 * -((1 - wanted) * math.log(1 - p) + wanted * math.log(p))
    found = quality_focal_loss(torch.tensor([logit]), torch.tensor([wanted]))
    assert found.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", [name for name in list_models() if model_info(name).output == "boxes"])
def test_the_catalogue_counts_parameters_and_layers(name: str) -> None:
    with weightless():
        network = create_model(name)
    info, aside = model_info(name), ("downsample", ".fc1", ".fc2")
    layers = [
        key
        for key, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and not any(part in key for part in aside)
    ]
    assert len(layers) == info.depth
    assert sum(parameter.numel() for parameter in network.parameters()) == info.parameters
    assert summarize(network, info.input_size).macs == info.macs
