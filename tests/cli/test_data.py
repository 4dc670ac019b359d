"""`foveate data`: a list, and getting a set that needs no network."""

from __future__ import annotations

import json

import pytest

from foveate.cli.main import main


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["data", *arguments])
    return int(left.value.code or 0)


def test_list(capsys):
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == [
        "fashion-mnist",
        "fashion-mnist-mini",
        "mnist",
        "cifar10",
    ]
    assert "29.4 MiB" in lines[2]


def test_list_as_json(capsys):
    assert run("list", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document[0]["download_bytes"] == 30_878_645
    assert document[1]["embedded"] is True


def test_get_the_embedded_set(capsys):
    assert run("get", "fashion-mnist-mini") == 0
    assert "6,000 train and 1,000 test pictures in 10 classes" in capsys.readouterr().out


def test_get_as_json(capsys):
    assert run("get", "fashion-mnist-mini", "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["splits"] == {"train": 6000, "test": 1000}
    assert captured.err == ""


def test_an_unknown_name(capsys):
    assert run("get", "fashion-minst") == 2
    assert "did you mean fashion-mnist" in capsys.readouterr().err


def test_an_unknown_word(capsys):
    assert run("fetch") == 2
    assert "No such command 'fetch'" in capsys.readouterr().err


def test_nothing_reachable_is_one_sentence_and_1(capsys, monkeypatch, tmp_path):
    from foveate.dataset.sources import known
    from foveate.errors import DownloadError

    def fail(*args, **kwargs):
        raise DownloadError("Could not get things.gz, and no copy is on this machine.")

    monkeypatch.setattr(known, "find", fail)
    assert run("get", "cifar10") == 1
    assert capsys.readouterr().err == "foveate: Could not get things.gz, and no copy is on this machine.\n"
