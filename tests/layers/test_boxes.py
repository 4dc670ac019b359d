"""Boxes, suppression, anchors and matching against torchvision's figures, and their NumPy twins with them."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from foveate.exporter.emitter import emit
from foveate.layers import boxes as ours
from foveate.layers.anchors import anchors_of_shapes, cell_anchors, grid_anchors
from foveate.layers.matching import BETWEEN, NOTHING, match, sample
from foveate.layers.regions import levels_of
from foveate.layers.suppression import CHUNK, NonMaximumSuppression, nms
from foveate.reference import boxes as reference

EXPECTED = json.loads((Path(__file__).parent / "box_ops.json").read_text())


def array(of):
    return np.array(of, dtype=float)  # null becomes NaN


def tensor(of):
    return torch.from_numpy(array(of))


def close(found, expected):
    np.testing.assert_allclose(np.asarray(found), array(expected), rtol=0, atol=1e-7)


def test_overlaps():
    given = EXPECTED["iou"]
    one, two = tensor(given["boxes1"]), tensor(given["boxes2"])
    close(ours.box_area(one), given["area1"])
    close(ours.box_iou(one, two), given["box_iou"])
    close(reference.box_iou(one.numpy(), two.numpy()), given["box_iou"])
    losses = EXPECTED["losses"]
    pairs = tensor(losses["giou_boxes1"]), tensor(losses["giou_boxes2"])
    close(1 - ours.generalized_iou(*pairs), losses["giou_none"])
    close(1 - reference.generalized_iou(*(p.numpy() for p in pairs)), losses["giou_none"])


def test_steps_there_and_back():
    given = EXPECTED["box_coder"]
    truth, anchors, steps = (tensor(given[name]) for name in ("truth", "anchors", "deltas"))
    for case in given["cases"]:
        weights = ours.CoderWeights(*case["weights"])
        encoded = ours.encode_boxes(truth, anchors, weights)
        close(encoded, case["encoded"])
        close(reference.encode_boxes(truth.numpy(), anchors.numpy(), weights), case["encoded"])
        close(ours.decode_boxes(steps, anchors, weights), case["decoded"])
        close(reference.decode_boxes(steps.numpy(), anchors.numpy(), weights), case["decoded"])
        close(ours.decode_boxes(encoded, anchors, weights), case["decoded_of_encoded"])


@pytest.mark.parametrize("weights", [(1.0, 1.0, 1.0, 1.0), (10.0, 10.0, 5.0, 5.0)])
def test_gradients_of_the_twins_are_torchs(weights):
    rng = np.random.default_rng(0)
    anchors = np.concatenate([rng.uniform(0, 50, (6, 2)), rng.uniform(60, 99, (6, 2))], axis=1)
    steps, grad = rng.normal(size=(6, 4)) * weights, rng.normal(size=(6, 4))
    steps[0, 2] = 5 * weights[2]  # beyond what a side may grow
    boxes = anchors + rng.uniform(-3, 3, (6, 4))
    for name, x in (("decode_boxes", steps), ("encode_boxes", boxes)):
        given = torch.from_numpy(x.copy()).requires_grad_()
        out = getattr(ours, name)(given, torch.from_numpy(anchors), ours.CoderWeights(*weights))
        out.backward(torch.from_numpy(grad))
        close(getattr(reference, f"{name}_backward")(grad, x, anchors, weights), given.grad.tolist())


def test_clipping():
    given = EXPECTED["clip"]
    boxes, size = tensor(given["boxes"]), tuple(given["size_hw"])
    close(ours.clip_boxes(boxes, size), given["clipped"])
    close(reference.clip_boxes(boxes.numpy(), size), given["clipped"])
    large = ours.of_side(boxes, given["min_size"]).nonzero()[:, 0].tolist()
    clipped = ours.of_side(tensor(given["clipped"]), given["min_size"]).nonzero()[:, 0].tolist()
    assert given["kept_at_least_min_size"] == clipped != large


def test_suppression():
    given = EXPECTED["nms"]
    boxes, scores, labels = tensor(given["boxes"]), tensor(given["scores"]), torch.tensor(given["labels"])
    for threshold, expected in given["nms"].items():
        assert nms(boxes, scores, float(threshold)).tolist() == expected
        assert reference.nms(boxes.numpy(), scores.numpy(), float(threshold)) == expected
    for threshold, expected in given["batched_nms"].items():
        assert nms(boxes, scores, float(threshold), labels).tolist() == expected
    exact = EXPECTED["nms_at_threshold"]
    for threshold, expected in exact["nms"].items():
        assert nms(tensor(exact["boxes"]), tensor(exact["scores"]), float(threshold)).tolist() == expected
    assert nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []


def test_classes_never_meet_however_boxes_lie():
    """torchvision shifts boxes by their class; negative coordinates then overlap another class's."""
    given = EXPECTED["batched_nms_negative"]
    found = nms(
        *(tensor(given[k]) for k in ("boxes", "scores")), given["threshold"], torch.tensor(given["labels"])
    )
    assert sorted(found.tolist()) == sorted(given["class_by_class"])


@pytest.mark.parametrize("count", [7, CHUNK + 300])
def test_suppression_is_greedy_however_many_boxes(count):
    rng = np.random.default_rng(count)
    corners = rng.uniform(0, 120, (count, 2))
    boxes = np.concatenate([corners, corners + rng.uniform(5, 40, (count, 2))], axis=1)
    scores = rng.integers(0, 50, count) / 50  # many ties
    expected = reference.nms(boxes, scores, 0.4)
    assert nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.4).tolist() == expected
    together = torch.from_numpy(np.concatenate([boxes, scores[:, None]], axis=1))[None]
    found = NonMaximumSuppression(0.4, most=count)(together)[0]
    assert set(found.nonzero()[:, 0].tolist()) == {i for i in expected if scores[i] > 0}
    few = NonMaximumSuppression(0.4, most=5)(together)[0]
    assert set(few.nonzero()[:, 0].tolist()) == set([i for i in expected if scores[i] > 0][:5])


def test_suppression_in_onnx_where_pictures_have_many_boxes_and_none():
    generator = torch.Generator().manual_seed(0)
    corners = torch.rand(3, 60, 2, generator=generator) * 50
    x = torch.cat([corners, corners + 15, torch.rand(3, 60, 1, generator=generator)], dim=2)
    x[1, :, 4] = 0  # of this picture nothing stays
    layer = NonMaximumSuppression(0.3, most=8)
    file = emit(torch.nn.Sequential(layer), x, "x", "kept").SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for rows in (x, x[1:2], x[:1]):
        (found,) = session.run(["kept"], {"x": rows.numpy()})
        assert np.array_equal(found, layer(rows).numpy())
    assert (layer(x) > 0).sum(1).tolist() == [8, 0, 8]


def test_anchors():
    given = EXPECTED["anchors"]
    found = []
    for sizes, size, cells in zip(given["sizes"], given["level_shapes"], given["cells"], strict=True):
        mine = cell_anchors(sizes, given["aspect_ratios"])
        close(mine, cells)
        stride = tuple(n // m for n, m in zip(given["image_hw"], size, strict=True))
        found.append(grid_anchors(mine, tuple(size), stride))
    close(torch.cat(found), given["all"])
    mobile = EXPECTED["anchors_mobilenet"]
    close(cell_anchors(mobile["sizes"], mobile["aspect_ratios"]), mobile["cells"])
    close(anchors_of_shapes([(10, 4)]), [[-5, -2, 5, 2]])


def test_matching():
    given = EXPECTED["matcher"]
    iou = ours.box_iou(tensor(given["truth"]), tensor(EXPECTED["anchors"]["all"]))
    for case in (given["rpn"], given["box_head"]):
        low_too = case["allow_low_quality_matches"]
        found = match(iou, high=case["high"], low=case["low"], each_truth=low_too)
        assert found.tolist() == case["matches"]
    assert match(iou[:0], high=0.5, low=0.5).tolist() == [NOTHING] * iou.shape[1]


def test_samples_are_the_same_for_the_same_generator():
    matches = torch.tensor([NOTHING] * 50 + [BETWEEN] * 5 + list(range(20)))

    def draw(seed):
        return sample(
            matches, count=16, positive_fraction=0.25, generator=torch.Generator().manual_seed(seed)
        )

    assert draw(3).tolist() == draw(3).tolist() != draw(4).tolist()
    drawn = matches[draw(3)]
    assert (drawn[:4] >= 0).all() and (drawn[4:] == NOTHING).all() and len(set(draw(3).tolist())) == 16


def test_large_boxes_are_read_from_coarse_maps():
    given = EXPECTED["level_mapper"]
    assert (levels_of(tensor(given["boxes"]), 4) + 2).tolist() == given["level"]
