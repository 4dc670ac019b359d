"""One rule for every command that writes: what is there is replaced when asked only, and by its like."""

from pathlib import Path

import click
import pytest

from bad_input_makers import both, model, photos, pngs
from foveate.cli.main import COMMANDS, cli, main

WRITERS = {  # command -> what it writes to
    "filter cat.png sharpen --out {}": "out.png",
    "summary lenet5 --draw {}": "net.svg",
    "check photos --html {}": "page.html",
    "export model --out {}": "net.onnx",
}


def run(line):
    with pytest.raises(SystemExit) as done:
        main(line.split())
    return done.value.code or 0


@pytest.mark.parametrize("line", WRITERS)
def test_a_file_is_replaced_only_when_asked(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both(model, photos, pngs("cat.png"))()
    target = Path(WRITERS[line])
    target.write_bytes(b"mine")
    assert run(line.format(target)) == 2
    assert target.read_bytes() == b"mine"
    assert run(line.format(target) + " --overwrite") == 0
    assert target.read_bytes() != b"mine"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("line", WRITERS)
@pytest.mark.parametrize("more", ["", " --overwrite"])
def test_a_file_of_another_kind_is_never_replaced(line, more, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    both(model, photos, pngs("cat.png"))()
    Path("notes.txt").write_bytes(b"mine")
    assert run(line.format("notes.txt") + more) == 2
    assert Path("notes.txt").read_bytes() == b"mine"


def test_every_command_that_can_write_can_be_told_to_overwrite():
    context = click.Context(cli)
    for name in COMMANDS:
        options = {option.name for option in cli.get_command(context, name).params}
        if options & {"out", "html", "drawing"} and name != "bench":  # whose results join the earlier ones
            assert "overwrite" in options, name


def test_benchmarks_join_no_folder_of_other_things(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("benchmarks.md").write_text("mine")
    assert run("bench start --quick --out .") == 2
    assert "found other files (benchmarks.md" in capfd.readouterr().err
    assert Path("benchmarks.md").read_text() == "mine"
