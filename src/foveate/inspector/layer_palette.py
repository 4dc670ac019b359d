"""What the design page offers: the layers in the order of its palette, and networks to begin with."""

from __future__ import annotations

from typing import Any


def _entry(group: str, summary: str, **start: Any) -> dict[str, Any]:
    return {"group": group, "summary": summary, "start": start}


# kind -> its group, what it does in a sentence, and the arguments that a new one begins with
PALETTE: dict[str, dict[str, Any]] = {
    "conv": _entry(
        "convolution",
        "Slides filters over the map; each one makes a map of its own.",
        filters=16,
        kernel=3,
        padding=1,
    ),
    "depthwise_conv": _entry(
        "convolution", "One filter a channel, so that channels do not mix; cheap.", kernel=3, padding=1
    ),
    "separable_conv": _entry(
        "convolution",
        "A depthwise convolution, then a 1×1 that mixes the channels.",
        filters=16,
        kernel=3,
        padding=1,
    ),
    "squeeze_excite": _entry("convolution", "Weighs each channel by what the whole map holds.", reduction=4),
    "relu": _entry("activation", "Negative values become 0."),
    "relu6": _entry("activation", "Values are cut to 0 … 6."),
    "leaky_relu": _entry("activation", "Negative values are made small, not 0."),
    "silu": _entry("activation", "x · sigmoid(x): a smooth ReLU."),
    "sigmoid": _entry("activation", "Squeezes values into 0 … 1."),
    "tanh": _entry("activation", "Squeezes values into −1 … 1."),
    "batch_norm": _entry(
        "normalisation", "Brings each channel to mean 0 and deviation 1, then scales it; trains faster."
    ),
    "dropout": _entry(
        "normalisation", "In training, sets a random part of the values to 0; against learning by heart."
    ),
    "max_pool": _entry("pooling", "Keeps the largest value of each window.", size=2),
    "avg_pool": _entry("pooling", "Takes the mean of each window.", size=2),
    "min_pool": _entry("pooling", "Keeps the smallest value of each window.", size=2),
    "sum_pool": _entry("pooling", "Adds up each window.", size=2),
    "l2_pool": _entry("pooling", "The root of the sum of squares of each window.", size=2),
    "gaussian_pool": _entry(
        "pooling", "A mean that weighs a window's middle most.", size=3, stride=2, padding=1
    ),
    "adaptive_avg_pool": _entry("pooling", "Means over as many windows as give this size.", size=4),
    "global_avg_pool": _entry(
        "pooling", "One number a channel: the mean of its map. Any picture size fits then."
    ),
    "global_max_pool": _entry("pooling", "One number a channel: the largest of its map."),
    "flatten": _entry("dense", "The map as one long row of values, for dense layers."),
    "dense": _entry("dense", "Every output sees every input. The last one makes a score a class.", units=64),
    "residual": _entry(
        "block", "Adds what its layers make to what came in (or to what a shortcut makes of it)."
    ),
    "parallel": _entry("block", "Several paths over the same input; their channels are put together."),
    "repeat": _entry("block", "The same layers several times, each time with weights of their own.", times=2),
}

_SMALL = """
name: small
input: [3, 32, 32]
classes: 10
layers:
  - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - max_pool: 2
  - conv: {filters: 32, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - max_pool: 2
  - conv: {filters: 64, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - global_avg_pool
  - dense: classes
"""
_RESIDUAL = """
name: small-residual
input: [3, 32, 32]
classes: 10
layers:
  - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - repeat:
      times: 2
      layers:
        - residual:
            layers:
              - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
              - batch_norm
              - relu
              - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
              - batch_norm
        - relu
  - residual:
      layers:
        - conv: {filters: 32, kernel: 3, stride: 2, padding: 1, bias: false}
        - batch_norm
        - relu
        - conv: {filters: 32, kernel: 3, padding: 1, bias: false}
        - batch_norm
      shortcut:
        - conv: {filters: 32, kernel: 1, stride: 2, bias: false}
        - batch_norm
  - relu
  - global_avg_pool
  - dense: classes
"""
_INCEPTION = """
name: small-inception
input: [3, 32, 32]
classes: 10
layers:
  - conv: {filters: 16, kernel: 3, padding: 1}
  - relu
  - max_pool: 2
  - parallel:
      branches:
        - [conv: {filters: 8, kernel: 1}]
        - [conv: {filters: 8, kernel: 1}, relu, conv: {filters: 16, kernel: 3, padding: 1}]
        - [conv: {filters: 4, kernel: 1}, relu, conv: {filters: 8, kernel: 5, padding: 2}]
        - [max_pool: {size: 3, stride: 1, padding: 1}, conv: {filters: 8, kernel: 1}]
  - relu
  - global_avg_pool
  - dense: classes
"""

# name -> title, what is worth a look, and its text; None: the file that comes with the package
EXAMPLES: dict[str, tuple[str, str, str | None]] = {
    "convnet1": ("Two convolutions", "Two rounds of 5×5 convolution, batch norm, ReLU and pooling.", None),
    "small": ("Small and modern", "3×3 convolutions with batch norm; any picture size.", _SMALL),
    "lenet5": ("LeNet-5", "Handwritten digits, 1998: tanh and mean pooling.", None),
    "tinyvgg": ("Tiny VGG", "Pairs of 3×3 convolutions; watch the receptive field grow.", None),
    "small_residual": ("Residual blocks", "Two paths that are added: what ResNets are made of.", _RESIDUAL),
    "small_inception": ("Inception block", "Four paths side by side: what GoogLeNet is made of.", _INCEPTION),
    "alexnet": ("AlexNet", "ImageNet, 2012: 61 million parameters, most of them dense.", None),
    "resnet18": ("ResNet-18", "ImageNet, 2015: eight residual blocks.", None),
}
