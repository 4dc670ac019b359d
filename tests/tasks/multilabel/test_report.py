"""What a multi-label network says of hand-made predictions."""

import numpy as np
import pytest

from foveate.tasks.multilabel.report import surest_mistakes
from foveate.tasks.multilabel.targets import LabelTargets
from foveate.tasks.multilabel.task import Multilabel
from foveate.tasks.sections import Gallery, Mark, Table
from foveate.tasks.telling import Measured

TASK = Multilabel(("cat", "dog"), 1.2, (0.5, 0.8))
# right; a dog missed at 0.2 of 0.8; a cat that is none at 0.9 of 1; both wrong, the dog barely
PROBABILITIES = [[0.9, 0.1], [0.8, 0.2], [0.9, 0.95], [0.3, 0.81]]
PRESENT = [[1, 0], [1, 1], [0, 1], [1, 0]]


def measured(present=PRESENT, split="test", **more):
    values, targets = {"probabilities": np.array(PROBABILITIES)}, LabelTargets(present)
    pixels = np.arange(len(present), dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8)
    names = [f"{i}.png" for i in range(len(present))]
    evaluation = TASK.evaluate(values, targets)
    return Measured(split, values, targets, evaluation, pixels, names, all_targets={split: targets}, **more)


def section(report, anchor):
    return next(it for it in (*report.sections, *report.trust) if it.anchor == anchor)


def test_the_surest_mistake_of_a_picture_is_the_one_farthest_from_its_threshold():
    # shares of what lies on that side: cat 0.4 of 0.5 beyond; dog 0.6 of 0.8 below; cat 0.2 of 0.5 below
    assert surest_mistakes(TASK, measured()) == [(2, 0), (1, 1), (3, 0)]
    assert [one.outputs for one in TASK.to_explain(measured())] == [(0,), (1,), (0,)]


def test_without_a_mistake_the_likeliest_labels_are_explained():
    found = measured(TASK.answers({"probabilities": np.array(PROBABILITIES)}))
    assert [one.outputs for one in TASK.to_explain(found)] == [(0,), (0,), (1,), (1,)]
    assert [it.anchor for it in TASK.report(found).sections] == ["labels"]


def test_mistakes_are_told_as_missed_or_given():
    (gallery,) = (it for it in section(TASK.report(measured()), "mistakes").blocks if isinstance(it, Gallery))
    given, missed, _ = gallery.pictures
    assert given.caption[0][:2] == ("given ", Mark("cat", "wrong"))
    assert given.caption[1] == ("has ", Mark("dog", "right"))
    assert missed.caption[0][:2] == ("missed ", Mark("dog", "wrong"))
    assert missed.caption[1] == ("has ", Mark("cat, dog", "right"))


def test_each_label_is_told_with_its_threshold():
    (table,) = (it for it in section(TASK.report(measured()), "labels").blocks if isinstance(it, Table))
    cat, dog = table.rows
    # cat: given to 0, 1, 2, right for 0, 1; 3 is missed. dog: given to 2, 3, right for 2; 1 is missed
    assert [cell.split("\N{NO-BREAK SPACE}")[0] for cell in cat[1:4]] == ["66.7", "66.7", "66.7"]
    assert dog[5].startswith("80.0")
    assert dog[6] == pytest.approx(0.5)
    assert [row[-1] for row in table.rows] == ["3", "2"]


def test_warnings_name_what_is_not_known():
    def said(found):
        return " ".join(TASK.report(found).warnings)

    assert "Fewer than 20 test pictures have cat and dog" in said(measured())
    assert "no test picture, so nothing is known about: dog" in said(measured([[1, 0]] * 4))
    assert "also served to choose" in said(measured(split="val"))
    assert "also served to choose" not in said(measured(split="val", chosen_on="a held-out fifth"))
    assert "the pictures it was trained with" in said(measured(split="train"))


def test_pictures_are_counted_by_label_and_as_a_whole():
    table = TASK.report(measured()).pictures
    assert table.rows == [("cat", "3"), ("dog", "2")]
    assert table.footer == ("pictures", "4")
