"""Making networks by name: options, names, errors, and that the table needs no torch."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

import own_layer
from foveate.errors import InputError, UnknownNameError, WeightsError
from foveate.models import create_model, list_models, model_info, model_options, register
from foveate.models.anatomy import Network
from foveate.models.registry import register_model


def test_importing_and_listing_needs_no_torch() -> None:
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "import foveate.models as m\n"
        "assert m.model_info('resnet50').parameters == 25_557_032\n"
        "try: m.create_model('lenet5')\n"
        "except m.registry.MissingExtraError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "pip install 'foveate[train]'" in done.stdout


def test_patterns() -> None:
    assert list_models("vgg1?") == ["vgg11", "vgg13", "vgg16", "vgg19"]
    assert list_models("NET_LITE?") == []
    assert list_models("EFFICIENTNET_LITE?") == [f"efficientnet_lite{i}" for i in range(5)]
    assert list_models("LITE1") == ["efficientnet_lite1"]
    assert list_models("nothing") == []


def test_an_unknown_name_lists_close_ones() -> None:
    for make in (create_model, model_info, model_options, register):
        with pytest.raises(UnknownNameError, match=r"Unknown network 'resnet-50'; did you mean .*resnet50"):
            make("resnet-50")


def test_classes_channels_and_options_arrive() -> None:
    network = create_model("lesson_cnn", num_classes=7, in_channels=2, dropout=0.25)
    assert network(torch.zeros(2, 2, 8, 8)).shape == (2, 7)
    assert (network.num_classes, network.in_channels) == (7, 2)
    assert network.get_submodule("classifier.2").p == 0.25


def test_an_unknown_option_lists_the_known_ones() -> None:
    message = r"resnet18 takes no option 'drop_path', 'dropout'; its options are: block, depths, width, gro"
    with pytest.raises(InputError, match=message):
        create_model("resnet18", dropout=0.5, drop_path=0.1)


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "10"])
def test_counts_are_whole_numbers(value: object) -> None:
    with pytest.raises(InputError, match="num_classes must be a whole number of at least 1"):
        create_model("lenet5", num_classes=value)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="in_channels must be a whole number of at least 1"):
        create_model("lenet5", in_channels=value)  # type: ignore[arg-type]


def test_options_show_the_presets() -> None:
    assert model_options("resnet34") == {
        "block": "basic",
        "depths": (3, 4, 6, 3),
        "width": 64,
        "groups": 1,
        "group_width": 64,
        "zero_init_residual": False,
        "replace_stride_with_dilation": (False, False, False),
    }
    assert model_options("lenet5") == {"image_size": (32, 32)}


def test_options_that_a_builder_takes_together_are_options_like_others() -> None:
    options = model_options("faster_rcnn_compact")
    assert options == {
        "trunk": "compact_l",
        "trunk_options": None,
        "image_size": (128, 128),
        "width": 96,
        "hidden": 256,
        "finest": 4,
        "coarsest": 32,
        "pool": "align",
        "anchors": None,
    }
    network = create_model("faster_rcnn_compact", in_channels=1, width=24, coarsest=8, hidden=16)
    assert (network.in_channels, network.channels, network.strides) == (1, 24, (4, 8))
    with pytest.raises(InputError, match="takes no option 'maps', 'on'"):
        create_model("faster_rcnn_compact", on=None, maps=None)


@pytest.mark.parametrize("size", [28, (28,), (0, 28), ("28", "28"), (28.0, 28.0)])
def test_a_wrong_image_size_is_refused(size: object) -> None:
    with pytest.raises(InputError, match=r"image_size must be \(height, width\) in pixels"):
        create_model("convnet1", image_size=size)


def test_networks_without_a_package_of_weights_say_where_to_get_them() -> None:
    with pytest.raises(WeightsError, match=r"No pretrained weights of resnet50 .* weights=FILE"):
        create_model("resnet50", pretrained=True)


def test_pretrained_networks_see_colour() -> None:
    with pytest.raises(InputError, match="sees 3 channels, not 1"):
        create_model("efficientnet_lite0", pretrained=True, in_channels=1)


def test_the_same_seed_gives_the_same_weights() -> None:
    networks = []
    for _ in range(2):
        torch.manual_seed(3)
        networks.append(create_model("resnet18", width=8).state_dict())
    assert all(torch.equal(networks[0][key], networks[1][key]) for key in networks[0])


def test_a_wrong_kind_of_block_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Unknown block 'bottelneck'; did you mean bottleneck"):
        create_model("resnet18", block="bottelneck")


def test_an_even_kernel_changes_the_dense_layer() -> None:
    network = create_model("convnet1", kernel=4).eval()  # 28 -> 29 -> 14 -> 15 -> 7
    assert network(torch.zeros(1, 1, 28, 28)).shape == (1, 10)
    assert network.map_size(28, 28) == (7, 7)


OUTSIDE = """
import torch
from foveate.models import create_model, model_options, register
from foveate.models.anatomy import Network

@register("lenet5", width=3)
class Mine(Network):
    def __init__(self, *, num_classes=10, in_channels=1, width):
        super().__init__(num_features=1, num_classes=num_classes, in_channels=in_channels)
        self.width = width

network = create_model("lenet5", num_classes=4, width=5)
assert type(network) is Mine and (network.num_classes, network.in_channels, network.width) == (4, 1, 5)
assert create_model("lenet5").width == 3
assert model_options("lenet5") == {"width": 3}
assert type(create_model("convnet1")).__name__ == "ConvNet1"
"""


def test_a_builder_from_outside_takes_the_place_of_a_rows_own() -> None:
    """Also when it is registered before the row's own module was ever imported: in a process of its own."""
    done = subprocess.run([sys.executable, "-c", OUTSIDE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_network_of_ones_own_that_scores_pixels_is_told_so() -> None:
    class Pixels(Network):
        def __init__(self, *, num_classes: int = 2, in_channels: int = 3) -> None:
            super().__init__(num_features=in_channels, num_classes=num_classes, in_channels=in_channels)
            self.score = nn.Conv2d(in_channels, num_classes, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.score(x)

    with own_layer.kept_table():
        register_model("pixels", input_size=(3, 4, 5))(Pixels)
        assert model_info("pixels").output == "map"
    assert model_info("resnet18").output == "vector"
