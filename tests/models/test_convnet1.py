"""convnet1 trains in another order than it is written in: the same values, the same gradients."""

import pytest
import torch
import torch.nn.functional as F

from foveate.models import create_model


def as_written(network, x):
    for stage in (network.layer1, network.layer2):
        convolution, norm, _, _ = stage
        x = F.max_pool2d(F.relu(norm(convolution(x))), 2)
    return network.fc(x.flatten(1))


@pytest.mark.parametrize("name", ["convnet1", "convnet1_k3"])
def test_pooling_before_relu_changes_no_value_and_no_gradient(name):
    torch.manual_seed(0)
    network = create_model(name).double().train()
    with torch.no_grad():
        network.layer1[1].weight[::2] *= -1  # negative scales: no difference either
    x, labels = torch.randn(6, 1, 28, 28, dtype=torch.float64), torch.arange(6)
    results = []
    for forward in (network, lambda x: as_written(network, x)):
        network.zero_grad()
        logits = forward(x)
        F.cross_entropy(logits, labels).backward()
        results.append([logits.detach(), *(p.grad.clone() for p in network.parameters())])
    for ours, written in zip(*results, strict=True):
        torch.testing.assert_close(ours, written, rtol=0, atol=1e-12)
