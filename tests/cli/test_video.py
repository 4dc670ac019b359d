"""`foveate predict --video`: what is said each second, where it changes."""

import json

import pytest
from PIL import Image

from colour_model import model_folder, pictures  # noqa: F401 -- fixtures
from foveate.cli.main import main
from foveate.cli.video import clock

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture
def film(tmp_path):
    """Red for 2.5 s, red in another shade for 1 s, blue for 1 s, green for half a second."""
    shades = [COLOURS["red"], (200, 10, 10), COLOURS["blue"], COLOURS["green"]]
    frames = [Image.new("RGB", (8, 8), shade) for shade in shades]
    path = tmp_path / "film.gif"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=[2500, 1000, 1000, 500])
    return path


@pytest.fixture
def run(capsys):
    """What `predict` says of pictures: exit code, standard output and standard error."""

    def call(*arguments):
        with pytest.raises(SystemExit) as info:
            main(["predict", *map(str, arguments)])
        said = capsys.readouterr()
        return info.value.code, said.out, said.err

    return call


def test_a_line_where_the_answer_changes(model_folder, film, run):  # noqa: F811
    code, out, _ = run(model_folder, film, "--video")
    assert code == 0
    assert out.splitlines() == [
        "00:00  red",
        "00:04  blue",
    ]  # green stands from 4.5 s to 5.0 s: no whole second


def test_the_same_for_programs(model_folder, film, run):  # noqa: F811
    found = json.loads(run(model_folder, film, "--video", "--json")[1])["changes"]
    assert [(one["seconds"], one["label"]) for one in found] == [(0.0, "red"), (4.0, "blue")]


def test_frames_of_a_folder_in_the_order_of_their_names(model_folder, tmp_path, run):  # noqa: F811
    """Eight frames, four a second: the first and the fifth are looked at."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(8):
        colour = "green" if number == 4 else "blue"
        Image.new("RGB", (8, 8), COLOURS[colour]).save(folder / f"{number:03}.png")
    assert run(model_folder, folder, "--video", "--fps", 4)[1].splitlines() == ["00:00  blue", "00:01  green"]


def test_frames_whose_numbers_have_no_zeros_before_them_stand_in_the_order_of_the_numbers(
    model_folder,  # noqa: F811
    tmp_path,
    run,
):
    """Twelve frames, one a second: blue up to the tenth, then red."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(12):
        colour = "blue" if number < 10 else "red"
        Image.new("RGB", (8, 8), COLOURS[colour]).save(folder / f"frame{number}.png")
    found = run(model_folder, folder, "--video", "--fps", 1)[1].splitlines()
    assert found == ["00:00  blue", "00:10  red"]


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--csv"], "--csv"),
        (["--top-k", "2"], "--top-k"),
        (["--coco", "out.json"], "--coco"),
        (["--out", "there", "--batch-size", "2"], "--batch-size, --out"),
    ],
)
def test_flags_without_an_effect_are_refused(model_folder, film, run, flags, named):  # noqa: F811
    code, out, err = run(model_folder, film, "--video", *flags)
    assert (code, out) == (2, "")
    assert f"{named}: of no effect with --video" in err


def test_what_foveate_toml_sets_for_other_uses_is_no_mistake(model_folder, film, run, monkeypatch):  # noqa: F811
    monkeypatch.chdir(film.parent)
    (film.parent / "foveate.toml").write_text("[predict]\ntop-k = 2\n")
    code, out, _ = run(model_folder, film, "--video")
    assert (code, out.splitlines()) == (0, ["00:00  red", "00:04  blue"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fps", "4"], "--video as well"),
        (["--video"], "one animated picture, or --fps"),
    ],
)
def test_what_is_missing_is_said(model_folder, tmp_path, run, words, message):  # noqa: F811
    for name in ("a", "b"):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    code, _, err = run(model_folder, tmp_path, *words)
    assert code == 2
    assert message in err


def test_the_clock():
    assert [clock(seconds) for seconds in (0, 61.9, 3723)] == ["00:00", "01:01", "1:02:03"]
