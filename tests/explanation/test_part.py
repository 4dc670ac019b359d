"""Explaining an answer for each pixel: of a class where it is found, or of a region of the picture."""

import numpy as np
import pytest
import torch
from torch import nn

from foveate.errors import InputError
from foveate.explanation import last_map
from foveate.explanation.part import part_of, region_of
from foveate.explanation.picture import explain_picture
from foveate.images.preprocess import Preprocessing
from foveate.models.model import Model
from foveate.tasks.classification.task import Classification
from pixelwise import CLASSES, SIDE, pixelwise
from strongest import blocks

METHODS = ("grad-cam", "integrated-gradients", "occlusion", "saliency")


def probabilities(model, picture):
    """(K, h, w) on the network's input, by torch."""
    seen = model.preprocessing.apply(picture)
    x = torch.from_numpy(model.preprocessing.normalise(seen[None]))
    with torch.no_grad():
        return torch.softmax(model.module(x) / model.task.temperature, dim=1)[0].numpy()


def test_a_class_is_explained_where_the_picture_is():
    """The picture is 3:4: of the 32 rows 24 are its own, the others a border that counts for nothing."""
    model, (picture, _) = pixelwise("pad"), blocks(1)
    found = explain_picture(model, picture, methods=METHODS)
    shares = probabilities(model, picture)[:, 4:28].mean(axis=(1, 2))
    told = {row["label"]: row["probability"] for row in found.facts["top"]}
    assert told == pytest.approx(dict(zip(CLASSES, shares.tolist(), strict=True)), rel=1e-5)
    assert found.facts["class"] == CLASSES[shares.argmax()]
    assert tuple(found.facts["methods"]) == METHODS and "region" not in found.facts
    assert (
        found.facts["layer"] == "layers.2"
    )  # the pooled map, and neither scores nor what is enlarged of them
    assert set(found.pictures) == {"picture", "answer", *METHODS, "explanation", "maps", "kernels"}
    for name in ("picture", "answer", *METHODS):
        assert found.pictures[name].shape == (336, 448, 3), (
            name
        )  # of the picture's shape, not of the network's


def test_a_region_is_explained_by_what_is_in_it():
    model, (picture, _) = pixelwise(), blocks(3)  # 160 x 120 on 32 x 32: 5 x 3.75 pixels become one
    region = (40, 45, 120, 75)
    rows, columns = slice(12, 20), slice(8, 24)
    for number, name in enumerate(CLASSES):
        found = explain_picture(model, picture, region=region, target=number, methods=("occlusion",))
        wanted = probabilities(model, picture)[number, rows, columns].mean()
        assert found.facts["class"] == name and found.facts["region"] == [40, 45, 120, 75]
        hiding = found.facts["methods"]["occlusion"]["hiding"]
        assert found.facts["probability"] == pytest.approx(wanted, rel=1e-5)
        assert hiding["before"] == pytest.approx(wanted, rel=1e-5)


def test_nothing_speaks_for_a_region_that_it_cannot_see():
    """By hand: rows 16, 17 lie between rows 7 and 9 of the coarse map, columns 15, 16 between 7 and 8."""
    model, (picture, _) = pixelwise(), blocks(5)
    part = part_of(model.task, model.preprocessing, (160, 120), (75, 60, 85, 67.5))
    x = torch.from_numpy(model.preprocessing.normalise(model.preprocessing.apply(picture)[None]))
    x.requires_grad_()
    part.score(model.module(x), torch.tensor([0])).sum().backward()
    seen = np.argwhere(x.grad[0].abs().sum(dim=0).numpy() > 0)
    first, last = seen.min(axis=0).tolist(), seen.max(axis=0).tolist()
    assert first == [2 * 7 - 1, 2 * 7 - 1] and last == [2 * 9 + 1 + 1, 2 * 8 + 1 + 1]


def test_the_score_is_the_mean_logit_of_the_pixels_of_the_class():
    model, (picture, _) = pixelwise(), blocks(2)
    part = part_of(model.task, model.preprocessing, (160, 120), (0, 0, 80, 120))
    x = torch.from_numpy(model.preprocessing.normalise(model.preprocessing.apply(picture)[None]))
    with torch.no_grad():
        outputs = model.module(x)
    half = outputs[0, :, :, :16].numpy()
    for number in range(3):
        called = half.argmax(axis=0) == number
        wanted = half[number][called].mean() if called.any() else half[number].mean()
        assert float(part.score(outputs, torch.tensor([number]))) == pytest.approx(wanted, rel=1e-5)


class UNet(nn.Module):
    """Down, up and a skip; the scores at full size."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, stride=2, padding=1)
        self.up, self.scores = nn.ConvTranspose2d(8, 6, 2, stride=2), nn.Conv2d(12, 3, 1)

    def forward(self, x):
        fine = torch.relu(self.fine(x))
        return self.scores(torch.cat([fine, self.up(torch.relu(self.coarse(fine)))], dim=1))


def test_the_coarsest_map_is_weighed_and_scores_are_not():
    assert last_map(UNet().eval(), torch.zeros(1, 3, 16, 16)) == "coarse"
    flat = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Upsample(scale_factor=2))
    with pytest.raises(InputError, match=r"makes no map before its scores.*integrated-gradients"):
        last_map(flat.eval(), torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("10,20,60", "expected x1,y1,x2,y2 in pixels of the picture, such as 10,20,60,80; found '10,20,60'"),
        ("a,b,c,d", "found 'a,b,c,d'"),
        ("0,0,nan,1", "found '0,0,nan,1'"),
        (
            (60, 0, 10, 40),
            "expected x1 < x2 and y1 < y2 within the picture's 160x120 pixels, found 60,0,10,40",
        ),
        ((0, 0, 161, 40), "found 0,0,161,40"),
        ((-1, 0, 10, 40), "found -1,0,10,40"),
    ],
)
def test_regions_that_are_none(region, message):
    model = pixelwise()
    with pytest.raises(InputError, match="region") as refused:
        part_of(model.task, model.preprocessing, (160, 120), region_of(region))
    assert message in str(refused.value)


def test_what_is_cut_off_and_what_has_no_place_are_refused():
    model = pixelwise("crop")
    with pytest.raises(InputError, match="lies where the picture is cut off before the network sees it"):
        part_of(model.task, model.preprocessing, (300, 100), (0, 0, 50, 50))
    sides = Preprocessing(SIDE, SIDE)
    with pytest.raises(InputError, match="this network's answer is about the whole of it; leave it out"):
        part_of(Classification(("a", "b")), sides, (300, 100), (0, 0, 50, 50))


def test_a_region_smaller_than_a_pixel_is_that_pixel():
    model = pixelwise()
    found = part_of(model.task, model.preprocessing, (320, 320), (101, 52, 102, 53))
    assert found.region == (5, 6, 10, 11)


def test_methods_that_need_a_map_are_left_out_with_the_reason():
    model = pixelwise()
    plain = Model("plain", nn.Conv2d(3, 3, 1).eval(), model.preprocessing, model.task)
    found = explain_picture(plain, blocks(0)[0], methods=METHODS)
    assert list(found.facts["methods"]) == list(METHODS[1:])
    assert "makes no map before its scores" in found.facts["left_out"]["grad-cam"]
    with pytest.raises(InputError, match="makes no map before its scores"):
        explain_picture(plain, blocks(0)[0])
