"""The compact family: its whitening layer against NumPy's own statistics, its shapes, sizes and learning."""

from __future__ import annotations

import io

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.datasets import load_digits
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from foveate.errors import InputError, ShapeError
from foveate.models import create_model, list_models, model_info
from foveate.models.anatomy import Network
from foveate.models.compact import CompactNet, whitening_filters

NAMES = list_models("compact*")


def make(name: str = "compact_s", channels: int = 1, side: int = 28, classes: int = 10) -> Network:
    torch.manual_seed(0)
    return create_model(name, num_classes=classes, in_channels=channels, image_size=(side, side))


def correlated(n: int, channels: int, side: int) -> Tensor:
    """Pictures whose neighbouring pixels and channels resemble each other: white noise, blurred and mixed."""
    generator = torch.Generator().manual_seed(3)
    noise = torch.randn(n, channels, side + 2, side + 2, generator=generator)
    mixed = noise + 0.7 * noise.mean(1, keepdim=True)
    return F.avg_pool2d(mixed, 3, stride=1) * 3 + 0.4


def digits(side: int) -> tuple[Tensor, Tensor]:
    data = load_digits()
    pixels = torch.from_numpy(data.images).float()[:, None] / 8 - 1
    return F.interpolate(pixels, (side, side), mode="bilinear"), torch.from_numpy(data.target)


@pytest.mark.parametrize(("channels", "kernel", "stride"), [(1, 2, 1), (3, 2, 1), (1, 4, 2), (3, 3, 1)])
def test_whitened_patches_have_the_identity_as_second_moment(channels: int, kernel: int, stride: int) -> None:
    images = correlated(200, channels, 16)
    size = channels * kernel**2
    filters = whitening_filters(images, size, kernel, stride).reshape(size, size).numpy()
    windows = sliding_window_view(images.numpy(), (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]
    patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, size).astype(np.float64)
    before = patches.T @ patches / len(patches)
    assert np.abs(before - np.diag(np.diag(before))).max() > 0.1  # there was something to whiten
    responses = patches @ filters.T
    np.testing.assert_allclose(responses.T @ responses / len(patches), np.eye(size), atol=0.02)


def test_the_strongest_directions_are_kept_and_each_has_both_signs() -> None:
    images = correlated(100, 3, 20)
    few, all_of_them = whitening_filters(images, 3, 2), whitening_filters(images, 12, 2)
    assert torch.allclose(few, all_of_them[:3])
    lengths = all_of_them.flatten(1).norm(dim=1)  # 1 / standard deviation: the strongest is the shortest
    assert bool((lengths.diff() > -1e-5).all())
    network = make(channels=3, side=20)
    network.initialise_from(images)
    weight = network.whiten.weight
    assert torch.equal(weight[:12], -weight[12:])


def test_a_direction_without_any_power_is_not_blown_up() -> None:
    flat = torch.ones(10, 1, 8, 8)
    filters = whitening_filters(flat, 4, 2)
    assert bool(filters.isfinite().all()) and filters.abs().max() < 50


def test_chunks_change_nothing() -> None:
    images = correlated(300, 1, 12)
    together = whitening_filters(images, 4, 2)
    reference = F.unfold(images.double(), 2).transpose(1, 2).reshape(-1, 4)
    power = np.linalg.eigvalsh((reference.T @ reference / len(reference)).numpy())[::-1]
    np.testing.assert_allclose(together.flatten(1).norm(dim=1), 1 / np.sqrt(power + 5e-4), rtol=1e-4)


def test_initialising_freezes_the_first_layer_alone_and_draws_nothing() -> None:
    network = make()
    state = torch.random.get_rng_state()
    network.initialise_from(correlated(50, 1, 28))
    assert torch.equal(torch.random.get_rng_state(), state)
    frozen = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
    assert frozen == ["whiten.weight"]
    before = network.whiten.weight.clone()
    F.cross_entropy(network(correlated(8, 1, 28)), torch.arange(8)).backward()
    assert torch.equal(network.whiten.weight, before) and network.whiten.weight.grad is None
    with pytest.raises(ShapeError, match=r"takes pictures \(N, 1, H, W\)"):
        network.initialise_from(torch.zeros(4, 3, 28, 28))


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_reaches_every_parameter(name: str) -> None:
    network = make(name)
    F.cross_entropy(network(correlated(16, 1, 28)), torch.arange(16) % 10).backward()
    for parameter_name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, parameter_name


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [24, 28, 32, 48, 49, 64, 96])
def test_every_small_size_is_taken(channels: int, side: int) -> None:
    network = make(channels=channels, side=side, classes=7).eval()
    pictures = torch.zeros(2, channels, side, side + 3)
    features = network.forward_features(pictures)
    assert features.shape == (2, network.num_features, *network.map_size(side, side + 3))
    assert 2 <= min(features.shape[2:]) <= max(features.shape[2:]) <= 6
    assert network.forward_head(features).shape == (2, 7)


def test_too_small_a_picture_is_refused_with_the_formula() -> None:
    network = make()
    least = network.smallest_side()
    assert network.eval()(torch.zeros(1, 1, least, least)).shape == (1, 10)
    with pytest.raises(ShapeError, match=rf"too small for CompactNet, which takes {least}x{least}"):
        network(torch.zeros(1, 1, least - 1, 40))


@pytest.mark.parametrize(("widths", "depths"), [((), ()), ((16, 32), (1,)), ((16, 0), (1, 1)), ((8,), (0,))])
def test_widths_and_depths_must_name_the_same_stages(
    widths: tuple[int, ...], depths: tuple[int, ...]
) -> None:
    with pytest.raises(InputError, match="one positive number for each stage"):
        CompactNet(widths=widths, depths=depths)


@pytest.mark.parametrize("name", NAMES)
def test_the_catalogue_counts_this_network(name: str) -> None:
    info = model_info(name)
    network = create_model(name, image_size=info.input_size[1:]).eval()
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *info.input_size))
    assert sum(parameter.numel() for parameter in network.parameters()) == info.parameters
    assert counter.get_total_flops() == 2 * info.macs


def test_larger_means_costlier() -> None:
    costs = [model_info(name).macs for name in NAMES]
    assert costs == sorted(costs) and len(set(costs)) == len(costs)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # inside torch's exporter
def test_onnx_computes_the_same() -> None:
    network = make().eval()
    network.initialise_from(correlated(50, 1, 28))
    batch = torch.export.Dim("batch", min=1, max=1024)
    pictures = correlated(3, 1, 28)
    program = torch.onnx.export(
        network, (pictures,), dynamo=True, dynamic_shapes=({0: batch},), verbose=False
    )
    file = io.BytesIO()
    assert program is not None
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    for n in (1, 3):
        (got,) = session.run(None, {session.get_inputs()[0].name: pictures[:n].numpy()})
        with torch.no_grad():
            expected = network(pictures[:n]).numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_it_reads_handwritten_digits_after_three_epochs() -> None:
    pictures, labels = digits(16)
    network = make(side=16)
    network.initialise_from(pictures[:500])
    optimiser = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], 0.015)
    generator = torch.Generator().manual_seed(0)
    for epoch in range(3):
        for rows in torch.randperm(1500, generator=generator).split(50):
            optimiser.param_groups[0]["lr"] = 0.015 * (1 - epoch / 3)
            optimiser.zero_grad()
            F.cross_entropy(network(pictures[rows]), labels[rows]).backward()
            optimiser.step()
    network.eval()
    with torch.no_grad():
        accuracy = (network(pictures[1500:]).argmax(1) == labels[1500:]).float().mean().item()
    assert accuracy > 0.9, accuracy
