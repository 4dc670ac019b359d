import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from foveate.cli.main import main


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    Image.fromarray(pixels).save("cat.png")
    return pixels


def pixels_of(name):
    with Image.open(name) as image:
        return np.asarray(image).copy()


def run(*arguments):
    with pytest.raises(SystemExit) as caught:
        main(["filter", *arguments])
    return caught.value.code


def test_a_named_kernel(picture, capsys):
    assert run("cat.png", "identity", "--stride", "2x1") == 0
    out = capsys.readouterr().out
    assert "height: floor((n + p_before + p_after − d·(k−1) − 1)/s) + 1 = floor((20 + 0 + 0" in out
    assert "shown: sums below 0 are black" in out and out.endswith("cat-identity.png\n")
    np.testing.assert_array_equal(pixels_of("cat-identity.png"), picture[1:19:2, 1:29])


def test_a_kernel_of_ones_own_and_json(picture, capsys):
    assert run("cat.png", "--matrix", "0 2", "--padding", "same", "--out", "o.png", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (
        facts["matrix"] == [[0, 2]]
        and facts["output"] == [20, 30]
        and facts["padding_px"] == [[0, 0], [0, 1]]
    )
    assert facts["size_formula"]["width"].endswith("= 30")
    shifted = np.pad(picture[:, 1:].astype(int), ((0, 0), (0, 1), (0, 0))) * 2
    np.testing.assert_array_equal(pixels_of("o.png"), shifted.clip(0, 255))


@pytest.mark.parametrize("name", ["all", "channels"])
def test_sheets(picture, capsys, name):
    assert run("cat.png", name, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert pixels_of(facts["out"]).shape[1] > 800
    if name == "all":
        assert facts["kernels"][:3] == ["identity", "sobel_x", "sobel_y"]
    else:
        assert facts["channel_means"]["R"] == pytest.approx(picture[..., 0].mean())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cat.png"], "Give one kernel"),
        (["cat.png", "emboss", "--matrix", "1"], "Give one kernel"),
        (["cat.png", "embos"], "did you mean emboss"),
        (["cat.png", "--matrix", "1 x"], "found 'x'"),
        (["cat.png", "emboss", "--stride", "0"], "whole number of pixels"),
        (["cat.png", "emboss", "--out", "cat.png"], "never overwritten"),
        (["cat.png", "emboss", "--out", "cat.gif"], "must end in"),
        (["cat.png", "--matrix", "1;" * 40], "does not fit"),
        (["dog.png", "emboss"], "dog.png"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(picture, capsys, arguments, message):
    before = pixels_of("cat.png")
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1
    np.testing.assert_array_equal(pixels_of("cat.png"), before)


def test_a_file_that_is_there_is_not_overwritten_unasked(picture, capsys):
    assert run("cat.png", "emboss") == 0
    assert run("cat.png", "emboss") == 2
    assert "exists already" in capsys.readouterr().err


def test_it_runs_without_torch(picture):
    program = "import sys; sys.modules['torch'] = None; from foveate.cli.main import main; main()"
    command = [sys.executable, "-c", program, "filter", "cat.png", "all"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("cat-all.png\n")


@pytest.mark.parametrize("flags", [("--stride", "1"), ("--padding", "reflect"), ("--negative", "clip")])
def test_what_channels_have_no_use_for_is_refused(picture, capsys, flags):
    assert run("cat.png", "channels", *flags) == 2
    assert f"{flags[0]}: of no effect on `channels`" in capsys.readouterr().err
