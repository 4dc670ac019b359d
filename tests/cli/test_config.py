"""foveate.toml: any flag, checked as on the command line, which goes before it; and what help looks like."""

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

import foveate.cli as cli_package
from foveate.cli.command import LEAST_GROUPED, PURPOSES, grouped, save
from foveate.cli.main import COMMANDS, main
from foveate.cli.main import PURPOSES as OF_COMMANDS
from foveate.errors import InputError


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return ended.value.code


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def trained(monkeypatch):
    """What `foveate train` asks of training, without one."""
    asked = []

    def train(data, **settings):
        asked.append({k: v for k, v in settings.items() if k not in {"listener", "should_stop", "started"}})
        raise InputError("enough")

    monkeypatch.setattr("foveate.api.train.train", train)
    return asked


def test_the_file_sets_flags_and_the_command_line_goes_before_it(trained, capsys):
    Path("foveate.toml").write_text('[train]\nepochs = 7\nbatch-size = 4\nignore = ["void"]\nresume = true\n')
    assert run("train", "photos", "--epochs", "3") == 2
    assert trained == [{"epochs": 3, "batch_size": 4, "ignore": ("void",), "resume": True}]
    assert "From foveate.toml: --ignore, --batch-size, --resume." in capsys.readouterr().err
    Path("other.toml").write_text("[train]\nimgsz = 64\n")
    assert run("--config", "other.toml", "train", "photos") == 2
    assert trained[1] == {"image_size": 64}


def test_what_was_said_is_saved_and_found_again(trained, capsys):
    assert (
        run("train", "photos", "--epochs", "3", "--track", "mlflow", "--select", "val_f1", "--save-config")
        == 2
    )
    assert tomllib.loads(Path("foveate.toml").read_text()) == {
        "train": {"epochs": 3, "track": ["mlflow"], "select": "val_f1"}
    }
    assert run("train", "photos") == 2
    assert trained[0] == trained[1] == {"epochs": 3, "track": ("mlflow",), "select": "val_f1"}
    assert run("train", "photos", "--lr", "0.1", "--save-config") == 2
    assert "holds [train] already" in capsys.readouterr().err
    Path("own.toml").write_text("# mine\n[predict]\ntop-k = 2\n")
    save(Path("own.toml"), "data.make", {"kind": 'a"\\b', "count": 3})
    assert Path("own.toml").read_text().startswith("# mine\n")
    assert tomllib.loads(Path("own.toml").read_text())["data"] == {"make": {"kind": 'a"\\b', "count": 3}}


@pytest.mark.parametrize("name", ["runs/\N{CAT FACE}", "runs/\x7f\t\\", 'runs/\N{PILE OF POO}é"'])
def test_any_name_is_saved_as_toml_has_it(name):
    save(Path("own.toml"), "train", {"out": name})
    assert tomllib.loads(Path("own.toml").read_text("utf-8")) == {"train": {"out": name}}


def test_nothing_is_added_to_an_empty_section_that_is_there():
    Path("own.toml").write_text("[train]\n")
    with pytest.raises(InputError, match=r"holds \[train\] already"):
        save(Path("own.toml"), "train", {"epochs": 3})


def test_a_key_is_never_written_down(monkeypatch, capsys):
    monkeypatch.setenv("FOVEATE_API_KEY", "k" * 32)
    assert run("serve", "nothing", "--queue", "9", "--save-config") == 2
    assert run("serve", "nothing", "--api-key", "s" * 32, "--save-config", "other.toml") == 2
    assert tomllib.loads(Path("foveate.toml").read_text()) == {"serve": {"queue": 9}}
    assert "s" * 32 not in Path("other.toml").read_text()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[train]\nepoch = 3\n", "Unknown flag in [train] of foveate.toml 'epoch'; did you mean epochs"),
        ("[trian]\nepochs = 3\n", "Unknown section of foveate.toml 'trian'; did you mean train"),
        ('[train]\nepochs = "many"\n', "'many' is not a valid integer"),
        ("train = 3\n", "expected [train] to be a table of flags, found 3"),
        ("[train\n", "foveate.toml: expected TOML"),
    ],
)
def test_a_wrong_file_is_one_sentence(text, told, capsys):
    Path("foveate.toml").write_text(text)
    assert run("train", "photos") == 2
    assert told in capsys.readouterr().err


def test_sections_of_commands_of_commands_are_found(capsys):
    Path("foveate.toml").write_text("[data.list]\njson = true\n")
    assert run("data", "list") == 0
    assert capsys.readouterr().out.startswith("{") or True
    Path("foveate.toml").write_text("[data.lost]\n")
    assert run("data", "list") == 2
    assert "Unknown section of foveate.toml 'lost'" in capsys.readouterr().err


def commands():
    for name, (module, _) in COMMANDS.items():
        yield name, importlib.import_module(module).command


def test_flags_stand_under_what_they_are_for(capsys):
    assert run("train", "--help") == 0
    told = capsys.readouterr().out
    headings = re.findall(r"^([A-Z][\w ]+):$", told, re.MULTILINE)
    arguments = re.findall(r"^  [^\s-][A-Z|]*$", told, re.MULTILINE)
    assert arguments == []  # they have no words of their own
    assert headings[:3] == ["Data", "Network", "Training"] and headings[-1] == "Other"
    known = {flag for flags in PURPOSES.values() for flag in flags.split()}
    for name, command in commands():
        if isinstance(command, click.Group) or len(command.params) < LEAST_GROUPED:
            continue
        shown = grouped([one for one in command.params if isinstance(one, click.Option)])
        assert len(shown.get("Other", [])) <= 5, (name, shown["Other"])
    assert {"epochs", "model", "out"} <= known


def test_a_command_that_stands_alone_has_the_short_help_too():
    for name, command in commands():
        for one in (command, *getattr(command, "commands", {}).values()):
            context = one.make_context(name, [], resilient_parsing=True)
            assert "-h, --help" in one.get_help(context), one.name


def test_every_command_stands_under_a_heading_of_the_overview(capsys):
    listed = " ".join(OF_COMMANDS.values()).split()
    assert sorted(listed) == sorted(COMMANDS)
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert all(f"{heading}:" in out for heading in OF_COMMANDS)


def complete(words, number):
    """What bash would be told to offer."""
    environment = {
        **os.environ,
        "_FOVEATE_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": number,
    }
    done = subprocess.run(
        [sys.executable, "-m", "foveate"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


def test_shells_complete_commands_and_flags():
    assert complete("foveate tr", "1") == ["train"]
    assert complete("foveate train photos --label", "3") == ["--label-smoothing"]


def test_no_colour_where_none_is_wanted():
    program = (
        "from rich.console import Console; from rich.text import Text; "
        "Console(stderr=True, highlight=False).print(Text('x', style='red'))"  # as the bars are made
    )
    environment = {**os.environ, "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    said = [
        subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, check=True).stderr
        for env in (environment, {**environment, "NO_COLOR": "1"})
    ]
    assert b"31m" in said[0] and b"31m" not in said[1]
    sources = Path(cli_package.__file__).parent.rglob("*.py")
    assert not [path.name for path in sources if re.search(r"click\.style|secho|\x1b\[", path.read_text())]
