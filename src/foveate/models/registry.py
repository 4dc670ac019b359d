"""Networks by name: what is known about each (data, no torch) and how to make it.

The table of what is known stands in ``catalogue.py`` and is plain data, so that ``foveate models`` answers
without torch. The code of a network is imported when it is made, from the module its row names; there a
builder is tied to the row::

    @register("resnet18", block="basic", depths=(2, 2, 2, 2))
    @register("resnet50", block="bottleneck", depths=(3, 4, 6, 3))
    class ResNet(Network): ...

A name is thus a builder with preset arguments; any keyword argument of the builder is an option of
:func:`create_model`, and nothing else is. Options that belong together may stand in a frozen dataclass, of
which the builder takes one as an argument that has a default: its fields are options like any other::

    @register("centre_resnet18", trunk="resnet18")
    def centre(on: TrunkChoice = USUAL_TRUNK, *, width: int = 96, ...) -> Centre: ...

    create_model("centre_resnet18", trunk_options={"width": 32}, width=48)
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, TypeVar

from foveate.errors import InputError, MissingExtraError, UnknownNameError
from foveate.models.catalogue import CATALOGUE, ModelInfo
from foveate.models.names import is_timm_name

if TYPE_CHECKING:
    from foveate.models.anatomy import Network

_Builder = TypeVar("_Builder", bound=Callable[..., Any])
_BUILDERS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {}


def register(name: str, **preset: Any) -> Callable[[_Builder], _Builder]:
    """Tie a builder (a :class:`Network` class or a function returning one) to a row of the catalogue.

    A builder registered from elsewhere takes the place of the row's own. It takes keyword arguments only,
    among them ``num_classes`` and ``in_channels``; all must have a default or stand in ``preset``. Presets
    are plain data (numbers, text, tuples), for they are options too.
    """
    info = model_info(name)  # a name without a row would be a network that `foveate models` hides
    # The row's own builder is tied when its module is imported, which must not come later and undo this one.
    # (From that module itself the import does nothing: it is under way.)
    importlib.import_module(info.module)

    def tie(builder: _Builder) -> _Builder:
        _BUILDERS[name] = (builder, preset)
        return builder

    return tie


def register_model(
    name: str,
    *,
    input_size: tuple[int, int, int],
    num_classes: int = 1000,
    title: str = "",
    key_idea: str = "",
    source: str = "",
    **preset: Any,
) -> Callable[[_Builder], _Builder]:
    """Make a network of your own known by its name, as the built-in ones are; a decorator.

    For a class that is a `foveate.Network`, or a function that returns one; docs/extending.md has an example.

    Args:
        input_size: (C, H, W) of its pictures, where nothing else is asked for.
        preset: arguments of the builder. It takes keyword arguments only, all with a default or a preset,
            among them ``num_classes`` and ``in_channels``.

    Raises InputError for a name that another network has.
    """

    def tie(builder: _Builder) -> _Builder:
        known = _BUILDERS.get(name)
        again = known is not None and _path(known[0]) == _path(builder)  # a notebook's cell, a second time
        if CATALOGUE.peek(name) and not again:
            raise InputError(f"There is a network {name!r} already; give yours another name.")
        _BUILDERS[name] = (builder, preset)
        channels = input_size[0]
        import torch

        from foveate.graph.summary import summarize

        with torch.device("meta"):  # no memory, and nothing drawn from torch's generator
            made = _called(builder, preset | {"num_classes": num_classes, "in_channels": channels})
        found = summarize(made.eval(), input_size)
        CATALOGUE[name] = ModelInfo(
            name=name,
            family=name,
            year=date.today().year,
            title=title or name,
            source=source,
            key_idea=key_idea,
            module=builder.__module__,
            depth=sum(row.kind in {"Conv2d", "Linear"} for row in found.rows),
            parameters=found.parameters,
            macs=found.macs,
            input_size=input_size,
            num_classes=num_classes,
            output="map" if len(found.output_shape) == 3 else "vector",
        )
        return builder

    return tie


def _path(builder: Callable[..., Any]) -> str:
    return f"{builder.__module__}.{builder.__qualname__}"


def list_models(pattern: str | None = None) -> list[str]:
    """The names of all networks, or of those matching a shell pattern (``"resnet*"``), in the table's order.

    A pattern without ``*``, ``?`` or ``[`` matches anywhere in the name.
    """
    if pattern is None:
        return list(CATALOGUE)
    if not any(sign in pattern for sign in "*?["):
        pattern = f"*{pattern}*"
    return [name for name in CATALOGUE if fnmatchcase(name, pattern.lower())]


def model_info(name: str) -> ModelInfo:
    """What is known about a network; one of timm's, ``timm:NAME``, is looked at now (with torch).

    Raises :class:`UnknownNameError`, which lists the closest names; for timm's as
    `foveate.models.timm_networks.timm_row`.
    """
    if is_timm_name(name) and CATALOGUE.peek(name) is None:
        from foveate.models.timm_networks import timm_row

        CATALOGUE[name], builder = timm_row(name)
        _BUILDERS[name] = (builder, {})
    if name not in CATALOGUE:
        raise UnknownNameError("network", name, CATALOGUE)
    return CATALOGUE[name]


def model_options(name: str) -> dict[str, Any]:
    """The options that :func:`create_model` takes for this network, with their defaults. Imports torch."""
    builder, preset = _builder(name)
    declared: dict[str, Any] = {}
    for parameter in inspect.signature(builder).parameters.values():
        declared |= _grouped(parameter) or {parameter.name: parameter.default}
    return {k: v for k, v in (declared | preset).items() if k not in {"num_classes", "in_channels"}}


def _grouped(parameter: inspect.Parameter) -> dict[str, Any]:
    """The options that a builder takes together in one argument, with their defaults."""
    given = parameter.default
    if not is_dataclass(given) or isinstance(given, type):
        return {}
    return {field.name: getattr(given, field.name) for field in fields(given)}


def _called(builder: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    """What a builder makes with these options."""
    given = dict(options)
    for parameter in inspect.signature(builder).parameters.values():
        together = {name: given.pop(name) for name in _grouped(parameter).keys() & given.keys()}
        if together:
            given[parameter.name] = replace(parameter.default, **together)
    return builder(**given)


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_channels: int | None = None,
    pretrained: bool = False,
    **options: Any,
) -> Network:
    """Make a network by its name, with fresh weights (drawn from torch's generator) or pretrained ones.

    ``num_classes`` and ``in_channels`` default to the published network's own. ``options`` are the builder's
    keyword arguments, such as ``dropout``; :func:`model_options` lists them. The network is in training mode.

    Raises :class:`UnknownNameError` for a name, :class:`InputError` for an option or a value that is not
    taken, and :class:`MissingExtraError` without torch or, for ``pretrained``, without the weights' package.
    """
    info = model_info(name)
    builder, preset = _builder(name)
    known = model_options(name)
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = ", ".join(known) or "none"
        raise InputError(f"{name} takes no option {', '.join(map(repr, unknown))}; its options are: {takes}.")
    classes = info.num_classes if num_classes is None else _positive("num_classes", num_classes)
    channels = info.input_size[0] if in_channels is None else _positive("in_channels", in_channels)
    if pretrained:
        from foveate.models.pretrained import load_pretrained

        if channels != info.input_size[0]:
            raise InputError(
                f"The pretrained {name} sees {info.input_size[0]} channels, not {channels}; "
                "leave in_channels out and give it RGB pictures."
            )
        sizes = {"num_classes": info.num_classes, "in_channels": channels}
        network: Network = _called(builder, preset | options | sizes)
        load_pretrained(network, name)
        if classes != info.num_classes:
            network.reset_classifier(classes)
        return network
    made: Network = _called(builder, preset | options | {"num_classes": classes, "in_channels": channels})
    return made


def create_trunk(
    name: str, options: Mapping[str, Any] | None, *, image_size: tuple[int, int], in_channels: int
) -> Network:
    """:func:`create_model` for a network that others stand on.

    image_size: (H, W) of the pictures to train on, for trunks that are made for a size; ``options`` may name
    another.
    """
    sized = {"image_size": image_size} if "image_size" in model_options(name) else {}
    return create_model(name, in_channels=in_channels, **sized | dict(options or {}))


def _builder(name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    info = model_info(name)
    try:
        if name not in _BUILDERS:
            importlib.import_module(info.module)
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise MissingExtraError("Making a network", "train") from error
        raise
    return _BUILDERS[name]


def _positive(what: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{what} must be a whole number of at least 1, and is {value!r}.")
    return value
