"""A form of data in one file outside the package: `picture_list.py` beside this one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import foveate
import own_layer
from foveate.errors import DatasetError

FILE = Path(__file__).with_name("picture_list.py")
CHECKED = f"""
import sys; sys.modules["torch"] = None
sys.path.insert(0, {str(FILE.parent)!r})
import picture_list
from foveate.cli.main import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A list of bright and dark pictures."""
    place = tmp_path_factory.mktemp("own")
    own_layer.draw(place / "there")
    lines = [f"there/{name}/{i}.png {name}" for name in ("bright", "dark") for i in range(24)]
    (place / "all.list").write_text("\n".join(lines) + "\n")
    return place / "all.list"


def test_the_file_is_short():
    assert len(FILE.read_text().splitlines()) <= 40


def test_a_network_learns_from_it(data):
    with own_layer.loaded(FILE):
        made = own_layer.trained(data.parent, data="all.list", model="tinyvgg", image_size=16)
        assert foveate.evaluate(made.folder, data).evaluation.samples == 48
    assert own_layer.predicted_without_torch(made)["label"] in {"bright", "dark"}
    rows = (made.folder / "splits.csv").read_text().splitlines()
    assert len(rows) == 49 and any("there/dark/5.png,dark" in row for row in rows)


def test_it_is_checked_without_torch(data):
    command = [sys.executable, "-c", CHECKED, "check", data, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["splits"]["train"]["images"] == 48


def test_without_the_file_it_is_no_data(data):
    with pytest.raises(DatasetError, match="none of what data can be"):
        foveate.open_dataset(data)
