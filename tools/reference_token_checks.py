"""Checks of what transformers are made of: layer norm and attention."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import strategies as st

from foveate.reference import attention as heads
from foveate.reference import layer_norm as norm
from reference_checks import Check, Draw, Outcome, generator, leaf, whole


def layer_norm(draw: Draw) -> Outcome:
    rng, eps = generator(draw), draw(st.sampled_from([1e-6, 1e-5, 1e-3]))
    shape = [*draw(st.lists(whole(1, 4), min_size=1, max_size=3)), draw(whole(2, 9))]
    x = rng.standard_normal(shape) * draw(st.sampled_from([1.0, 30.0])) + draw(st.sampled_from([0.0, 5.0]))
    weight, bias = rng.standard_normal((2, shape[-1]))
    outcome, leaves = Outcome(f"layer_norm {shape} {eps}"), [leaf(one) for one in (x, weight, bias)]
    expected = F.layer_norm(leaves[0], shape[-1:], leaves[1], leaves[2], eps)
    y = norm.layer_norm(x, weight, bias, eps)
    outcome("output", y, expected)
    grad = rng.standard_normal(y.shape)
    expected.backward(torch.tensor(grad))
    gradients = norm.layer_norm_backward(grad, x, weight, eps)
    for what, ours, theirs in zip(("dx", "dweight", "dbias"), gradients, leaves, strict=True):
        outcome(what, ours, theirs.grad)
    return outcome


def attention(draw: Draw) -> Outcome:
    rng, count = generator(draw), draw(whole(1, 4))
    features = count * draw(whole(1, 4))
    x = rng.standard_normal((draw(whole(1, 3)), draw(whole(1, 6)), features))
    w, b = rng.standard_normal((3 * features, features)), rng.standard_normal(3 * features)
    w_out, b_out = rng.standard_normal((features, features)), rng.standard_normal(features)
    outcome = Outcome(f"attention {x.shape} of {count} heads")
    theirs = torch.nn.MultiheadAttention(features, count, batch_first=True, dtype=torch.float64)
    state = {"in_proj_weight": w, "in_proj_bias": b, "out_proj.weight": w_out, "out_proj.bias": b_out}
    theirs.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    tx = leaf(x)
    expected, weights = theirs(tx, tx, tx, average_attn_weights=False)
    y = heads.attention(x, w, b, w_out, b_out, heads=count)
    outcome("output", y, expected)
    outcome("weights", heads.attention_weights(x, w, b, heads=count), weights)
    grad = rng.standard_normal(y.shape)
    expected.backward(torch.tensor(grad))
    dx, *gradients = heads.attention_backward(grad, x, w, b, w_out, heads=count)
    outcome("dx", dx, tx.grad)
    found = dict(theirs.named_parameters())
    for name, ours in zip(state, gradients, strict=True):
        outcome(name, np.asarray(ours), found[name].grad)
    return outcome


TOKENS: dict[str, Check] = {"layer norm": layer_norm, "attention": attention}
