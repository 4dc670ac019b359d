"""The figures against scikit-learn's, their intervals against SciPy's bootstrap."""

import json

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn.dummy import DummyRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from foveate.errors import InputError, ShapeError
from foveate.tasks.regression.metrics import evaluate


def numbers(count=200, seed=0):
    """(N, 2) answers and true numbers: ages around 40, and years, whose mean is far from 0."""
    random = np.random.default_rng(seed)
    true = np.stack([random.normal(40, 12, count), random.normal(2000, 5, count)], axis=1)
    return true + random.normal([1, 0], [4, 6], (count, 2)), true


def test_every_figure_is_scikit_learns():
    said, true = numbers()
    found = evaluate(said, true, ("age", "year"), (12, 5))
    each = {"multioutput": "raw_values"}
    assert [one.mae for one in found.numbers] == pytest.approx(mean_absolute_error(true, said, **each))
    assert [one.rmse for one in found.numbers] == pytest.approx(root_mean_squared_error(true, said, **each))
    assert [one.r2 for one in found.numbers] == pytest.approx(r2_score(true, said, **each))
    assert found.mae == pytest.approx(mean_absolute_error(true, said))
    assert found.rmse == pytest.approx(root_mean_squared_error(true, said))
    assert found.r2 == found.headline.value == pytest.approx(r2_score(true, said))
    for strategy, figure, score in (
        ("median", "median_mae", mean_absolute_error),
        ("mean", "mean_rmse", root_mean_squared_error),
    ):
        constant = DummyRegressor(strategy=strategy).fit(true, true).predict(true)
        assert [getattr(one, figure) for one in found.numbers] == pytest.approx(score(true, constant, **each))


def test_intervals_are_those_of_a_bootstrap_over_pictures():
    said, true = numbers(120)
    found = evaluate(said, true, ("age", "year"), (12, 5))
    for name, score in (("mae", mean_absolute_error), ("rmse", root_mean_squared_error), ("r2", r2_score)):
        for k, one in enumerate(found.numbers):
            theirs = bootstrap(
                (true[:, k], said[:, k]),
                score,
                paired=True,
                vectorized=False,
                n_resamples=2000,
                method="percentile",
                rng=np.random.default_rng(0),
            ).confidence_interval
            low, high = getattr(one, f"{name}_interval")
            width = theirs.high - theirs.low
            assert (low, high) == pytest.approx(tuple(theirs), abs=0.12 * width)


def test_intervals_hold_the_true_error_about_as_often_as_they_say():
    inside = 0
    for seed in range(100):
        said, true = numbers(60, seed)
        (low, high) = evaluate(said[:, :1], true[:, :1], ("age",), (12,)).numbers[0].mae_interval
        inside += low <= 4 * np.sqrt(2 / np.pi) * np.exp(-1 / 32) + 2 * 0.0987 <= high  # E|N(1, 4)|, folded
    assert 87 <= inside <= 99


def test_the_same_pictures_give_the_same_intervals():
    assert evaluate(*numbers(), ("a", "b"), (1, 1)) == evaluate(*numbers(), ("a", "b"), (1, 1))


def test_true_numbers_that_are_all_the_same_still_tell_the_better_network():
    true = np.full((3, 1), 7.0)
    near, far = (evaluate(true + off, true, ("a",), (2.0,)) for off in (1.0, 2.0))
    assert near.r2 == pytest.approx(1 - 1 / 4)  # of the training pictures' variance
    assert far.r2 == pytest.approx(0)
    assert evaluate(true[:1], true[:1], ("a",), (2.0,)).r2 == 1


def test_what_is_told_is_strict_json_with_the_share_inside_the_models_intervals():
    said = np.array([[1.0], [2.0], [3.0], [10.0]])
    found = evaluate(said, np.array([[1.5], [2.0], [3.0], [4.0]]), ("age",), (1.0,), half_widths=(0.5,))
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["numbers"][0]["covered"] == 0.75
    assert document["numbers"][0]["bias"] == pytest.approx((-0.5 + 6) / 4)
    assert found.lines("pictures")[1].startswith("off by 1.625 on average")
    (table,) = found.tables()
    assert table.rows[0][0] == "age"
    assert table.rows[0][-1] == "75.0%"


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(InputError, match="at least one picture"):
        evaluate(np.zeros((0, 1)), np.zeros((0, 1)), ("a",), (1,))
    with pytest.raises(InputError, match="finite"):
        evaluate([[np.nan]], [[1.0]], ("a",), (1,))
    with pytest.raises(ShapeError, match=r"\(N, 2\)"):
        evaluate(np.zeros((3, 1)), np.zeros((3, 1)), ("a", "b"), (1, 1))
