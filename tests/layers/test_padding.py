"""What a padding means in pixels, and which ones are none."""

import subprocess
import sys

import pytest

from foveate.errors import InputError, ShapeError
from foveate.layers.padding import check_fill, check_padding, sides


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        ("valid", ((0, 0), (0, 0))),
        (2, ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        (((1, 2), (3, 0)), ((1, 2), (3, 0))),
        ("same", ((1, 1), (2, 2))),
    ],
)
def test_sides(padding, expected):
    assert sides(padding, (8, 9), (3, 5)) == expected


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (224, 3, 2, (0, 1)),  # TensorFlow's EfficientNet: what torch's padding=1 does not do
        (225, 3, 2, (1, 1)),
        (7, 2, 1, (0, 1)),
        (8, 1, 3, (0, 0)),
        (5, 3, 4, (1, 1)),
    ],
)
def test_same_is_tensorflows(size, kernel, stride, expected):
    assert sides("same", (size, size), (kernel, kernel), (stride, stride)) == (expected, expected)


@pytest.mark.parametrize(
    ("padding", "mode", "message"),
    [
        ("full", "zeros", "padding must be 'valid', 'same' or a number of pixels, and is 'full'"),
        (-1, "zeros", "whole numbers of pixels of at least 0, and is -1"),
        ((1, 0.5), "zeros", "whole numbers"),
        (((0, 1), (0, -1)), "zeros", "whole numbers"),
        (1, "mirror", "padding_mode must be one of zeros, reflect, replicate, circular, and is 'mirror'"),
    ],
)
def test_what_is_no_padding(padding, mode, message):
    with pytest.raises(InputError, match=message):
        check_padding(padding, mode)


def test_a_picture_is_mirrored_without_its_edge_and_wrapped_once():
    check_fill("reflect", (4, 4), ((3, 0), (0, 3)))
    check_fill("circular", (4, 4), ((4, 0), (0, 4)))
    check_fill("replicate", (1, 1), ((9, 9), (9, 9)))
    with pytest.raises(ShapeError, match="height of 4 gives at most 3 pixels of reflect padding"):
        check_fill("reflect", (4, 9), ((4, 0), (0, 0)))
    with pytest.raises(ShapeError, match="width of 4 gives at most 4 pixels of circular padding"):
        check_fill("circular", (9, 4), ((0, 0), (0, 5)))


def test_importing_it_imports_no_torch():
    code = "import sys; sys.modules['torch'] = None; import foveate.layers.padding"
    subprocess.run([sys.executable, "-c", code], check=True)
