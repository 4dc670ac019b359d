"""Networks written as ONNX compute what torch computes; what the table has not goes to torch's exporter."""

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from foveate.errors import InputError, ParityError
from foveate.exporter import to_onnx as export
from foveate.exporter.emitter import emit
from foveate.exporter.to_onnx import Deployed, check_parity, export_onnx
from foveate.images.preprocess import Preprocessing
from foveate.models.registry import create_model, list_models, model_info
from foveate.operators.onnx import NotInTable
from foveate.runtime.onnx_check import check_onnx
from foveate.runtime.predictor import Predictor
from foveate.tasks.classification.task import Classification

CLASSES = ("a", "b", "c")


class Do(nn.Module):
    """A function of feature maps as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def alive(module):
    """Random weights and running statistics everywhere: fresh ones hide mistakes."""
    torch.manual_seed(3)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            with torch.no_grad():
                tensor.copy_(
                    torch.rand_like(tensor) + 0.25 if tensor.dim() == 1 else torch.randn_like(tensor) / 3
                )
    return module


def network(*layers, channels=8):
    """Layers on (N, 8, 12, 12) maps, between a convolution and a classifier."""
    body = nn.Sequential(nn.Conv2d(3, channels, 3, padding=1), *layers)
    features = body.eval()(torch.zeros(2, 3, 12, 12)).flatten(1).shape[1]
    return alive(nn.Sequential(body, nn.Flatten(), nn.Linear(features, 3)))


class SqueezeExcite(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)

    def forward(self, x):
        gate = self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))).sigmoid()
        return x * gate


class Shortcut(nn.Module):
    """Option A of ResNet, and an addition in place."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 16, 3, stride=2, padding=1, bias=False)

    def forward(self, x):
        y = self.conv(x)
        y += F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 4, 4))
        return F.relu_(y)


def tf_same(x):
    """TensorFlow's padding for a stride of 2: the amount depends on the size."""
    height, width = x.shape[-2:]
    rows, columns = (max((-(-side // 2) - 1) * 2 + 3 - side, 0) for side in (height, width))
    return F.max_pool2d(F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2)), 3, 2)


def shuffle(x):
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


def arithmetic(x):
    y = 1 - (2 * x - 0.5) / 4 + (-x) ** 2 - x.abs().sqrt()
    return (3 / (y.square() if False else y * y + 1)).clamp(0.1, 0.9) + x.exp().log() * torch.tanh(x).floor()


def parts(x):
    a, b = x.chunk(2, dim=1)
    c, d = b.split(2, dim=1)
    return torch.cat([a, d, c, x[:, 1:3], x[..., :].sum(1, keepdim=True), x.amax(1).unsqueeze(1)], dim=1)


IN_TABLE = {
    "batch norm, relu, dropout": [
        nn.BatchNorm2d(8),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.Dropout2d(0.5),
    ],
    "batch norm without weights": [nn.BatchNorm2d(8, affine=False)],
    "lrn": [nn.LocalResponseNorm(5, alpha=0.1, k=2.0)],
    "group norm": [nn.GroupNorm(2, 8)],
    "group norm without weights": [nn.GroupNorm(4, 8, affine=False)],
    "layer norm": [Do(lambda x: x.permute(0, 2, 3, 1)), nn.LayerNorm(8), Do(lambda x: x.permute(0, 3, 1, 2))],
    "layer norm without weights": [nn.LayerNorm([12, 12], elementwise_affine=False)],
    "pixel unshuffle": [nn.PixelUnshuffle(2)],
    "pixel shuffle": [nn.PixelShuffle(2)],
    "channel shuffle": [Do(shuffle)],
    "channel shuffle of torch": [nn.ChannelShuffle(4)],
    "squeeze and excite": [SqueezeExcite()],
    "shortcut A": [Shortcut()],
    "TensorFlow's same": [Do(tf_same)],
    "torch's same": [nn.Conv2d(8, 4, (5, 3), padding="same", dilation=(1, 2))],
    "valid": [nn.Conv2d(8, 4, 3, padding="valid")],
    "grouped, dilated, strided": [nn.Conv2d(8, 8, 3, groups=4, dilation=2, stride=(1, 2), padding=(2, 0))],
    "max pool, ceil": [nn.MaxPool2d(3, 2, ceil_mode=True)],
    "max pool, padded": [nn.MaxPool2d(3, 2, padding=1)],
    "average pool": [nn.AvgPool2d(3, 2, padding=1)],
    "average pool, pads not counted": [nn.AvgPool2d(3, padding=1, count_include_pad=False)],
    "global average": [nn.AdaptiveAvgPool2d(1)],
    "global maximum": [nn.AdaptiveMaxPool2d(1)],
    "adaptive 3 x 4": [nn.AdaptiveAvgPool2d((3, 4))],
    "adaptive, same size": [nn.AdaptiveAvgPool2d(12)],
    "reflection": [nn.ReflectionPad2d(2), nn.ReplicationPad2d((1, 0, 2, 0)), nn.ConstantPad2d(1, 0.5)],
    "cropping": [nn.ZeroPad2d((-1, -2, 0, -3))],
    "mean, flattened": [Do(lambda x: x.mean((2, 3)))],
    "mean, one axis": [Do(lambda x: x.mean(-1) + x.sum(3))],
    "gates": [nn.Sigmoid(), nn.SiLU(), nn.Hardswish(), nn.Hardsigmoid(), nn.Mish(), nn.Softplus()],
    "gelu": [nn.GELU(), nn.GELU(approximate="tanh")],
    "clipped": [nn.ReLU6(), nn.Hardtanh(-0.3, 0.4), nn.LeakyReLU(0.2), nn.ELU(0.7), nn.PReLU(8)],
    "softmax over channels": [nn.Softmax(dim=1), nn.LogSoftmax(dim=-1)],
    "matrix": [Do(lambda x: x.flatten(2)), nn.Linear(144, 5), Do(lambda x: x @ x.transpose(1, 2))],
    "unflatten": [
        nn.Flatten(),
        nn.Unflatten(1, (8, 12, 12)),
        Do(lambda x: x.reshape(x.size(0), 8, -1, 1).squeeze(3)),
    ],
    "arithmetic": [Do(arithmetic)],
    "parts": [Do(parts)],
    "weights made on the way": [nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 4, 3))],
    "padded convolution": [nn.ZeroPad2d((0, 1, 2, 3)), nn.Conv2d(8, 4, 3, stride=2, padding=1)],
    "padding used twice": [nn.ZeroPad2d((0, 1, 0, 1)), Do(lambda x: F.max_pool2d(x, 3) + F.avg_pool2d(x, 3))],
    "a row": [Do(lambda x: x[:, :, 3] + x[:, :, :, -2])],
}
NOT_IN_TABLE = [nn.AdaptiveAvgPool2d(5), nn.ConvTranspose2d(8, 4, 3, stride=2)]


def exported(module, channels=3, side=12, temperature=1.5):
    shape = Preprocessing(side, side, channels, mean=(0.4,) * channels, std=(0.3,) * channels)
    deployed = Deployed(module, shape, Classification(CLASSES, temperature))
    model = export_onnx(deployed, shape, {})
    check_onnx(model)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    return deployed, Predictor(model, Classification(CLASSES), shape, threads=1), model


def pictures(count=5, side=12):
    return np.random.default_rng(1).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@pytest.fixture
def only_the_table(monkeypatch):
    def refuse(*args):
        raise AssertionError("torch's exporter was called")

    monkeypatch.setattr(export, "_official", refuse)


@pytest.mark.parametrize("layers", IN_TABLE.values(), ids=IN_TABLE)
def test_the_table_computes_what_torch_computes(layers, only_the_table):
    deployed, predictor, _ = exported(network(*layers))
    check_parity(deployed, predictor, pictures())


def test_what_the_table_has_not_goes_to_torchs_exporter():
    module = network(*NOT_IN_TABLE)
    with pytest.raises(NotInTable):
        emit(module.eval(), torch.zeros(3, 3, 12, 12), "images", "probabilities")
    deployed, predictor, model = exported(module)
    check_parity(deployed, predictor, pictures())
    assert b"site-packages" not in model
    assert b"stack_trace" not in model
    assert exported(module)[2] == model


def test_a_padded_zero_wins_over_negative_numbers_in_any_session(only_the_table):
    """ONNX Runtime's Pad_Fusion takes it for the pool's own padding, and other programs leave that on."""
    import onnxruntime

    module = nn.Sequential(Do(lambda x: -x - 1), Do(tf_same), nn.Flatten(), nn.Linear(108, 3))
    deployed, predictor, model = exported(alive(module))
    check_parity(deployed, predictor, pictures())
    session = onnxruntime.InferenceSession(model)
    found = session.run(None, {"images": pictures()})[0]
    np.testing.assert_allclose(found, predictor.predict_proba(pictures()), atol=1e-6)


def test_grey_is_pillows_grey_exactly(only_the_table):
    """The luma inside the graph equals Preprocessing.apply's for every colour tried, to the last bit."""

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) @ torch.eye(1, 3)

    shape = Preprocessing(1, 1, 1)
    colours = np.random.default_rng(2).integers(0, 256, (4096, 1, 1, 3), dtype=np.uint8)
    grey = np.stack([shape.apply(colour) for colour in colours])
    with torch.inference_mode():
        deployed = Deployed(Mean(), shape, Classification(CLASSES))
        a, b = (deployed(torch.from_numpy(x)).numpy() for x in (colours, np.repeat(grey, 3, axis=3)))
    np.testing.assert_array_equal(a, b)
    predictor = Predictor(export_onnx(deployed, shape, {}), Classification(CLASSES), shape)
    np.testing.assert_array_equal(
        predictor.run(colours)["probabilities"], predictor.run(grey)["probabilities"]
    )


def test_the_same_weights_give_the_same_bytes(only_the_table):
    layers = [nn.BatchNorm2d(8), SqueezeExcite(), Do(parts)]
    assert exported(network(*layers))[2] == exported(network(*layers))[2]


def test_the_file_says_what_it_is(only_the_table):
    model = onnx.load_from_string(exported(network(nn.ReLU()))[2])
    properties = {p.key: p.value for p in model.metadata_props}
    assert properties["classes"] == '["a", "b", "c"]'
    assert '"height": 12' in properties["preprocessing"]
    assert [i.name for i in model.graph.input] == ["images"]


def test_a_network_that_decides_by_its_numbers_is_not_frozen_into_one_branch():
    def decide(x):
        return x if x.sum() > 0 else -x

    with pytest.raises(NotInTable):
        emit(network(Do(decide)).eval(), torch.zeros(3, 3, 12, 12), "images", "probabilities")
    with pytest.raises(InputError, match="cannot be written as ONNX"):
        exported(network(Do(decide)))


def test_the_network_is_neither_changed_nor_moved():
    module = network(nn.BatchNorm2d(8), nn.Dropout(0.5)).train()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    state = torch.get_rng_state()
    exported(module)
    assert module.training
    assert all(part.training for part in module.modules())
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(tensor, before[name]) for name, tensor in module.state_dict().items())


def test_a_wrong_graph_is_an_error():
    good = network(nn.BatchNorm2d(8), nn.ReLU())
    _, predictor, _ = exported(good)
    other = network(nn.BatchNorm2d(8, eps=0.3), nn.ReLU())
    wrong = Deployed(other, predictor.preprocessing, Classification(CLASSES, 1.5))
    with pytest.raises(
        ParityError, match="does not compute what the trained one computes: probabilities differ"
    ):
        check_parity(wrong, predictor, pictures())


def test_a_batch_size_baked_into_the_graph_is_an_error():
    deployed, predictor, _ = exported(network(nn.ReLU()))
    real = predictor.run

    class Baked:
        def run(self, batch):
            return real(batch) if len(batch) > 1 else {"probabilities": np.full((1, 3), 1 / 3, np.float32)}

    with pytest.raises(ParityError):
        check_parity(deployed, Baked(), pictures())


def test_a_diverged_network_is_an_error():
    module = network(nn.ReLU())
    deployed, predictor, _ = exported(module)
    with torch.no_grad():
        next(deployed.network.parameters()).fill_(float("nan"))
    with pytest.raises(ParityError, match="NaN or infinity"):
        check_parity(deployed, predictor, pictures())


SMALL = [n for n in list_models() if model_info(n).macs < 1e8 and model_info(n).output == "vector"]


@pytest.mark.parametrize("name", SMALL)
def test_registered_networks_need_no_other_exporter(name, only_the_table):
    channels, height, width = model_info(name).input_size
    shape = Preprocessing(height, width, channels, mean=(0.5,) * channels, std=(0.25,) * channels)
    torch.manual_seed(0)
    deployed = Deployed(create_model(name, num_classes=3), shape, Classification(CLASSES))
    predictor = Predictor(export_onnx(deployed, shape, {}), Classification(CLASSES), shape, threads=1)
    images = np.random.default_rng(4).integers(0, 256, (3, height, width, 3), dtype=np.uint8)
    check_parity(deployed, predictor, images)
