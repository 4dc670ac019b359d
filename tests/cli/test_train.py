"""`foveate train` as a process: exit codes, signals, locks, kills."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from foveate.api.train import output_folder
from foveate.cli.main import main
from foveate.cli.train import in_words
from foveate.tasks.measures import Headline, Metric

FOVEATE = [sys.executable, "-m", "foveate.cli.main"]
FLAGS = ["--model", "tinyvgg", "--recipe", "article", "--batch-size", "4", "--seed", "5"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name, low in (("dark", 0), ("light", 120)):
        (root / name).mkdir()
        for i in range(30):
            Image.fromarray(rng.integers(low, low + 130, (16, 16, 3), dtype=np.uint8)).save(
                root / name / f"{i}.png"
            )
    return root


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def run(*arguments, **more):
    return subprocess.run(
        [*FOVEATE, *arguments], capture_output=True, text=True, env=environment(), check=False, **more
    )


def start(*arguments):
    return subprocess.Popen([*FOVEATE, *arguments], stderr=subprocess.PIPE, text=True, env=environment())


@pytest.fixture
def in_new_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def wait_for_checkpoint(out, seconds=60):
    deadline = time.monotonic() + seconds
    while not list(out.glob("checkpoint/step-*.json")):
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def whole(photos, tmp_path_factory):
    """A run that nobody interrupts."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    result = run("train", str(photos), "--out", str(out), "--epochs", "30", *FLAGS, "--json")
    assert result.returncode == 0, result.stderr
    return out, result


def test_json_is_one_document_and_notes_go_to_standard_error(whole):
    out, result = whole
    document = json.loads(result.stdout)
    assert document["model"] == str(out)
    assert document["evaluated_on"] == "test"
    assert "epoch" in result.stderr


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 130)]
)
def test_a_run_ended_by_a_signal_resumes_to_the_same_bytes(photos, tmp_path, whole, number, code):
    out = tmp_path / "run"
    process = start("train", str(photos), "--out", str(out), "--epochs", "30", *FLAGS)
    wait_for_checkpoint(out)
    process.send_signal(number)
    _, notes = process.communicate(timeout=60)
    assert process.returncode == code, notes
    if code == 130:
        assert "--resume" in notes
    resumed = run("train", str(photos), "--out", str(out), "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert (out / "model.safetensors").read_bytes() == (whole[0] / "model.safetensors").read_bytes()
    rows = [line.rpartition(",")[0] for line in (out / "history.csv").read_text().splitlines()]
    assert rows == [line.rpartition(",")[0] for line in (whole[0] / "history.csv").read_text().splitlines()]
    assert [p.name for p in tmp_path.iterdir()] == ["run"]  # no litter


def test_a_second_run_in_the_same_directory_is_refused_at_once(photos, tmp_path):
    out = tmp_path / "run"
    process = start("train", str(photos), "--out", str(out), "--epochs", "100000", *FLAGS)
    wait_for_checkpoint(out)
    second = run("train", str(photos), "--out", str(out), "--epochs", "1", *FLAGS)
    process.kill()
    process.communicate()
    assert second.returncode == 2
    assert f"is in use by process {process.pid}" in second.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "no-such-folder"], "no-such-folder"),
        (["train", "{photos}", "--model", "resnet5O"], "did you mean"),
        (["train", "{photos}", "--recipe", "artcle"], "did you mean article"),
        (["train", "{photos}", "--budget", "60"], "such as 60s, 5m or 2h"),
        (["train", "{photos}", "--budget", "60s", "--epochs", "2"], "not both"),
        (["train", "{photos}", "--epochs", "many"], "--epochs"),
        (["train", "{photos}", "--resume", "--overwrite"], "not both"),
        (["train", "{photos}", "--device", "cuda:7"], "no such device"),
        (["train", "{photos}", "--colour", "red"], "No such option"),
        (["trian", "{photos}"], "did you mean train"),
        (["train"], "DATA"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(photos, in_new_folder, capsys, arguments, message):
    with pytest.raises(SystemExit) as ended:
        main([argument.format(photos=photos) for argument in arguments])
    said = capsys.readouterr().err
    assert ended.value.code == 2, said
    assert message in said
    assert "Traceback" not in said
    assert list(in_new_folder.iterdir()) == []


def test_a_finished_model_is_not_replaced_by_accident(photos, whole):
    result = run("train", str(photos), "--out", str(whole[0]), "--epochs", "1", *FLAGS)
    assert result.returncode == 2
    assert "holds a finished model" in result.stderr


@pytest.mark.parametrize("command", [["train", "photos"], ["demo"], ["summary", "lenet5"]])
def test_the_small_install_says_which_extra_is_missing(command, tmp_path):
    code = "import sys; sys.modules['torch'] = None; from foveate.cli.main import main; main(sys.argv[1:])"
    result = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert result.returncode == 2
    assert "pip install 'foveate[train]'" in result.stderr


def test_resume_without_out_finds_the_last_interrupted_run_of_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("photos", "photos-2", "photos-3"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    (tmp_path / "runs" / "photos-2" / "checkpoint").mkdir()
    (tmp_path / "runs" / "photos-2" / "checkpoint" / "run.json").touch()
    assert output_folder("photos/", None, resume=True, overwrite=False) == Path("runs/photos-2")
    assert output_folder("photos/", None, resume=False, overwrite=False) == Path("runs/photos-4")


def test_the_folder_is_called_as_the_data_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "v1.2").mkdir()
    (tmp_path / "table.v1.csv").touch()
    for data, name in {"v1.2": "v1.2", "v1.2/": "v1.2", "table.v1.csv": "table.v1", "../x": "x"}.items():
        assert output_folder(data, None, resume=False, overwrite=False) == Path("runs") / name


@pytest.mark.parametrize("name", ["plain", "two words", "it's $HOME", "-rf"])
def test_the_lines_to_go_on_with_can_be_typed(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    headline = Headline(Metric("accuracy"), 0.9, (0.8, 0.95), 0.5)
    finished = SimpleNamespace(
        folder=Path(name),
        evaluated_on="test",
        evaluation=SimpleNamespace(headline=headline, samples=10),
        seconds_by_phase={},
    )
    use, report = (line.split(maxsplit=1)[1] for line in reversed(in_words(finished).splitlines()[-2:]))
    words = shlex.split(use)
    assert words[:3] == ["it", "foveate", "predict"]
    assert words[4:] == ["PICTURE"]
    assert not words[3].startswith("-")
    assert Path(words[3]) == Path(name)
    assert [Path(word) for word in shlex.split(report)] == [Path(name) / "report.html"]
