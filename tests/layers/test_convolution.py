"""Convolution: torch's where torch has it, numpy.pad and the definition where it has not."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from foveate.errors import InputError, ShapeError
from foveate.layers.convolution import Conv2d

NUMPY_MODE = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("mode", NUMPY_MODE)
@pytest.mark.parametrize("padding", [0, 1, (2, 0), (0, 1)])
def test_equals_torch_where_torch_has_words_for_it(mode, padding):
    ours = Conv2d(4, 6, (3, 2), (1, 2), padding, dilation=(1, 2), groups=2, padding_mode=mode)
    theirs = nn.Conv2d(4, 6, (3, 2), (1, 2), padding, (1, 2), 2, padding_mode=mode)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight", "bias"]
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 4, 7, 8)
    assert torch.equal(ours(x), theirs(x))
    assert ours.padding == theirs.padding
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("mode", NUMPY_MODE)
def test_each_side_its_own_padding(mode):
    layer, x = (
        Conv2d(1, 1, 3, padding=((2, 1), (0, 3)), bias=False, padding_mode=mode),
        torch.randn(1, 1, 5, 6),
    )
    padded = np.pad(x.numpy()[0, 0], ((2, 1), (0, 3)), mode=NUMPY_MODE[mode])
    kernel = layer.weight.detach().numpy()[0, 0]
    expected = [[(padded[i : i + 3, j : j + 3] * kernel).sum() for j in range(7)] for i in range(6)]
    assert layer(x).detach().numpy()[0, 0] == pytest.approx(np.array(expected), abs=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 3, (1, 2)])
@pytest.mark.parametrize("size", [(7, 8), (9, 6)])
@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
def test_same_gives_the_ceiling(stride, size, kernel):
    strides = stride if isinstance(stride, tuple) else (stride, stride)
    out = Conv2d(1, 1, kernel, stride, "same")(torch.zeros(1, 1, *size))
    assert out.shape[2:] == tuple(-(-n // s) for n, s in zip(size, strides, strict=True))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # torch's own is slow there
def test_same_without_stride_is_torchs_same():
    ours, theirs = Conv2d(2, 3, 4, padding="same"), nn.Conv2d(2, 3, 4, padding="same")
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(1, 2, 9, 7)
    assert torch.allclose(ours(x), theirs(x), atol=1e-6)


def test_even_stride_pads_behind_as_tensorflow_does():
    layer = Conv2d(1, 1, 3, 2, "same", bias=False)
    nn.init.ones_(layer.weight)
    assert layer.sides(4, 4) == ((0, 1), (0, 1))
    assert layer(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[9, 6], [6, 4]]


def test_parameters_of_the_guides_layer():
    assert sum(p.numel() for p in Conv2d(3, 64, 3).parameters()) == 1_792


def test_equivariance_to_translation():
    layer, x = Conv2d(3, 4, 5, padding="same", padding_mode="circular"), torch.randn(1, 3, 9, 8)
    moved = layer(x.roll((2, 3), (2, 3)))
    assert torch.allclose(moved, layer(x).roll((2, 3), (2, 3)), atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            Conv2d(1, 1, 5),
            (1, 1, 4, 9),
            r"padded height of 4: floor.* = floor\(\(4 \+ 0 \+ 0 − 1·\(5−1\) − 1\)/1\)",
        ),
        (Conv2d(1, 1, 3, padding=((0, 0), (1, 0)), dilation=4), (1, 1, 9, 5), "padded width of 6"),
        (Conv2d(3, 1, 1), (1, 4, 5, 5), r"takes 3 channels, and the input is \(1, 4, 5, 5\)"),
        (
            Conv2d(1, 1, 3, padding=4, padding_mode="reflect"),
            (1, 1, 4, 4),
            "at most 3 pixels of reflect padding",
        ),
    ],
)
def test_refusals_name_the_numbers(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer(torch.zeros(shape))


def test_a_wrong_padding_is_refused_when_made():
    with pytest.raises(InputError, match="'valid', 'same' or a number"):
        Conv2d(1, 1, 3, padding="half")


def test_pictures_without_a_batch_pass():
    layer, x = Conv2d(2, 3, 3, 2, "same"), torch.randn(2, 5, 6)
    assert torch.allclose(layer(x), layer(x[None])[0], atol=1e-6)


def test_gradients_flow_to_picture_and_weights():
    layer = Conv2d(2, 2, 3, 2, "same", padding_mode="reflect").double()
    x = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, w, b: F.silu(torch.func.functional_call(layer, {"weight": w, "bias": b}, (x,))),
        (x, layer.weight, layer.bias),
    )
