"""Counts against torch's own counter and against what autograd really keeps."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from foveate.graph.cost import count_parameters, disk_bytes, training_memory
from foveate.graph.summary import summarize
from foveate.graph.walk import walk
from foveate.models import create_model, model_info


def flops(module, shape):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        like = next(module.parameters())
        module(torch.zeros(1, *shape, device=like.device, dtype=like.dtype))
    return counter.get_total_flops()


def test_half_of_torchs_flops(network):
    assert 2 * walk(network, (2, 23, 23)).macs == flops(network, (2, 23, 23))


@pytest.mark.parametrize("name", ["convnet1", "lenet5", "alexnet", "vgg16_bn", "tinyvgg"])
def test_half_of_torchs_flops_in_networks(name):
    shape = model_info(name).input_size
    with torch.device("meta"):
        net = create_model(name).eval()
    assert 2 * walk(net, shape).macs == flops(net, shape)


def test_vgg16_has_its_published_multiply_adds():
    with torch.device("meta"):
        net = create_model("vgg16")
    assert walk(net, (3, 224, 224)).macs == 15_470_264_320


def test_macs_by_hand():
    assert walk(nn.Conv2d(3, 64, 3, padding=1), (3, 32, 32)).macs == 64 * 32 * 32 * 27
    assert walk(nn.Conv2d(8, 8, 3, groups=8), (8, 5, 5)).macs == 8 * 3 * 3 * 9
    assert walk(nn.Sequential(nn.Flatten(), nn.Linear(12, 5)), (3, 2, 2)).macs == 60
    assert walk(nn.MaxPool2d(2), (3, 4, 4)).macs == 0


def test_the_guides_parameter_count():
    assert count_parameters(nn.Conv2d(3, 64, 3)) == 1_792


def test_shared_parameters_count_once():
    layer = nn.Linear(4, 4)
    assert count_parameters(nn.Sequential(layer, layer)) == 20


def test_the_size_on_disk_is_the_files(tmp_path):
    from safetensors.torch import save_file

    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    save_file(net.state_dict(), tmp_path / "w.safetensors")
    header = 8 + int.from_bytes((tmp_path / "w.safetensors").read_bytes()[:8], "little")
    assert disk_bytes(net) == (tmp_path / "w.safetensors").stat().st_size - header


def kept_bytes(net, x):
    """What autograd holds for the backward pass, each memory once, parameters aside."""
    own = {p.untyped_storage().data_ptr() for p in [*net.parameters(), *net.buffers()]}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = net.train()(x)
    return sum(kept.values()), out


@pytest.mark.parametrize(("name", "classes"), [("convnet1", 10), ("lesson_cnn", 10), ("tinyvgg", 10)])
def test_the_estimate_of_activations_is_near_what_autograd_keeps(name, classes):
    shape, batch = model_info(name).input_size, 8
    net = create_model(name)
    estimate = summarize(net, shape, batch_size=batch).training.activations
    kept, _ = kept_bytes(net, torch.rand(batch, *shape))
    assert 0.6 * estimate < kept < 1.34 * estimate


def test_training_memory_adds_up():
    memory = training_memory(1000, 50, 32)
    assert (memory.gradients, memory.optimizer_state, memory.activations) == (1000, 2000, 1600)
    assert memory.total == 5600
    assert "adam state (2 × parameters)" in memory.formula
    assert training_memory(1000, 50, 1, "sgd").optimizer_state == 0
