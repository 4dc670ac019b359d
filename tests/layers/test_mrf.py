"""Deep parsing's field against one step of mean field, written as loops over pixels and labels."""

import math

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from foveate.errors import InputError, ShapeError
from foveate.exporter.emitter import emit
from foveate.graph.arithmetic import explain_value
from foveate.graph.recording import record
from foveate.graph.walk import walk
from foveate.layers.mrf import MRF, GuidedFilter2d

SIDE, CLASSES, CHANNELS = 12, 3, 2


def field(**options):
    """A small field whose parameters are all far from their start, in float64."""
    torch.manual_seed(0)
    mrf = MRF(CLASSES, **{"mixtures": 2, "window": 5, "context": 3, **options}).double()
    with torch.no_grad():
        nn.init.normal_(mrf.contexts.weight)
        mrf.local.log_colour.fill_(math.log(0.7))
        mrf.local.log_space.fill_(math.log(0.2))
    return mrf


def drawn(count=1):
    generator = torch.Generator().manual_seed(1)
    scores = torch.randn(count, CLASSES, SIDE, SIDE, dtype=torch.float64, generator=generator)
    picture = torch.randn(count, CHANNELS, SIDE, SIDE, dtype=torch.float64, generator=generator)
    return scores, picture


def near(i, reach):
    """The pixels of the picture at most ``reach`` rows and columns from a pixel, that one among them."""
    rows = range(max(i[0] - reach, 0), min(i[0] + reach + 1, SIDE))
    columns = range(max(i[1] - reach, 0), min(i[1] + reach + 1, SIDE))
    return [(row, column) for row in rows for column in columns]


def mean_field_step(scores, picture, contexts, *, colour, space, window):
    """One update of every pixel's shares (K, H, W), pixel by pixel and label by label, from the equations.

    contexts: (M, K, K, 3, 3), what it costs that i is u where j is v, by j − i. Returns the new shares.
    """
    pixels = [(row, column) for row in range(SIDE) for column in range(SIDE)]
    q = np.zeros_like(scores)
    for i in pixels:
        total = sum(math.exp(scores[(v, *i)]) for v in range(CLASSES))
        for u in range(CLASSES):
            q[(u, *i)] = math.exp(scores[(u, *i)]) / total

    smoothed = np.zeros_like(q)  # q_j(v) · Σ_z d(j, z) q_z(v)
    for j in pixels:
        d = {}
        for z in near(j, window // 2):
            unlike = sum((picture[(c, *j)] - picture[(c, *z)]) ** 2 for c in range(CHANNELS))
            far = (j[0] - z[0]) ** 2 + (j[1] - z[1]) ** 2
            d[z] = math.exp(-colour * unlike - space * far)
        for v in range(CLASSES):
            smoothed[(v, *j)] = q[(v, *j)] * sum(d[z] * q[(v, *z)] for z in d) / sum(d.values())

    updated = np.zeros_like(q)
    for i in pixels:
        for u in range(CLASSES):
            costs = [
                sum(
                    mu[u, v, j[0] - i[0] + 1, j[1] - i[1] + 1] * smoothed[(v, *j)]
                    for j in near(i, 1)
                    for v in range(CLASSES)
                )
                for mu in contexts
            ]
            updated[(u, *i)] = q[(u, *i)] * math.exp(-min(costs))
        updated[(slice(None), *i)] /= updated[(slice(None), *i)].sum()
    return updated


def test_it_is_one_step_of_mean_field():
    mrf, (scores, picture) = field(), drawn()
    with torch.no_grad():
        found = torch.softmax(mrf(scores, picture), dim=1)[0].numpy()
    contexts = mrf.contexts.weight.detach().numpy().reshape(2, CLASSES, CLASSES, 3, 3)
    expected = mean_field_step(
        scores[0].numpy(), picture[0].numpy(), contexts, colour=0.7, space=0.2, window=5
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_gradients_against_finite_differences():
    mrf, (scores, picture) = field(), drawn()
    given = [x[..., :5, :4].clone().requires_grad_() for x in (scores, picture)]
    assert torch.autograd.gradcheck(mrf, given)
    names, weights = zip(*mrf.named_parameters(), strict=True)

    def by_weights(*weights):
        return torch.func.functional_call(mrf, dict(zip(names, weights, strict=True)), tuple(given))

    assert torch.autograd.gradcheck(by_weights, tuple(weight.detach().requires_grad_() for weight in weights))


def test_at_the_start_the_labels_are_those_that_came_in():
    torch.manual_seed(0)
    scores, picture = 3 * torch.randn(2, 7, 30, 40), torch.randn(2, 3, 60, 80)
    with torch.no_grad():
        refined = MRF(7)(scores, picture)
    assert (refined - scores).abs().max() < 0.2
    assert (refined.argmax(1) == scores.argmax(1)).float().mean() > 0.98


def test_mixtures_do_not_stay_the_same():
    """Were they equal at the start, the least of them would teach all of them the same."""
    torch.manual_seed(0)
    mrf = MRF(3)
    mrf(torch.randn(1, 3, 16, 16), torch.randn(1, 3, 16, 16)).square().sum().backward()
    gradients = mrf.contexts.weight.grad.reshape(5, -1)
    assert all(gradient.any() for gradient in gradients)
    assert not torch.allclose(gradients[0], gradients[1])


class Behind(nn.Module):
    """A field behind a network of one layer, at half the picture's size."""

    def __init__(self):
        super().__init__()
        self.scores = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.mrf = MRF(4, mixtures=3, window=5, context=5)

    def forward(self, x):
        return self.mrf(self.scores(x), x)


def test_onnx_computes_what_torch_computes():
    torch.manual_seed(0)
    net = Behind().eval()
    model = emit(net, torch.randn(2, 3, 22, 26), "x", "y")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for count in (1, 3):
        x = torch.randn(count, 3, 22, 26)
        with torch.no_grad():
            expected = net(x).numpy()
        np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], expected, atol=1e-5)


def test_the_filter_by_hand():
    """Two colours: a mean over the pixels of one's own; the edge of the map is no neighbour."""
    layer = GuidedFilter2d(1, 3)
    with torch.no_grad():
        layer.log_colour.fill_(10.0)
        layer.log_space.fill_(-50.0)  # all places of the window weigh the same
    guide = torch.tensor([[0.0, 0, 1], [0, 0, 1]])
    maps = torch.tensor([[1.0, 3, 50], [5, 7, 70]])
    out = layer(torch.stack([maps, guide])[None])[0, 0]
    assert torch.allclose(out, torch.tensor([[4.0, 4, 60], [4, 4, 60]]))


def test_the_filter_tells_its_sum_its_field_and_its_cost():
    torch.manual_seed(0)
    layer = GuidedFilter2d(2, 5).double()
    x = torch.randn(1, 4, 7, 6, dtype=torch.float64)
    recording = record(layer, x)
    assert [step.op for step in recording.steps] == ["input", "guided_filter"]
    for place in ((0, 0, 0), (1, 3, 2), (1, 6, 5)):
        found = explain_value(recording, 1, *place)
        assert found.total == pytest.approx(found.value, rel=1e-11)
        assert sum(np.nansum(term.weight * term.input) for term in found.terms) == pytest.approx(found.total)
    assert explain_value(recording, 1, 0, 3, 2).field == (1, 5, 0, 4)
    node = walk(layer, (4, 7, 6)).nodes[-1]
    assert node.macs == 25 * 4 * 7 * 6 and node.seen.rows.size == 5


def test_refusals():
    with pytest.raises(InputError, match="must be an odd number of 1 to 51 places, and is 4"):
        MRF(3, window=4)
    with pytest.raises(InputError, match="contexts of an odd side of 1 to 51 places, not 5 of 8"):
        MRF(3, context=8)
    with pytest.raises(ShapeError, match=r"over 3 classes, and the scores are \(1, 4, 8, 8\)"):
        MRF(3)(torch.zeros(1, 4, 8, 8), torch.zeros(1, 3, 8, 8))
