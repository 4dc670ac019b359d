"""Show, Attend and Tell (Xu et al.: Show, attend and tell, 2015, arXiv:1502.03044), with soft attention.

    h_t = LSTM([E y_{t-1}, ẑ_{t-1}], h_{t-1})                               (equation 1, but for the ẑ)
    α_t = softmax(f_att(a, h_t)),  ẑ_t = β_t Σ α_ti a_i                     (4 to 6 and 13, but for the h)
    p(y_t) ∝ exp(L_o(E y_{t-1} + L_h h_t + L_z ẑ_t))                        (7)

At every word the network looks again at the places of the picture, where it needs to. The state begins as
functions of the mean place; β is a gate by the state; attention is doubly stochastic (equation 14). Hard
attention is not built.

Deviations. It looks with the state that has read the last word (Lu et al., "Knowing when to look", 2017,
arXiv:1612.01887, equations 6 to 8), not with the one before: who has just said *blue* looks for the shape at
what is blue. What was seen is read with the next word (Luong et al., 2015, arXiv:1508.04025, section 3.3).
The trunk is any network of the catalogue; its places are those of a map of stride 16, as in the
paper, to which what a finer and a coarser map know is added, and in which neighbours then see each other
(``neck``); two of a place's numbers are where it is, across and down (Liu et al., "CoordConv", 2018,
arXiv:1807.03247: without them "left of" was learnt no better than by chance), so that a network is for one
size of picture.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.layers.additive_attention import AdditiveAttention
from foveate.layers.greedy import Greedy
from foveate.layers.layer_norm import LayerNorm2d
from foveate.layers.recurrent import LSTMCell
from foveate.layers.teacher_forcing import Step
from foveate.models.anatomy import Network
from foveate.models.captioner import LONGEST, Captioner
from foveate.models.registry import register
from foveate.models.trunk_choice import USUAL_TRUNK, TrunkChoice

STRIDE, FINEST = 16, 8  # of the places, and of the finest map that is added to them
EDGE = 3.0  # where the first and last places are; a place's other numbers have a deviation of 1


class NeckBlock(nn.Module):
    """What each place learns of its neighbours, added to what it knows: (N, C, h, w) to the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.around = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = LayerNorm2d(channels)
        self.mix = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.mix(F.gelu(self.norm(self.around(x))))


class AttendStep(Step):
    """Read the last word, look where the state now wants to, and say the next one.

    The state is the cell's, h and c, and what was seen at the last word, ẑ.
    """

    def __init__(self, words: int, units: int, dropout: float, looked_at: int) -> None:
        super().__init__(words, units, units, dropout)
        self.looked_at = looked_at  # how many places
        self.attention = AdditiveAttention(units, units, units)
        self.gate = nn.Linear(units, 1)
        self.cell = LSTMCell(2 * units, units)
        self.by_state = nn.Linear(units, units)
        self.by_place = nn.Linear(units, units, bias=False)

    @property
    def state_size(self) -> int:
        return self.cell.state_size + self.cell.units

    def advance(self, embedded: Tensor, state: Tensor, *memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        places, keys = memory
        size = self.cell.state_size
        before, last = state[:, :size], state[:, size:]
        state = self.cell(torch.cat([embedded, last], dim=1), before)
        now = self.cell.output(state)
        seen, weights = self.attention(places, keys, now)  # (N, units), (N, L)
        seen = torch.sigmoid(self.gate(now)) * seen
        output = embedded + self.by_state(self.dropout(now)) + self.by_place(seen)
        return torch.cat([state, seen], dim=1), torch.tanh(output), weights

    @property
    def multiply_adds(self) -> int:
        units, words = self.score.in_features, self.score.out_features
        looking = units * units + self.looked_at * self.attention.multiply_adds
        return looking + self.cell.multiply_adds + 2 * units * units + units + units * words


@register("show_attend_and_tell_compact", trunk="compact_m", neck=0)
@register("show_attend_and_tell_efficientnet_lite0", trunk="efficientnet_lite0", image_size=(224, 224))
@register("show_attend_and_tell_resnet18", trunk="resnet18", image_size=(224, 224))
class ShowAttendAndTell(Captioner):
    """``units``: of the LSTM, of a word and of a place, whose last two are where it is.

    ``even``: what overlooking a place costs.
    ``neck``: rounds in which places see their neighbours.
    """

    def __init__(
        self,
        on: TrunkChoice = USUAL_TRUNK,
        *,
        units: int = 192,
        neck: int = 1,
        dropout: float = 0.2,
        even: float = 0.1,
        longest: int = LONGEST,
        num_classes: int = 10_000,
    ) -> None:
        made = on.made()
        made.drop_head()
        super().__init__(
            num_features=made.num_features,
            num_classes=num_classes,
            in_channels=on.in_channels,
            image_size=on.image_size,
        )
        self.trunk_name, self.trunk, self.even = on.trunk, made, even
        self.follow(made)
        self.strides = tuple(one.stride for one in made.levels if one.stride >= FINEST)
        self.strides = self.strides or (made.levels[-1].stride,)
        self.maps = _map_shapes(made, self.strides, (on.in_channels, *on.image_size))  # (C, h, w) each
        self.seen_name = f"maps{'-'.join(map(str, self.strides))}"
        last, own = len(self.maps) - 1, units - 2
        self.places_at = next((i for i, one in enumerate(self.strides) if one >= STRIDE), last)
        self.laterals = nn.ModuleList(
            nn.Conv2d(channels, own, 1) if i >= self.places_at else _halving(channels, own)
            for i, (channels, _, _) in enumerate(self.maps)
        )
        self.neck = nn.Sequential(*(NeckBlock(own) for _ in range(neck)))
        rows, columns = self.grid(*on.image_size)
        self.where = _coordinates(rows, columns)
        self.norm = nn.LayerNorm(own)
        step = AttendStep(num_classes, units, dropout, rows * columns)
        self.start = nn.Linear(units, step.state_size)
        self.greedy = Greedy(step, longest)

    def seen(self, x: Tensor) -> Tensor:
        self.check_input(x)
        maps = self.trunk.forward_levels(x)
        return torch.cat([maps[stride].flatten(1) for stride in self.strides], dim=1)

    def seen_width(self, height: int, width: int) -> int:
        return sum(math.prod(shape) for shape in self.maps)

    def grid(self, height: int, width: int) -> tuple[int, int]:
        return self.maps[self.places_at][1:]

    def memories(self, seen: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The state that begins with the mean place; the places (N, L, units) and their keys."""
        parts = seen.split([math.prod(shape) for shape in self.maps], dim=1)
        size = self.maps[self.places_at][1:]
        places = self.laterals[self.places_at](parts[self.places_at].unflatten(1, self.maps[self.places_at]))
        for i, (part, shape) in enumerate(zip(parts, self.maps, strict=True)):
            if i != self.places_at:
                other = self.laterals[i](part.unflatten(1, shape))
                same = tuple(other.shape[2:]) == size
                places = places + (other if same else F.interpolate(other, size=size, mode="nearest"))
        places = self.norm(self.neck(places).flatten(2).transpose(1, 2))  # (N, L, units - 2)
        where = torch.tensor(self.where, dtype=places.dtype, device=places.device)
        places = torch.cat([places, where.expand(len(places), -1, -1)], dim=2)
        attention: Any = self.step.attention
        return torch.tanh(self.start(places.mean(dim=1))), (places, attention.keys(places))


def _coordinates(rows: int, columns: int) -> list[tuple[float, float]]:
    """Of each place, row by row, across and down from -`EDGE` to `EDGE`: constants, not weights."""
    return [
        (EDGE * (2 * column / max(columns - 1, 1) - 1), EDGE * (2 * row / max(rows - 1, 1) - 1))
        for row in range(rows)
        for column in range(columns)
    ]


def _halving(channels: int, units: int) -> nn.Conv2d:
    """A map twice as fine to the places: (N, channels, 2h, 2w) to (N, units, h, w)."""
    return nn.Conv2d(channels, units, 3, stride=2, padding=1)


def _map_shapes(
    trunk: Network, strides: tuple[int, ...], shape: tuple[int, int, int]
) -> tuple[tuple[int, int, int], ...]:
    """(C, h, w) of the trunk's maps for a picture of (C, H, W); nothing is computed."""
    outline = copy.deepcopy(trunk).to("meta").eval()
    maps = outline.forward_levels(torch.zeros(1, *shape, device="meta"))
    sides = (maps[stride].shape for stride in strides)
    return tuple((channels, height, width) for _, channels, height, width in sides)
