"""scikit-learn's own tools on `foveate.sklearn`, with names of files, arrays of pictures and rows.

All of its checks on all three are made by `tools/sklearn_checks.py`, which takes minutes.
"""

import inspect
import pickle
import warnings
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator, estimator_checks_generator

import foveate
import sklearn_checks
from foveate import TrainRequest
from foveate.errors import InputError
from foveate.sklearn import ImageClassifier, ImageFeatures, ImageRegressor
from foveate.sklearn.pictures import rows_as_pictures

SETTINGS = {"model": "net.yaml", "epochs": 25, "batch_size": 8, "lr": 0.03}


@pytest.fixture
def paths(desk):
    return sorted(map(str, Path("shapes").glob("*/*.png")))


@pytest.fixture
def labels(paths):
    return [Path(path).parent.name for path in paths]


@pytest.fixture
def pixels(paths):
    return np.stack([np.asarray(Image.open(path).convert("L")) for path in paths])


def test_cross_validation_on_arrays_gives_classes_as_they_were_given(pixels, labels):
    numbers = np.where(np.array(labels) == "circle", 7, 3)
    found = cross_val_predict(ImageClassifier(**SETTINGS), pixels, numbers, cv=2)
    assert found.dtype == numbers.dtype and set(found) == {3, 7}
    assert accuracy_score(numbers, found) > 0.7


def test_a_fitted_one_is_pickled_and_saved_as_a_model_folder(paths, labels):
    fitted = ImageClassifier(**SETTINGS).fit(paths, labels)
    assert fitted.classes_.tolist() == ["circle", "square"]
    probabilities = fitted.predict_proba(paths)
    assert fitted.predict(paths).tolist() == fitted.classes_[probabilities.argmax(axis=1)].tolist()
    assert fitted.score(paths, labels) == accuracy_score(labels, fitted.predict(paths))
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301 -- our own
    assert np.array_equal(again.predict_proba(paths), probabilities)
    loaded = foveate.load(fitted.save("kept"))
    assert loaded.predict(paths).tolist() == fitted.predict(paths).tolist()
    with pytest.raises(InputError, match="expected a new folder"):
        fitted.save("kept")
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.fit(paths, labels[:3])


def test_settings_are_parameters(paths, labels):
    estimator = ImageClassifier(**SETTINGS)
    assert clone(estimator).get_params() == estimator.get_params()
    search = GridSearchCV(estimator, {"epochs": [1, 2]}, cv=2).fit(paths, labels)
    assert search.best_params_["epochs"] in {1, 2}
    assert is_classifier(estimator) and is_regressor(ImageRegressor())
    known = {one.name: one.default for one in fields(TrainRequest)}
    own = inspect.signature(ImageClassifier).parameters
    assert {name: one.default for name, one in own.items() if name != "settings"} == {
        name: known[name] for name in own if name != "settings"
    }
    with pytest.raises(InputError, match="did you mean fit"):
        ImageClassifier(settings={"fitt": "pad"}, **SETTINGS).fit(paths, labels)


def test_several_labels_are_columns_of_0_and_1(pixels):
    bright = np.stack([pixels.mean(axis=(1, 2)) > 90, pixels[:, :8].mean(axis=(1, 2)) > 90], axis=1)
    fitted = ImageClassifier(**{**SETTINGS, "epochs": 2}).fit(pixels, bright.astype(int))
    assert fitted.predict_proba(pixels).shape == fitted.predict(pixels).shape == (80, 2)
    assert set(np.unique(fitted.predict(pixels))) <= {0, 1}


def test_numbers_are_learnt_as_numbers(pixels):
    brightness = pixels.mean(axis=(1, 2))
    fitted = ImageRegressor(**{**SETTINGS, "epochs": 4}).fit(pixels, brightness)
    found = fitted.predict(pixels)
    assert found.shape == (80,) and fitted.score(pixels, brightness) == r2_score(brightness, found)


def test_features_go_into_a_pipeline(paths, labels):
    features = ImageFeatures(model="runs/shapes")
    pipeline = make_pipeline(features, LogisticRegression(max_iter=1000)).fit(paths[::2], labels[::2])
    assert pipeline.score(paths[1::2], labels[1::2]) > 0.7
    found = features.transform(paths)
    assert np.array_equal(found, foveate.load("runs/shapes").embed(paths))
    assert len(features.get_feature_names_out()) == found.shape[1]


def test_floats_are_brought_to_bytes_by_the_range_in_fit(pixels):
    features = ImageFeatures(model="runs/shapes").fit(pixels)
    expected = features.transform(pixels)
    low, high = float(pixels.min()), float(pixels.max())
    stretched = np.rint((pixels - low) / (high - low) * 255).astype(np.uint8)
    as_floats = ImageFeatures(model="runs/shapes").fit(pixels * 4.0 - 3)
    assert np.array_equal(as_floats.transform(pixels * 4.0 - 3), features.transform(stretched))
    assert not np.array_equal(as_floats.transform(pixels * 4.0 - 3), expected)


def test_what_was_fitted_to_files_takes_arrays_of_the_same_pictures(paths):
    features = ImageFeatures(model="runs/shapes").fit(paths)
    pictures = np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])
    np.testing.assert_allclose(features.transform(pictures), features.transform(paths), rtol=1e-4, atol=1e-4)


def test_rows_are_square_pictures():
    digits = np.arange(2 * 784, dtype=np.int64).reshape(2, 784) % 251
    assert np.array_equal(rows_as_pictures(digits.astype(np.uint8))[..., 0], digits.reshape(2, 28, 28))
    three = rows_as_pictures(np.array([[1, 2, 3]], np.uint8))[0, :, :, 0]
    assert np.array_equal(three, np.kron([[1, 2], [3, 0]], np.ones((4, 4))))


def test_all_of_scikit_learns_checks_on_the_features(desk):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = check_estimator(ImageFeatures(model="runs/shapes"), on_fail=None)
    assert [one["check_name"] for one in found if one["status"] == "failed"] == []
    assert sum(one["status"] == "passed" for one in found) > 40


CHECKS = (
    "check_estimators_pickle",
    "check_n_features_in",
    "check_estimator_sparse_tag",
    "check_fit2d_1sample",
)


@pytest.mark.parametrize("kind", [0, 1])
def test_some_of_scikit_learns_checks_on_those_that_train(kind, tmp_path):
    estimator = [*zip(range(2), sklearn_checks.estimators(tmp_path), strict=False)][kind][1]
    checks = estimator_checks_generator(estimator)
    chosen = [check for _, check in checks if isinstance(check, partial) and check.func.__name__ in CHECKS]
    assert len(chosen) >= 3  # each is there
    for check in chosen:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(estimator)
