"""Networks as scikit-learn has its estimators: for its pipelines, searches and pickles."""

from foveate.sklearn.estimators import ImageClassifier, ImageRegressor
from foveate.sklearn.features import ImageFeatures

__all__ = ["ImageClassifier", "ImageFeatures", "ImageRegressor"]
