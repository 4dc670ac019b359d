"""What a run looks like: lines where there is no terminal, a bar where there is one."""

import math

from foveate.cli import progress
from foveate.cli.progress import display
from foveate.pipeline.listen import Note, PhaseStarted, Planned, Reading, Shares
from foveate.pipeline.telling import epoch_line
from foveate.tasks.classification.metrics import ACCURACY
from foveate.tasks.sections import Column, Table
from foveate.training.events import EpochDone, Retried, StepDone, StoppedEarly

ROW = {
    "epoch": 2,
    "step": 40,
    "lr": 0.1,
    "train_loss": 0.5,
    "train_accuracy": 0.75,
    "val_loss": 0.6,
    "val_accuracy": 0.7,
    "val_macro_f1": 0.69,
    "seconds": 75.0,
}
STORY = [
    PhaseStarted("read"),
    Reading("train", 5, 10),
    Planned("lenet5", "article", ("10 grey pictures: lenet5.",)),
    Note("2 pictures named '\x1b[31mred' are odd."),
    PhaseStarted("train"),
    StepDone(1, 0, 0.1, 2.0, ACCURACY, 0.1, 12.0),
    StepDone(2, 0, 0.2, math.nan, ACCURACY, math.nan, None),
    Retried(1, 0.5),
    EpochDone(ROW, ACCURACY, is_best=True),
    StoppedEarly(5, 2),
    PhaseStarted("export"),
    PhaseStarted("done"),
]


def test_what_the_answers_are_made_of_is_a_table():
    columns = (Column("number"), Column("class", "name"), Column("train pixels"))
    table = Table("classes", columns, [("0", "sky", "91.50%"), ("1", "sea\n", "8.50%")])
    lines = progress.sentence(Shares(table)).splitlines()
    assert lines[0].split() == ["number", "class", "train", "pixels"]
    assert [line.split() for line in lines[2:]] == [["0", "sky", "91.50%"], ["1", "sea\\n", "8.50%"]]


def test_an_epoch_in_words_with_and_without_validation():
    best = epoch_line(EpochDone(ROW, ACCURACY, is_best=True))
    assert "validation loss 0.600  accuracy 70.0%" in best
    assert best.endswith("*best so far")
    bare = {**ROW, "val_loss": None, "val_accuracy": None, "train_loss": None, "train_accuracy": None}
    assert epoch_line(EpochDone(bare, ACCURACY, is_best=False)) == "epoch     2  |  1 min 15 s"


def test_lines_tell_the_story_once_and_escape_what_users_named(capsys, monkeypatch):
    monkeypatch.setattr(progress, "interactive", lambda: False)
    with display() as listener:
        for event in STORY:
            listener(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    assert err.count("training\n") == 1
    assert "note: 2 pictures" in err
    assert "starts again with 0.5 of the rate" in err
    assert "stopped early" in err


def test_a_long_silence_gets_a_sign_of_life(capsys, monkeypatch):
    monkeypatch.setattr(progress, "interactive", lambda: False)
    with display() as listener:
        listener._last -= 60
        listener(StepDone(1, 0, 0.1, 2.0, ACCURACY, 0.1, 12.0))
    assert capsys.readouterr().err == "  10%: loss 2.000, accuracy 10.0%, 12 s left\n"


def test_the_bar_takes_every_event_and_keeps_standard_output_clean(capsys, monkeypatch):
    monkeypatch.setattr(progress, "interactive", lambda: True)
    with display() as listener:
        for event in STORY:
            listener(event)
    out, err = capsys.readouterr()
    assert out == ""
    assert "lenet5" in err


def test_quiet_is_silent(capsys):
    with display(quiet=True) as listener:
        for event in STORY:
            listener(event)
    assert capsys.readouterr() == ("", "")
