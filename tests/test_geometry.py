"""The size formula against the guides, counting and torch; affine maps against Pillow and drawings."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from foveate.errors import ShapeError
from foveate.geometry import Affine, output_size, same_padding

WINDOW = {
    "n": st.integers(1, 40),
    "kernel": st.integers(1, 9),
    "stride": st.integers(1, 5),
    "dilation": st.integers(1, 4),
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((224, 3), 222),  # h − f + 1
        ((28, 5, 1, 2), 28),  # convnet1
        ((28, 2, 2), 14),
        ((224, 11, 4, 2), 55),  # AlexNet
        ((224, 7, 2, 3), 112),  # ResNet and GoogLeNet
        ((32, 3), 30),  # the lesson: 32, 30, 15, 13, 6, 4
        ((15, 3), 13),
        ((13, 2, 2), 6),
        ((4, 2, 2), 2),
        ((5, 3, 1, (0, 1)), 4),
    ],
)
def test_the_guides_numbers(arguments, expected):
    assert output_size(*arguments) == expected


def test_googlenet_rounds_its_pools_up():
    sizes = [112]
    for _ in range(3):
        sizes.append(output_size(sizes[-1], 3, 2, ceil_mode=True))
    assert sizes == [112, 56, 28, 14]


@given(**WINDOW, before=st.integers(0, 6), after=st.integers(0, 6))
def test_equals_counting_the_places(*, n, kernel, stride, dilation, before, after):
    reach = dilation * (kernel - 1)
    places = [start for start in range(0, n + before + after, stride) if start + reach < n + before + after]
    if places:
        assert output_size(n, kernel, stride, (before, after), dilation) == len(places)
    else:
        with pytest.raises(ShapeError, match="does not fit"):
            output_size(n, kernel, stride, (before, after), dilation)


@settings(max_examples=200)
@given(**WINDOW, padding=st.integers(0, 4), ceil_mode=st.booleans())
def test_equals_torch(*, n, kernel, stride, dilation, padding, ceil_mode):
    padding = min(padding, kernel // 2)  # torch's own limit for pooling
    pool = torch.nn.MaxPool1d(kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    try:
        expected = pool(torch.zeros(1, 1, n)).shape[-1]
    except RuntimeError:
        with pytest.raises(ShapeError, match="does not fit"):
            output_size(n, kernel, stride, padding, dilation, ceil_mode=ceil_mode)
    else:
        assert output_size(n, kernel, stride, padding, dilation, ceil_mode=ceil_mode) == expected


@given(**WINDOW)
def test_same_padding_gives_the_ceiling_and_nothing_to_spare(n, kernel, stride, dilation):
    before, after = same_padding(n, kernel, stride, dilation)
    assert 0 <= after - before <= 1
    assert output_size(n, kernel, stride, (before, after), dilation) == -(-n // stride)


def test_an_impossible_size_is_refused_with_the_formula_and_the_numbers():
    with pytest.raises(ShapeError) as caught:
        output_size(3, 5, 2, (1, 0), axis="height")
    assert str(caught.value) == (
        "A window of 5 does not fit into a padded height of 4: "
        "floor((n + p_before + p_after − d·(k−1) − 1)/s) + 1 = floor((3 + 1 + 0 − 1·(5−1) − 1)/2) + 1 = 0, "
        "and an output needs at least 1; what would fit: "
        "a kernel of at most 4, padding of at least 2 in total, or an input height of at least 4."
    )


@given(**WINDOW, before=st.integers(0, 2), after=st.integers(0, 2))
def test_what_the_refusal_says_would_fit_does_fit(*, n, kernel, stride, dilation, before, after):
    extent = dilation * (kernel - 1) + 1
    padded = n + before + after
    if padded >= extent:
        return
    with pytest.raises(ShapeError) as caught:
        output_size(n, kernel, stride, (before, after), dilation)
    smaller = (padded - 1) // dilation + 1
    assert f"a kernel of at most {smaller}" in str(caught.value)
    assert output_size(n, smaller, stride, (before, after), dilation) >= 1
    assert output_size(n, kernel, stride, (0, extent - n), dilation) == 1
    assert output_size(extent - before - after, kernel, stride, (before, after), dilation) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n": 0}, "input must be at least 1, but it is 0"),
        ({"kernel": 0}, "kernel must be at least 1"),
        ({"stride": 0}, "stride must be at least 1"),
        ({"dilation": 0}, "dilation must be at least 1"),
        ({"padding": (0, -1)}, "padding must be at least 0, but it is -1"),
    ],
)
def test_numbers_out_of_range(changed, message):
    with pytest.raises(ShapeError, match=message):
        output_size(**{"n": 8, "kernel": 3, **changed})


def affine(*, angle=0.0, scale=1.0, x=0.0, y=0.0):
    """Turn by ``angle`` (radians) about the origin, scale, then move."""
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return Affine(np.array([[cos, -sin, x], [sin, cos, y]]))


SOME = [affine(angle=0.7, scale=1.3, x=4, y=-3), affine(scale=0.5, x=1.25), affine(angle=-2.5, x=30, y=25)]


@pytest.mark.parametrize("place", SOME)
def test_pillow_resamples_by_the_same_convention(place):
    """A picture moved by Pillow shows at each pixel's centre what the way back finds there."""
    picture = np.random.default_rng(0).integers(1, 256, (31, 43), np.uint8)
    back = place.inverse()
    moved = Image.fromarray(picture).transform(
        (37, 29), Image.Transform.AFFINE, back.matrix.ravel().tolist(), Image.Resampling.NEAREST
    )
    rows, columns = np.mgrid[:29, :37]
    x, y = np.floor(back.points(np.stack([columns + 0.5, rows + 0.5], -1))).astype(int).transpose(2, 0, 1)
    inside = (x >= 0) & (x < 43) & (y >= 0) & (y < 31)
    assert 0.1 < inside.mean() < 1
    np.testing.assert_array_equal(moved, np.where(inside, picture[y.clip(0, 30), x.clip(0, 42)], 0))


def test_a_part_of_a_picture_is_resized_as_pillow_does():
    picture = np.random.default_rng(0).integers(0, 256, (30, 44), np.uint8)
    box = (3.25, 1.5, 40.0, 27.75)
    resized = Image.fromarray(picture).resize((17, 23), Image.Resampling.NEAREST, box=box)
    back = Affine.between(box, (0, 0, 17, 23)).inverse()
    for row, column in np.ndindex(23, 17):
        x, y = np.floor(back.points((column + 0.5, row + 0.5))).astype(int)
        assert resized.getpixel((column, row)) == picture[y, x]


@given(st.lists(st.floats(-50, 50), min_size=8, max_size=8))
def test_composing_and_going_back(numbers):
    one, two = SOME[0], SOME[2]
    points = np.reshape(numbers, (4, 2))
    np.testing.assert_allclose((one @ two).points(points), one.points(two.points(points)), atol=1e-9)
    np.testing.assert_allclose((one @ one.inverse()).points(points), points, atol=1e-9)
    np.testing.assert_allclose(one.inverse().points(one.points(points)), points, atol=1e-9)


@pytest.mark.parametrize("place", SOME)
def test_a_moved_box_just_holds_its_moved_corners(place):
    boxes = np.array([[0, 0, 10, 5], [3, 4, 3.5, 90]])
    for box, (x1, y1, x2, y2) in zip(boxes, place.boxes(boxes), strict=True):
        corners = place.points([(x, y) for x in box[[0, 2]] for y in box[[1, 3]]])
        np.testing.assert_allclose((*corners.min(axis=0), *corners.max(axis=0)), (x1, y1, x2, y2), atol=1e-9)
    np.testing.assert_allclose(place.boxes(boxes[1]), place.boxes(boxes)[1])


def test_a_stack_of_maps_is_each_of_them():
    stack = Affine(np.stack([place.matrix for place in SOME]))
    points, boxes = np.arange(12.0).reshape(3, 2, 2), np.arange(24.0).reshape(3, 2, 4)
    for i, place in enumerate(SOME):
        np.testing.assert_allclose(stack.points(points)[i], place.points(points[i]))
        np.testing.assert_allclose(stack.boxes(boxes)[i], place.boxes(boxes[i]))
        np.testing.assert_allclose(stack.inverse().matrix[i], place.inverse().matrix)
        np.testing.assert_allclose((stack @ SOME[0]).matrix[i], (place @ SOME[0]).matrix)


def test_what_is_no_map_or_has_no_way_back_is_refused():
    with pytest.raises(ShapeError, match=r"a matrix \(..., 2, 3\), not \(3, 3\)"):
        Affine(np.eye(3))
    with pytest.raises(ShapeError, match="has no way back"):
        Affine(np.array([[1.0, 0, 0], [2.0, 0, 5]])).inverse()
