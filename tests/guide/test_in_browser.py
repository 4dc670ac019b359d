"""Networks for the browser: their files give what torch gives, and places add up to the scores."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from foveate.guide.in_browser import STRIDES, looked_into, small_network
from foveate.guide.photographs import names, pixels
from foveate.resolve import resolve


def test_a_small_network_gives_what_torch_gives():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(288, 10))
    pictures = torch.rand(3, 1, 16, 16)
    session = onnxruntime.InferenceSession(small_network(network, pictures))
    for some in (pictures, pictures[:1]):
        (scores,) = session.run(["scores"], {"pictures": some.numpy()})
        with torch.inference_mode():
            # Weights of 16 bits: 11 of them for the number.
            assert scores == pytest.approx(network(some).numpy(), abs=2e-3)


@pytest.mark.parametrize("height, width", [(224, 224), (128, 160)])
def test_the_mean_over_places_is_the_score_and_maps_are_the_networks(height, width):
    known = resolve("efficientnet_lite0")
    pictures = np.stack([pixels(name)[16 : 16 + height, 16 : 16 + width] for name in names()])
    content = looked_into(known)
    assert len(content) < 10 * 2**20
    session = onnxruntime.InferenceSession(content)
    outputs = [one.name for one in session.get_outputs()]
    found = dict(zip(outputs, session.run(outputs, {"images": pictures}), strict=True))
    x = torch.from_numpy(known.preprocessing.normalise(pictures))
    with torch.inference_mode():
        scores, levels = known.module(x).numpy(), known.module.forward_levels(x)
    assert found["scores"] == pytest.approx(scores, abs=0.05)
    likeliest = np.argsort(-found["scores"])[:, :5]
    assert (found["likeliest"] == likeliest).all()
    own = np.take_along_axis(scores, likeliest, axis=1)
    assert found["places"].mean(2) == pytest.approx(own, abs=0.05)
    if (height, width) == (224, 224):
        assert [known.labels[k] for k in likeliest[:, 0]][:2] == ["brown bear", "street sign"]
    for stride in STRIDES:
        wanted = levels[stride].numpy()
        assert np.abs(found[f"stride{stride}"] - wanted).max() < 0.02 * np.abs(wanted).max()
