import numpy as np
import pytest
import torch
from torch import nn

from foveate.errors import InputError
from foveate.explanation import activation_of, most_exciting, receptive_crop, receptive_field, seen_box
from foveate.models import create_model


@pytest.fixture
def many():
    return torch.randn(23, 3, 12, 12, generator=torch.Generator().manual_seed(4))


def test_it_is_what_sorting_everything_gives(network, many):
    found = most_exciting(network, many.split(5), "4", k=4)
    maps = activation_of(network, many, "4")  # (23, 6, 6, 6)
    strongest = maps.flatten(2).amax(dim=2)
    for row, channel in enumerate(found.channels):
        values, pictures = strongest[:, channel].sort(descending=True)
        np.testing.assert_allclose(found.values[row], values[:4].numpy(), rtol=1e-6)
        assert found.pictures[row].tolist() == pictures[:4].tolist()
        for i, picture in enumerate(found.pictures[row]):
            at = maps[picture, channel, found.rows[row, i], found.columns[row, i]]
            assert float(at) == pytest.approx(float(found.values[row, i]))


def test_how_the_data_are_cut_makes_no_difference(many):
    many = many[[0, 1, 0, 2, 1, 3, 0]]  # equal answers: the earlier picture goes first
    pooled = nn.Sequential(nn.MaxPool2d(2), nn.Flatten())
    results = [most_exciting(pooled, many.split(n), "0", k=5, channels=[0, 2]) for n in (1, 2, 7)]
    for other in results[1:]:
        assert np.array_equal(results[0].pictures, other.pictures)
        assert np.array_equal(results[0].rows, other.rows)
    assert results[0].channels.tolist() == [0, 2]
    for pictures in results[0].pictures.tolist():
        assert [n for n in pictures if n in (0, 2, 6)] == sorted(n for n in pictures if n in (0, 2, 6))


def test_fewer_pictures_than_places(network, many):
    found = most_exciting(network, [many[:2]], "4", k=4)
    assert (found.pictures[:, 2:] == -1).all() and np.isneginf(found.values[:, 2:]).all()


def test_the_crop_holds_exactly_what_can_change_the_answer(many):
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3), nn.Flatten())
    field = receptive_field(module, (3, 12, 12), "2")
    x = many[:1].clone().requires_grad_()
    module[:3](x)[0, 0, 1, 2].backward()
    changed = x.grad[0].abs().sum(dim=0).nonzero()
    top, bottom, left, right = seen_box((12, 12), field, 1, 2)
    assert (changed.amin(dim=0) >= torch.tensor([top, left])).all()
    assert (changed.amax(dim=0) <= torch.tensor([bottom, right])).all()
    assert (bottom - top + 1, right - left + 1) == (8, 8)


def test_what_lies_outside_the_picture_is_grey():
    module = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2))
    field = receptive_field(module, (1, 8, 8), "0")
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    inner = receptive_crop(picture, field, 3, 4)
    assert np.array_equal(inner, picture[1:6, 2:7])
    corner = receptive_crop(picture, field, 0, 0)
    assert corner.shape == (5, 5, 1)
    assert (corner[:2] == 200).all() and np.array_equal(corner[2:, 2:], picture[:3, :3])
    assert np.array_equal(receptive_crop(picture, field, 3, 4, most_px=3), picture[2:5, 3:6])


def test_fields_beyond_the_picture_and_of_everything(network):
    whole = receptive_field(network, (3, 12, 12), "7")
    assert seen_box((12, 12), whole, 0, 0) == (0, 11, 0, 11)
    squeeze = create_model("efficientnet_b0").eval()
    field = receptive_field(squeeze, (3, 64, 64), "features.8.2")
    # Each place sees everything by way of squeeze-and-excitation; its own part of the picture is cut out.
    assert seen_box((64, 64), field, 1, 1, most_px=16) == (40, 55, 40, 55)


def test_a_blocks_field_is_that_of_its_joined_branches():
    module = create_model("googlenet").eval()
    block = receptive_field(module, (3, 64, 64), "inception3a")
    widest = receptive_field(module, (3, 64, 64), "inception3a.branch2.1.relu")
    assert block.rows.size == widest.rows.size


def test_what_cannot_be(network, many):
    with pytest.raises(InputError, match="channels 0 to 5, and not"):
        most_exciting(network, [many], "4", channels=[6])
    with pytest.raises(InputError, match="no map"):
        most_exciting(network, [many], "8")
    with pytest.raises(InputError, match="no pictures"):
        most_exciting(network, [], "4")
    with pytest.raises(InputError, match="takes no part"):
        receptive_field(network, (3, 12, 12), "nothing")
