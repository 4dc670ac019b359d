"""The pyramid: it learns from what it tells, in any size; its trunk takes a classifier's weights."""

import pytest
import torch
import torch.nn.functional as F

from foveate.errors import InputError
from foveate.models.registry import create_model


def made(**options):
    torch.manual_seed(0)
    return create_model("pyramid_compact", num_classes=5, image_size=(40, 56), **options).eval()


@pytest.mark.parametrize("size", [(40, 56), (33, 47), (64, 20)])
def test_scores_are_as_large_as_the_picture_and_a_quarter_of_it_in_training(size):
    network = made()
    pictures = torch.randn(2, 3, *size)
    with torch.inference_mode():
        scores, (coarse, aux) = network(pictures), network.forward_to_learn(pictures)
    assert scores.shape == (2, 5, *size) and aux == ()
    torch.testing.assert_close(scores, F.interpolate(coarse, size, mode="bilinear", align_corners=False))
    assert coarse.shape[-1] <= size[1] / 2 + 1


def test_only_the_scores_are_fresh_for_other_classes():
    network = made()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.reset_classifier(7)
    after = network.state_dict()
    assert network(torch.randn(1, 3, 40, 56)).shape == (1, 7, 40, 56)
    assert [key for key in before if before[key].shape != after[key].shape] == ["score.weight", "score.bias"]


def test_the_first_layer_of_a_compact_trunk_comes_from_the_pictures():
    network = made()
    network.initialise_from(torch.randn(16, 3, 40, 56))
    assert not network.trunk.whiten.weight.requires_grad
    create_model("pyramid_resnet18").initialise_from(torch.randn(2, 3, 64, 64))  # which takes nothing


def test_a_trunk_takes_its_own_classifiers_weights_and_no_others():
    classifier = create_model("efficientnet_lite0", num_classes=3)
    network = create_model("pyramid_efficientnet_lite0")
    network.load_trunk(classifier)
    key = "features.5.0.block.1.0.weight"
    assert torch.equal(network.trunk.state_dict()[key], classifier.state_dict()[key])
    with pytest.raises(InputError, match="takes the weights of efficientnet_lite0"):
        network.load_trunk(create_model("resnet18"))
