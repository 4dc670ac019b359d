"""Augmentation: what may change, what may not, and that the same generator state gives the same batch."""

import numpy as np
import pytest
import torch

from foveate.batches.augment import Augmentation, erase, flip, photometric, shift
from foveate.errors import InputError
from foveate.geometry import Affine

ALL = Augmentation(
    flip="random",
    shift_px=2,
    zoom_fraction=0.2,
    rotate_degrees=15,
    crop_fraction=0.8,
    brightness_fraction=0.2,
    contrast_fraction=0.2,
    erase_fraction=0.2,
)


def pictures(n=6, c=3, h=9, w=11):
    return torch.randint(0, 256, (n, c, h, w), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("channels", [1, 3])
def test_all_transforms_keep_shape_and_type_and_leave_the_input_alone(channels):
    images = pictures(c=channels)
    before = images.clone()
    out, _ = ALL(images, torch.arange(6), 0, generator())
    assert out.shape == images.shape
    assert out.dtype == torch.uint8
    assert torch.equal(images, before)
    assert not torch.equal(out, images)


def test_the_same_generator_state_gives_the_same_batch_and_another_state_another():
    images, indices = pictures(), torch.arange(6)
    for first, same, other in zip(*(ALL(images, indices, 0, generator(s)) for s in (5, 5, 6)), strict=True):
        assert torch.equal(first, same)
        assert not torch.equal(first, other)


def test_identity_returns_the_pictures_themselves():
    images = pictures()
    assert Augmentation()(images, torch.arange(6), 0, generator())[0] is images


def test_flip_mirrors_only_the_chosen_pictures():
    images = pictures()
    which = torch.tensor([True, False, True, False, False, True])
    out = flip(images, which)
    for i, mirrored in enumerate(which.tolist()):
        expected = torch.flip(images[i], dims=[2]) if mirrored else images[i]
        assert torch.equal(out[i], expected)


def test_alternating_flip_shows_each_picture_from_the_other_side_in_the_next_epoch():
    augmentation = Augmentation(flip="alternating")
    images, indices = pictures(n=200), torch.arange(200)
    first, _ = augmentation(images, indices, 0, generator())
    second, _ = augmentation(images, indices, 1, generator())
    third, _ = augmentation(images, indices, 2, generator())
    assert torch.equal(second, torch.flip(first, dims=[3]))
    assert torch.equal(third, first)
    mirrored = sum(not torch.equal(a, b) for a, b in zip(first, images, strict=True))
    assert 70 < mirrored < 130  # about half start mirrored


def test_shift_moves_whole_pixels_and_reflects_at_the_border():
    picture = torch.arange(25, dtype=torch.uint8).reshape(1, 1, 5, 5)
    seen = set()
    for seed in range(200):
        out = shift(picture, 1, generator(seed))[0][0, 0]
        seen.add(tuple(out.flatten().tolist()))
    by_hand = set()
    rows = torch.tensor(
        [[1, 0, 1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3, 4, 3]]
    )  # shifted by -1, 0, +1 with reflection
    for r in rows:
        for c in rows:
            by_hand.add(tuple(picture[0, 0][r][:, c].flatten().tolist()))
    assert seen == by_hand


def test_shift_of_a_picture_smaller_than_the_shift_still_works():
    assert shift(pictures(h=2, w=2), 8, generator())[0].shape == (6, 3, 2, 2)
    line = pictures(h=1, w=5)
    assert torch.equal(
        shift(line, 8, generator())[0], line
    )  # there is nothing to reflect along the short side


def test_transforms_of_whole_pixels_keep_pictures_channels_last():
    images = pictures().to(memory_format=torch.channels_last)
    moved = Augmentation(flip="random", shift_px=2, erase_fraction=0.2)
    out, _ = moved(images, torch.arange(6), 0, generator())
    assert out.is_contiguous(memory_format=torch.channels_last)


def test_rotation_by_zero_and_zoom_by_zero_with_full_crop_change_nothing():
    # A crop fraction just under 1 runs the affine path with a nearly identical grid.
    smooth = torch.linspace(0, 255, 16 * 16).reshape(1, 1, 16, 16).to(torch.uint8)
    out, _ = Augmentation(crop_fraction=0.999)(smooth, torch.arange(1), 0, generator())
    assert (out.int() - smooth.int()).abs().max() <= 1


def test_rotation_keeps_the_angle_on_pictures_that_are_not_square():
    # A bright centred disc stays a disc under rotation, whatever the aspect of the frame; only the middle is
    # compared, because further out the reflected border shows the disc again.
    rows, columns = torch.meshgrid(torch.arange(21.0), torch.arange(61.0), indexing="ij")
    disc = (((rows - 10) ** 2 + (columns - 30) ** 2) < 36).to(torch.uint8)[None, None] * 255
    out, _ = Augmentation(rotate_degrees=180)(disc, torch.arange(1), 0, generator(3))
    change = (out.int() - disc.int()).abs()[..., 20:41]
    assert (change > 128).sum() <= 0.15 * (disc > 0).sum()


def test_photometric_scales_the_mean_by_brightness_only():
    images = torch.full((500, 1, 4, 4), 100, dtype=torch.uint8)
    out = photometric(images, 0.5, 0.9, generator()).float()
    assert (
        out.amax(dim=(1, 2, 3)) == out.amin(dim=(1, 2, 3))
    ).all()  # flat pictures have no contrast to change
    means = out.mean(dim=(1, 2, 3))
    assert means.min() >= 50
    assert means.max() <= 150
    assert means.max() - means.min() > 80


def test_erase_touches_one_rectangle_in_about_half_of_the_pictures():
    images = torch.full((400, 1, 20, 20), 7, dtype=torch.uint8)
    out = erase(images, 0.25, generator())
    changed = (out != 7).flatten(1).any(1)
    assert 150 < changed.sum() < 250
    for picture in out[changed][:20]:
        rows, columns = torch.nonzero(picture[0] != 7, as_tuple=True)
        area = (rows.max() - rows.min() + 1) * (columns.max() - columns.min() + 1)
        assert area <= 0.25 * 400 * 1.3 + 20  # sides are rounded


def test_erased_rectangles_hold_uniform_noise():
    out = erase(torch.zeros((400, 3, 20, 20), dtype=torch.uint8), 0.4, generator())
    noise = out[(out != 0).any(dim=1, keepdim=True).expand_as(out)].double()
    assert noise.mean().item() == pytest.approx(127.5, abs=1.5)
    assert noise.std().item() == pytest.approx(256 / 12**0.5, abs=1.5)  # of the uniform distribution
    assert len(noise.unique()) == 256


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"flip": "sometimes"}, "none, random or alternating"),
        ({"shift_px": -1}, "shift_px lies between 0 and 512, not -1"),
        ({"crop_fraction": 0.0}, "crop_fraction lies between"),
        ({"erase_fraction": 1.5}, "erase_fraction lies between 0 and 0.95"),
    ],
)
def test_wrong_settings_are_refused(setting, message):
    with pytest.raises(InputError, match=message):
        Augmentation(**setting)


def test_describe_names_only_what_is_on():
    assert Augmentation().describe() == "none"
    assert Augmentation(flip="random", shift_px=2).describe() == "flip random, shift 2 px"


# --- Where things go -------------------------------------------------------------------------------------

WHOLE_PIXELS = [
    Augmentation(flip="random"),
    Augmentation(flip="alternating"),
    Augmentation(shift_px=3),
    Augmentation(flip="random", shift_px=3),
]
RESAMPLED = [
    Augmentation(zoom_fraction=0.3),
    Augmentation(rotate_degrees=40),
    Augmentation(crop_fraction=0.5),
    Augmentation(flip="random", zoom_fraction=0.3, rotate_degrees=40, crop_fraction=0.6),
]
EVERY = Augmentation(flip="random", shift_px=3, zoom_fraction=0.2, rotate_degrees=25, crop_fraction=0.8)


def origins(matrix, height, width):
    """(H, W, 2) where in the picture the centre of each of the moved picture's pixels comes from."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    return Affine(matrix.numpy()).inverse().points(np.stack([columns, rows], axis=-1))


@pytest.mark.parametrize("augmentation", WHOLE_PIXELS, ids=lambda augmentation: augmentation.describe())
def test_the_geometry_of_whole_pixels_is_what_was_done(augmentation):
    """A mask sampled at the nearest pixel, the border reflected, is the picture: exactly, everywhere."""
    images = pictures(n=20)
    out, geometry = augmentation(images, torch.arange(20), 0, generator())
    assert geometry.shape == (20, 2, 3) and geometry.dtype == torch.float32
    padded = np.pad(images.numpy(), [(0, 0), (0, 0), (3, 3), (3, 3)], mode="reflect")
    for mask, matrix, moved in zip(padded, geometry, out, strict=True):
        x, y = np.floor(origins(matrix, 9, 11)).astype(int).transpose(2, 0, 1) + 3
        np.testing.assert_array_equal(moved, mask[:, y, x])


@pytest.mark.parametrize("augmentation", RESAMPLED, ids=lambda augmentation: augmentation.describe())
def test_the_geometry_of_resampling_is_what_was_done(augmentation):
    """Bilinear interpolation of the mirrored surroundings at the places that the matrix names, by hand."""
    images, pad = pictures(n=8, c=1, h=13, w=21), 13
    out, geometry = augmentation(images, torch.arange(8), 0, generator())
    surroundings = np.pad(images[:, 0].numpy().astype(float), [(0, 0), (pad, pad), (pad, pad)], "symmetric")
    for around, matrix, moved in zip(surroundings, geometry, out, strict=True):
        x, y = origins(matrix, 13, 21).transpose(2, 0, 1) + pad - 0.5  # between the centres of pixels
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        u, v = x - left, y - top
        upper = (1 - u) * around[top, left] + u * around[top, left + 1]
        lower = (1 - u) * around[top + 1, left] + u * around[top + 1, left + 1]
        np.testing.assert_allclose(moved[0], (1 - v) * upper + v * lower, atol=0.51 + 0.05)


def test_a_point_is_found_again_where_the_geometry_says():
    """A disc is drawn somewhere in each picture; where it is whole after all that moves it, it is there."""
    n, height, width, radius = 200, 48, 64, 3.0
    places = np.random.default_rng(0).uniform((8, 8), (width - 8, height - 8), (n, 2))
    rows, columns = np.mgrid[:height, :width] + 0.5
    distance = np.hypot(columns - places[:, 0, None, None], rows - places[:, 1, None, None])
    drawn = torch.from_numpy((255 * (distance < radius)).astype(np.uint8))[:, None]
    out, geometry = EVERY(drawn, torch.arange(n), 0, generator())
    expected = Affine(geometry.numpy()).points(places[:, None])[:, 0]
    whole = ((expected > 12) & (expected < np.array([width, height]) - 12)).all(axis=1)
    assert whole.sum() > 80
    for light, (x, y) in zip(out[whole, 0].double().numpy(), expected[whole], strict=True):
        near = light * (
            np.hypot(columns - x, rows - y) < 10
        )  # the mirror image of another border is no matter
        assert near.sum() > 0.5 * 255 * np.pi * (0.6 * radius) ** 2
        np.testing.assert_allclose(
            [(columns * near).sum(), (rows * near).sum()] / near.sum(), (x, y), atol=0.35
        )


def test_a_mask_follows_its_picture_through_all_that_moves_it():
    """Nearest neighbours through the matrix; where the picture itself is shown, and no edge of it is near."""
    rows, columns = np.mgrid[:48, :64]
    mask = ((rows > 14) & (columns > 25)).astype(np.uint8) + (np.hypot(rows - 20, columns - 18) < 11)
    images = torch.from_numpy(120 * mask).expand(60, 1, 48, 64).contiguous()
    out, geometry = EVERY(images, torch.arange(60), 0, generator())
    shown = 0
    for matrix, picture in zip(geometry, out[:, 0].numpy(), strict=True):
        x, y = np.floor(origins(matrix, 48, 64)).astype(int).transpose(2, 0, 1)
        inside = (x >= 2) & (x < 62) & (y >= 2) & (y < 46)
        inside &= (rows >= 3) & (rows < 45) & (columns >= 3) & (columns < 61)  # a shift mirrors at the border
        x, y = x.clip(2, 61), y.clip(2, 45)
        around = np.stack([mask[y + i, x + j] for i in (-1, 0, 1) for j in (-1, 0, 1)])
        flat = inside & (around.min(axis=0) == around.max(axis=0))
        np.testing.assert_array_equal(picture[flat], 120 * mask[y, x][flat])
        shown += flat.mean() / 60
    assert shown > 0.5


def test_where_nothing_moves_the_geometry_is_the_identity():
    for still in (
        Augmentation(),
        Augmentation(brightness_fraction=0.3, contrast_fraction=0.3, erase_fraction=0.4),
    ):
        _, geometry = still(pictures(), torch.arange(6), 0, generator())
        assert torch.equal(geometry, torch.eye(2, 3).expand(6, 2, 3))
