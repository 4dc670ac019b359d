"""`ImageClassifier` and `ImageRegressor`: `foveate.train` in ``fit``, the model folder's answers after it."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, check_is_fitted, column_or_1d

from foveate.api.train import train
from foveate.dataset.samples import DataSet, from_answers
from foveate.dataset.sources.arrays import label_arrays
from foveate.errors import InputError
from foveate.sklearn.pictures import Pictures, Read, TakesPictures, images_of
from foveate.tasks import task_type


class _Trains(TakesPictures):
    """What both have: the settings of a training as parameters, and ``fit`` in terms of a data set.

    The parameters are those of `foveate.TrainRequest`; ``settings`` holds others of them, such as
    ``{"fit": "pad"}``. No test pictures are held out: whoever calls ``fit`` has those.
    """

    def __init__(
        self,
        *,
        model: str = "auto",
        recipe: str = "auto",
        budget: str | None = None,
        epochs: int | None = None,
        image_size: int | None = None,
        batch_size: int | None = None,
        lr: float | None = None,
        weights: str | None = None,
        augment: Literal["auto", "none"] = "auto",
        class_weights: Literal["auto", "none", "balanced"] = "auto",
        label_smoothing: float | None = None,
        val_fraction: float | None = None,
        patience: int | None = None,
        seed: int = 0,
        device: str = "auto",
        threads: int | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.recipe = recipe
        self.budget = budget
        self.epochs = epochs
        self.image_size = image_size
        self.batch_size = batch_size
        self.lr = lr
        self.weights = weights
        self.augment = augment
        self.class_weights = class_weights
        self.label_smoothing = label_smoothing
        self.val_fraction = val_fraction
        self.patience = patience
        self.seed = seed
        self.device = device
        self.threads = threads
        self.settings = settings

    def _said(self) -> dict[str, Any]:
        """The parameters that were set: some ways of training refuse those that they have no use for."""
        usual = {one.name: one.default for one in inspect.signature(type(self)).parameters.values()}
        params = self.get_params(deep=False)
        own = {name: params[name] for name in params if params[name] != usual[name] and name != "settings"}
        return {"test_fraction": 0.0, **own, **(self.settings or {})}

    def _trained(self, data: DataSet) -> Self:
        with tempfile.TemporaryDirectory(prefix="foveate-fit-") as folder:
            return self._keep(train(data, out=Path(folder) / "model", **self._said()).folder)

    def _pictures(self, X: Pictures) -> Read:
        check_is_fitted(self)
        return self._read(X)


class ImageClassifier(ClassifierMixin, _Trains):
    """A network that learns the class of a picture, or several labels where y is (N, labels) of 0 and 1.

    >>> from pathlib import Path
    >>> from sklearn.model_selection import cross_val_score
    >>> pictures = sorted(map(str, Path("shapes").glob("*/*.png")))
    >>> labels = [Path(picture).parent.name for picture in pictures]
    >>> network = ImageClassifier(model="net.yaml", epochs=30, batch_size=8, lr=0.03)
    >>> scores = cross_val_score(network, pictures, labels, cv=3)
    >>> len(scores), bool(scores.mean() > 0.7)
    (3, True)

    X: names of files, arrays of pictures, or rows (see `TakesPictures`). Parameters: of
    `foveate.TrainRequest`, by the same names; ``settings``: others of them. Of the pictures given to ``fit``
    some are held out to choose on, as `foveate.train` does it.

    Attributes:
        classes_: the classes in the order of ``predict_proba``'s columns, as they stood in y; of several
            labels the numbers of their columns.
    """

    classes_: NDArray[Any]

    def fit(self, X: Pictures, y: ArrayLike) -> Self:
        """Train on N pictures and their N answers. Raises ValueError, all that `foveate.train` raises."""
        read = self._read_with(X, y)
        answers = np.asarray(y)
        check_classification_targets(answers)
        self.multilabel_ = answers.ndim == 2 and answers.shape[1] > 1
        if self.multilabel_:
            return self._fit_labels(read, answers)
        self.classes_, numbers = np.unique(column_or_1d(y, warn=True), return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError("Can't train when only one class is present: expected two classes at least.")
        names = [str(name) for name in self.classes_.tolist()]
        return self._trained(label_arrays("X", {"train": images_of(read)}, {"train": numbers}, names))

    def _fit_labels(self, read: Read, answers: NDArray[Any]) -> Self:
        self.classes_ = np.arange(answers.shape[1])
        kind = task_type("multilabel")
        return self._trained(
            from_answers("X", {"train": (images_of(read), kind.in_array(answers, None))}, kind=kind)
        )

    def predict(self, X: Pictures) -> NDArray[Any]:
        """(N,) classes as they stood in y; of several labels (N, labels) of 0 and 1."""
        pictures = self._pictures(X)
        if self.multilabel_:
            return np.asarray(self.predictor_.predict(pictures)).astype(np.int64)
        return self.classes_[self.predictor_.predict_proba(pictures).argmax(axis=1)]

    def predict_proba(self, X: Pictures) -> NDArray[np.float64]:
        """(N, classes) probabilities; of a class they add up to 1."""
        pictures = self._pictures(X)
        found = self.predictor_.predict_proba(pictures).astype(np.float64)
        if self.multilabel_ or not len(pictures):
            return found
        return found / found.sum(axis=1, keepdims=True)

    def __sklearn_tags__(self) -> Tags:
        tags = _tags(super().__sklearn_tags__())
        tags.classifier_tags.multi_label = True
        return tags

    def _read_with(self, X: Pictures, y: ArrayLike) -> Read:
        return _checked(self, X, y)


class ImageRegressor(RegressorMixin, _Trains):
    """A network that learns a number of a picture, or several where y is (N, numbers).

    X and parameters are those of `ImageClassifier`; ``score`` is the coefficient of determination.
    """

    def fit(self, X: Pictures, y: ArrayLike) -> Self:
        """Train on N pictures and their N numbers. Raises ValueError, all that `foveate.train` raises."""
        read = _checked(self, X, y)
        answers = check_array(y, ensure_2d=False, dtype=np.float64)
        self.single_ = answers.ndim == 1
        kind = task_type("regression")
        return self._trained(
            from_answers("X", {"train": (images_of(read), kind.in_array(answers, None))}, kind=kind)
        )

    def predict(self, X: Pictures) -> NDArray[np.float64]:
        """(N,) or (N, numbers), as y was."""
        pictures = self._pictures(X)
        found = np.asarray(self.predictor_.predict(pictures), np.float64)
        return found.reshape(len(found)) if self.single_ else found.reshape(len(found), -1)

    def __sklearn_tags__(self) -> Tags:
        tags = _tags(super().__sklearn_tags__())
        tags.target_tags.multi_output = True
        return tags


def _checked(estimator: TakesPictures, X: Pictures, y: ArrayLike) -> Read:
    """X, where y has as many answers. Raises ValueError."""
    if y is None:
        raise InputError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    check_array(y, ensure_2d=False, dtype=None, input_name="y", ensure_all_finite=True)
    read = estimator._read(X, first=True)
    check_consistent_length(read, y)
    if len(read) < 2:
        raise InputError(f"expected two pictures at least, found n_samples={len(read)}.")
    return read


def _tags(tags: Tags) -> Tags:
    tags.input_tags.three_d_array = True
    tags.input_tags.string = True
    return tags
