"""Show and Tell (Vinyals, Toshev, Bengio, Erhan: Show and tell, 2014, arXiv:1411.4555).

    x₋₁ = CNN(I),  x_t = W_e S_t,  p_{t+1} = LSTM(x_t)          (equations 10 to 12)

The picture is the first word: an LSTM that has read it writes the sentence. As in the paper picture and words
have 512 numbers, the LSTM 512 units, and dropout stands around the LSTM.

Deviations: the trunk is any network of the catalogue, the mean of its last map in place of the Inception's;
compact networks have fewer units.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveate.layers.greedy import Greedy
from foveate.layers.recurrent import LSTMCell
from foveate.layers.teacher_forcing import Step
from foveate.models.anatomy import Network
from foveate.models.captioner import LONGEST, Captioner
from foveate.models.registry import register
from foveate.models.trunk_choice import USUAL_TRUNK, TrunkChoice


class TellStep(Step):
    """An LSTM's output says which word comes next."""

    def __init__(self, words: int, units: int, dropout: float) -> None:
        super().__init__(words, units, units, dropout)
        self.cell = LSTMCell(units, units)

    def advance(self, embedded: Tensor, state: Tensor, *memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        state = self.cell(embedded, state)
        output = self.cell.output(state)
        return state, output, output[:, :0]  # no place is looked at

    @property
    def multiply_adds(self) -> int:
        return self.cell.multiply_adds + self.score.in_features * self.score.out_features


@register("show_and_tell_compact", trunk="compact_m", units=256)
@register("show_and_tell_efficientnet_lite0", trunk="efficientnet_lite0")
@register("show_and_tell_resnet18", trunk="resnet18")
class ShowAndTell(Captioner):
    """``units``: of the LSTM, and of a word. ``longest``: words of a sentence, its end among them."""

    seen_name = "mean"

    def __init__(
        self,
        on: TrunkChoice = USUAL_TRUNK,
        *,
        units: int = 512,
        dropout: float = 0.2,
        longest: int = LONGEST,
        num_classes: int = 10_000,
    ) -> None:
        made = on.made()
        Network.drop_head(made)  # what an EfficientNet has before its average stays: it is averaged here
        super().__init__(num_features=made.num_features, num_classes=num_classes, in_channels=on.in_channels)
        self.trunk_name, self.trunk = on.trunk, made
        self.follow(made)
        self.picture = nn.Linear(made.num_features, units)
        self.greedy = Greedy(TellStep(num_classes, units, dropout), longest)

    def seen(self, x: Tensor) -> Tensor:
        return self.forward_features(x).mean(dim=(2, 3))  # (N, num_features)

    def seen_width(self, height: int, width: int) -> int:
        return self.num_features

    def grid(self, height: int, width: int) -> None:
        return None

    def memories(self, seen: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The state of an LSTM that was empty and has read the picture."""
        cell = self.step.cell
        picture = self.step.dropout(self.picture(seen))  # (N, units)
        empty = torch.cat([picture * 0.0] * cell.states, dim=1)
        state: Tensor = cell(picture, empty)
        return state, ()
