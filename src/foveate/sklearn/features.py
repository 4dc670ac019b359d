"""`ImageFeatures`: what a learnt network sees in pictures, as columns for scikit-learn's estimators."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from foveate.api.load import folder_of
from foveate.modelfolder.read import Runnable
from foveate.runtime.embedder import Embedder
from foveate.sklearn.pictures import Pictures, TakesPictures


class ImageFeatures(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TakesPictures):
    """The features of pictures, which a network's last dense layer is given; nothing is trained.

    >>> from pathlib import Path
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> pictures = sorted(map(str, Path("shapes").glob("*/*.png")))
    >>> labels = [Path(picture).parent.name for picture in pictures]
    >>> pipeline = make_pipeline(ImageFeatures(model="runs/shapes"), LogisticRegression(max_iter=1000))
    >>> bool(pipeline.fit(pictures, labels).score(pictures, labels) > 0.7)
    True

    model: a model folder, or the name of a network that comes with weights. It needs no torch.
    """

    def __init__(self, model: str | Path = "efficientnet_lite0") -> None:
        self.model = model

    def fit(self, X: Pictures, y: object = None) -> Self:
        """Open the model. Raises ModelFolderError; InputError for a network without a last dense layer."""
        self._read(X, first=True)
        self._keep(folder_of(self.model))
        self._n_features_out = self._features([np.zeros((1, 1, 3), np.uint8)]).shape[1]
        return self

    def transform(self, X: Pictures) -> NDArray[np.float32]:
        """(N, features)."""
        check_is_fitted(self)
        return self._features(self._read(X))

    def _features(self, pictures: object) -> NDArray[np.float32]:
        return self.predictor_.features(pictures)  # type: ignore[attr-defined]

    def _opened(self, found: Runnable) -> Embedder:
        return Embedder(found.model, found.config.task, found.preprocessing, config=found.config)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags
