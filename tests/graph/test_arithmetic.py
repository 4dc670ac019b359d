"""Every number of small networks taken apart, against torch in float64; fields against gradients."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from foveate.errors import InputError
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.layers.attention import MapAttention
from foveate.layers.convolution import Conv2d
from foveate.layers.layer_norm import LayerNorm2d
from foveate.layers.pooling import DistanceWeightedPool2d, L2Pool2d, MinPool2d, SumPool2d
from foveate.layers.pooling_to_size import AdaptiveMaxPool2d, GlobalAvgPool2d, GlobalMaxPool2d
from foveate.layers.separable import SeparableConv2d
from foveate.layers.squeeze_excite import SqueezeExcitation
from foveate.operators.sums import Formula


class Do(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Unpooled(nn.Module):
    """SegNet's pair (Badrinarayanan et al., 2015)."""

    def __init__(self, *window):
        super().__init__()
        self.pool = nn.MaxPool2d(*window, return_indices=True)
        self.unpool = nn.MaxUnpool2d(*window)

    def forward(self, x):
        y, places = self.pool(x)
        return self.unpool(2 * y, places, output_size=x.shape[-2:])


def conv(*args, kind=nn.Conv2d, **options):
    return kind(4, *args, **options)


LAYERS = {
    "conv": conv(6, 3),
    "conv without bias": conv(3, 3, bias=False),
    "conv 1x1": conv(5, 1),
    "conv strided and padded": conv(3, (3, 2), stride=(2, 1), padding=(2, 1)),
    "conv dilated": conv(3, 3, padding=2, dilation=2),
    "conv in groups": conv(6, 3, groups=2, padding=1),
    "conv depthwise": conv(4, 3, groups=4),
    "conv depthwise, two of each": conv(8, 3, groups=4),
    "conv same": conv(2, 4, padding="same"),
    "conv valid": conv(2, 4, padding="valid"),
    "conv reflect": conv(2, 3, padding=2, padding_mode="reflect"),
    "conv replicate": conv(2, 3, padding=2, padding_mode="replicate"),
    "conv circular": conv(2, 3, padding=2, padding_mode="circular"),
    "conv same of TensorFlow": conv(2, 3, 2, "same", kind=Conv2d),
    "conv uneven": conv(2, 3, 2, ((0, 1), (2, 0)), kind=Conv2d),
    "conv uneven reflect": conv(2, 3, 1, ((0, 1), (2, 0)), kind=Conv2d, padding_mode="reflect"),
    "conv uneven replicate": conv(2, 3, 1, ((3, 1), (2, 0)), kind=Conv2d, padding_mode="replicate"),
    "conv uneven circular": conv(2, 3, 1, ((3, 1), (2, 0)), kind=Conv2d, padding_mode="circular"),
    "conv by function": Do(lambda x: F.conv2d(x, KERNEL, padding=1, stride=2)),
    "conv by function, same": Do(lambda x: F.conv2d(x, KERNEL, padding="same")),
    "separable": SeparableConv2d(4, 3, 3),
    "transposed": nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
    "transposed without overlap": nn.ConvTranspose2d(4, 3, 2, stride=(2, 3), bias=False),
    "transposed dilated": nn.ConvTranspose2d(4, 3, (3, 2), stride=2, dilation=(2, 3), padding=(2, 0)),
    "transposed by function": Do(lambda x: F.conv_transpose2d(x, KERNEL.transpose(0, 1), stride=2)),
    "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
    "bilinear by corners": nn.Upsample((10, 13), mode="bilinear", align_corners=True),
    "bilinear to a smaller size": Do(lambda x: F.interpolate(x, (4, 3), mode="bilinear")),
    "bilinear by an odd factor": Do(lambda x: F.interpolate(x, scale_factor=(1.3, 2.7), mode="bilinear")),
    "nearest": nn.Upsample(scale_factor=(2, 3)),
    "nearest to a size": nn.Upsample((11, 4), mode="nearest"),
    "nearest exact": nn.Upsample((11, 4), mode="nearest-exact"),
    "unpooled": Unpooled(2),
    "unpooled from windows that overlap": Unpooled(3, 2),
    "maximum over channels": Do(lambda x: x.max(1, keepdim=True).values.neg()),
    "minimum over channels": Do(lambda x: x.amin(dim=1)),
    "softmax over channels": nn.Softmax(dim=1),
    "the greater and the less": Do(lambda x: torch.maximum(x, torch.minimum(x.neg(), x.sigmoid()))),
    "rounded": Do(lambda x: (3 * x).round()),
    "in other types": Do(lambda x: (3 * x).to(torch.int32).bool().double()),
    "linear": nn.Sequential(nn.Flatten(), nn.Linear(4 * 7 * 6, 5), nn.Linear(5, 3, bias=False)),
    "max": nn.MaxPool2d(2),
    "max padded": nn.MaxPool2d(3, 2, padding=1),
    "max with ceil": nn.MaxPool2d(3, 2, ceil_mode=True),
    "max with ceil and padding": nn.MaxPool2d(2, 3, padding=1, ceil_mode=True),
    "max dilated": nn.MaxPool2d(2, 1, dilation=2),
    "average": nn.AvgPool2d(2),
    "average padded": nn.AvgPool2d(3, 2, padding=1),
    "average of what is there": nn.AvgPool2d(3, 2, padding=1, count_include_pad=False),
    "average with ceil": nn.AvgPool2d(3, 2, ceil_mode=True),
    "average with ceil and padding": nn.AvgPool2d(3, 2, padding=1, ceil_mode=True),
    "average with ceil of what is there": nn.AvgPool2d(
        3, 2, padding=1, ceil_mode=True, count_include_pad=False
    ),
    "average with a divisor": nn.AvgPool2d(2, divisor_override=3),
    "min": MinPool2d(3, 2, 1),
    "sum": SumPool2d(3, 2, 1),
    "L2": L2Pool2d(3, 2, 1),
    "Gaussian": DistanceWeightedPool2d(3, 2, 1),
    "global average": GlobalAvgPool2d(),
    "global maximum": GlobalMaxPool2d(),
    "adaptive average": nn.AdaptiveAvgPool2d((3, 4)),
    "adaptive average to one": nn.AdaptiveAvgPool2d(1),
    "adaptive maximum": AdaptiveMaxPool2d((3, 4)),
    "mean over places": Do(lambda x: x.mean((2, 3))),
    "maximum over places": Do(lambda x: x.amax((2, 3))),
    "batch norm": nn.BatchNorm2d(4),
    "batch norm without weights": nn.BatchNorm2d(4, affine=False),
    "batch norm of a vector": nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4 * 7 * 6)),
    "squeeze and excitation": SqueezeExcitation(4, 2),
    "a residual": Do(lambda x: x + F.relu(x)),
    "a difference": Do(lambda x: x.sigmoid() - x),
    "a quotient": Do(lambda x: x / x.sigmoid().neg()),
    "a number at the left": Do(lambda x: 1.0 - 2.0 * x),
    "a number at the left of a quotient": Do(lambda x: 1.0 / (x + 10.0)),
    "by its largest": Do(lambda x: (x / x.amax((2, 3), keepdim=True)).flatten(2) * 3.0),
    "a constant along rows": Do(lambda x: x.flatten(2) * SCALE[0, :, :, 0]),
    "constants that are broadcast": Do(lambda x: (x * SCALE + SCALE - 0.5) / 0.5),
    "a concatenation": Do(lambda x: torch.cat([x, F.relu(x), x], dim=1)),
    "a crop": Do(lambda x: x[:, :, 1:-2, 2:] * 2),
    "padding": Do(lambda x: F.pad(x, (1, 2, 0, 1))),
    "padding with a number": Do(lambda x: F.pad(x, (1, 2, 0, 1), value=3.0)),
    "padding that mirrors": Do(lambda x: F.pad(x, (1, 2, 3, 1), mode="reflect")),
    "softmax": nn.Sequential(nn.Flatten(), nn.Softmax(dim=1)),
    "reshaped": Do(lambda x: x.reshape(1, 8, 7, 3)),
    "dropout": nn.Sequential(nn.Dropout(0.5), nn.Dropout2d(0.3)),
    "layer norm of a map": LayerNorm2d(4),
    "layer norm of tokens": nn.Sequential(Do(lambda x: x.flatten(2)), nn.LayerNorm(42)),
    "layer norm over two axes": nn.LayerNorm((7, 6)),
    "layer norm of a vector without weights": nn.Sequential(
        nn.Flatten(), nn.LayerNorm(168, elementwise_affine=False)
    ),
    "attention": MapAttention(4, 2),
    "attention of one head": MapAttention(4, 1),
    "dense layers of tokens": nn.Sequential(Do(lambda x: x.flatten(2)), nn.Linear(42, 5)),
    "dense layers of places": nn.Sequential(Do(lambda x: x.permute(0, 2, 3, 1)), nn.Linear(4, 5, bias=False)),
    "turned": Do(lambda x: x.permute(0, 3, 1, 2).transpose(1, -1).flatten(2).transpose(1, 2)),
    "chunks": Do(lambda x: x.chunk(2, dim=1)[1] - x.split([2, 1, 1], dim=1)[2]),
    "chunks of rows": Do(lambda x: x.chunk(2, dim=2)[1] * 2),
    "slices": Do(lambda x: x[:, 1:3].flatten(2)[:, :, -4:][:, 1]),
    "a row": Do(lambda x: x[:, :, 2]),
    "tokens before others": Do(lambda x: torch.cat([TOKEN.expand(len(x), -1, -1), x.flatten(2)], dim=1)),
    "tokens and maps joined": Do(lambda x: torch.cat([x.flatten(2), 2 * x.flatten(2), TOKEN], dim=1)),
    "maps joined below each other": Do(lambda x: torch.cat([x, -x], dim=2)),
    "softmax along rows": nn.Softmax(dim=3),
    **{
        name: Do(function)
        for name, function in {
            "relu": F.relu,
            "relu6": lambda x: F.relu6(4 * x),
            "silu": F.silu,
            "sigmoid": torch.sigmoid,
            "tanh": torch.tanh,
            "gelu": F.gelu,
            "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
            "leaky relu": lambda x: F.leaky_relu(x, 0.2),
            "elu": F.elu,
            "hardswish": lambda x: F.hardswish(3 * x),
            "hardsigmoid": lambda x: F.hardsigmoid(3 * x),
            "mish": F.mish,
            "clamp": lambda x: x.clamp(-0.5, 1.0),
            "clamp below": lambda x: torch.clamp(x, min=-0.5),
        }.items()
    },
}
RANDOM = torch.Generator().manual_seed(2)
KERNEL = torch.randn(3, 4, 3, 3, generator=RANDOM, dtype=torch.float64)
SCALE = torch.randn(1, 4, 1, 1, generator=RANDOM, dtype=torch.float64)
TOKEN = torch.randn(1, 1, 42, generator=RANDOM, dtype=torch.float64)
X = torch.randn(1, 4, 7, 6, generator=RANDOM, dtype=torch.float64)


def shaken(module):
    """Weights and statistics that are far from 0 and 1; in float64."""
    module = module.double()
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=RANDOM, dtype=tensor.dtype) + 0.3)
                tensor.mul_(torch.where(torch.rand(tensor.shape, generator=RANDOM) < 0.5, -1.0, 1.0))
        for norm in module.modules():
            if isinstance(norm, nn.modules.batchnorm._BatchNorm):
                norm.running_var.abs_()
    return module


def places(shape, most=60):
    every = list(itertools.product(*map(range, shape)))
    return every[:: max(1, len(every) // most)] + every[-1:]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")  # about speed
@pytest.mark.parametrize("module", LAYERS.values(), ids=LAYERS)
def test_every_number_is_what_its_operands_make(module):
    recording = record(shaken(module), X)
    assert len(recording.steps) > 1
    for number, step in enumerate(recording.steps):
        for place in places(step.shape):
            found = explain_value(recording, number, *place)
            assert found.op == step.op != "other"
            assert found.value == recording.values[number][place].item()
            assert found.total == pytest.approx(found.value, rel=1e-11, abs=1e-13)
            check_terms(found, recording)
            if step.op != "input":
                last = found.steps[-1]
                assert float(last.result.replace("−", "-")) == pytest.approx(found.value, rel=1e-5, abs=1e-13)
                assert "=" not in last.text


def check_terms(found, recording):
    """The products that are shown make the sums that are told, of numbers that lie where they say."""
    if found.op in ("l2_pool", "softmax", "mul", "div", "sub"):
        return
    for term in found.terms:
        made = np.nansum(np.asarray(term.weight) * np.asarray(term.input))
        assert made == pytest.approx(term.sum, rel=1e-11, abs=1e-13)
    if found.op in (
        "conv2d",
        "conv_transpose2d",
        "bilinear",
        "linear",
        "matmul",
        "avg_pool",
        "sum_pool",
        "gaussian_pool",
        "add",
        "concat",
        "slice",
        "transpose",
    ):
        total = sum(term.sum for term in found.terms) + (found.bias or 0)
        assert total == pytest.approx(found.total, rel=1e-11, abs=1e-13)
    if found.window is not None and not found.op.startswith("conv"):
        term = found.terms[0]
        values = recording.values[term.step][term.channel]
        for i, row in enumerate(found.window.rows):
            for j, column in enumerate(found.window.columns):
                inside = 0 <= row < values.shape[0] and 0 <= column < values.shape[1]
                expected = values[row, column].item() if inside else np.nan
                np.testing.assert_equal(term.input[i, j], expected)


def test_a_convolution_by_hand():
    layer = nn.Conv2d(2, 1, 2, stride=2, padding=1)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(8.0).reshape(1, 2, 2, 2))
        layer.bias.fill_(0.5)
    x = torch.arange(18.0).reshape(1, 2, 3, 3)
    found = explain_value(record(layer, x), 1, 0, 0, 1)  # looks at rows -1, 0 and columns 1, 2
    assert (found.window.top, found.window.left, found.window.rows) == (-1, 1, (-1, 0))
    assert (found.window.height, found.window.width, found.window.stride) == (2, 2, (2, 2))
    np.testing.assert_equal(found.terms[0].input, [[np.nan, np.nan], [1, 2]])
    np.testing.assert_equal(found.terms[1].input, [[np.nan, np.nan], [10, 11]])
    assert [term.sum for term in found.terms] == [2 * 1 + 3 * 2, 6 * 10 + 7 * 11]
    assert found.total == found.value == 8 + 137 + 0.5
    assert found.field == (0, 0, 1, 2)
    assert found.steps == (Formula("sum of 8 products", "145"), Formula("145 + bias 0.5", "145.5"))


def test_what_cannot_be_taken_apart_has_no_total():
    recording = record(nn.Sequential(Do(lambda x: torch.cumsum(x, dim=3)), nn.Flatten()), X)
    found = explain_value(recording, 1, 1, 2, 3)
    assert (found.op, found.total) == ("other", None)
    assert found.value == pytest.approx(X[0, 1, 2, :4].sum().item())
    assert [(term.step, term.input) for term in found.terms] == [(0, X[0, 1, 2, 3].item())]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x / x.max(),  # a number of the whole picture
        lambda x: x.reshape(1, 2, 2, 7, 6) * x.reshape(1, 2, 2, 7, 6)[:, :, :, :, :1],  # five axes
        lambda x: x.transpose(0, 1) + 1.0,  # no batch in front
        lambda x: x[0].expand(1, -1, -1, -1) + x[0],
    ],
)
def test_where_axes_cannot_be_told_nothing_is_made_up(function):
    recording = record(nn.Sequential(Do(function), Do(lambda x: x.reshape(1, -1))), X)
    for number, step in enumerate(recording.steps):
        for place in places(step.shape, 20):
            found = explain_value(recording, number, *place)
            assert found.value == recording.values[number][place].item()
            if step.op == "other":
                assert found.total is None
            else:
                assert found.total == pytest.approx(found.value, rel=1e-11)
    assert "other" in {step.op for step in recording.steps}


def test_a_flat_value_tells_where_it_lay_and_a_dense_layer_how():
    recording = record(nn.Sequential(nn.Flatten(), nn.Linear(168, 2)).double(), X)
    found = explain_value(recording, 1, 100)
    assert found.facts["from"] == {"channel": 2, "row": 2, "column": 4}
    assert found.value == X[0, 2, 2, 4].item()
    assert found.field == (2, 2, 4, 4)
    assert explain_value(recording, 2, 0).facts["map_shape"] == [4, 7, 6]


def test_places_that_are_not_there_are_refused():
    recording = record(nn.Conv2d(4, 3, 3).double(), X)
    with pytest.raises(InputError, match="steps 0 to 1, and not 2"):
        explain_value(recording, 2, 0, 0, 0)
    for place, message in (((3, 0, 0), "channel must be 0 to 2"), ((0, 5, 0), "row must be 0 to 4")):
        with pytest.raises(InputError, match=message):
            explain_value(recording, 1, *place)
    with pytest.raises(InputError, match="column must be 0 to 3"):
        explain_value(recording, 1, 0, 0, -1)


class Branches(nn.Module):
    """Weights of ones, so that no path cancels another: a residual, a concatenation, pooling, dilation."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3, padding=1)
        self.inner = nn.Conv2d(2, 2, 3, padding=2, dilation=2)
        self.last = Conv2d(4, 1, 3, 2, "same")
        for parameter in self.parameters():
            nn.init.ones_(parameter)

    def forward(self, x):
        x = self.first(x)
        x = x + self.inner(x)
        x = torch.cat([x, F.avg_pool2d(x, 3, 1, 1)], dim=1)
        return self.last(x).flatten(1)


def test_receptive_fields_are_where_gradients_are():
    module, x = Branches(), torch.ones(1, 1, 14, 11)
    recording = record(module, x)
    last = next(i for i, step in enumerate(recording.steps) if step.module == "last")
    for row, column in places(recording.steps[last].shape[1:]):
        given = x.clone().requires_grad_()
        flat = row * recording.steps[last].shape[2] + column
        module(given)[0, flat].backward()
        rows, columns = np.nonzero(given.grad[0, 0].numpy())
        expected = (rows.min(), rows.max(), columns.min(), columns.max())
        assert explain_value(recording, last, 0, row, column).field == expected
        assert explain_value(recording, last + 1, flat).field == expected
