"""A heat map in one file outside the package: `gradient_times_input.py` beside this one."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from captum.attr import InputXGradient
from PIL import Image

import own_layer
from foveate.cli.main import main

FILE = Path(__file__).with_name("gradient_times_input.py")
NAME = "gradient-times-input"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with own_layer.loaded(FILE):
        yield own_layer.trained(tmp_path_factory.mktemp("own"), model="tinyvgg", image_size=16)


def test_the_file_is_short():
    assert len(FILE.read_text().splitlines()) <= 40


def test_the_command_explains_by_it_and_puts_it_to_the_test(made, tmp_path, capsys):
    where = ["--out", str(tmp_path / "why"), "--json"]
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(made.folder), str(made.picture), "--method", NAME, *where])
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found["methods"]) == [NAME]
    assert 0 <= found["methods"][NAME]["curves"]["deletion_area"] <= 1
    assert (tmp_path / "why" / f"{NAME}.png").is_file()


def test_it_is_what_captum_computes(made):
    from foveate.explanation import heat_map

    model = made.model
    pixels = model.preprocessing.apply(np.asarray(Image.open(made.picture)))
    x = torch.from_numpy(model.preprocessing.normalise(pixels[None]))
    expected = InputXGradient(model.module).attribute(x.clone().requires_grad_(), target=1).sum(dim=1)[0]
    assert heat_map(model.module, x, 1, NAME).values == pytest.approx(expected.detach().numpy(), abs=1e-6)
