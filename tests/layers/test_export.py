"""Each layer as foveate writes it to ONNX, run by ONNX Runtime on other batch sizes: the same numbers."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from foveate.exporter.emitter import emit
from foveate.layers.convolution import Conv2d
from foveate.layers.inception import Inception, InceptionAux
from foveate.layers.mbconv import MBConv, Style
from foveate.layers.pooling_to_size import POOLINGS
from foveate.layers.residual import BasicBlock, Bottleneck
from foveate.layers.separable import SeparableConv2d
from foveate.operators.onnx import NotInTable

PADDINGS = [
    ("same", "zeros"),
    (((0, 1), (2, 0)), "zeros"),
    (1, "reflect"),
    ("same", "replicate"),
    (((1, 0), (0, 2)), "circular"),
]
LAYERS = {
    **{
        f"convolution, {mode} {padding}": lambda p=padding, m=mode: Conv2d(
            8, 4, 3, 2, p, dilation=(1, 2), groups=2, padding_mode=m
        )
        for padding, mode in PADDINGS
    },
    **{
        name: make if name.startswith("global") else lambda make=make: make(3, 2, 1)
        for name, make in POOLINGS.items()
        if not name.startswith("adaptive")
    },
    "adaptive_average": lambda: POOLINGS["adaptive_average"]((6, 4)),
    "adaptive_max": lambda: POOLINGS["adaptive_max"]((6, 4)),
    "basic block": lambda: BasicBlock(8, 4, 2),
    "bottleneck": lambda: Bottleneck(8, 2),
    "inception": lambda: Inception(8, 2, (2, 3), (2, 1), 1),
    "inception's auxiliary head": lambda: InceptionAux(8, 3),
    "mbconv": lambda: MBConv(8, 8, kernel=3, expand_ratio=2, stochastic_depth=0.5),
    "mbconv, TensorFlow's": lambda: MBConv(
        8, 8, kernel=5, stride=2, style=Style(nn.ReLU6, squeeze=False, same_padding=True)
    ),
    "separable": lambda: SeparableConv2d(8, 3, 3, padding="same"),
}
# What the emitter leaves to torch's exporter, which takes seconds and is tested in tests/artifact.
LEFT_TO_TORCH = {"l2", "distance_weighted", "global_max"}


@pytest.mark.parametrize("name", LAYERS)
def test_onnx_computes_what_torch_computes(name):
    torch.manual_seed(0)
    module = nn.Sequential(LAYERS[name](), nn.Flatten()).eval()
    sample = torch.randn(2, 8, 12, 8)
    if name in LEFT_TO_TORCH:
        with pytest.raises(NotInTable):
            emit(module, sample, "x", "y")
        return
    file = emit(module, sample, "x", "y").SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for count in (1, 3):
        x = torch.randn(count, 8, 12, 8)
        (out,) = session.run(["y"], {"x": x.numpy()})
        with torch.no_grad():
            assert np.allclose(out, module(x).numpy(), atol=1e-5)


def test_every_pooling_is_among_them():
    assert set(POOLINGS) <= set(LAYERS)
    assert set(LAYERS) >= LEFT_TO_TORCH
