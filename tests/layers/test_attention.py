"""Multi-head attention against torch's own, whose key names it has."""

import re

import pytest
import torch
from torch import nn

from foveate.errors import InputError
from foveate.layers.attention import MapAttention, MultiHeadAttention

X = torch.randn(3, 5, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def pair(heads):
    """Ours and torch's, with the same weights, loaded strictly."""
    torch.manual_seed(heads)
    theirs = nn.MultiheadAttention(12, heads, batch_first=True).double()
    nn.init.normal_(theirs.in_proj_bias)
    nn.init.normal_(theirs.out_proj.bias)
    ours = MultiHeadAttention(12, heads).double()
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("heads", [1, 3, 12])
def test_outputs_weights_and_gradients_are_torchs(heads, training):
    ours, theirs = pair(heads)
    results = []
    for module in (ours.train(training), theirs.train(training)):
        x = X.clone().requires_grad_()
        out = module(x) if module is ours else module(x, x, x)[0]
        (out * out.cos()).sum().backward()
        results.append([out, x.grad, *(parameter.grad for parameter in module.parameters())])
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-11, atol=1e-12)
    _, weights = theirs(X, X, X, average_attn_weights=False)
    torch.testing.assert_close(ours.attention_weights(X), weights, rtol=1e-12, atol=1e-13)


def test_the_weights_are_what_the_submodule_gives_in_evaluation():
    ours, _ = pair(3)
    seen = []
    ours.softmax.register_forward_hook(lambda module, given, out: seen.append(out))
    ours.eval()(X)
    assert torch.equal(seen[0], ours.attention_weights(X))
    assert seen[0].shape == (3, 3, 5, 5)
    torch.testing.assert_close(seen[0].sum(-1), torch.ones(3, 3, 5, dtype=torch.float64))


def test_dropout_of_weights_is_for_training_alone():
    torch.manual_seed(0)
    module = MultiHeadAttention(12, 3, dropout=0.5).double()
    assert not torch.equal(module.train()(X), module(X))
    assert torch.equal(module.eval()(X), module(X))


def test_places_of_a_map_are_tokens_and_their_order_does_not_matter():
    module, x = MapAttention(4, 2).double(), torch.randn(2, 4, 3, 5, dtype=torch.float64)
    turned = module(x.flip(2, 3)).flip(2, 3)
    torch.testing.assert_close(module(x), turned, rtol=1e-12, atol=1e-12)
    tokens = x.flatten(2).mT
    expected = x + module.attention(tokens).mT.reshape(x.shape)
    torch.testing.assert_close(module(x), expected, rtol=1e-12, atol=1e-12)


def test_heads_that_do_not_divide_the_features_are_refused():
    message = "10 features cannot be shared out among 3 heads of attention; take a number of heads"
    with pytest.raises(InputError, match=re.escape(message)):
        MultiHeadAttention(10, 3)
