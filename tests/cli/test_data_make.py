"""`foveate data make scenes`: a data set from nothing."""

import json

import pytest

from foveate.cli.main import main
from foveate.dataset.sources import known


@pytest.fixture(autouse=True)
def at_desk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(line):
    with pytest.raises(SystemExit) as left:
        main(["data", "make", *line.split()])
    return int(left.value.code or 0)


def test_shapes(tmp_path, capsys):
    assert run("scenes --kind shapes --count 10 --size 48 --out drawn") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "drawn holds 10 scenes of shapes: 6 train, 2 val, 2 test.",
        "drawn/README.md says what lies where.",
    ]
    assert err == ""
    assert len(list((tmp_path / "drawn").glob("*/masks/*.png"))) == 10


def test_without_a_name_the_next_free_one_is_taken(tmp_path, capsys):
    for _ in range(2):
        assert run("scenes --kind shapes --count 3 --size 48 --json") == 0
    document = json.loads(capsys.readouterr().out.split("\n}\n")[1] + "}")
    assert document["folder"] == "scenes-2"
    assert document["splits"] == {"train": 1, "val": 1, "test": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scenes", "scenes-2"]


def test_overwrite_replaces_what_is_there(tmp_path):
    assert run("scenes --kind shapes --count 4 --size 48") == 0
    assert run("scenes --kind shapes --count 3 --size 64 --overwrite") == 0
    assert json.loads((tmp_path / "scenes" / "scenes.json").read_text())["size"] == 64
    assert [path.name for path in tmp_path.iterdir()] == ["scenes"]


def test_where_there_are_no_garments_shapes_are_drawn_and_that_is_said(monkeypatch, capsys):
    monkeypatch.setattr(known, "is_here", lambda one: False)
    assert run("scenes --count 3 --size 48 --json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["kind"] == "shapes"
    assert err == (
        "Fashion-MNIST is not on this machine, so shapes are drawn; --kind garments fetches it (29.4 MiB).\n"
    )


def test_garments(monkeypatch, capsys):
    mini = known.load("fashion-mnist-mini")
    monkeypatch.setattr(known, "load", lambda *args, **kwargs: mini)
    assert run("scenes --kind garments --count 3 --size 48") == 0
    assert "3 scenes of garments" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("scene", "Unknown data set to make 'scene'; did you mean scenes?"),
        ("scenes --kind shape", "Unknown kind of scenes 'shape'; did you mean shapes?"),
        ("scenes --count 2", "--count 2: expected a whole number from 3 to 99,999 scenes."),
        ("scenes --size 16", "--size 16: expected a whole number from 48 to 512 pixels."),
        ("scenes --seed -1", "--seed -1: expected a whole number from 0 to 9,223,372,036,854,775,807."),
        ("scenes --count many", "Invalid value for '--count': 'many' is not a valid integer."),
        ("scenes --out mine", "--out mine: expected a new or empty folder, found other files (a.txt, ...);"),
        ("scenes --out mine/a.txt", "--out mine/a.txt: expected a folder, found a file; give another name."),
        ("scenes --out .", "--out .: expected a new or empty folder, found other files (mine, ...);"),
        ("", "Missing argument 'NAME'."),
    ],
)
@pytest.mark.parametrize("more", ["", " --overwrite"])
def test_bad_input_is_one_sentence_and_changes_nothing(tmp_path, capsys, line, message, more):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("mine")
    assert run(line + more) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"foveate: {message}")
    assert err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.txt", "mine"]
