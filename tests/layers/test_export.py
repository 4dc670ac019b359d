"""Each layer as foveate writes it to ONNX, run by ONNX Runtime on other batch sizes: the same numbers."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from foveate.exporter.emitter import emit
from foveate.layers.convolution import Conv2d
from foveate.layers.inception import Inception, InceptionAux
from foveate.layers.mbconv import MBConv, Style
from foveate.layers.pooling_to_size import POOLINGS
from foveate.layers.residual import BasicBlock, Bottleneck
from foveate.layers.separable import SeparableConv2d
from foveate.layers.squeeze_excite import SqueezeExcitation
from foveate.operators.onnx import NotInTable
from foveate.runtime.onnx_check import check_onnx


class Unpooled(nn.Module):
    def __init__(self, *window):
        super().__init__()
        self.pool = nn.MaxPool2d(*window, return_indices=True)
        self.unpool = nn.MaxUnpool2d(*window)

    def forward(self, x):
        y, places = self.pool(x)
        return self.unpool(y.tanh(), places, output_size=x.shape[-2:])


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
    "dilated bottleneck": lambda: Bottleneck(8, 2, dilation=2),
    "hard squeeze-and-excitation": lambda: SqueezeExcitation(8, 2, nn.Hardswish, nn.Hardsigmoid),
    "inception": lambda: Inception(8, 2, (2, 3), (2, 1), 1),
    "inception's auxiliary head": lambda: InceptionAux(8, 3),
    "mbconv": lambda: MBConv(8, 8, kernel=3, expand_ratio=2, stochastic_depth=0.5),
    "mbconv, TensorFlow's": lambda: MBConv(
        8, 8, kernel=5, stride=2, style=Style(nn.ReLU6, squeeze=False, same_padding=True)
    ),
    "transposed": lambda: nn.ConvTranspose2d(8, 4, 3, 2, padding=1, output_padding=1, groups=2),
    "transposed, each axis its own": lambda: nn.ConvTranspose2d(8, 4, 3, (3, 2), (1, 0), dilation=(1, 2)),
    "transposed, fixed and depthwise": lambda: nn.ConvTranspose2d(8, 8, 4, 2, 1, groups=8, bias=False),
    **{
        f"{mode}, {how}": lambda mode=mode, how=how: nn.Upsample(**how, mode=mode)
        for mode in ("bilinear", "nearest", "nearest-exact")
        for how in ({"scale_factor": 2}, {"scale_factor": (0.5, 2.7)}, {"size": (17, 5)}, {"size": (1, 8)})
    },
    "bilinear, corners": lambda: nn.Upsample((25, 3), mode="bilinear", align_corners=True),
    "unpooled": lambda: Unpooled(2),
    "unpooled, a row left over": lambda: Unpooled(5),
    "unpooled, padded": lambda: Unpooled(3, 3, 1),
    "separable": lambda: SeparableConv2d(8, 3, 3, padding="same"),
}
# What the emitter leaves to torch's exporter, which takes seconds and is tested in tests/artifact.
LEFT_TO_TORCH = {"distance_weighted", "global_max"}


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


class Answer(nn.Module):
    """What a network says of every pixel: its class, and how sure it is, in 255ths."""

    def forward(self, x):
        sure, classes = torch.softmax(x, dim=1).max(dim=1)
        return classes.to(torch.uint8), (sure * 255).round().to(torch.uint8)


class Numbers(nn.Module):
    """Whole numbers, truths and real ones side by side."""

    def forward(self, x):
        best, worst = x.argmax(1), x.argmin(1, keepdim=True)
        kept = torch.where(x > 0.3, x, torch.minimum(x * 2, x.amin(1, keepdim=True)))
        share = (best == 2).float() * x.mean(1)
        return best * 3 - 1, worst, kept, share, torch.max(x, -x), best.ne(1), x.min(1).values.ceil() / 2


class Best(nn.Module):
    """The best channels of each place, and which they are."""

    def forward(self, x):
        values, which = x.topk(3, dim=1)
        return values, which


@pytest.mark.parametrize("module", [Answer(), Numbers(), Best()])
def test_outputs_have_the_types_that_they_have_in_torch(module):
    names = [f"out{i}" for i in range(len(module(torch.zeros(2, 8, 5, 6))))]
    model = emit(module, torch.randn(2, 8, 5, 6), "x", *names)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 3):
        x = torch.randn(count, 8, 5, 6)
        for found, expected in zip(session.run(names, {"x": x.numpy()}), module(x), strict=True):
            assert found.dtype == expected.numpy().dtype
            np.testing.assert_allclose(found, expected.numpy(), atol=1e-6)
    assert [output.type[7:-1] for output in session.get_outputs()] == [
        str(out.dtype)[6:].replace("float32", "float") for out in module(x)
    ]


class OfPictures(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.first, self.layer = nn.Conv2d(3, 8, 1), layer

    def forward(self, x):
        return self.layer(self.first(x.float().permute(0, 3, 1, 2)))


GROWING = [name for name in LAYERS if name.startswith(("transposed", "bilinear", "nearest", "unpooled"))]


@pytest.mark.parametrize("name", [*GROWING, "an answer", "numbers"])
def test_a_model_folder_may_hold_them(name):
    """The check of foreign models knows what each operator costs."""
    others = {"an answer": Answer, "numbers": Numbers}
    net = OfPictures((LAYERS | others)[name]())
    pictures = torch.zeros(2, 12, 8, 3, dtype=torch.uint8)
    out = net(pictures)
    names = [f"out{i}" for i in range(len(out) if isinstance(out, tuple) else 1)]
    assert 10_000 < check_onnx(emit(net, pictures, "images", *names).SerializeToString()) < 10_000_000


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.double(),
        lambda x: (x.argmax(1).byte() + 250).float(),
        lambda x: (x > 0).sum(1),
        lambda x: x.argmax(1).clamp(1, 3),
        lambda x: torch.cat([x, (x > 0)], dim=1),
        lambda x: x.amin(0, keepdim=True).expand(2, -1, -1, -1),
        lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
        lambda x: F.interpolate(x, scale_factor=0.5, mode="bilinear", antialias=True),
        lambda x: F.conv_transpose2d(x, torch.ones(8, 1, 2, 2), dilation=2, output_padding=1),
    ],
)
def test_what_is_left_to_torchs_exporter(function):
    class Do(nn.Module):
        def forward(self, x):
            return function(x)

    with pytest.raises(NotInTable):
        emit(Do(), torch.randn(2, 8, 6, 6), "x", "y")


def test_every_pooling_is_among_them():
    assert set(POOLINGS) <= set(LAYERS)
    assert set(LAYERS) >= LEFT_TO_TORCH
