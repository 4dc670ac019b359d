"""Networks of timm by name, ``timm:resnet18`` or ``timm:resnet18.a1_in1k``, where timm is installed.

timm (Ross Wightman, *PyTorch Image Models*, https://github.com/huggingface/pytorch-image-models) is asked for
networks by the names that it lists itself, and never for weights: those are a file's, or, for a name with a
tag, those of ``hf:timm/NAME``. Each becomes a row of the catalogue when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from foveate.errors import InputError, MissingExtraError, UnknownNameError
from foveate.graph.summary import Summary, summarize
from foveate.models.anatomy import Network
from foveate.models.hub import LARGEST_SIDE_PX, timm_preprocessing
from foveate.models.info import ModelInfo
from foveate.models.names import TIMM_SCHEME
from foveate.models.weightless import weightless
from foveate.words import first_line

Shape = tuple[int, int, int]
SOURCE = "timm, https://github.com/huggingface/pytorch-image-models"
NETWORK = "network"  # where timm's module stands in ours: its names of tensors begin with it


class TimmNetwork(Network):
    """A network of timm, as one of ours: timm's own module stands in it, whole.

    Files of weights are read by timm's names of tensors. Those of its networks whose position embeddings
    count on the picture's size are made for ``image_size``.

    Raises InputError for a network of timm that does not end in one dense layer.
    """

    def __init__(
        self,
        arch: str,
        *,
        num_classes: int = 1000,
        in_channels: int = 3,
        image_size: tuple[int, int] | None = None,
    ) -> None:
        sized = {} if image_size is None else {"img_size": image_size}
        made = _timm().create_model(
            arch, pretrained=False, num_classes=num_classes, in_chans=in_channels, **sized
        )
        super().__init__(
            num_features=made.num_features,
            num_classes=num_classes,
            in_channels=in_channels,
            image_size=image_size,
        )
        self.network = made
        head = made.get_classifier()
        named = (name for name, layer in self.named_modules() if layer is head)
        found = next(named, None)
        if found is None or not isinstance(head, nn.Linear):
            raise InputError(
                f"{TIMM_SCHEME}{arch} ends in {type(head).__name__}, and not in one dense layer with a score "
                "a class; take a network of timm that does."
            )
        self.classifier_name = found
        self.preprocessing = timm_preprocessing(_config_of(made), f"timm's configuration of {arch}")

    def forward_features(self, x: Tensor) -> Tensor:
        self.check_input(x)
        features: Tensor = self.network.forward_features(x)
        return features

    def forward_head(self, features: Tensor) -> Tensor:
        scores: Tensor = self.network.forward_head(features)
        return scores

    def foreign_names(self) -> tuple[Mapping[str, str], ...]:
        return ({name.removeprefix(f"{NETWORK}."): name for name in self.state_dict()},)


def timm_row(name: str) -> tuple[ModelInfo, Callable[..., TimmNetwork]]:
    """What is known of ``timm:NAME``, found by looking, and what makes it. No memory is taken.

    Raises:
        MissingExtraError: timm is not installed. InputError: it cannot be imported, or its network not used.
        UnknownNameError: it has no network, or no such weights of it, by that name.
    """
    arch = name.removeprefix(TIMM_SCHEME)
    _check_listed(arch)
    config = _config_of(_outlined(lambda: _timm().create_model(arch, pretrained=False)))
    shape, classes = _input_size(config), int(config.get("num_classes", 1000))
    build = _builder(arch, shape[1:] if config.get("fixed_input_size") else None)
    found = _summary(lambda: build(num_classes=classes, in_channels=shape[0]), shape, name)
    family, _, tag = arch.partition(".")
    info = ModelInfo(
        name=name,
        family="timm",
        year=0,
        title=f"{family} of timm",
        source=f"{SOURCE}; learnt as {tag}" if tag else SOURCE,
        key_idea="",
        module=__name__,
        depth=sum(row.kind in {"Conv2d", "Linear"} for row in found.rows),
        parameters=found.parameters,
        macs=found.macs,
        input_size=shape,
        num_classes=classes,
    )
    return info, build


def _builder(arch: str, size: tuple[int, int] | None) -> Callable[..., TimmNetwork]:
    """Its options are those of the signature; timm's own name is none, so that no folder can set it."""

    def free(*, num_classes: int = 1000, in_channels: int = 3) -> TimmNetwork:
        return TimmNetwork(arch, num_classes=num_classes, in_channels=in_channels)

    def fixed(
        *, image_size: tuple[int, int] = size or (0, 0), num_classes: int = 1000, in_channels: int = 3
    ) -> TimmNetwork:
        return TimmNetwork(arch, num_classes=num_classes, in_channels=in_channels, image_size=image_size)

    return free if size is None else fixed


def _summary(make: Callable[[], nn.Module], shape: Shape, name: str) -> Summary:
    try:
        return summarize(_outlined(make).eval(), shape)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise InputError(
            f"{name} is none of the networks that can be used here: {first_line(error)}."
        ) from error


def _outlined(make: Callable[[], Any]) -> Any:
    """Made without memory."""
    with weightless():
        return make()


def _timm() -> Any:
    """The package. Raises MissingExtraError, InputError."""
    try:
        import timm
    except ModuleNotFoundError as error:
        if error.name == "timm":
            raise MissingExtraError(f"A network named {TIMM_SCHEME}NAME", "timm") from error
        raise InputError(_not_importable(error)) from error
    except (
        ImportError,
        RuntimeError,
    ) as error:  # torchvision of another torch: "operator ... does not exist"
        raise InputError(_not_importable(error)) from error
    return timm


def _not_importable(error: Exception) -> str:
    return (
        f"timm is installed and cannot be imported: {first_line(error)}. It needs a torchvision of the same "
        f"release as torch {torch.__version__}."
    )


def _check_listed(arch: str) -> None:
    """Only names that timm lists: of others it may make a download, or a path."""
    timm = _timm()
    names = timm.list_models()
    tagged = timm.list_models(pretrained=True) if "." in arch else ()
    if arch not in names and arch not in tagged:
        known = [f"{TIMM_SCHEME}{name}" for name in (tagged or names)]
        raise UnknownNameError("network", f"{TIMM_SCHEME}{arch}", known)


def _config_of(module: nn.Module) -> Mapping[str, Any]:
    """timm's own account of a network's pictures: input_size, mean, std, crop_pct, interpolation."""
    found = dict(getattr(module, "pretrained_cfg", None) or getattr(module, "default_cfg", None) or {})
    return found | dict(_timm().data.resolve_model_data_config(module))


def _input_size(config: Mapping[str, Any]) -> Shape:
    channels, height, width = config.get("input_size", (3, 224, 224))
    if max(height, width) > LARGEST_SIDE_PX:
        raise InputError(
            f"Pictures of {height}x{width} are larger than {LARGEST_SIDE_PX} px, the most that is taken."
        )
    return int(channels), int(height), int(width)
