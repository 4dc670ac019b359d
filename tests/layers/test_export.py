"""All layers in one ONNX graph, run by ONNX Runtime on other batch sizes: the same numbers."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from foveate.layers.convolution import Conv2d
from foveate.layers.inception import Inception, InceptionAux
from foveate.layers.mbconv import MBConv
from foveate.layers.pooling import POOLINGS
from foveate.layers.residual import BasicBlock, Bottleneck
from foveate.layers.separable import SeparableConv2d


class Everything(nn.Module):
    """Each layer over the same picture, all results side by side."""

    def __init__(self) -> None:
        super().__init__()
        convolutions = [
            Conv2d(8, 4, 3, 2, padding, dilation=(1, 2), groups=2, padding_mode=mode)
            for padding, mode in [
                *[("same", "zeros"), (((0, 1), (2, 0)), "zeros"), (1, "reflect")],
                *[("same", "replicate"), (((1, 0), (0, 2)), "circular")],
            ]
        ]
        pools = [
            make() if name.startswith("global") else make(3) if name.startswith("adaptive") else make(3, 2, 1)
            for name, make in POOLINGS.items()
        ]
        blocks = [
            BasicBlock(8, 4, 2),
            Bottleneck(8, 2),
            Inception(8, 2, (2, 3), (2, 1), 1),
            InceptionAux(8, 3),
            MBConv(8, 8, kernel=3, expand_ratio=2, stochastic_depth=0.5),
            MBConv(8, 8, kernel=5, stride=2, squeeze=False, activation=nn.ReLU6, same_padding=True),
            SeparableConv2d(8, 3, 3, padding="same"),
        ]
        self.layers = nn.ModuleList([*convolutions, *pools, *blocks])

    def forward(self, x):
        return torch.cat([layer(x).flatten(1) for layer in self.layers], dim=1)


@pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec:FutureWarning")  # inside the exporter
def test_onnx_computes_what_torch_computes(tmp_path):
    torch.manual_seed(0)
    module = Everything().eval()
    batch = torch.export.Dim.DYNAMIC
    torch.onnx.export(
        module,
        (torch.randn(2, 8, 11, 10),),
        tmp_path / "all.onnx",
        dynamic_shapes=({0: batch},),
        verbose=False,
    )
    session = onnxruntime.InferenceSession(tmp_path / "all.onnx", providers=["CPUExecutionProvider"])
    for count in (1, 3):
        x = torch.randn(count, 8, 11, 10)
        (out,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        with torch.no_grad():
            assert np.allclose(out, module(x).numpy(), atol=1e-5)
