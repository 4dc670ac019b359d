"""`foveate train` in several processes, from the command line to the model folder."""

import random
import shlex
import shutil

import numpy as np
import pytest
from PIL import Image

import rank_campaign
from foveate.cli.console import words_of
from foveate.cli.main import main
from foveate.cli.train import command
from launching import launch

WORDS = ["--model", "tinyvgg", "--epochs", "2", "--batch-size", "16", "--device", "cpu"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root, drawn = tmp_path_factory.mktemp("several"), np.random.default_rng(0)
    for name in ("dark", "light"):
        (root / "photos" / name).mkdir(parents=True)
        for number in range(20):
            pixels = drawn.integers(0, 120, (16, 16, 3)) + 100 * (name == "light")
            Image.fromarray(pixels.astype(np.uint8)).save(root / "photos" / name / f"{number}.png")
    return root


def test_a_command_is_told_again_word_by_word():
    given = [
        "photos",
        "--ignore",
        "void",
        "--ignore",
        "255",
        "--lr",
        "0.1",
        "--nproc",
        "2",
        "--resume",
        "-b",
        "8",
    ]
    with command.make_context("train", given) as context:
        words = words_of(context, leave_out={"nproc"})
    again = shlex.split("photos --ignore void --ignore 255 --lr 0.1 --resume --batch-size 8")
    assert sorted(words) == sorted(again)
    with command.make_context("train", words) as other:
        assert {**context.params, "nproc": None} == other.params


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--nproc", "2", "--epochs", "1", "--budget", "60s"], "Give either --budget"),
        (["--nproc", "0"], "0 is not in the range"),
    ],
)
def test_what_is_wrong_is_told_before_processes_are_started(words, told, capsys, monkeypatch):
    monkeypatch.setattr("foveate.cli.processes.in_processes", lambda *_: pytest.fail("started"))
    with pytest.raises(SystemExit) as ended:
        main(["train", "photos", *words])
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_a_process_that_was_started_starts_none(monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(SystemExit) as ended:
        main(["train", "photos", "--nproc", "2"])
    assert ended.value.code == 2
    assert "leave it out" in capsys.readouterr().err


def test_a_rank_with_other_pictures_is_named_once_and_all_end(pictures, tmp_path):
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        shutil.copytree(pictures, folder)
    (folders[1] / "photos" / "dark" / "3.png").unlink()
    first, second = launch(["-m", "foveate", "train", "photos", *WORDS], folders)
    assert (first.code, second.code) == (2, 2)
    told = [line for line in first.said.splitlines() if line.startswith("foveate:")]
    assert told == [
        "foveate: Rank 1 has other pictures than rank 0 (pictures 31 train, 4 val, 4 test instead of "
        "32 train, 4 val, 4 test): let all of them read the same data."
    ]
    assert second.said == "" == first.printed == second.printed
    assert not any((folder / "runs").exists() for folder in folders)


@pytest.mark.slow
def test_a_killed_process_is_begun_anew_and_nothing_tells_of_it(tmp_path):
    campaign, drawn = rank_campaign.Campaign(tmp_path), random.Random(4)
    rank_campaign.draw_pictures(tmp_path / "small", 32, 30)
    whole, seconds = campaign.whole(2)
    out = tmp_path / "run" / "model"
    done, code, said = rank_campaign.disturbed(campaign, out, 2, 0.6 * seconds, drawn)
    assert done.startswith("killed")
    assert "all begin anew from the last checkpoint (1 of 3)" in said
    assert rank_campaign.wrong_of(code, said, out, whole) == ""
