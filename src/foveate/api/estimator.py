"""`Estimator`: training as scikit-learn has it, for `cross_val_score`, `GridSearchCV` and their like."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from foveate.api.train import train
from foveate.dataset import DataSet, FileImages, from_answers, open_dataset
from foveate.errors import InputError
from foveate.modelfolder.read import load
from foveate.runtime.predictor import Predictor
from foveate.tasks import task_of_array, task_type

Pictures = Sequence[str | Path] | NDArray[Any]  # names of files, or (N, H, W, 3) uint8


class Estimator:
    """A network that ``fit`` trains by the settings of `train`, and that predicts as scikit-learn's do.

    >>> from pathlib import Path
    >>> from sklearn.model_selection import cross_val_score
    >>> pictures = sorted(map(str, Path("shapes").glob("*/*.png")))
    >>> labels = [Path(picture).parent.name for picture in pictures]
    >>> estimator = foveate.Estimator(model="net.yaml", epochs=30, batch_size=8, lr=0.03)
    >>> scores = cross_val_score(estimator, pictures, labels, cv=3)
    >>> len(scores), bool(scores.mean() > 0.7)
    (3, True)

    ``settings``, the fields of `TrainRequest`, are its parameters. Of the pictures given to ``fit``, some are
    held out as `train` does it; no model folder is left.

    Attributes:
        predictor_: the trained model, a `Predictor`.
        classes_: the labels, in the order of ``predict_proba``'s columns and as they stood in ``y``.
    """

    predictor_: Predictor
    classes_: NDArray[Any]

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings."""
        return dict(self.settings)

    def set_params(self, **settings: Any) -> Self:
        """Change settings, and give this estimator back."""
        self.settings = {**self.settings, **settings}
        return self

    def fit(self, X: Pictures, y: ArrayLike) -> Self:
        """Train on pictures, names of files or (N, H, W, 3) uint8, and their N answers.

        Raises InputError where these are not as many; all that `train` raises.
        """
        answers = np.asarray(y)
        if len(X) != len(answers):
            raise InputError(f"expected an answer for each of {len(X)} pictures, found {len(answers)}.")
        with tempfile.TemporaryDirectory(prefix="foveate-fit-") as folder:
            data = _data(X, answers, self.settings.get("task", "auto"))
            self.predictor_ = load(train(data, out=Path(folder) / "model", **self.settings).folder)
        self._given = {str(label): label for label in np.unique(answers)}
        self.classes_ = self._as_given(np.array(self.predictor_.classes_))
        return self

    def predict(self, X: Pictures) -> NDArray[Any]:
        """(N, ...) answers; labels as they stood in ``y``."""
        return self._as_given(self.predictor_.predict(X))

    def predict_proba(self, X: Pictures) -> NDArray[np.float32]:
        """(N, classes) probabilities."""
        return self.predictor_.predict_proba(X)

    def score(self, X: Pictures, y: ArrayLike) -> float:
        """The task's first metric: of a classification the fraction that is right."""
        return self.predictor_.score(X, np.asarray(y).tolist())

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator; only it calls this."""
        from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags

        task = self.settings.get("task", "auto")
        classifies = task == "auto" or task_type(task).label_scores is not None
        return Tags(
            estimator_type="classifier" if classifies else "regressor",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags() if classifies else None,
            regressor_tags=None if classifies else RegressorTags(),
        )

    def _as_given(self, labels: NDArray[Any]) -> NDArray[Any]:
        if labels.dtype.kind != "U":
            return labels
        return np.array([self._given.get(label, label) for label in labels.tolist()])


def _data(pictures: Pictures, answers: NDArray[Any], task: str) -> DataSet:
    if isinstance(pictures, np.ndarray) and pictures.ndim > 1:
        return open_dataset((pictures, answers), task=task)
    root = os.path.commonpath([Path(path).absolute().parent for path in pictures])
    files = FileImages((os.path.relpath(path, root) for path in pictures), root)
    kind = task_of_array(answers, task)
    rows = answers.tolist() if kind is None else kind.in_array(answers, None)
    return from_answers("pictures", {"train": (files, rows)}, kind=kind or task_type("classification"))
