"""The pyramid: it learns from what it tells, in any size; its trunk takes a classifier's weights."""

import pytest
import torch
import torch.nn.functional as F

from foveate.errors import InputError
from foveate.models.registry import create_model
from foveate.models.segmenter import halfway


def made(**options):
    torch.manual_seed(0)
    return create_model("pyramid_compact", num_classes=5, image_size=(40, 56), **options).eval()


@pytest.mark.parametrize("size", [(40, 56), (33, 47), (64, 20)])
def test_scores_are_as_large_as_the_picture_and_half_of_it_in_training(size):
    network = made()
    pictures = torch.randn(2, 3, *size)
    with torch.inference_mode():
        scores, (halved, aux) = network(pictures), network.forward_to_learn(pictures)
        (coarse,) = network.forward_scores(pictures, aux=False)
    assert aux == ()
    half = -(-size[0] // 2), -(-size[1] // 2)
    for found, shape in ((scores, size), (halved, half)):
        torch.testing.assert_close(found, F.interpolate(coarse, shape, mode="bilinear", align_corners=False))


def test_scores_coarser_than_half_are_enlarged_to_learn_from_and_finer_ones_left_alone():
    pictures, fine = torch.randn(1, 3, 24, 33), torch.randn(1, 5, 24, 33)
    assert halfway(fine, pictures) is fine
    coarse = torch.randn(1, 5, 6, 9)
    enlarged = F.interpolate(coarse, (12, 17), mode="bilinear", align_corners=False)
    torch.testing.assert_close(halfway(coarse, pictures), enlarged)


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
