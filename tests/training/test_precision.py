"""bfloat16 only where it is faster, and only inside the step."""

import pytest
import torch
from torch import nn

from foveate.training import precision
from foveate.training.precision import computing, half_precision

DENSE = nn.Conv2d(4, 4, 3)
DEPTHWISE = nn.Sequential(nn.Conv2d(4, 4, 3, groups=4))
CPU = torch.device("cpu")


@pytest.mark.parametrize("capabilities", [{"avx512_bf16": True}, {"amx_bf16": True}])
def test_dense_networks_compute_in_bfloat16_where_the_processor_can(monkeypatch, capabilities):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert half_precision(DENSE, "auto")
    assert not half_precision(DEPTHWISE, "auto")  # measured: half as fast in bfloat16
    assert not half_precision(DENSE, "float32")


def test_other_processors_compute_in_float32(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True}, raising=False)
    assert not half_precision(DENSE, "auto")
    monkeypatch.delattr(torch.cpu, "get_capabilities")  # an older torch says nothing
    assert not precision.processor_has_bfloat16()


@pytest.mark.parametrize(("half", "kind"), [(True, torch.bfloat16), (False, torch.float32)])
def test_gradients_stay_float32_and_lie_within_the_rounding(half, kind):
    torch.manual_seed(0)
    layer, x = nn.Conv2d(8, 16, 3), torch.randn(4, 8, 10, 10)
    with computing(CPU, half=half):
        out = layer(x)
    assert out.dtype == kind
    out.float().square().mean().backward()
    double = nn.Conv2d(8, 16, 3).double()
    double.load_state_dict(layer.state_dict())
    double(x.double()).square().mean().backward()
    assert layer.weight.grad.dtype == torch.float32
    largest = double.weight.grad.abs().max()
    error = (layer.weight.grad - double.weight.grad).abs().max() / largest
    assert error < (2**-6 if half else 1e-5)  # bfloat16 has 8 significant bits
