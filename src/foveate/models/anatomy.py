"""The one anatomy of all networks: a body that makes a map, a head that makes scores of it, checked sizes."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from foveate.errors import ShapeError


class Window(NamedTuple):
    """A layer that changes the side of the map: its dotted name, kernel, stride and padding on each side."""

    layer: str
    kernel: int
    stride: int
    padding: int = 0
    ceil: bool = False  # a last, partly filled window counts

    def output(self, side: int) -> int:
        """floor((n - k + 2p) / s) + 1, or with ceil instead of floor."""
        span = side - self.kernel + 2 * self.padding
        return (-(-span // self.stride) if self.ceil else span // self.stride) + 1

    def formula(self, side: int) -> str:
        rounding = "ceil" if self.ceil else "floor"
        return (
            f"{rounding}((n - k + 2p)/s) + 1 = {rounding}(({side} - {self.kernel} + 2*{self.padding})"
            f"/{self.stride}) + 1 = {self.output(side)}"
        )


class Network(nn.Module):
    """Base of all networks: ``forward(x) = forward_head(forward_features(x))``.

    A family sets ``classifier_name`` (the dotted name of its last dense layer) and ``windows`` (the layers
    that can make the map's side vanish, in order), calls ``super().__init__`` first, and writes the two halves.

    ``num_features`` is the number of channels C of the map that ``forward_features`` returns.
    """

    classifier_name: ClassVar[str] = "fc"
    windows: ClassVar[tuple[Window, ...]] = ()

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
        self.image_size = image_size and (image_size[0], image_size[1])
        if image_size is not None:
            self._check_sides(*image_size)

    def forward_features(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W) to a map (N, num_features, h, w). Raises :class:`ShapeError`."""
        raise NotImplementedError

    def forward_head(self, features: Tensor) -> Tensor:
        """The map (N, num_features, h, w) to scores before the softmax (N, num_classes)."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Pictures (N, in_channels, H, W) to scores before the softmax (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_classifier(self, num_classes: int) -> None:
        """Put a fresh last dense layer of ``num_classes`` outputs in the old one's place, device and type."""
        old = self.get_submodule(self.classifier_name)
        if not isinstance(old, nn.Linear):  # holds for every family; a new one must notice at once
            raise TypeError(f"{type(self).__name__}.classifier_name must name a Linear layer")
        fresh = nn.Linear(old.in_features, num_classes, device=old.weight.device, dtype=old.weight.dtype)
        self.set_submodule(self.classifier_name, fresh)
        self.num_classes = num_classes

    @classmethod
    def smallest_side(cls) -> int:
        """The side in pixels of the smallest square picture that leaves at least one position everywhere."""
        side = 1
        while any(n < 1 for n in cls._sides(side)):
            side += 1
        return side

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
                f"This {type(self).__name__} was made for pictures of {made_for} (its dense layer counts on "
                f"that), and the input is {height}x{width}; resize the pictures, or make it with "
                f"image_size=({height}, {width})."
            )
        self._check_sides(height, width)

    @classmethod
    def _sides(cls, side: int) -> list[int]:
        sides = []
        for window in cls.windows:
            side = window.output(side) if side > 0 else 0
            sides.append(side)
        return sides

    @classmethod
    def _check_sides(cls, height: int, width: int) -> None:
        for what, side in (("height", height), ("width", width)):
            n = side
            for window in cls.windows:
                if window.output(n) < 1:
                    least = cls.smallest_side()
                    raise ShapeError(
                        f"A picture of {height}x{width} is too small for {cls.__name__}: at {window.layer} "
                        f"its {what} would be {window.formula(n)}; the smallest accepted is {least}x{least}."
                    )
                n = window.output(n)
