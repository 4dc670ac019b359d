"""The one anatomy of all networks: a body that makes a map, a head that makes scores of it, checked sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from foveate.errors import InputError, ShapeError
from foveate.geometry import output_size
from foveate.images.preprocess import Preprocessing


class Window(NamedTuple):
    """A layer that changes the side of the map: its dotted name, kernel, stride and padding on each side."""

    layer: str
    kernel: int
    stride: int
    padding: int = 0
    ceil: bool = False

    def output(self, side: int, axis: str) -> int:
        """The side that a map of this side leaves with. Raises :class:`ShapeError` with the size formula."""
        return output_size(side, self.kernel, self.stride, self.padding, ceil_mode=self.ceil, axis=axis)


class Level(NamedTuple):
    """A map in the trunk: the dotted name of the layer that gives it, its channels, and its stride.

    The stride is how many pixels of the picture lie between one place of the map and the next.
    """

    layer: str
    channels: int
    stride: int


class Network(nn.Module):
    """Base of all networks: ``forward(x) = forward_head(forward_features(x))``.

    What lies between the two is a map (N, num_features, h, w); in a transformer tokens (N, T, num_features),
    which has also ``map_layer``, where its tokens can be looked at as a map, ``token_map``, and
    ``own_tokens``: how many stand before those of the patches; the answer is made of them.

    A family calls ``super().__init__`` first, writes the two halves, and sets

    - ``classifier_name``: the dotted name of its last dense layer;
    - ``windows``: its layers that change the map's side, in order;
    - ``num_features``: the channels C of what ``forward_features`` returns;
    - ``levels``: the last map of each stride, the finest first; the last is that of ``forward_features``;
    - ``recordable = False``, where its work depends on values of tensors, or on what Python counts or draws:
      on a card a step is recorded once and repeated (`foveate.batches.recording`);
    - ``usual_recipes``, from chance and on a trunk that was learnt, where it wants others than its task;
    - ``preprocessing``, where its published weights are known to have been learnt with another than most.

    Networks that give a map of scores are `foveate.models.segmenter.Segmenter`.
    """

    classifier_name: str = "fc"
    windows: tuple[Window, ...] = ()
    levels: tuple[Level, ...] = ()
    aux_weight: ClassVar[float] = 0.0
    map_layer: str | None = None
    recordable: ClassVar[bool] = True
    usual_recipes: ClassVar[tuple[str, str]] = ("", "")
    preprocessing: Preprocessing | None = None
    own_tokens: int = 0

    def __init__(
        self,
        *,
        num_features: int,
        num_classes: int,
        in_channels: int,
        image_size: tuple[int, int] | None = None,
    ) -> None:
        """``image_size`` (H, W) is given by networks whose flattened map fixes the size of the input."""
        super().__init__()
        self.num_features = num_features
        self.num_classes = num_classes
        self.in_channels = in_channels
        self.image_size = None if image_size is None else _sides(image_size)

    def forward_features(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W) to a map (N, num_features, h, w). Raises :class:`ShapeError`."""
        raise NotImplementedError

    def forward_levels(self, x: Tensor) -> dict[int, Tensor]:
        """Pictures (N, in_channels, H, W) to a map (N, channels, h, w) for each of `levels`, by its stride.

        What segmentation and detection build on; one pass of ``forward_features``, in the same mode. (As
        timm's ``features_only``.) Not for two threads at once.

        Raises:
            ShapeError: as `forward_features`. InputError: the network tells no levels.
        """
        if not self.levels:
            raise InputError(self._no_levels())
        maps: dict[int, Tensor] = {}

        def keep(stride: int) -> Callable[[nn.Module, Any, Tensor], None]:
            return lambda layer, taken, out: maps.update({stride: out})

        handles = [
            self.get_submodule(level.layer).register_forward_hook(keep(level.stride)) for level in self.levels
        ]
        try:
            self.forward_features(x)
        finally:
            for handle in handles:
                handle.remove()
        return maps

    def forward_head(self, features: Tensor) -> Tensor:
        """The map (N, num_features, h, w) to scores before the softmax (N, num_classes)."""
        raise NotImplementedError

    def token_map(self, tokens: Tensor) -> Tensor:
        """A transformer's tokens (N, T, D), those of patches as these lie in the picture: (N, D, h, w)."""
        raise InputError(f"{type(self).__name__} has no tokens.")

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W) to scores before the softmax (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def forward_with_aux(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The scores, and those of auxiliary heads (none but GoogLeNet has any): what a training loop calls.

        The loss is that of the scores plus ``aux_weight`` times that of each auxiliary head.
        """
        return self.forward(x), ()

    def forward_to_learn(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The same for a training loop, where the loss takes less: score maps before they are enlarged."""
        return self.forward_with_aux(x)

    def classifier_layers(self) -> tuple[str, ...]:
        """The dotted names of all dense layers that give one score a class."""
        return (self.classifier_name,)

    def reset_classifier(self, num_classes: int) -> None:
        """Put fresh layers of ``num_classes`` outputs in the classifier's place, of its device and type."""
        for name in self.classifier_layers():
            old = self.get_submodule(name)
            if not isinstance(old, nn.Linear):  # holds for every family; a new one must notice at once
                raise TypeError(f"{name} of {type(self).__name__} is no Linear layer")
            fresh = nn.Linear(old.in_features, num_classes, device=old.weight.device, dtype=old.weight.dtype)
            self.set_submodule(name, fresh)
        self.num_classes = num_classes

    def drop_head(self) -> None:
        """Take away what stands behind the last level: what is left is a trunk, to build other networks on.

        Goes by the order in which the parts were made. A trunk has ``forward_features`` and
        ``forward_levels``, and takes pictures of any size that its windows do.

        Raises :class:`InputError` where the network tells no levels.
        """
        if not self.levels:
            raise InputError(self._no_levels())
        parts = [name for name, _ in self.named_children()]
        for name in parts[parts.index(self.levels[-1].layer.split(".")[0]) + 1 :]:
            setattr(self, name, None)
        self.image_size = None

    def _no_levels(self) -> str:
        return f"{type(self).__name__} does not tell the levels of its trunk (`levels`)."

    def foreign_names(self) -> tuple[Mapping[str, str], ...]:
        """Tables from another program's names of layers or tensors to ours, for weights files."""
        return ()

    def fitted(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights of a file, by our names, for pictures of this network's size, where that can be done."""
        return weights

    def misfit(self, weights: Mapping[str, Tensor]) -> str:
        """Why weights of a file cannot fit, where this network knows better than their shapes."""
        return ""

    def is_optional(self, key: str) -> bool:
        """Whether a weights file may hold this key though the network, as made, has no place for it."""
        return False

    def map_size(self, height: int, width: int) -> tuple[int, int]:
        """(h, w) of the map that a picture of height x width leaves; raises :class:`ShapeError`."""
        h, w = height, width
        for window in self.windows:
            try:
                h, w = window.output(h, "height"), window.output(w, "width")
            except ShapeError as error:
                least = self.smallest_side()
                raise ShapeError(
                    f"A picture of {height}x{width} is too small for {type(self).__name__}, which takes "
                    f"{least}x{least} or larger; at {window.layer}: {error}"
                ) from None
        return h, w

    def smallest_side(self) -> int:
        """The side in pixels of the smallest square picture that leaves at least one position everywhere."""
        return next(side for side in count(1) if self._fits(side))

    def _fits(self, side: int) -> bool:
        try:
            for window in self.windows:
                side = window.output(side, "side")
        except ShapeError:
            return False
        return True

    def check_input(self, x: Tensor) -> None:
        """Refuse a batch this network cannot take, with the size formula and the numbers in it."""
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise ShapeError(
                f"{type(self).__name__} takes pictures (N, {self.in_channels}, H, W), "
                f"and the input is {tuple(x.shape)}."
            )
        height, width = x.shape[2:]
        if self.image_size is not None and (height, width) != self.image_size:
            made_for = "x".join(map(str, self.image_size))
            raise ShapeError(
                f"This {type(self).__name__} was made for pictures of {made_for} (its weights count on "
                f"that), and the input is {height}x{width}; resize the pictures, or make it with "
                f"image_size=({height}, {width})."
            )
        self.map_size(height, width)


def _sides(image_size: tuple[int, int]) -> tuple[int, int]:
    sides = tuple(image_size) if isinstance(image_size, tuple | list) else ()
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise InputError(f"image_size must be (height, width) in pixels, and is {image_size!r}.")
    return sides[0], sides[1]
