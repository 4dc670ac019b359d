"""What --model and --weights may say."""

from pathlib import Path

import pytest

from foveate.errors import InputError, UnknownNameError
from foveate.models.names import BlueprintFile, HubName, Registered
from foveate.pipeline import TrainRequest
from foveate.pipeline.choices import (
    Auto,
    NoWeights,
    PublishedWeights,
    WeightsFile,
    blueprint_size,
    parse_model,
    parse_weights,
    usual_side,
)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("auto", Auto()),
        ("resnet18", Registered("resnet18")),
        ("nets/mine.YAML", BlueprintFile(Path("nets/mine.YAML"))),
    ],
)
def test_what_model_says(text, choice):
    assert parse_model(text) == TrainRequest(model=text).network == choice


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        (None, Auto()),
        ("none", NoWeights()),
        ("imagenet", PublishedWeights()),
        ("hf:timm/resnet18.a1@main", HubName("timm/resnet18.a1", revision="main")),
        ("runs/pets", WeightsFile(Path("runs/pets"))),
    ],
)
def test_what_weights_say(text, choice):
    assert parse_weights(text) == choice


def test_what_they_cannot_say():
    with pytest.raises(UnknownNameError, match="did you mean resnet50"):
        parse_model("resnet51")
    with pytest.raises(InputError, match="named hf:OWNER/REPO"):
        parse_weights("hf:resnet18")


def test_what_size_a_choice_brings(tmp_path):
    (tmp_path / "net.yaml").write_text("input: [3, 20, 24]\nlayers: [flatten, {dense: 2}]\n")
    assert blueprint_size(BlueprintFile(tmp_path / "net.yaml")) == (20, 24)
    assert blueprint_size(Registered("lenet5")) is usual_side(Auto()) is None
    assert usual_side(Registered("resnet18")) == 224
