"""The size formula against the guides' numbers, against counting, and against torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foveate.errors import ShapeError
from foveate.geometry import output_size, same_padding

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
