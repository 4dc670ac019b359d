"""Checks of the reference's blocks against the torch blocks, parameter by parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

from foveate.layers import inception, mbconv, residual, separable, squeeze_excite
from foveate.reference import blocks
from foveate.reference import network as net
from reference_checks import Check, Draw, Outcome, either, generator, leaf, whole


class Hardsigmoid(torch.nn.Module):
    """By its definition: the slope of torch's is a sixth in float32."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.relu6(x + 3) / 6


class Kept(torch.nn.Module):
    """Stochastic depth with the reference's mask."""

    def __init__(self, mask: np.ndarray | None, p: float) -> None:
        super().__init__()
        self.scale = 1.0 if mask is None else torch.tensor(mask / (1 - p)).reshape(-1, 1, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale


def compare_network(
    outcome: Outcome, rng: np.random.Generator, ours: net.Layer, theirs: torch.nn.Module, x: np.ndarray
) -> Outcome:
    """Output, gradients of the input and of every parameter by name, and running statistics."""
    theirs = theirs.double()
    with torch.no_grad():
        for name, tensor in theirs.state_dict().items():
            if tensor.is_floating_point():
                low, high = (0.5, 1.5) if name.endswith(("running_var", "bn.weight")) else (-0.5, 0.5)
                tensor.copy_(torch.tensor(rng.uniform(low, high, tensor.shape)))
    ours.load({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    y = ours.forward(x, training=theirs.training)
    for _, layer in ours.layers():
        if isinstance(layer, net.StochasticDepth) and isinstance(theirs, mbconv.MBConv):
            theirs.stochastic_depth = Kept(layer.mask, layer.p)  # type: ignore[assignment]
    tx = leaf(x)
    expected = theirs(tx)
    outcome("output", y, expected)
    grad = rng.standard_normal(y.shape)
    expected.backward(torch.tensor(grad))
    outcome("dx", ours.backward(grad), tx.grad)
    gradients = ours.named_gradients()
    if gradients.keys() != dict(theirs.named_parameters()).keys():
        raise AssertionError(f"{outcome.case}: other parameters than torch's")
    for name, parameter in theirs.named_parameters():
        outcome(name, gradients[name], parameter.grad)
    for name, array in ours.state().items():
        outcome(name, array, theirs.state_dict()[name])
    return outcome


def block(name: str) -> Check:
    def check(draw: Draw) -> Outcome:
        rng, training = generator(draw), draw(st.booleans())
        channels = draw(whole(1, 5)) * (8 if name == "mbconv" else 1)
        x = rng.standard_normal((draw(whole(2, 3)), channels, draw(whole(5, 9)), draw(whole(5, 9))))
        positional, how = block_arguments(name, draw, channels)
        theirs = TORCH_BLOCKS[name](*positional, **how).train(training)
        if name == "mbconv":
            how["expanded"] = mbconv.round_channels(channels * how.pop("expand_ratio"))
            how["activation"] = how["activation"].__name__.lower()
            named = {field.name for field in fields(blocks.Style)} & how.keys()
            how["style"] = blocks.Style(**{name: how.pop(name) for name in named})
        elif name == "squeeze_excitation":
            how = {key: kind.__name__.lower() for key, kind in how.items()}
        ours = REFERENCE_BLOCKS[name](*positional, **how, rng=rng)
        outcome = Outcome(f"{name} {x.shape} {positional} {how} training={training}")
        return compare_network(outcome, rng, ours, theirs, x)

    return check


def block_arguments(name: str, draw: Draw, channels: int) -> tuple[Sequence[Any], dict[str, Any]]:
    small = whole(1, 4)
    if name == "basic_block":
        return (channels, draw(small), draw(whole(1, 2))), {}
    if name == "bottleneck":
        return (channels, draw(small), draw(whole(1, 2)), draw(whole(1, 3))), {}
    if name == "inception":
        return (
            channels,
            draw(small),
            (draw(small), draw(small)),
            (draw(small), draw(small)),
            draw(small),
        ), {}
    if name == "separable":
        how = {"stride": draw(either(2)), "padding": draw(st.sampled_from(["same", "valid", 1, (1, 2)]))}
        return (channels, draw(small), draw(whole(1, 3))), how | {"dilation": draw(whole(1, 2))}
    if name == "squeeze_excitation":
        return (channels, draw(small)), {
            "activation": draw(st.sampled_from([torch.nn.ReLU, torch.nn.SiLU, torch.nn.Hardswish])),
            "gate": draw(st.sampled_from([torch.nn.Sigmoid, Hardsigmoid])),
        }
    out_channels = channels if draw(st.booleans()) else 8 * draw(whole(1, 3))
    return (channels, out_channels), {
        "kernel": draw(st.sampled_from([3, 5])),
        "stride": draw(whole(1, 2)),
        "expand_ratio": draw(st.sampled_from([1, 2])),
        "squeeze": draw(st.booleans()),
        "stochastic_depth": draw(st.sampled_from([0.0, 0.5])),
        "activation": draw(st.sampled_from([torch.nn.SiLU, torch.nn.ReLU6])),
        "same_padding": draw(st.booleans()),
    }


def torch_mbconv(
    *positional: Any, activation: type[torch.nn.Module], squeeze: bool, same_padding: bool, **how: Any
) -> torch.nn.Module:
    style = mbconv.Style(activation=activation, squeeze=squeeze, same_padding=same_padding)
    return mbconv.MBConv(*positional, style=style, **how)


TORCH_BLOCKS: Mapping[str, Callable[..., torch.nn.Module]] = {
    "basic_block": residual.BasicBlock,
    "bottleneck": residual.Bottleneck,
    "inception": inception.Inception,
    "separable": separable.SeparableConv2d,
    "squeeze_excitation": squeeze_excite.SqueezeExcitation,
    "mbconv": torch_mbconv,
}
REFERENCE_BLOCKS: Mapping[str, Callable[..., net.Layer]] = {
    "basic_block": blocks.basic_block,
    "bottleneck": blocks.bottleneck,
    "inception": blocks.inception,
    "separable": blocks.separable,
    "squeeze_excitation": blocks.SqueezeExcitation,
    "mbconv": blocks.mbconv,
}

BLOCKS: dict[str, Check] = {name: block(name) for name in TORCH_BLOCKS}
