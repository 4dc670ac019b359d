"""Augmentation on whole uint8 batches: one tensor operation for all pictures, each with its own numbers.

Every transform draws its numbers from the generator it is given and from nothing else, so a batch is the
same whenever the same generator state comes again: it is what makes a run resumable to the bit.

What was done to a picture is told as one affine map, by which answers that have a place in the picture follow
it (places as in `foveate.geometry`). Outside its borders a picture goes on as its mirror image; a shift
mirrors what zooming, turning and cutting have left.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from foveate.errors import InputError


class Rows(NamedTuple):
    """Which pictures of a batch of ``total`` are at hand: those from number ``first`` on."""

    first: int
    total: int


@dataclass(frozen=True)
class Augmentation:
    """What is done to training pictures, never to validation or test pictures.

    Attributes:
        flip: mirror left and right: ``"none"``, ``"random"`` (a coin a picture) or ``"alternating"`` (each
            picture is seen from the other side in every second epoch; Jordan 2024, arXiv 2404.00498).
        shift_px: shift by up to this many pixels along each axis; the border is filled by reflection.
        zoom_fraction: zoom in or out by up to this fraction.
        rotate_degrees: turn by up to this angle.
        crop_fraction: keep a random window of at least this share of each side, scaled back up; 1 keeps all.
        brightness_fraction, contrast_fraction: scale brightness, contrast by a factor within 1 ± this.
        erase_fraction: with probability one half, replace a rectangle of up to this share of the area by
            noise (random erasing; Zhong et al. 2017, arXiv 1708.04896).
    """

    flip: Literal["none", "random", "alternating"] = "none"
    shift_px: int = 0
    zoom_fraction: float = 0.0
    rotate_degrees: float = 0.0
    crop_fraction: float = 1.0
    brightness_fraction: float = 0.0
    contrast_fraction: float = 0.0
    erase_fraction: float = 0.0

    def __post_init__(self) -> None:
        if self.flip not in {"none", "random", "alternating"}:
            raise InputError(f"Augmentation.flip is none, random or alternating, not {self.flip!r}.")
        limits = {"shift_px": (0, 512), "rotate_degrees": (0, 180), "crop_fraction": (0.05, 1)}
        for field in fields(self):
            if field.name == "flip":
                continue
            low, high = limits.get(field.name, (0, 0.95))
            value = getattr(self, field.name)
            if not low <= value <= high:
                raise InputError(f"Augmentation.{field.name} lies between {low} and {high}, not {value}.")

    @property
    def is_identity(self) -> bool:
        return self == Augmentation()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def describe(self) -> str:
        """The transforms that are on, in words: ``"flip alternating, shift 2 px"``."""
        default = Augmentation()
        parts = [
            f"{field.name.removesuffix('_px').removesuffix('_fraction').removesuffix('_degrees')} "
            f"{getattr(self, field.name)}{_UNITS.get(field.name, '')}"
            for field in fields(self)
            if getattr(self, field.name) != getattr(default, field.name)
        ]
        return ", ".join(parts) or "none"

    def __call__(
        self,
        images: Tensor,
        indices: Tensor,
        epoch: int | Tensor,
        generator: torch.Generator,
        rows: Rows | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Augment a batch.

        Args:
            images: (N, C, H, W) uint8.
            indices: (N,) the pictures' numbers in the data set, for the alternating flip.
            epoch: counts from 0; a tensor of no dimension where the work is recorded.
            generator: on the images' device; its state decides the batch.
            rows: which of a batch these pictures are, if they are not all of it. Each picture is moved as it
                would be among all.

        Returns:
            (N, C, H, W) uint8, a new tensor unless no transform is on; and (N, 2, 3) float32, the affine map
            of each picture: ``matrix @ (x, y, 1)`` is where what was at (x, y) pixels is now.
        """
        geometry = torch.eye(2, 3, device=images.device).repeat(len(images), 1, 1)
        if self.is_identity:
            return images, geometry
        if self.flip != "none":
            which = self.flipped(indices, epoch, generator, rows)
            images = flip(images, which)
            geometry[:, 0, 0] -= 2 * which
            geometry[:, 0, 2] = images.shape[3] * which  # x goes to width - x
        if self.zoom_fraction or self.rotate_degrees or self.crop_fraction < 1:
            images, moved = self._affine(images, generator, rows)
            geometry = _composed(moved, geometry)
        if self.shift_px:
            images, moved_px = shift(images, self.shift_px, generator, rows)
            geometry[:, :, 2] += moved_px
        if self.brightness_fraction or self.contrast_fraction:
            images = photometric(images, self.brightness_fraction, self.contrast_fraction, generator, rows)
        if self.erase_fraction:
            images = erase(images, self.erase_fraction, generator, rows)
        return images, geometry

    def flipped(
        self, indices: Tensor, epoch: int | Tensor, generator: torch.Generator, rows: Rows | None
    ) -> Tensor:
        """(N,) which of a batch's pictures are mirrored; the arguments are those of a call."""
        if self.flip == "none":
            return torch.zeros(len(indices), dtype=torch.bool, device=indices.device)
        if self.flip == "random":
            return _uniform((len(indices),), indices.device, generator, rows) < 0.5
        # A fixed pseudo-random bit a picture decides its side in epoch 0; the epoch's parity turns it over.
        bit = (indices * 2654435761) >> 16
        return (bit + epoch) % 2 == 1

    def _affine(self, images: Tensor, generator: torch.Generator, rows: Rows | None) -> tuple[Tensor, Tensor]:
        """Zoomed, turned and cut, (N, C, H, W), and the maps by which that was done, (N, 2, 3)."""
        n = len(images)

        def uniform(low: float, high: float) -> Tensor:
            draws = _uniform((n,), images.device, generator, rows)
            return low + (high - low) * draws

        scale = 1 / uniform(1 - self.zoom_fraction, 1 + self.zoom_fraction)
        window = uniform(self.crop_fraction, 1.0)
        scale = scale * window
        angle = torch.deg2rad(uniform(-self.rotate_degrees, self.rotate_degrees))
        x, y = uniform(-1, 1) * (1 - window), uniform(-1, 1) * (1 - window)
        height, width = images.shape[-2:]
        cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
        matrix = torch.stack(
            [
                torch.stack([cos, -sin * height / width, x], dim=1),
                torch.stack([sin * width / height, cos, y], dim=1),
            ],
            dim=1,
        )  # (N, 2, 3): output coordinates to input coordinates, both in -1..1; the ratio keeps angles true
        grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
        moved = F.grid_sample(
            images.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False
        )
        return moved.round_().clamp_(0, 255).to(torch.uint8), _in_pixels(matrix, height, width)


_UNITS = {"shift_px": " px", "rotate_degrees": " degrees"}


def _in_pixels(matrix: Tensor, height: int, width: int) -> Tensor:
    """Maps (N, 2, 3) as ``affine_grid`` takes them, output to input in -1..1, the other way and in pixels."""
    a, b, x, c, d, y = matrix.flatten(1).unbind(1)
    b, c = b * width / height, c * height / width
    x, y = (x + 1) * width / 2, (y + 1) * height / 2  # where in the input the output's centre lies
    area = a * d - b * c
    a, b, c, d = d / area, -b / area, -c / area, a / area
    rows = [a, b, width / 2 - a * x - b * y, c, d, height / 2 - c * x - d * y]
    return torch.stack(rows, dim=1).view(-1, 2, 3)


def _composed(second: Tensor, first: Tensor) -> Tensor:
    """One map after the other: (N, 2, 3) each."""
    together = second[:, :, :2] @ first
    together[:, :, 2] += second[:, :, 2]
    return together


def flip(images: Tensor, which: Tensor) -> Tensor:
    """Mirror the chosen pictures left and right: (N, C, H, W) uint8, (N,) bool -> (N, C, H, W)."""
    return _blend(images, images.flip(-1), which[:, None, None, None])


def _blend(images: Tensor, others: Tensor, which: Tensor) -> Tensor:
    """``others`` where ``which`` holds, ``images`` elsewhere: torch.where at a third of its time on bytes."""
    mask = which.to(torch.uint8).neg_()  # 255 where it holds
    return images ^ ((images ^ others) & mask)


def shift(
    images: Tensor, limit_px: int, generator: torch.Generator, rows: Rows | None = None
) -> tuple[Tensor, Tensor]:
    """Shift each picture by whole pixels, up to ``limit_px`` along each axis, reflecting at the border.

    Returns (N, C, H, W), and how far each went to the right and down, (N, 2) pixels.
    """
    n, channels, height, width = images.shape
    limit = min(limit_px, height - 1, width - 1)
    device = images.device
    padded = _reflect(_reflect(images.permute(0, 2, 3, 1), 1, limit), 2, limit)  # (N, H+2p, W+2p, C)
    top, left = (
        own_rows(torch.randint(0, 2 * limit + 1, (of,), generator=generator, device=device), n, rows)
        for of in [n if rows is None else rows.total] * 2
    )
    # All windows of the padded batch as a view, a row in one piece; picking one a picture copies just that.
    picture, row, pixel, _ = padded.stride()
    windows = padded.as_strided(
        (n, 2 * limit + 1, 2 * limit + 1, height, width * channels), (picture, row, pixel, row, 1)
    )
    chosen = windows[torch.arange(n, device=device), top, left]  # (N, H, W·C)
    moved_px = limit - torch.stack([left, top], dim=1)
    return chosen.view(n, height, width, channels).permute(0, 3, 1, 2), moved_px


def _reflect(images: Tensor, axis: int, limit: int) -> Tensor:
    """Pad one axis by ``limit`` on both sides with its mirror image, the border itself not repeated."""
    size = images.shape[axis]
    before, after = images.narrow(axis, 1, limit), images.narrow(axis, size - 1 - limit, limit)
    return torch.cat([before.flip(axis), images, after.flip(axis)], dim=axis).contiguous()


def photometric(
    images: Tensor,
    brightness: float,
    contrast: float,
    generator: torch.Generator,
    rows: Rows | None = None,
) -> Tensor:
    """Scale brightness, and contrast about each picture's mean, by factors within 1 ± the given fractions."""
    n = len(images)
    draws = _uniform((2, n, 1, 1, 1), images.device, generator, rows, dim=1) * 2 - 1
    pixels = images.float() * (1 + brightness * draws[0])
    mean = pixels.mean(dim=(1, 2, 3), keepdim=True)
    pixels = (pixels - mean) * (1 + contrast * draws[1]) + mean
    return pixels.round_().clamp_(0, 255).to(torch.uint8)


def erase(
    images: Tensor, largest_fraction: float, generator: torch.Generator, rows: Rows | None = None
) -> Tensor:
    """Random erasing: every second picture, by chance, loses a rectangle to uniform noise."""
    n, _, height, width = images.shape
    device = images.device
    chance, area, ratio, u, v = _uniform((5, n, 1, 1, 1), device, generator, rows, dim=1)
    area = (0.02 + (largest_fraction - 0.02) * area).clamp(min=0) * height * width
    ratio = torch.exp((ratio * 2 - 1) * 1.2)  # between 0.3 and 3.3, as the paper has it
    tall = (area * ratio).sqrt().round().clamp(1, height)
    wide = (area / ratio).sqrt().round().clamp(1, width)
    top, left = (u * (height - tall + 1)).floor(), (v * (width - wide + 1)).floor()
    y = torch.arange(height, device=device).view(1, 1, height, 1)
    x = torch.arange(width, device=device).view(1, 1, 1, width)
    inside = (y >= top) & (y < top + tall) & (x >= left) & (x < left + wide) & (chance < 0.5)
    # Eight bytes of noise a draw.
    count = n if rows is None else rows.total
    size = count * images[0].numel()
    words = torch.randint(-(2**63), 2**63 - 1, (-(-size // 8),), generator=generator, device=device)
    noise = own_rows(words.view(torch.uint8)[:size].view(count, height, width, -1), n, rows)
    return _blend(images, noise.permute(0, 3, 1, 2), inside)


def own_rows(drawn: Tensor, count: int, rows: Rows | None, dim: int = 0) -> Tensor:
    """Of what was drawn for a whole batch, what belongs to the ``count`` pictures at hand."""
    return drawn if rows is None else drawn.narrow(dim, rows.first, count)


def _uniform(
    shape: tuple[int, ...],
    device: torch.device,
    generator: torch.Generator,
    rows: Rows | None,
    *,
    dim: int = 0,
) -> Tensor:
    """Uniform draws for the pictures along ``dim``: the same for a picture, whoever else is at hand."""
    count = shape[dim]
    whole = shape if rows is None else (*shape[:dim], rows.total, *shape[dim + 1 :])
    return own_rows(torch.rand(whole, generator=generator, device=device), count, rows, dim)
