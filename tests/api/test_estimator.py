"""scikit-learn's own tools on `foveate.Estimator`, with names of files and with arrays."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score

import foveate
from foveate.errors import InputError

SETTINGS = {"model": "net.yaml", "epochs": 30, "batch_size": 8, "lr": 0.03}


@pytest.fixture
def paths(desk):
    return sorted(map(str, Path("shapes").glob("*/*.png")))


@pytest.fixture
def labels(paths):
    return [Path(path).parent.name for path in paths]


def test_cross_validation_on_paths(paths, labels):
    scores = cross_val_score(foveate.Estimator(**SETTINGS), paths, labels, cv=2)
    assert scores.shape == (2,) and scores.mean() > 0.7


def test_cross_validation_on_arrays_gives_labels_as_they_were_given(paths, labels):
    pixels = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    numbers = np.where(np.array(labels) == "circle", 7, 3)
    estimator = foveate.Estimator(**SETTINGS)
    found = cross_val_predict(estimator, pixels, numbers, cv=2)
    assert found.dtype == numbers.dtype and set(found) <= {3, 7}
    assert accuracy_score(numbers, found) > 0.7


def test_a_fitted_one_has_what_scikit_learn_expects(paths, labels):
    fitted = foveate.Estimator(**SETTINGS).fit(paths, labels)
    assert fitted.classes_.tolist() == ["circle", "square"]
    probabilities = fitted.predict_proba(paths)
    assert fitted.predict(paths).tolist() == fitted.classes_[probabilities.argmax(axis=1)].tolist()
    assert fitted.score(paths, labels) == accuracy_score(labels, fitted.predict(paths))
    with pytest.raises(InputError, match="an answer for each of 80 pictures, found 3"):
        fitted.fit(paths, labels[:3])


def test_settings_are_parameters(paths, labels):
    estimator = foveate.Estimator(**SETTINGS)
    assert clone(estimator).get_params() == SETTINGS
    assert estimator.set_params(epochs=2).get_params()["epochs"] == 2
    search = GridSearchCV(estimator, {"epochs": [1, 2]}, cv=2).fit(paths, labels)
    assert search.best_params_["epochs"] in {1, 2}
    assert is_classifier(estimator) and is_regressor(foveate.Estimator(task="regression"))


def test_numbers_are_learnt_as_numbers(paths):
    brightness = np.array([np.asarray(Image.open(path)).mean() for path in paths])
    fitted = foveate.Estimator(model="net.yaml", epochs=2, task="regression").fit(paths, brightness)
    assert fitted.predict(paths).dtype == np.float32
    assert fitted.score(paths, brightness) <= 1
