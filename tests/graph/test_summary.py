import json
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from foveate.errors import ShapeError
from foveate.graph.shapes import UNARY, made_without_torch
from foveate.graph.summary import LayerRow, bytes_text, counted, summarize
from foveate.layers.convolution import Conv2d
from foveate.models import create_model, list_models, model_info
from foveate.models.weightless import weightless


def test_the_articles_network_row_by_row():
    # The article's figure: 28x28x1, 14x14x16, 7x7x32, 10; parameters C_out (C_in k k + 1).
    summary = summarize(create_model("convnet1"), (1, 28, 28))
    rows = {row.name: row for row in summary.rows}
    assert rows["layer1.0"] == LayerRow(
        name="layer1.0",
        kind="Conv2d",
        kernel=(5, 5),
        stride=(1, 1),
        padding=(2, 2),
        output_shape=(16, 28, 28),
        parameters=16 * (25 + 1),
        macs=16 * 28 * 28 * 25,
        activation_bytes=4 * 16 * 28 * 28,
        receptive_field=(5, 5),
        jump=(1, 1),
    )
    assert rows["layer1.3"].output_shape == (16, 14, 14) and rows["layer2.3"].output_shape == (32, 7, 7)
    # By hand: 5; pool +1 -> 6; conv +4·2 -> 14; pool +1·2 -> 16; jump 2·2.
    assert rows["layer2.3"].receptive_field == (16, 16) and rows["layer2.3"].jump == (4, 4)
    assert rows["fc"].receptive_field is None and rows["fc"].jump is None
    assert summary.output_shape == (10,)
    assert summary.parameters == sum(row.parameters for row in summary.rows) == 29_034
    assert summary.macs == sum(row.macs for row in summary.rows)


# Detectors choose boxes by their numbers, of which there are none without weights.
@pytest.mark.parametrize("name", [n for n in list_models() if model_info(n).output not in {"boxes", "words"}])
def test_every_network_adds_up(name):
    info = model_info(name)
    with torch.device("meta"):
        summary = summarize(create_model(name), info.input_size)
    assert sum(row.macs for row in summary.rows) == summary.macs == info.macs
    not_run = sum(count for _, count in summary.not_run)
    assert sum(row.parameters for row in summary.rows) == summary.parameters - not_run == info.parameters
    sides = () if info.output == "vector" else info.input_size[1:]
    assert summary.output_shape == (info.num_classes, *sides)


def test_uneven_padding_shows_each_side():
    rows = summarize(Conv2d(1, 1, 3, padding=((0, 1), (2, 0))), (1, 8, 8)).rows
    assert rows[0].padding == (0, 1, 2, 0)


def test_layers_in_place_take_no_memory():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.ReLU(), nn.Flatten())
    assert [row.activation_bytes for row in summarize(net, (1, 5, 5)).rows] == [72, 0, 72, 0]


def test_a_layer_called_twice_counts_its_parameters_once():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x))

    rows = summarize(Net(), (2, 5, 5)).rows
    assert [(row.name, row.parameters) for row in rows] == [("conv", 38), ("conv#2", 0)]
    assert rows[1].receptive_field == (5, 5)


def test_parameters_outside_layers_have_a_row():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2, 1, 1))
            self.conv = nn.Conv2d(2, 2, 1)

        def forward(self, x):
            return self.conv(x) * self.scale

    summary = summarize(nn.Sequential(Scaled()), (2, 4, 4))
    assert [(row.name, row.parameters) for row in summary.rows] == [("0", 2), ("0.conv", 6)]
    assert summary.parameters == 8


def test_layers_that_are_not_run_are_named():
    class Auxiliary(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(2, 2, 1)
            self.aux = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Conv2d(3, 3, 1))

        def forward(self, x):
            x = self.body(x)
            return (x, self.aux(x)) if self.training else x

    summary = summarize(Auxiliary(), (2, 4, 4))
    assert summary.not_run == (("aux", 21),)
    assert summary.parameters == 27
    assert "not run in evaluation: aux (21 parameters)" in summary.to_text()


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        *((name, None, {}) for name in ("tinyvgg", "compact_s", "resnet18", "googlenet", "efficientnet_b0")),
        *((name, None, {}) for name in ("alexnet", "centre_compact", "faster_rcnn_compact")),
        ("faster_rcnn_vgg16", (3, 96, 128), {"trunk_options": {"width": 2}, "hidden": 32}),  # RoIPool
    ],
)
def test_a_network_without_weights_gives_the_same_summary(name, size, options):
    size = size or model_info(name).input_size
    with weightless():
        found = summarize(create_model(name, **options), size).to_dict()
    assert found == summarize(create_model(name, **options), size).to_dict()


@pytest.mark.parametrize(
    "ask", [torch.nonzero, Tensor.tolist, lambda x: x if x.sum() == 0 else x[0], torch.unique]
)
def test_a_network_without_weights_that_decides_by_numbers_says_so(ask):
    class Deciding(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Conv2d(3, 2, 1)

        def forward(self, x):
            return self.layer(x) * len(ask(x))

    assert summarize(Deciding(), (3, 8, 8)).parameters == 8
    with weightless(), pytest.raises(ShapeError, match="decides by the numbers of a picture"):
        summarize(Deciding(), (3, 8, 8))


def test_operations_without_memory_are_as_torch_has_them():
    x, y = torch.rand(2, 3, 5, 4), torch.rand(3, 1, 1)
    bias, weight = torch.rand(6), torch.rand(4, 6)
    aten = torch.ops.aten
    asked = [(getattr(aten, name), (x,)) for name in UNARY]
    asked += [(aten.add, (x, y)), (aten.mul, (y, x)), (aten.add, (x, 1.0)), (aten.relu_, (x.clone(),))]
    asked += [(aten.mean, (x,)), (aten.mean, (x, [2, 3])), (aten.mean, (x, [-1], True))]
    asked += [(aten.cat, ([x, x, x], 1)), (aten.cat, ([x, x], -2)), (aten.addmm, (bias, x[0, 0], weight))]
    asked += [(aten.native_batch_norm, (x, *[torch.ones(3)] * 4, True, 0.1, 1e-5))]
    asked += [(one, (x, y)) for one in (aten.sub, aten.div, aten.minimum, aten.maximum)]
    asked += [(aten.exp, (x,)), (aten.neg, (x,)), (aten._softmax, (x, 1, False))]
    kernel, places = torch.rand(3, 2, 3, 2), torch.arange(20).reshape(1, 1, 5, 4).repeat(2, 3, 1, 1)
    how = ([2, 3], [1, 0], [1, 2])
    asked += [(aten.convolution, (x, kernel, torch.rand(2), *how, True, [1, 2], 1))]
    asked += [(aten.convolution, (x, kernel[:, :1], None, *how, True, [0, 0], 3))]
    asked += [(aten.upsample_bilinear2d, (x, [7, 9], False)), (aten.upsample_nearest2d, (x, [10, 8]))]
    asked += [(aten._upsample_nearest_exact2d, (x, [10, 8])), (aten.max_unpool2d, (x, places, [6, 9]))]
    for function, arguments in asked:
        name = function.__name__
        given = tree_map(lambda a: a.to("meta") if isinstance(a, torch.Tensor) else a, arguments)
        made, right = made_without_torch(name, given), function(*arguments)
        first = made if isinstance(made, torch.Tensor) else made[0]
        right = right if isinstance(right, torch.Tensor) else right[0]
        assert (first.shape, first.dtype) == (right.shape, right.dtype), name
    assert made_without_torch("relu", (x,)) is None
    plain = (x.to("meta"), torch.rand(2, 3, 2, 2), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    assert made_without_torch("convolution", plain) is None


def test_a_summary_does_not_wait_for_torchs_compiler():
    program = (
        "import sys; from foveate.cli.main import main\ntry: main(['summary', 'efficientnet_b0'])\n"
        "except SystemExit: print('torch._dynamo' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["False"]


def test_it_is_strict_json():
    document = summarize(create_model("lenet5"), (1, 32, 32), batch_size=8).to_dict()
    again = json.loads(json.dumps(document, allow_nan=False))
    assert again["parameters"] == 61_706
    assert again["training_memory"]["batch_size"] == 8
    assert len(again["layers"]) == len(document["layers"])


def test_the_text_lines_up():
    text = summarize(create_model("convnet1"), (1, 28, 28)).to_text()
    header, ruler, *_ = text.splitlines()
    assert header.startswith("layer") and header.endswith("jump")
    assert len(ruler) == len(header) <= 120
    assert "multiply-adds: 2,838,080 (2.84 M) for one picture" in text


def test_numbers_for_people():
    assert [counted(n) for n in (0, 999, 61_706, 4_089_184_256)] == ["0", "999", "61.7 k", "4.09 G"]
    assert [bytes_text(n) for n in (12, 2048, 97 << 20)] == ["12 B", "2.0 KiB", "97.0 MiB"]
