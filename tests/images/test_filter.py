"""Kernels on pictures: the guides' worked examples, torch as the oracle, and what people write wrongly."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from foveate.errors import InputError, ShapeError, UnknownNameError
from foveate.images.filter import displayed, filter_image
from foveate.images.kernels import KERNELS, kernel, parse_kernel
from foveate.images.sheet import channel_panels, contact_sheet, shrunk


def test_the_guides_example_a():
    out = filter_image(np.arange(9).reshape(3, 3), np.array([[0.0, 1], [2, 3]]))
    assert out.tolist() == [[19, 25], [37, 43]]


def test_the_guides_example_b_with_its_error_mended():
    board = (np.indices((5, 5)).sum(0) + 1) % 2
    out = filter_image(board, np.array([[1.0, 0, 1], [0, 1, 0], [1, 0, 1]]))
    assert out.tolist() == [[5, 0, 5], [0, 5, 0], [5, 0, 5]]


MODES = {
    "zeros": "constant",
    "same": "constant",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


@settings(max_examples=150, deadline=None)
@given(
    image=hnp.arrays(np.uint8, st.tuples(st.integers(4, 12), st.integers(4, 12), st.just(3))),
    weights=hnp.arrays(
        np.float64, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.integers(-8, 8)
    ),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["valid", *MODES]),
)
def test_equals_torch(image, weights, stride, padding):
    x = torch.from_numpy(image).double().permute(2, 0, 1)[None]
    (h, w), (kh, kw), (sh, sw) = image.shape[:2], weights.shape, stride
    if padding == "zeros":
        x = F.pad(x, (kw // 2, kw // 2, kh // 2, kh // 2))
    elif padding != "valid":
        down, right = max((-(-h // sh) - 1) * sh + kh - h, 0), max((-(-w // sw) - 1) * sw + kw - w, 0)
        x = F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2), MODES[padding])
    each = torch.from_numpy(weights.copy()).expand(3, 1, kh, kw)
    expected = F.conv2d(x, each, stride=stride, groups=3)[0].permute(1, 2, 0)
    np.testing.assert_array_equal(
        filter_image(image, weights, stride=stride, padding=padding), expected.numpy()
    )


@given(image=hnp.arrays(np.uint8, (9, 11, 3)))
def test_kernels_do_what_their_names_say(image):
    np.testing.assert_array_equal(displayed(filter_image(image, kernel("identity"), padding="zeros")), image)
    flat = np.full((9, 9, 3), 77, np.uint8)
    for name, weights in KERNELS.items():
        sums = filter_image(flat, weights)
        total = 0 if name in {"sobel_x", "sobel_y", "laplacian", "outline"} else 77
        np.testing.assert_allclose(sums, total, atol=1e-4)
    for name in ("box_blur", "gaussian_blur", "gaussian_blur_5"):
        blurred = filter_image(image, kernel(name), padding="replicate")
        assert blurred.min() >= image.min() - 1e-3 and blurred.max() <= image.max() + 1e-3


def test_sobel_answers_on_the_side_that_brightens():
    step = np.zeros((5, 6), np.uint8)
    step[:, 3:] = 10
    assert filter_image(step, kernel("sobel_x"))[0].tolist() == [0, 40, 40, 0]
    assert not filter_image(step, kernel("sobel_y")).any()
    assert filter_image(step.T, kernel("sobel_y"))[:, 0].tolist() == [0, 40, 40, 0]


def test_shifting_the_picture_shifts_the_sums():
    image = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.uint8)
    moved = filter_image(np.roll(image, (2, 3), (0, 1)), kernel("emboss"), padding="circular")
    np.testing.assert_array_equal(
        moved, np.roll(filter_image(image, kernel("emboss"), padding="circular"), (2, 3), (0, 1))
    )


def test_how_negative_sums_are_shown():
    sums = np.array([-300, -2, 0, 2.4, 300], np.float32)
    assert displayed(sums).tolist() == [0, 0, 0, 2, 255]
    assert displayed(sums, "offset").tolist() == [0, 127, 128, 129, 255]


def test_what_does_not_fit_is_refused_with_the_formula():
    with pytest.raises(
        ShapeError, match=r"floor\(\(2 \+ 0 \+ 0 − 1·\(3−1\) − 1\)/1\) \+ 1 = 0, .* at most 2"
    ):
        filter_image(np.zeros((5, 2, 3), np.uint8), kernel("outline"))
    with pytest.raises(ShapeError, match="side of 2 px gives at most 1 px of reflect"):
        filter_image(np.zeros((2, 9), np.uint8), np.ones((5, 5)), padding="reflect")
    with pytest.raises(InputError, match="padding must be one of valid, zeros"):
        filter_image(np.zeros((9, 9), np.uint8), np.ones((3, 3)), padding="mirror")


def test_kernels_that_people_write():
    np.testing.assert_array_equal(parse_kernel("1 0 -1; 2,0,-2;1 0 -1;"), -np.asarray(kernel("sobel_x")))
    np.testing.assert_allclose(parse_kernel("1/9 .5 -1e2"), [[1 / 9, 0.5, -100]])


@pytest.mark.parametrize(
    "text",
    ["", ";", "1 2; 3", "a", "nan", "inf", "1/0", "1//2", "1e999", "1 " * 64, "1;" * 64, "__import__('os')"],
)
def test_what_is_no_kernel_is_refused(text):
    with pytest.raises(InputError, match=r"A kernel (needs rows|holds numbers)"):
        parse_kernel(text)


def test_unknown_names_list_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean sobel_"):
        kernel("sobel")


def test_sheets():
    image = np.random.default_rng(0).integers(0, 256, (90, 600, 3)).astype(np.uint8)
    assert shrunk(image).shape == (45, 300, 3) and shrunk(image[:, :300]) is not None
    panels = channel_panels(image)
    assert [caption for caption, _ in panels][:4] == ["picture", "red", "green", "blue"]
    assert not panels[1][1][..., 1:].any() and (panels[1][1][..., 0] == image[..., 0]).all()
    assert contact_sheet(panels).ndim == contact_sheet([("one", image[:1, :1])]).ndim == 3
