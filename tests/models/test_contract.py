"""What every network must do, held on a small variant of each family."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from sklearn.datasets import load_digits
from torch import Tensor

from foveate.errors import ShapeError
from foveate.exporter.emitter import emit
from foveate.models import create_model, list_models, model_info
from foveate.models.anatomy import Network
from foveate.models.pretrained import load_weights

CLASSES = 10


@dataclass(frozen=True)
class Small:
    """A network made small: its name, options that shrink it, and a side of picture that it takes."""

    name: str
    side: int
    options: dict[str, Any] = field(default_factory=dict)
    fixed: bool = False  # takes no other size of picture
    smallest: int = 1
    noisy: bool = True  # has dropout, batch norm or stochastic depth
    learning_rate: float = 2e-3
    channels: int = 3
    tokens: int | None = None  # of a transformer, from a picture of this side
    exported_side: int | None = None  # where its adaptive pooling has windows of one size, as ONNX wants

    def make(self, **changes: Any) -> Network:
        torch.manual_seed(0)
        network = create_model(
            self.name, **({"num_classes": CLASSES, "in_channels": self.channels} | self.options | changes)
        )
        for name in network.classifier_layers():
            weight = network.get_submodule(name).weight
            if not weight.any():  # scores that start at zero would hide what stands before them
                torch.nn.init.normal_(weight, std=0.05)
        return network

    @property
    def scores_pixels(self) -> bool:
        return model_info(self.name).output == "map"

    def scores(self, n: int, classes: int = CLASSES, size: tuple[int, int] | None = None) -> tuple[int, ...]:
        """The shape of the scores of n pictures."""
        return (n, classes, *(size or (self.side, self.side))) if self.scores_pixels else (n, classes)

    def labels(self, labels: Tensor) -> Tensor:
        """A class a picture, or that class for each of its pixels."""
        return labels[:, None, None].expand(-1, self.side, self.side) if self.scores_pixels else labels

    def pictures(self, n: int = 4) -> Tensor:
        """(n, C, side, side), handwritten digits enlarged: real pictures that are there without a network."""
        digits = torch.from_numpy(load_digits().images[:n]).float()[:, None] / 6 - 0.8
        digits = F.interpolate(digits, (self.side, self.side), mode="bilinear")
        return digits.expand(n, self.channels, -1, -1).contiguous()


FEW_TOKENS = {"image_size": (32, 32), "patch_size": 8, "features": 48, "heads": 3, "depth": 2}
SMALL = [
    Small("convnet1", 28, fixed=True, smallest=4, channels=1),
    Small("convnet1_k3", 28, fixed=True, smallest=4, channels=1),
    Small("lesson32", 32, fixed=True, smallest=18, noisy=False),
    Small("lesson_cnn", 32, smallest=8),
    Small("tinyvgg", 32, {"image_size": (32, 32)}, fixed=True, smallest=16, noisy=False),
    Small("lenet5", 32, fixed=True, smallest=16, noisy=False, channels=1),
    Small("alexnet", 67, {"width": 16, "hidden": 128}, smallest=63, exported_side=224),
    Small("vgg11", 32, {"width": 8, "hidden": 512}, smallest=32, exported_side=224),
    Small("vgg16_bn", 32, {"width": 8, "hidden": 64}, smallest=32, exported_side=224),
    Small("googlenet", 16, {"dropout_aux": 0.2}, smallest=15),
    Small("resnet18", 32, {"width": 8}),
    Small("resnet50", 32, {"width": 8, "depths": (1, 2, 1, 1)}),
    Small("efficientnet_b0", 32, {"width": 0.5, "depth": 0.25}),
    Small("efficientnet_lite0", 32, {"width": 0.5, "depth": 0.25}),
    Small("compact_s", 32, smallest=8),
    Small("mobilenet_v3_small", 32, {"width": 0.5}),
    Small("mobilenet_v2", 32, {"width": 0.5}),
    Small("densenet121", 32, {"growth": 8, "depths": (1, 2, 2, 2)}, smallest=29),
    Small("resnext50_32x4d", 32, {"width": 16, "depths": (1, 2, 1, 1)}),
    Small("efficientnet_v2_s", 32, {"width": 0.5, "depth": 0.25}),
    Small("convnext_tiny", 32, {"width": 16, "depths": (1, 1, 2, 1)}, smallest=32),
    Small("vit_b_16", 32, {**FEW_TOKENS, "dropout": 0.1}, fixed=True, smallest=8, tokens=16 + 1),
    Small("deit_tiny_distilled", 32, FEW_TOKENS, fixed=True, smallest=8, tokens=16 + 2),
    Small("fcn8s", 32, {"width": 4, "hidden": 64, "dropout": 0.1}),
    Small("fcn8s_resnet18", 32, {"trunk_options": {"width": 8}}),
    Small("fcn16s_efficientnet_lite0", 32, {"trunk_options": {"width": 0.5, "depth": 0.25}}),
    Small("fcn_resnet50", 32, {"trunk_options": {"width": 8, "depths": (1, 2, 1, 1)}}),
    Small("deeplabv3_resnet50", 32, {"trunk_options": {"width": 8, "depths": (1, 1, 1, 1)}, "channels": 16}),
    Small("deeplabv3_mobilenet_v3_large", 32, {"trunk_options": {"width": 0.25}, "channels": 16}),
    Small("pyramid_compact", 32, {"width": 16}, smallest=16),
    Small("pyramid_efficientnet_lite0", 32, {"width": 16, "trunk_options": {"width": 0.5, "depth": 0.25}}),
    Small("lraspp_mobilenet_v3_large", 32, {"width": 0.25, "channels": 16}),
]
every = pytest.mark.parametrize("small", SMALL, ids=lambda small: small.name)


def test_every_family_is_held_here() -> None:
    families = {model_info(small.name).family for small in SMALL}
    known = {model_info(name) for name in list_models()}
    assert families == {
        info.family for info in known if info.output not in {"boxes", "words"}
    }  # test_detectors.py and test_captioners.py have those


@every
def test_shapes_and_anatomy(small: Small) -> None:
    network, pictures = small.make().eval(), small.pictures()
    with torch.no_grad():
        features, scores = network.forward_features(pictures), network(pictures)
        if small.tokens is None:
            assert features.shape[:2] == (4, network.num_features) and features.ndim == 4
        else:
            assert features.shape == (4, small.tokens, network.num_features)
        assert scores.shape == small.scores(4)
        if not small.scores_pixels:
            assert torch.equal(network.forward_head(features), scores)
        main, aux = network.forward_with_aux(pictures)
    assert torch.equal(main, scores)
    assert all(head.shape == scores.shape for head in aux)
    assert bool(aux) == (network.aux_weight > 0)


@every
def test_the_head_is_replaceable(small: Small) -> None:
    network, pictures = small.make().eval(), small.pictures()
    before = network.forward_features(pictures)
    network.double().reset_classifier(3)
    assert network(pictures.double()).shape == small.scores(4, 3)
    assert network.num_classes == 3
    main, aux = network.forward_with_aux(pictures.double())
    assert {head.shape for head in (main, *aux)} == {small.scores(4, 3)}
    assert torch.allclose(network.forward_features(pictures.double()).float(), before, rtol=1e-3, atol=1e-4)


@every
def test_other_channels(small: Small) -> None:
    other = 4 - small.channels  # 3 for grey networks, 1 for the others
    network = small.make(in_channels=other).eval()
    assert network(torch.zeros(2, other, small.side, small.side)).shape == small.scores(2)
    with pytest.raises(ShapeError, match=rf"takes pictures \(N, {other}, H, W\), and the input is"):
        network(small.pictures())


@every
def test_a_gradient_reaches_every_parameter(small: Small) -> None:
    network, labels = small.make().train(), small.labels(torch.arange(4))
    scores, aux = network.forward_with_aux(small.pictures())
    loss = F.cross_entropy(scores, labels) + sum(F.cross_entropy(head, labels) for head in aux)
    loss.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
        assert parameter.grad.abs().max() > 0, name


@every
def test_training_and_evaluation_differ_where_they_should(small: Small) -> None:
    network, pictures = small.make(), small.pictures()
    with torch.no_grad():
        training = network.train()(pictures)
        evaluated = network.eval()(pictures)
        again = network(pictures)
        alone = torch.cat([network(picture[None]) for picture in pictures])
    assert torch.equal(evaluated, again)
    assert torch.allclose(alone, evaluated, rtol=1e-3, atol=1e-4)  # nothing leaks between pictures
    assert torch.equal(training, evaluated) == (not small.noisy)


@every
def test_weights_survive_a_file(small: Small, tmp_path: Path) -> None:
    network, pictures = small.make().eval(), small.pictures(2)
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(1)
    other = create_model(small.name, num_classes=CLASSES, in_channels=small.channels, **small.options).eval()
    assert not torch.equal(other(pictures), network(pictures))
    load_weights(other, tmp_path / "weights.safetensors")
    assert torch.equal(other(pictures), network(pictures))


@every
def test_memory_layout_changes_nothing(small: Small) -> None:
    network, pictures = small.make().double().eval(), small.pictures(2).double()
    with torch.no_grad():
        expected = network(pictures)
        network.to(memory_format=torch.channels_last)
        got = network(pictures.contiguous(memory_format=torch.channels_last))
    assert torch.allclose(got, expected, rtol=1e-9, atol=1e-9)


@every
def test_odd_sizes_run_or_are_refused(small: Small) -> None:
    network = small.make().eval()
    assert network.smallest_side() == small.smallest
    odd = (small.side + 5, small.side + 2)
    if small.fixed:
        with pytest.raises(ShapeError, match=rf"the input is {odd[0]}x{odd[1]}; .* image_size=\({odd[0]}"):
            network(torch.zeros(1, small.channels, *odd))
        resized = small.make(image_size=odd).eval()
        assert resized(torch.zeros(1, small.channels, *odd)).shape == (1, CLASSES)
        return
    for size in (odd, (small.smallest, small.smallest + 1)):
        assert network(torch.zeros(1, small.channels, *size)).shape == small.scores(1, size=size)


@pytest.mark.parametrize("small", [s for s in SMALL if s.smallest > 1], ids=lambda small: small.name)
def test_too_small_pictures_are_refused_with_the_formula(small: Small) -> None:
    short = small.smallest - 1
    message = (
        rf"A picture of {short}x64 is too small for \w+, which takes {small.smallest}x{small.smallest} or "
        r"larger; at [\w.]+: .*floor\(.*\) \+ 1"
    )
    with pytest.raises(ShapeError, match=message):
        if small.fixed:
            small.make(image_size=(short, 64))
        else:
            small.make().eval()(torch.zeros(1, small.channels, short, 64))


@every
def test_the_loss_falls_within_20_steps(small: Small) -> None:
    count = 8 if small.scores_pixels else 16
    network, labels = small.make().train(), small.labels(torch.from_numpy(load_digits().target[:count]))
    pictures = small.pictures(count)
    optimiser = torch.optim.Adam(network.parameters(), small.learning_rate)
    losses = []
    for _ in range(20):
        scores, aux = network.forward_with_aux(pictures)
        loss = F.cross_entropy(scores, labels)
        total = loss + network.aux_weight * sum(F.cross_entropy(head, labels) for head in aux)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        losses.append(loss.item())
    assert np.mean(losses[-3:]) < 0.9 * losses[0], losses


@every
def test_onnx_computes_the_same_for_any_batch(small: Small) -> None:
    network = small.make().eval()
    small = replace(small, side=small.exported_side or small.side)
    file = emit(network, small.pictures(2), "x", "scores").SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for n in (1, 3):
        pictures = small.pictures(n)
        (got,) = session.run(["scores"], {"x": pictures.numpy()})
        with torch.no_grad():
            expected = network(pictures).numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
