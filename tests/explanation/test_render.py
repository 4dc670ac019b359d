import numpy as np
import pytest

from foveate.errors import InputError
from foveate.explanation import (
    curve_picture,
    heat_picture,
    kernel_pictures,
    map_picture,
    overlay,
    sheet,
    signed_overlay,
    signed_picture,
)
from foveate.explanation.colour import heat_colours, signed_colours
from foveate.explanation.render import framed

GREY = np.full((20, 30, 3), 100, np.uint8)


def is_grey(pixels):
    return (pixels == pixels[..., :1]).all()


def test_cold_is_grey_and_hot_is_the_hottest_colour():
    heat = np.zeros((20, 30))
    heat[5:9, 5:9] = 3
    over = overlay(GREY, heat, opacity=1.0)
    assert is_grey(over[heat == 0]) and over.shape == GREY.shape
    assert (over[heat > 0] == heat_colours()[-1]).all()
    assert is_grey(overlay(GREY, np.zeros((20, 30)))) and is_grey(overlay(GREY, np.full((20, 30), -1.0)))
    assert np.array_equal(over, overlay(GREY, 1000 * heat, opacity=1.0))
    assert np.array_equal(over, overlay(GREY[..., :1], heat, opacity=1.0))


def test_for_and_against_are_orange_and_blue():
    values = np.zeros((20, 30))
    values[:5], values[15:] = 1, -1
    over = signed_overlay(GREY, values, opacity=1.0)
    assert (over[:5] == signed_colours()[-1]).all() and (over[15:] == signed_colours()[0]).all()
    assert is_grey(over[5:15])


def test_one_hot_pixel_does_not_hide_the_rest():
    heat = np.zeros((100, 100))
    heat[:10] = 1
    heat[50, 50] = 1e6
    over = overlay(np.full((100, 100, 3), 100, np.uint8), heat)
    assert not is_grey(over[:10])


def test_a_heat_map_of_another_size_is_refused():
    with pytest.raises(InputError, match=r"its picture's size: \(20, 30\), not \(7, 7\)"):
        overlay(GREY, np.ones((7, 7)))


def test_maps():
    assert np.array_equal(heat_picture([[0, 2]])[0], heat_colours()[[0, 255]])
    assert np.array_equal(signed_picture([[-2, 2]])[0], signed_colours()[[0, 255]])
    assert (heat_picture(np.zeros((3, 3))) == heat_colours()[0]).all()
    assert np.array_equal(map_picture([[0, 1.0]]), heat_picture([[0, 1.0]]))
    assert np.array_equal(map_picture([[-1, 1.0]]), signed_picture([[-1, 1.0]]))


def test_kernels():
    weights = np.zeros((2, 3, 3, 3))
    weights[0, 0, 1, 1], weights[1, 2, 0, 0] = 2, -1
    panels = kernel_pictures(weights)
    assert [caption for caption, _ in panels] == ["0", "1"]
    assert panels[0][1][1, 1].tolist() == [255, 128, 128] and panels[1][1][0, 0].tolist() == [128, 128, 0]
    single = kernel_pictures([[[[-1.0, 0.0, 1.0]]]])
    assert np.array_equal(single[0][1][0, [0, 2]], signed_colours()[[0, 255]])
    assert [caption for caption, _ in kernel_pictures(np.ones((2, 2, 1, 1)))][3] == "1 < 1"
    with pytest.raises(InputError, match="C_out, C_in, kh, kw"):
        kernel_pictures(np.ones((3, 3)))


def test_sheets_hold_their_pictures():
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    page = sheet([("a caption that is far too long for its cell", red)] * 5, columns=3, cell_px=40, title="t")
    assert page.dtype == np.uint8 and page.shape[2] == 3
    assert (page == [255, 0, 0]).all(axis=2).sum() == 5 * 40 * 40
    plain = sheet([("", red)], cell_px=40)
    assert plain.shape[0] < page.shape[0]
    assert sheet([("名前\n\x00", red[:, :, :1])]).shape[2] == 3
    with pytest.raises(InputError, match="at least one"):
        sheet([])


def test_curves_and_frames():
    page = curve_picture([0, 0.5, 1], {"deletion": [1, 0.5, 0], "insertion": [0, 0.5, 1]}, title="t")
    assert page.shape == (300, 330, 3)
    assert np.array_equal(
        page, curve_picture([0, 0.5, 1], {"deletion": [1, 0.5, 0], "insertion": [0, 0.5, 1]}, title="t")
    )
    box = framed(GREY, (5, 9, 6, 12))
    assert (box[5, 6:13] == 0).all() and (box[4, 5:14] == 255).all() and (box[7, 8] == 100).all()
