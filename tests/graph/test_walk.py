"""Receptive fields against the gradient, which knows nothing of intervals; paths against a list by hand."""

import pytest
import torch
from torch import nn

from foveate.errors import ShapeError
from foveate.graph.walk import walk
from foveate.models import create_model

SIDE = 23


def influence(module, row, column, shape=(2, SIDE, SIDE), draws=3):
    """Where the input's gradient of one output position is not exactly zero: bool (H, W)."""
    seen = torch.zeros(shape[1:], dtype=torch.bool)
    for draw in range(draws):
        generator = torch.Generator().manual_seed(draw)
        x = torch.rand(1, *shape, generator=generator, dtype=torch.float64, requires_grad=True)
        out = module(x)
        (out[0, :, row, column] * torch.rand(out.shape[1], generator=generator)).sum().backward()
        seen |= (x.grad[0] != 0).any(0)
    return seen


def hull(mask):
    rows, columns = torch.where(mask.any(1))[0], torch.where(mask.any(0))[0]
    return rows.min().item(), rows.max().item(), columns.min().item(), columns.max().item()


def clipped(sees, height, width):
    top, bottom, left, right = sees
    return max(top, 0), min(bottom, height - 1), max(left, 0), min(right, width - 1)


def test_pixels_outside_have_no_influence_and_edge_pixels_have_some(network):
    seen = walk(network, (2, SIDE, SIDE)).nodes[-1].seen
    height, width = seen.shape
    dilated = any(getattr(layer, "dilation", (1, 1)) != (1, 1) for layer in network.modules())
    for row, column in [(height // 2, width // 2), (0, 0), (height - 1, width - 1), (1, width - 2)]:
        mask = influence(network, row, column)
        top, bottom, left, right = clipped(seen.sees(row, column), SIDE, SIDE)
        if dilated and (row, column) != (height // 2, width // 2):
            mask[top : bottom + 1, left : right + 1] = False  # at the border a gap may lie on the edge
            assert not mask.any()
        else:
            assert hull(mask) == (top, bottom, left, right)


def test_real_networks_too():
    """The stem and two stages of ResNet-18, and GoogLeNet up to inception 3a, on their middle position."""
    torch.manual_seed(0)
    resnet, googlenet = create_model("resnet18"), create_model("googlenet")
    stem = (resnet.conv1, resnet.bn1, resnet.relu, resnet.maxpool)
    inception = (googlenet.conv1, googlenet.maxpool1, googlenet.conv2, googlenet.conv3, googlenet.maxpool2)
    for layers, size, jump in [
        ((*stem, resnet.layer1, resnet.layer2), 99, 8),
        ((*inception, googlenet.inception3a), 43, 8),
    ]:
        net = nn.Sequential(*layers).double().eval()
        seen = walk(net, (3, 113, 113)).nodes[-1].seen
        assert (seen.rows.size, seen.rows.jump) == (size, jump)
        middle = seen.shape[0] // 2
        found = hull(influence(net, middle, middle, (3, 113, 113)))
        assert found == clipped(seen.sees(middle, middle), 113, 113)


def test_a_gate_sees_everything_and_keeps_its_step(gate):
    seen = walk(gate, (2, SIDE, SIDE)).nodes[-1].seen
    assert seen.rows.size is None and seen.rows.jump == 2
    assert influence(gate, 0, 0).any(0)[: SIDE - 1].all()


@pytest.mark.parametrize(
    "layer",
    [
        nn.AdaptiveAvgPool2d(1),
        nn.Sequential(nn.Flatten(), nn.Linear(2 * SIDE * SIDE, 3)),
        nn.GroupNorm(1, 2),
        nn.InstanceNorm2d(2),
        nn.Softmax(dim=-1),
        nn.Conv2d(2, 3, SIDE),
    ],
)
def test_what_sees_the_whole_picture(layer):
    size = walk(layer, (2, SIDE, SIDE)).nodes[-1].seen.rows.size
    assert size is None or size >= SIDE


class Unpooled(nn.Module):
    def __init__(self, kernel, stride):
        super().__init__()
        self.pool = nn.MaxPool2d(kernel, stride, return_indices=True)
        self.conv = nn.Conv2d(2, 2, 3, padding=1)
        self.unpool = nn.MaxUnpool2d(kernel, stride)

    def forward(self, x):
        y, places = self.pool(x)
        return self.unpool(self.conv(y), places, output_size=x.shape[-2:])


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2)])
def test_unpooling_looks_through_the_windows_that_cover_a_place(kernel, stride):
    net = Unpooled(kernel, stride).double()
    seen = walk(net, (2, SIDE, SIDE)).nodes[-1].seen
    assert seen.shape == (SIDE, SIDE) and seen.rows.jump == 1
    x = torch.rand(1, 2, SIDE, SIDE, dtype=torch.float64)
    for row, column in ((10, 11), (0, 0), (SIDE - 2, 3)):
        top, bottom, left, right = clipped(seen.sees(row, column), SIDE, SIDE)
        assert bottom - top < 4 * stride + kernel  # no more than the windows of three rows of places
        outside = torch.ones(SIDE, SIDE, dtype=torch.bool)
        outside[top : bottom + 1, left : right + 1] = False
        for draw in range(8):  # whatever lies outside, this number is the same
            torch.manual_seed(draw)
            other = torch.where(outside, torch.rand_like(x), x)
            assert torch.equal(net(other)[0, :, row, column], net(x)[0, :, row, column])


def test_circular_padding_counts_the_wrapped_window_and_sees_both_ends():
    layer = nn.Conv2d(2, 3, 5, padding=2, padding_mode="circular").double()
    seen = walk(layer, (2, SIDE, SIDE)).nodes[-1].seen
    assert (seen.rows.size, seen.rows.jump, seen.shape) == (5, 1, (SIDE, SIDE))
    assert (seen.rows.lo[0], seen.rows.hi[0]) == (-2, 2)
    for row in (0, 1, 2, 10, SIDE - 3, SIDE - 2):
        assert hull(influence(layer, row, 10))[:2] == seen.sees(row, 10)[:2]
    assert seen.sees(0, 10)[:2] == (0, SIDE - 1) and seen.sees(2, 10)[:2] == (0, 4)


def test_alexnet_and_vgg_have_the_published_fields():
    # Araujo, Norris and Sim (Distill, 2019), table of receptive fields: AlexNet v2 195, VGG-16 212.
    with torch.device("meta"):
        alexnet, vgg = create_model("alexnet"), create_model("vgg16")
    alexnet_map = [node for node in walk(alexnet, (3, 224, 224)).nodes if node.kind == "MaxPool2d"][-1]
    vgg_map = [node for node in walk(vgg, (3, 224, 224)).nodes if node.kind == "MaxPool2d"][-1]
    assert (alexnet_map.seen.rows.size, alexnet_map.seen.rows.jump) == (195, 32)
    assert (vgg_map.seen.rows.size, vgg_map.seen.rows.jump) == (212, 32)


def test_paths_are_followed_through_functions():
    torch.manual_seed(0)
    from_name = {}

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(2, 4, 3, padding=1)
            self.b = nn.Conv2d(4, 4, 3, padding=1)
            self.c = nn.Linear(4, 3)

        def forward(self, x):
            x = torch.relu(self.a(x))
            y = self.b(x)
            y += x
            return self.c(torch.cat([y, y * 2], 1).mean((2, 3))[:, :4])

    nodes = walk(Net(), (2, 8, 8)).nodes
    for node in nodes:
        from_name[node.name] = [nodes[i].name for i in node.inputs]
    assert from_name == {"input": [], "a": ["input"], "b": ["a"], "add": ["b", "a"], "c": ["add"]}


def test_the_network_is_left_as_it_was():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout()).train()
    net[1].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    walk(net, (1, 8, 8))
    assert net.training and net[2].training and not net[1].training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())


def test_what_cannot_walk_is_refused_and_leaves_no_hooks():
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(2 * 6 * 6, 3))
    with pytest.raises(ShapeError, match="cannot take an input of 3x9x9"):
        walk(net, (3, 9, 9))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    with pytest.raises(ShapeError, match="one tensor in evaluation mode, not a tuple"):
        walk(nn.MaxPool2d(2, return_indices=True), (3, 8, 8))
