"""`foveate check` of numbers: outliers, numbers never learnt, copies with two numbers; no word of classes."""

import json

import numpy as np
import pytest
from PIL import Image

from foveate.cli.main import main


@pytest.fixture
def check(tmp_path, capsysbinary):
    """A function that writes pictures with these numbers and checks them: what is said, as text or JSON."""

    def run(numbers, *arguments, test=(), copies=()):
        random = np.random.default_rng(0)
        rows = ["file_name,age,split"]
        for i, (number, split) in enumerate([(n, "train") for n in numbers] + [(n, "test") for n in test]):
            Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(tmp_path / f"{i}.png")
            rows.append(f"{i}.png,{number},{split}")
        for i, number in enumerate(copies):
            (tmp_path / f"copy{i}.png").write_bytes((tmp_path / f"{i}.png").read_bytes())
            rows.append(f"copy{i}.png,{number},train")
        (tmp_path / "table.csv").write_text("\n".join(rows))
        with pytest.raises(SystemExit, match="0"):
            main(["check", str(tmp_path / "table.csv"), *arguments])
        return capsysbinary.readouterr().out.decode()

    return run


AGES = [20 + i % 40 + 0.5 for i in range(100)]


def kinds(document):
    return [finding["kind"] for finding in json.loads(document)["findings"]]


def test_a_number_far_outside_the_rest_is_told(check):
    told = check([*AGES, 999])
    assert "warning: 1 number in 'age' far outside the rest (999; half of all lie from" in told


def test_long_tails_and_rare_switches_are_no_slips(check):
    assert kinds(check(np.exp(np.random.default_rng(0).normal(size=200)).tolist(), "--json")) == []
    assert kinds(check([0] * 50 + [5, 7, 9], "--json")) == []


def test_numbers_that_are_never_learnt_are_told(check):
    told = check(AGES, test=[25.5, 80, 90])
    assert "note: 2 pictures in test with a number in 'age' beyond those of training (20.5 to 59.5)" in told


def test_copies_with_two_numbers_contradict(check):
    told = check(AGES, copies=[21.5])
    assert "The same picture stands under two numbers, once: one of the labels is wrong." in told
    assert "exact-contradiction" not in kinds(check(AGES, "--json", copies=[20.5]))


def test_nothing_is_said_of_what_numbers_have_not(check, tmp_path):
    told = check(AGES, "--html", str(tmp_path / "check.html"))
    for text in (told, (tmp_path / "check.html").read_text().partition("<body>")[2]):
        assert "classes" not in text
        assert "class\n" not in text
    assert "Training would accept this data set" in told or "Nothing is wrong" in told
