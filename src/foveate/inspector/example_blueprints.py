"""What the design page offers beside layers: blocks, and networks to begin with."""

from __future__ import annotations

from typing import Any

# kind of block -> what it does in a sentence, and the arguments that a new one begins with
BLOCK_SUMMARIES: dict[str, tuple[str, dict[str, Any]]] = {
    "residual": ("Adds what its layers make to what came in (or to what a shortcut makes of it).", {}),
    "parallel": ("Several paths over the same input; their channels are put together.", {}),
    "unpool": (
        "Takes the greatest of each window to its layers, and puts what they leave back to those places.",
        {"size": 2},
    ),
    "repeat": ("The same layers several times, each time with weights of their own.", {"times": 2}),
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
_SKIPS = """
name: small-u
input: [3, 96, 96]
classes: 4
layers:
  - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - parallel:
      branches:
        - []
        - - max_pool: 2
          - conv: {filters: 32, kernel: 3, padding: 1, bias: false}
          - batch_norm
          - relu
          - parallel:
              branches:
                - []
                - - max_pool: 2
                  - conv: {filters: 64, kernel: 3, padding: 1, bias: false}
                  - batch_norm
                  - relu
                  - transposed_conv: {filters: 32, kernel: 2, stride: 2}
          - conv: {filters: 32, kernel: 3, padding: 1, bias: false}
          - batch_norm
          - relu
          - upsample: 2
  - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - conv: {filters: classes, kernel: 1}
"""
_UNPOOLED = """
name: small-segnet
input: [3, 96, 96]
classes: 4
layers:
  - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - unpool:
      size: 2
      layers:
        - conv: {filters: 32, kernel: 3, padding: 1, bias: false}
        - batch_norm
        - relu
        - unpool:
            size: 2
            layers:
              - conv: {filters: 32, kernel: 3, padding: 1, bias: false}
              - batch_norm
              - relu
        - conv: {filters: 16, kernel: 3, padding: 1, bias: false}
        - batch_norm
        - relu
  - conv: {filters: classes, kernel: 3, padding: 1}
"""

# name -> title, what is worth a look, and its text; None: the file that comes with the package
EXAMPLES: dict[str, tuple[str, str, str | None]] = {
    "convnet1": ("Two convolutions", "Two rounds of 5×5 convolution, batch norm, ReLU and pooling.", None),
    "small": ("Small and modern", "3×3 convolutions with batch norm; any picture size.", _SMALL),
    "lenet5": ("LeNet-5", "Handwritten digits, 1998: tanh and mean pooling.", None),
    "tinyvgg": ("Tiny VGG", "Pairs of 3×3 convolutions; watch the receptive field grow.", None),
    "small_residual": ("Residual blocks", "Two paths that are added: what ResNets are made of.", _RESIDUAL),
    "small_inception": ("Inception block", "Four paths side by side: what GoogLeNet is made of.", _INCEPTION),
    "small_u": ("Every pixel: U", "Down, up again, and skips between: a small U-Net.", _SKIPS),
    "small_segnet": (
        "Every pixel: unpooling",
        "Values go back to where the greatest were, as in SegNet.",
        _UNPOOLED,
    ),
    "alexnet": ("AlexNet", "ImageNet, 2012: 61 million parameters, most of them dense.", None),
    "resnet18": ("ResNet-18", "ImageNet, 2015: eight residual blocks.", None),
}
