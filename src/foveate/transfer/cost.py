"""How long looking at pictures and learning from them takes, about: what plans reckon with beforehand."""

from __future__ import annotations

SECONDS_PER_GMAC = 0.017  # of a picture in ONNX Runtime on two cores
# A picture in fine-tuning in torch against one in ONNX Runtime: about 2.5 while the last blocks learn and 5
# while all do (EfficientNet-Lite1 on two cores), for the times that the ladder gives them.
TRAINING_COST = 4.0


def looking_seconds(pictures: int, macs: float) -> float:
    """For so many pictures to pass through a network of so many multiply-accumulates."""
    return pictures * macs / 1e9 * SECONDS_PER_GMAC


def learning_seconds(pictures: int, macs: float) -> float:
    """For a network to be fine-tuned on so many pictures, each once."""
    return TRAINING_COST * looking_seconds(pictures, macs)


def finishing_seconds(measured: int, macs: float) -> float:
    """For export and its check, the features to remember, measuring so many pictures, and the report."""
    return 7.0 + looking_seconds(measured, macs)
