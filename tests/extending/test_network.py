"""A network in one file outside the package: `two_paths.py` beside this one, and nothing else."""

import json
from pathlib import Path

import pytest

import foveate
import own_layer
from foveate.cli.main import main
from foveate.errors import InputError, UnknownNameError

FILE = Path(__file__).with_name("two_paths.py")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with own_layer.loaded(FILE):
        yield own_layer.trained(tmp_path_factory.mktemp("own"), model="two_paths")


def test_the_file_is_short_and_no_part_of_the_package():
    assert len(FILE.read_text().splitlines()) <= 40
    with pytest.raises(UnknownNameError):
        foveate.model_info("two_paths")


def test_it_is_listed_with_what_it_costs(made, capsys):
    with pytest.raises(SystemExit):
        main(["models", "two_paths", "--json"])
    (row,) = json.loads(capsys.readouterr().out)["models"]
    fine, coarse, dense = 8 * (3 * 9 + 1), 8 * (3 * 49 + 1), 16 * 10 + 10
    assert row["parameters"] == fine + coarse + dense
    assert row["macs"] == 32 * 32 * 8 * 3 * (9 + 49) + 16 * 10
    assert foveate.create_model("two_paths", width=3).num_features == 6


def test_its_model_folder_names_it_and_answers_without_torch(made):
    config = json.loads((made.folder / "config.json").read_text())
    assert config["architecture"]["name"] == "two_paths"
    answer = own_layer.predicted_without_torch(made)
    assert answer["label"] == "bright"
    assert answer["probability"] == pytest.approx(own_layer.probability(made, "bright"), abs=1e-4)
    assert "two_paths" in (made.folder / "report.html").read_text()


def test_one_number_of_it_is_taken_apart(made):
    step, document = own_layer.inspected(made, "conv2d", 1, 5, 7)
    assert step.shape == (8, 12, 12)
    assert document["total"] == pytest.approx(document["value"], abs=1e-5)


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(InputError, match="There is a network 'lenet5' already"):
        foveate.register_model("lenet5", input_size=(3, 8, 8))(own_layer.trained)
