"""Deep parsing's Markov random field: one step of mean field as layers (Liu, Li, Luo, Loy, Tang, 2015).

arXiv 1509.02634. A field over the labels of all pixels. What it costs that pixel i is u while a pixel j near
it is v has two parts: the context μ, in M mixtures of which a place takes the cheapest, and how much the
pixels z around j, as far as they look like j, are v too. The mean-field update of the network's shares q,

    ln q'_i(u) = ln q_i(u) − min_m Σ_j Σ_v μ_m(u, v, j − i) · q_j(v) · Σ_z d(j, z) q_z(v),

is one pass through layers: a local filter whose weights the picture gives, a product, a convolution from K to
M·K labels, the least of the mixtures, a sum, a softmax. The softmax is left to the loss and to the network's
answer, so that scores come out as they went in.

Deviations from the paper: d is a likeness, ``exp(−ω_1‖I_j − I_z‖² − ω_2‖j − z‖²)`` divided by its sum over
the window, where the paper's is the distance in its exponent (what belongs together is to count more); ω is
learnt; the window is in places of the map that comes in, which may be smaller than the picture; and μ begins
as a weak wish for equal labels, so that at the start the labels are nearly those that came in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from foveate.errors import InputError, ShapeError
from foveate.operators.blueprint import is_number
from foveate.operators.fields import Field
from foveate.operators.optional_torch import F, Tensor, nn, torch
from foveate.operators.reading import Reading, Value, by
from foveate.operators.sums import Arithmetic, Place, Window
from foveate.operators.table import MODULES, LayerEntry, sums
from foveate.operators.windows import patch_under, summed

MAX_SIDE, MAX_MIXTURES = 51, 100  # of a window or context, in places: the paper's largest is 50
OUTSIDE = (
    100.0  # what stands around the guide, in its own units: so unlike all colours that it weighs nothing
)
COLOUR_SIGMA = 0.3  # of the guide's units, in which pictures have a standard deviation of about 1
AGREEMENT = 0.1  # what a neighbourhood of one's own label is worth at the start, in scores
NOISE = 1e-3  # tells the mixtures apart at the start


class GuidedFilter2d(nn.Module):
    """A mean over a window, with the weights of how much its places look like the middle one.

    ``out_j = Σ_z d(j, z) x_z / Σ_z d(j, z)`` with ``d = exp(−ω_1‖g_j − g_z‖² − ω_2‖j − z‖²)``, g the guide.
    Places outside the map are left out. (The bilateral filter of Tomasi and Manduchi, 1998.)

    Shapes: (N, channels + G, H, W), of which the last G maps are the guide, to (N, channels, H, W).
    """

    def __init__(self, channels: int, window: int = 7) -> None:
        super().__init__()
        if not is_number(window, 1, MAX_SIDE) or window % 2 == 0:
            raise InputError(
                f"The window of a guided filter must be an odd number of 1 to {MAX_SIDE} places, and is "
                f"{window!r}."
            )
        self.channels, self.window = channels, window
        self.log_colour = nn.Parameter(torch.tensor(math.log(0.5 / COLOUR_SIGMA**2)))  # ln ω_1
        self.log_space = nn.Parameter(torch.tensor(math.log(0.5 / max(window / 4, 0.5) ** 2)))  # ln ω_2

    def forward(self, x: Tensor) -> Tensor:
        maps, guide = x[:, : self.channels], x[:, self.channels :]
        height, width, reach = *x.shape[-2:], self.window // 2
        around = (reach, reach, reach, reach)
        padded, colours = F.pad(maps, around), F.pad(guide, around, value=OUTSIDE)
        colour, space = torch.exp(self.log_colour), torch.exp(self.log_space)
        weighed: Tensor = maps  # the middle itself
        weights: Tensor | float = 1.0
        for row, column in self.places():
            rows, columns = slice(row, row + height), slice(column, column + width)
            apart = colours[:, :, rows, columns] - guide
            squares = (apart * apart).sum(1, keepdim=True)  # (N, 1, H, W)
            off = (row - reach) ** 2 + (column - reach) ** 2
            weight = torch.exp(squares * -colour - space * off)
            weighed, weights = weighed + weight * padded[:, :, rows, columns], weight + weights
        return weighed / weights

    def places(self) -> Iterator[tuple[int, int]]:
        """(row, column) in the window of all its places but the middle."""
        middle = self.window // 2
        for row in range(self.window):
            for column in range(self.window):
                if (row, column) != (middle, middle):
                    yield row, column

    def extra_repr(self) -> str:
        return f"{self.channels}, window={self.window}"


class MRF(nn.Module):
    """Scores that agree with the picture and with each other, by one step of mean field.

    Args:
        num_classes: K.
        mixtures: M, of which each place takes the one that forbids its label least.
        window: side of the local filter; context: side of μ. Odd numbers of places.

    Shapes: scores (N, K, h, w) and a picture (N, C, H, W) to scores (N, K, h, w); the picture is brought to h
    and w.

    Raises:
        InputError: when made, for an even side. ShapeError: for scores of other classes.
    """

    def __init__(self, num_classes: int, *, mixtures: int = 5, window: int = 7, context: int = 9) -> None:
        super().__init__()
        odd = is_number(context, 1, MAX_SIDE) and context % 2 == 1
        if not odd or not is_number(mixtures, 1, MAX_MIXTURES):
            raise InputError(
                f"A field has 1 to {MAX_MIXTURES} mixtures of contexts of an odd side of 1 to {MAX_SIDE} "
                f"places, not {mixtures!r} of {context!r}."
            )
        self.num_classes, self.mixtures = num_classes, mixtures
        self.local = GuidedFilter2d(num_classes, window)
        count = mixtures * num_classes  # mixture by mixture
        self.contexts = nn.Conv2d(num_classes, count, context, padding=context // 2, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """μ: equal labels are wished for in a bell-shaped neighbourhood; noise tells the mixtures apart."""
        if self.contexts.weight.is_meta:  # nothing to write into
            return
        side = self.contexts.kernel_size[0]
        line = torch.exp(-0.5 * ((torch.arange(side) - side // 2) / (side / 6)) ** 2)
        bell = torch.outer(line, line) / line.sum() ** 2
        wish = torch.eye(self.num_classes).repeat(self.mixtures, 1)  # (M·K, K)
        nn.init.normal_(self.contexts.weight, std=NOISE)
        with torch.no_grad():
            self.contexts.weight -= AGREEMENT * wish[:, :, None, None] * bell

    def forward(self, scores: Tensor, picture: Tensor) -> Tensor:
        return scores - self.penalties(scores, picture)

    def penalties(self, scores: Tensor, picture: Tensor) -> Tensor:
        """(N, K, h, w): what the field takes from each score."""
        if scores.shape[1] != self.num_classes:
            raise ShapeError(
                f"This field is over {self.num_classes} classes, and the scores are {tuple(scores.shape)}."
            )
        guide = picture
        if picture.shape[-2:] != scores.shape[-2:]:
            guide = F.interpolate(picture, size=scores.shape[-2:], mode="bilinear", align_corners=False)
        shares = torch.softmax(scores, dim=1)  # q
        alike = self.local(torch.cat([shares, guide], dim=1))  # Σ_z d(j, z) q_z
        costs = self.contexts(shares * alike)  # (N, M·K, h, w)
        least = costs[:, : self.num_classes]
        for mixture in range(1, self.mixtures):
            first = mixture * self.num_classes
            least = torch.minimum(least, costs[:, first : first + self.num_classes])
        return least

    def extra_repr(self) -> str:
        return f"{self.num_classes}, mixtures={self.mixtures}"


# --- The filter's entry in the operator table ---


def _read(module: Any, x: Value, out: Value) -> Reading:
    reach = module.window // 2
    side = (module.window, module.window)
    settings = {
        "kernel": side,
        "stride": (1, 1),
        "around": ((reach, reach), (reach, reach)),
        "dilation": (1, 1),
        "channels": module.channels,
    }
    tensors = {"log_colour": module.log_colour, "log_space": module.log_space}
    return Reading("guided_filter", f"guided filter {by(side)}", settings, tensors)


def _seen(module: Any, x: Value, out: Value) -> Field | None:
    return x.seen and x.seen.through(_read(module, x, out).settings, (out.shape[-2], out.shape[-1]))


def _multiply_adds(module: Any, x: Value, out: Value) -> int:
    """For each place of the window: the squares of the guide's differences, and the weighed maps."""
    return int(module.window**2 * x.shape[1] * x.shape[2] * x.shape[3])


MODULES[GuidedFilter2d] = LayerEntry(_read, receptive_field=_seen, multiply_adds=_multiply_adds)


@sums("guided_filter")
def _sum(place: Place) -> Arithmetic:
    reach, channels = place.step.settings["kernel"][0] // 2, place.step.settings["channels"]
    side = 2 * reach + 1
    window = Window(
        top=place.row - reach,
        left=place.column - reach,
        height=side,
        width=side,
        stride=(1, 1),
        dilation=(1, 1),
        rows=tuple(range(place.row - reach, place.row + reach + 1)),
        columns=tuple(range(place.column - reach, place.column + reach + 1)),
    )
    patches = patch_under(place.input(), window)  # (channels + G, side, side), NaN outside
    guide = patches[channels:]
    colour, space = (np.exp(place.tensor(name).astype(np.float64)) for name in ("log_colour", "log_space"))
    apart = ((guide - guide[:, reach : reach + 1, reach : reach + 1]) ** 2).sum(0)
    steps = (np.arange(side) - reach) ** 2
    weight = np.exp(-colour * apart - space * (steps[:, None] + steps))
    patch = patches[place.channel]
    return summed(place, window, patch, weight / np.nansum(weight), "products")
