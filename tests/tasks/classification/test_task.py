"""A classification as a value: its classes, what it says of probabilities, how config.json holds it."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss

from foveate.errors import InputError, UnknownNameError
from foveate.tasks import list_tasks, register_task, task_type
from foveate.tasks.classification.task import Classification
from foveate.tasks.classification.threshold import UnsureRule
from foveate.tasks.learning import learner_of

TASK = Classification(("ant", "bee", "cat"), 1.5, UnsureRule(0.8, 0.95, 0.7, 120))
VALUES = {"probabilities": np.array([[0.1, 0.85, 0.05], [0.5, 0.2, 0.3]], np.float32)}


def test_it_is_read_back_from_json_as_it_was():
    assert Classification.from_dict(json.loads(json.dumps(TASK.to_dict()))) == TASK


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ["a"]}, "task.classes: expected 2 to"),
        ({"classes": ["a", "a"]}, "found 'a' twice"),
        ({"classes": ["a", ""]}, "texts of 1 to"),
        ({"temperature": 0}, "temperature: expected a number above 0"),
        ({"unsure": {"unsure_below": 2, "precision": 0.9, "coverage": 1, "samples": 3}}, "unsure_below"),
        ({"more": 1}, "only the fields"),
    ],
)
def test_what_a_stranger_may_write_is_looked_at(change, message):
    with pytest.raises(InputError, match=message):
        Classification.from_dict({**TASK.to_dict(), **change})


def test_it_says_what_the_numbers_mean():
    first, second = TASK.predictions({**VALUES, "unlikeness": np.array([0.4, 2.0])}, 2)
    assert [label for label, _ in first.top] == ["bee", "ant"]
    assert (first.unsure, second.unsure) == (False, True)
    assert (first.unlike, second.unlike) == (False, True)
    assert TASK.answers(VALUES).tolist() == ["bee", "ant"]


def test_answers_of_people_become_targets_and_cells_of_a_table_again():
    targets = TASK.targets(["cat", 0, "bee"])
    assert targets.arrays["labels"].tolist() == [2, 0, 1]
    assert TASK.cells(targets) == ["cat", "ant", "bee"]
    with pytest.raises(InputError, match="expected one of the model's 3 classes"):
        TASK.targets(["dog"])


def test_labels_are_matched_by_name():
    other = Classification(("cat", "ant", "bee", "dog"))
    assert TASK.same_labels(other, TASK.targets(["ant", "cat"])).labels.tolist() == [1, 0]


def test_its_outputs_are_looked_at():
    (output,) = TASK.outputs
    assert output.describe() == "probabilities tensor(float) (N, 3)"
    assert output.holds(VALUES["probabilities"], 2)
    assert not output.holds(VALUES["probabilities"], 3)
    assert not output.holds(VALUES["probabilities"][:, :2], 2)
    assert not output.holds(VALUES["probabilities"] * 2, 2)
    assert not output.holds(VALUES["probabilities"] * np.nan, 2)


def test_training_and_scikit_learn_score_alike():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(200, 3)).astype(np.float32), rng.integers(0, 3, 200)
    targets = TASK.targets(labels)
    learner = learner_of(TASK)(TASK)
    found = learner.scores(torch.from_numpy(logits), targets)
    guess = logits.argmax(1)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, guess))
    assert found["macro_f1"] == pytest.approx(f1_score(labels, guess, average="macro"))
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert found["loss"] == pytest.approx(log_loss(labels, softmax), rel=1e-5)
    batch = {"labels": torch.from_numpy(labels)}
    assert learner.running(torch.from_numpy(logits), batch).item() == (guess == labels).sum()
    assert learner.loss(torch.from_numpy(logits), batch).item() == pytest.approx(found["loss"], rel=1e-6)


def test_what_calibration_learnt_is_in_the_answers():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 300)
    logits = rng.normal(size=(300, 3)) + 1.0 * np.eye(3)[labels]
    learner = learner_of(TASK)(Classification(TASK.classes))
    fitted = learner.calibrated(3 * logits, TASK.targets(labels), unsure_precision=0.9)
    assert fitted.temperature == pytest.approx(3, rel=0.2)  # such logits are right as they are
    assert fitted.unsure is not None
    assert fitted.unsure.precision == 0.9
    given = torch.tensor([[3.0, 0.0, 0.0]])
    probabilities = learner_of(fitted)(fitted).answer()(given)
    expected = torch.softmax(given / fitted.temperature, 1)
    torch.testing.assert_close(probabilities, expected)


def test_selection_knows_a_direction():
    assert TASK.metric("val_accuracy").higher_is_better
    assert not TASK.metric("val_loss").higher_is_better
    with pytest.raises(InputError, match="val_accuracy, val_macro_f1, val_loss or last"):
        TASK.metric("val_f2")


def test_tasks_are_known_by_name():
    assert task_type("classification") is Classification
    assert "classification" in list_tasks()
    assert register_task(Classification) is Classification
    with pytest.raises(UnknownNameError, match="did you mean classification"):
        task_type("clasification")
    with pytest.raises(InputError, match="already"):

        @register_task
        class Another(Classification):
            pass


@pytest.mark.parametrize(
    ("classes", "answer"),
    [(tuple("0123456789"), True), (tuple("abc"), True), (("cat", "dog"), False), (("1", "ten"), False)],
)
def test_letters_and_digits_are_not_mirrored(classes, answer):
    assert Classification(classes).mirror_safe is not answer
