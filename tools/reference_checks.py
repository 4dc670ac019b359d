"""Checks of the NumPy reference against torch: an operation, a drawn case, and how far apart the two are.

A check takes hypothesis's ``draw`` and returns an :class:`Outcome`; it raises AssertionError where outputs or
gradients differ by more than 1e-10 in float64, or where one side refuses what the other takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import strategies as st

from foveate.errors import ShapeError
from foveate.geometry import pair
from foveate.layers import convolution, pooling_to_size
from foveate.reference import activations, dense, dropout, global_pooling, joining, loss, optim
from foveate.reference import batch_norm as bn
from foveate.reference import convolution as conv
from foveate.reference import pooling as pools

TOLERANCE = 1e-10
Draw = Callable[..., Any]
Check = Callable[[Draw], "Outcome"]


class Outcome:
    """What one case was (operation, shapes and options in words) and how far apart the two sides are."""

    def __init__(self, case: str) -> None:
        self.case = case
        self.difference = 0.0
        self.refused = False

    def __call__(self, what: str, ours: Any, theirs: Any) -> None:
        ours = np.asarray(ours)
        theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else np.asarray(theirs)
        if ours.shape != theirs.shape:
            raise AssertionError(f"{self.case}: {what} has shape {ours.shape}, and torch's {theirs.shape}")
        if ours.size:
            difference = float(np.abs(ours - theirs).max())
            self.difference = max(self.difference, np.inf if np.isnan(difference) else difference)
        if self.difference > TOLERANCE:
            raise AssertionError(f"{self.case}: {what} differs by {self.difference:.3g}")


# --- drawing


whole = st.integers


def either(high: int) -> st.SearchStrategy[Any]:
    """One number for both axes, or one for each."""
    return st.one_of(whole(1, high), st.tuples(whole(1, high), whole(1, high)))


def generator(draw: Draw) -> np.random.Generator:
    return np.random.default_rng(draw(whole(0, 2**32 - 1)))


def picture(
    draw: Draw, rng: np.random.Generator, *, channels: int | None = None, side: int = 12
) -> np.ndarray:
    """(N, C, H, W), H and W apart; sometimes of few whole numbers, so that there are ties."""
    shape = (draw(whole(1, 3)), channels or draw(whole(1, 4)), draw(whole(1, side)), draw(whole(1, side)))
    return rng.integers(-2, 3, shape).astype(float) if draw(st.booleans()) else rng.standard_normal(shape)


def leaf(x: np.ndarray) -> torch.Tensor:
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def refuses(call: Callable[[], Any], error: type[Exception]) -> str:
    try:
        call()
    except error as caught:
        return str(caught)
    return ""


# --- convolution


def same_sides(n: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's rule, written a second time, so that the check does not lean on what it checks."""
    extent = (kernel - 1) * dilation + 1
    needed = max(extent - stride if n % stride == 0 else extent - n % stride, 0)
    return needed // 2, needed - needed // 2


def four_sides(padding: Any, x: np.ndarray, kernel: Any, stride: Any, dilation: Any) -> list[int]:
    """(left, right, top, bottom), as ``torch.nn.functional.pad`` wants them."""
    if padding == "valid":
        return [0, 0, 0, 0]
    if padding == "same":
        size = zip(x.shape[2:], kernel, pair(stride), pair(dilation), strict=True)
        vertical, horizontal = [same_sides(*axis) for axis in size]
        return [*horizontal, *vertical]
    vertical, horizontal = pair(padding)
    return [*pair(horizontal), *pair(vertical)]


def conv2d(draw: Draw) -> Outcome:
    rng, groups = generator(draw), draw(whole(1, 3))
    x = picture(draw, rng, channels=groups * draw(whole(1, 3)), side=16)
    filters, kernel = groups * draw(whole(1, 3)), draw(st.tuples(whole(1, 5), whole(1, 5)))
    w, b = rng.standard_normal((filters, x.shape[1] // groups, *kernel)), rng.standard_normal(filters)
    amount = st.one_of(whole(0, 3), st.tuples(whole(0, 3), whole(0, 3)))
    sides = st.tuples(*[st.tuples(whole(0, 3), whole(0, 3))] * 2)
    paddings = {"valid": st.just("valid"), "same": st.just("same"), "even": amount, "uneven": sides}
    how = {
        "stride": draw(either(3)),
        "padding": draw(paddings[draw(st.sampled_from(sorted(paddings)))]),
        "dilation": draw(either(3)),
        "groups": groups,
        "padding_mode": draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"])),
    }
    outcome = Outcome(f"conv2d {x.shape} {w.shape} {how}")
    layer = convolution.Conv2d(x.shape[1], filters, kernel, **how).double()
    layer.load_state_dict({"weight": torch.tensor(w), "bias": torch.tensor(b)})
    tx, tw, tb = leaf(x), leaf(w), leaf(b)

    def by_torch() -> torch.Tensor:
        around = four_sides(how["padding"], x, kernel, how["stride"], how["dilation"])
        mode = "constant" if how["padding_mode"] == "zeros" else how["padding_mode"]
        padded = F.pad(tx, around, mode)
        return F.conv2d(padded, tw, tb, how["stride"], 0, how["dilation"], groups)

    refusal = refuses(lambda: conv.conv2d(x, w, b, **how), ShapeError)
    if refusal:
        same = refuses(lambda: layer(tx), ShapeError) == refusal
        if not same or not refuses(by_torch, RuntimeError):
            raise AssertionError(f"{outcome.case}: refused by the reference alone: {refusal}")
        outcome.refused = True
        return outcome
    expected = by_torch()
    y = conv.conv2d(x, w, b, **how)
    grad = rng.standard_normal(y.shape)
    outcome("output", y, expected)
    outcome("layer's output", layer(tx).detach(), expected)
    expected.backward(torch.tensor(grad))
    for what, ours, theirs in zip(
        ("dx", "dw", "db"), conv.conv2d_backward(grad, x, w, **how), (tx.grad, tw.grad, tb.grad), strict=True
    ):
        outcome(what, ours, theirs)
    return outcome


# --- one input, no parameters


def single(
    outcome: Outcome,
    rng: np.random.Generator,
    x: np.ndarray,
    *,
    forward: Callable[..., np.ndarray],
    backward: Callable[..., np.ndarray],
    by_torch: Callable[[torch.Tensor], torch.Tensor],
) -> Outcome:
    """Compare out and dx of an operation whose arguments are bound already."""
    tx = leaf(x)
    refusal = refuses(lambda: forward(x), ShapeError)
    if refusal:
        if not refuses(lambda: by_torch(tx), (RuntimeError, ShapeError)):  # type: ignore[arg-type]
            raise AssertionError(f"{outcome.case}: refused by the reference alone: {refusal}")
        outcome.refused = True
        return outcome
    y, expected = forward(x), by_torch(tx)
    outcome("output", y, expected)
    grad = rng.standard_normal(y.shape)
    expected.backward(torch.tensor(grad))
    outcome("dx", backward(grad, x), tx.grad)
    return outcome


def sliding(name: str) -> Check:
    def check(draw: Draw) -> Outcome:
        rng = generator(draw)
        x, kernel = picture(draw, rng), draw(either(4))
        stride = draw(st.one_of(st.none(), either(3)))
        padding = tuple(draw(whole(0, k // 2)) for k in pair(kernel))
        arguments = (kernel, stride, padding)
        options = {"ceil_mode": True} if name == "max" and draw(st.booleans()) else {}
        layer = pooling_to_size.POOLINGS[name](*arguments, **options)
        forward, backward = pools.POOLINGS[name]
        outcome = Outcome(f"{name} pooling {x.shape} {arguments} {options}")
        return single(
            outcome,
            rng,
            x,
            forward=lambda x: forward(x, *arguments, **options),
            backward=lambda grad, x: backward(grad, x, *arguments, **options),
            by_torch=layer,
        )

    return check


def whole_map(name: str) -> Check:
    forward = getattr(global_pooling, f"{name}_pool")
    backward = getattr(global_pooling, f"{name}_pool_backward")

    def check(draw: Draw) -> Outcome:
        rng = generator(draw)
        x = picture(draw, rng)
        arguments = (draw(either(5)),) if name.startswith("adaptive") else ()
        layer = pooling_to_size.POOLINGS[name](*arguments)
        return single(
            Outcome(f"{name} pooling {x.shape} {arguments}"),
            rng,
            x,
            forward=lambda x: forward(x, *arguments),
            backward=lambda grad, x: backward(grad, x, *arguments),
            by_torch=layer,
        )

    return check


def activation(name: str) -> Check:
    by_torch = {
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softmax": lambda x: F.softmax(x, 1),
        "hardsigmoid": lambda x: F.relu6(x + 3) / 6,  # F.hardsigmoid's slope is a sixth in float32
    }
    forward, backward = getattr(activations, name), getattr(activations, f"{name}_backward")

    def check(draw: Draw) -> Outcome:
        rng = generator(draw)
        x = picture(draw, rng) * draw(st.sampled_from([1.0, 5.0, 300.0]))
        outcome = Outcome(f"{name} {x.shape}")
        expected = by_torch.get(name) or getattr(F, name)
        return single(outcome, rng, x, forward=forward, backward=backward, by_torch=expected)

    return check


def dropping(draw: Draw) -> Outcome:
    rng, p = generator(draw), draw(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]))
    x, branch = picture(draw, rng), draw(st.booleans())
    mask = dropout.keep_mask(x.shape[:1] if branch else x.shape, p, rng)
    name = "stochastic_depth" if branch else "dropout"
    keep = torch.tensor(mask).reshape(-1, 1, 1, 1) if branch else torch.tensor(mask)
    return single(
        Outcome(f"{name} {x.shape} {p}"),
        rng,
        x,
        forward=lambda x: getattr(dropout, name)(x, mask, p),
        backward=lambda grad, x: getattr(dropout, f"{name}_backward")(grad, mask, p),
        by_torch=lambda x: torch.where(keep, x / (1 - p), 0 * x) if p < 1 else 0 * x,
    )


# --- operations with parameters


def batch_norm(draw: Draw) -> Outcome:
    rng, training = generator(draw), draw(st.booleans())
    x = picture(draw, rng)
    if draw(st.booleans()):
        x = x[:, :, 0, 0]
    channels, eps = x.shape[1], draw(st.sampled_from([1e-5, 1e-3]))
    momentum = draw(st.sampled_from([0.1, 0.01]))
    weight, bias, mean = rng.standard_normal((3, channels))
    variance, grad = rng.uniform(0.5, 2, channels), rng.standard_normal(x.shape)
    outcome = Outcome(f"batch_norm {x.shape} training={training} {eps} {momentum}")
    tx, tw, tb = leaf(x), leaf(weight), leaf(bias)
    running = torch.tensor(mean), torch.tensor(variance)

    def by_torch() -> torch.Tensor:
        return F.batch_norm(tx, *running, tw, tb, training, momentum, eps)

    if training and refuses(lambda: bn.batch_norm_train(x, weight, bias, eps), ShapeError):
        if not refuses(by_torch, ValueError):
            raise AssertionError(f"{outcome.case}: refused by the reference alone")
        outcome.refused = True
        return outcome
    expected = by_torch()
    if training:
        y, *statistics = bn.batch_norm_train(x, weight, bias, eps)
        count = bn.values_a_channel(x)
        statistics = bn.running_statistics(mean, variance, *statistics, count, momentum=momentum)
        gradients = bn.batch_norm_train_backward(grad, x, weight, eps)
    else:
        y, statistics = bn.batch_norm_eval(x, weight, bias, mean, variance, eps=eps), (mean, variance)
        gradients = bn.batch_norm_eval_backward(grad, x, weight, mean, variance, eps=eps)
    expected.backward(torch.tensor(grad))
    outcome("output", y, expected)
    for what, ours, theirs in zip(
        ("dx", "dw", "db", "mean", "variance"),
        (*gradients, *statistics),
        (tx.grad, tw.grad, tb.grad, *running),
        strict=True,
    ):
        outcome(what, ours, theirs)
    return outcome


def flatten_and_dense(draw: Draw) -> Outcome:
    rng, classes = generator(draw), draw(whole(1, 6))
    x = picture(draw, rng)
    w, b = rng.standard_normal((classes, x[0].size)), rng.standard_normal(classes)
    outcome = Outcome(f"dense {x.shape} {w.shape}")
    tx, tw, tb = leaf(x), leaf(w), leaf(b)
    expected = F.linear(tx.flatten(1), tw, tb)
    outcome("output", dense.dense(dense.flatten(x), w, b), expected)
    grad = rng.standard_normal(expected.shape)
    expected.backward(torch.tensor(grad))
    d_flat, dw, db = dense.dense_backward(grad, dense.flatten(x), w)
    outcome("dx", dense.flatten_backward(d_flat, x), tx.grad)
    outcome("dw", dw, tw.grad)
    outcome("db", db, tb.grad)
    return outcome


def join(draw: Draw) -> Outcome:
    rng = generator(draw)
    a = picture(draw, rng)
    others = [
        rng.standard_normal((len(a), draw(whole(1, 4)), *a.shape[2:])) for _ in range(draw(whole(1, 3)))
    ]
    parts = [a, *others]
    outcome = Outcome(f"add, concat {[part.shape for part in parts]}")
    leaves = [leaf(part) for part in parts]
    expected = torch.cat([leaves[0] + leaves[0] * 2, *leaves[1:]], 1)
    out = joining.concat([joining.add(a, a * 2), *others])
    outcome("output", out, expected)
    grad = rng.standard_normal(out.shape)
    expected.backward(torch.tensor(grad))
    first, *rest = joining.concat_backward(grad, parts)
    left, right = joining.add_backward(first)
    for ours, theirs in zip([left + 2 * right, *rest], leaves, strict=True):
        outcome("d part", ours, theirs.grad)
    return outcome


def cross_entropy(draw: Draw) -> Outcome:
    rng, count, classes = generator(draw), draw(whole(1, 8)), draw(whole(1, 7))
    logits = rng.standard_normal((count, classes)) * draw(st.sampled_from([1.0, 30.0]))
    labels = rng.integers(0, classes, count)
    weights = rng.uniform(0.1, 3, classes) if draw(st.booleans()) else None
    smoothing = draw(st.sampled_from([0.0, 0.1, 0.9]))
    outcome = Outcome(f"cross_entropy {logits.shape} {weights is not None} {smoothing}")
    tx = leaf(logits)
    tw = None if weights is None else torch.tensor(weights)
    if tw is None or smoothing == 0:
        expected = F.cross_entropy(tx, torch.tensor(labels), tw, label_smoothing=smoothing)
    else:  # with both, torch weighs each class's part of the target, and this program the sample
        each = F.cross_entropy(tx, torch.tensor(labels), label_smoothing=smoothing, reduction="none")
        expected = (each * tw[labels]).sum() / tw[labels].sum()
    expected.backward()
    how = {"class_weights": weights, "label_smoothing": smoothing}
    outcome("loss", loss.cross_entropy(logits, labels, **how), expected)
    outcome("d logits", loss.cross_entropy_backward(logits, labels, **how), tx.grad)
    return outcome


def optimiser(draw: Draw) -> Outcome:
    rng, name = generator(draw), draw(st.sampled_from(["SGD", "Adam", "AdamW"]))
    how: dict[str, Any] = {
        "lr": draw(st.sampled_from([0.1, 0.001])),
        "weight_decay": draw(whole(0, 2)) * 0.05,
    }
    if name == "SGD":
        how["momentum"] = draw(st.sampled_from([0.0, 0.9]))
        how["nesterov"] = bool(how["momentum"]) and draw(st.booleans())
    else:
        how["betas"] = draw(st.sampled_from([(0.9, 0.999), (0.5, 0.9)]))
    shapes = draw(st.lists(st.lists(whole(1, 4), max_size=4).map(tuple), min_size=1, max_size=3))
    outcome = Outcome(f"{name} {shapes} {how}")
    parameters = {str(i): np.array(rng.standard_normal(shape)) for i, shape in enumerate(shapes)}
    leaves = {key: leaf(w) for key, w in parameters.items()}
    ours, theirs = getattr(optim, name)(**how), getattr(torch.optim, name)(leaves.values(), **how)
    for _ in range(4):
        gradients = {key: np.array(rng.standard_normal(w.shape)) for key, w in parameters.items()}
        for key, w in leaves.items():
            w.grad = torch.tensor(gradients[key])
        ours.step(parameters, gradients)
        theirs.step()
    for key, w in parameters.items():
        outcome("parameter", w, leaves[key])
    return outcome


ACTIVATIONS = (
    *("relu", "leaky_relu", "relu6", "sigmoid", "tanh", "silu", "softmax"),
    *("hardsigmoid", "hardswish", "gelu"),
)
OPERATIONS: dict[str, Check] = {
    "conv2d": conv2d,
    **{f"{name} pooling": sliding(name) for name in pools.POOLINGS},
    **{
        f"{name} pooling": whole_map(name)
        for name in ("global_average", "global_max", "adaptive_average", "adaptive_max")
    },
    **{name: activation(name) for name in ACTIVATIONS},
    "dropout, stochastic depth": dropping,
    "batch norm": batch_norm,
    "flatten, dense": flatten_and_dense,
    "add, concat": join,
    "cross-entropy": cross_entropy,
    "optimisers": optimiser,
}
