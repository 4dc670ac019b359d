"""Every pooling against the windows that unfold lays out, and what they have in common."""

import math

import pytest
import torch
import torch.nn.functional as F

from foveate.errors import InputError, ShapeError, UnknownNameError
from foveate.layers.pooling import DistanceWeightedPool2d, L2Pool2d, MinPool2d, SumPool2d
from foveate.layers.pooling_to_size import POOLINGS, AdaptiveMaxPool2d, GlobalMaxPool2d, pooling

SLIDING = ["max", "average", "min", "sum", "l2", "distance_weighted"]
EXAMPLE_C = torch.tensor([[1.0, 3, 2, 4], [5, 6, 1, 2], [3, 2, 8, 1], [4, 1, 3, 7]])[None, None]
RULES = {
    "min": lambda seen: seen.amin(2),
    "sum": lambda seen: seen.sum(2),
    "l2": lambda seen: seen.square().sum(2).sqrt(),
    "max": lambda seen: seen.amax(2),
    "average": lambda seen: seen.mean(2),
}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("kernel", "stride", "size"), [((2, 2), None, (4, 6)), ((3, 2), (1, 2), (5, 5))])
def test_against_unfolded_windows(name, kernel, stride, size):
    x = torch.randn(2, 3, *size)
    out = pooling(name)(kernel, stride)(x)
    windows = F.unfold(x, kernel, stride=stride or kernel).reshape(2, 3, kernel[0] * kernel[1], -1)
    assert torch.allclose(out.flatten(2), RULES[name](windows), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max", [[6, 4], [4, 8]]),
        ("average", [[3.75, 2.25], [2.5, 4.75]]),
        ("min", [[1, 1], [1, 1]]),
        ("sum", [[15, 9], [10, 19]]),
    ],
)
def test_worked_example_c(name, expected):
    assert pooling(name)(2, 2)(EXAMPLE_C)[0, 0].tolist() == expected


@pytest.mark.parametrize("name", POOLINGS)
def test_no_pooling_changes_the_channels(name):
    x = torch.randn(2, 5, 8, 6)
    layer = pooling(name)(*([] if name.startswith("global") else [2]))
    out = layer(x)
    assert out.shape[:2] == (2, 5)
    order = [4, 2, 0, 1, 3]
    assert torch.equal(layer(x[:, order]), out[:, order])
    assert not layer.state_dict()


@pytest.mark.parametrize("name", [n for n in POOLINGS if n not in {"max", "average", "adaptive_average"}])
def test_gradients(name):
    x = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    layer = pooling(name)(
        *([] if name.startswith("global") else [2] if name.startswith("ada") else [3, 2, 1])
    )
    assert torch.autograd.gradcheck(layer, x)


def test_distance_weighted_by_hand():
    """A 3x3 window around a 1: the weights themselves, a bell of σ = ¾."""
    x = torch.zeros(1, 1, 3, 3)
    x[..., 1, 1] = 1
    side, centre = math.exp(-0.5 / 0.75**2), 1.0
    assert DistanceWeightedPool2d(3)(x).item() == pytest.approx(centre / (centre + 4 * side + 4 * side**2))
    assert torch.allclose(DistanceWeightedPool2d(2)(EXAMPLE_C), F.avg_pool2d(EXAMPLE_C, 2))
    assert torch.allclose(DistanceWeightedPool2d(3, 1, 1)(torch.ones(1, 2, 4, 4)), torch.ones(1, 2, 4, 4))


def test_padding_wins_no_minimum_and_adds_to_no_sum():
    x = torch.full((1, 1, 2, 2), 3.0)
    assert MinPool2d(2, 2, 1)(x).eq(3).all()
    assert SumPool2d(2, 2, 1)(x).eq(3).all()
    assert MinPool2d(2, 2, 1)(-x).eq(-3).all()


def test_l2_has_no_gradient_where_all_is_zero():
    """torch's own has NaN there."""
    x = torch.zeros(1, 1, 2, 4, requires_grad=True)
    L2Pool2d(2)(x * 1).sum().backward()
    assert not x.grad.any()


def test_the_gradient_of_a_global_maximum_goes_to_one_pixel():
    x = torch.zeros(1, 1, 3, 3, requires_grad=True)
    GlobalMaxPool2d()(x).sum().backward()
    assert x.grad.sum() == x.grad.max() == 1


def test_adaptive_maximum_is_torchs():
    x = torch.randn(2, 3, 7, 5)
    assert torch.equal(AdaptiveMaxPool2d((3, 2))(x), F.adaptive_max_pool2d(x, (3, 2)))


@pytest.mark.parametrize("name", [n for n in SLIDING if n not in {"max", "average"}])
def test_refusals(name):
    with pytest.raises(ShapeError, match="A window of 4 does not fit into a padded height of 3"):
        pooling(name)(4)(torch.zeros(1, 1, 3, 8))
    with pytest.raises(InputError, match="at most half its window"):
        pooling(name)(3, 1, 2)


def test_an_unknown_name_lists_the_closest():
    with pytest.raises(UnknownNameError, match=r"did you mean .*average"):
        pooling("averag")
