"""How a network is trained, as data: frozen, validated when made, written into the model folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from foveate.errors import InputError

OptimiserName = Literal["adam", "adamw", "sgd"]
Precision = Literal["auto", "float32"]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(message)


@dataclass(frozen=True)
class OptimiserSettings:
    """The optimiser and its numbers, in torch's meaning.

    ``norm_bias_factor`` multiplies the learning rate of batch normalisation's biases (hlb-CIFAR10's
    observation that they learn far too slowly); weight decay is kept off every bias and norm parameter.
    ``stage_decay`` multiplies it once more for each stage before the last one (Howard and Ruder 2018, arXiv
    1801.06146, section 3.2): what was learnt elsewhere changes the less the more general it is.
    ``trunk_factor`` multiplies it for all of a trunk alike, in networks that are built on one.
    """

    name: OptimiserName = "adamw"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    nesterov: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    norm_bias_factor: float = 1.0
    stage_decay: float = 1.0
    trunk_factor: float = 1.0

    def __post_init__(self) -> None:
        _require(
            self.name in {"adam", "adamw", "sgd"}, f"The optimiser is adam, adamw or sgd, not {self.name!r}."
        )
        _require(self.learning_rate > 0, f"The learning rate is positive, not {self.learning_rate}.")
        _require(self.weight_decay >= 0, f"The weight decay is 0 or more, not {self.weight_decay}.")
        _require(0 < self.stage_decay <= 1, f"The stage decay lies in 0..1, not {self.stage_decay}.")
        _require(0 < self.trunk_factor <= 1, f"The trunk's factor lies in 0..1, not {self.trunk_factor}.")
        _require(0 <= self.momentum < 1, f"The momentum lies in 0..1, not {self.momentum}.")


@dataclass(frozen=True)
class ScheduleSettings:
    """The learning rate over a run, in fractions of its peak.

    Linear warm-up from ``start_fraction`` over the first ``warmup_fraction`` of the run, then decay to
    ``final_fraction``.
    """

    warmup_fraction: float = 0.0
    start_fraction: float = 0.01
    decay: Literal["constant", "linear", "cosine"] = "constant"
    final_fraction: float = 0.0

    def __post_init__(self) -> None:
        _require(
            0 <= self.warmup_fraction < 1,
            f"The warm-up is a fraction of the run, not {self.warmup_fraction}.",
        )
        _require(
            self.decay in {"constant", "linear", "cosine"},
            f"The decay is constant, linear or cosine, not {self.decay!r}.",
        )
        _require(
            0 <= self.final_fraction <= 1, f"The final fraction lies in 0..1, not {self.final_fraction}."
        )


@dataclass(frozen=True)
class TrainingSettings:
    """Everything the loop needs to know beside the network and the batches.

    Attributes:
        average_half_life_epochs: half-life of the moving average of the weights; None trains without one.
        clip_norm: largest norm of all gradients together; None leaves them alone.
        class_weights: what a sample of each label counts in the loss; None counts all alike.
        select: the column of the history that decides which epoch's weights are kept (see `Task.metric`);
            None takes the task's first metric, "last" keeps the last.
        patience_epochs: stop after so many epochs without a better one; None never stops early.
        frozen_share: for this share of a run a network that has a trunk leaves it as it was learnt, at a
            fraction of the cost.
        learn_norms: whether the batch norms of a detector's trunk follow the pictures. Those of a trunk that
            was learnt stay: few pictures of a batch tell too little. One from chance cannot do without: its
            features would vanish from layer to layer.
        accumulate: in so many parts a batch is computed, one after the other, whose gradients are added up: a
            fraction of the memory. Batch norms then normalise each part by itself, and what of the losses of
            masks, boxes and sentences is a ratio over the batch is one over each part.
        precision: "auto" computes in bfloat16 where the hardware is faster with it; "float32" never does.
        non_finite: "retry" goes back to the start of the epoch with half the learning rate (three times at
            most); "stop" ends the run with an error.
    """

    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    label_smoothing: float = 0.0
    average_half_life_epochs: float | None = None
    clip_norm: float | None = None
    class_weights: tuple[float, ...] | None = None
    select: str | None = None
    patience_epochs: int | None = None
    frozen_share: float = 0.0
    learn_norms: bool = False
    accumulate: int = 1
    precision: Precision = "auto"
    non_finite: Literal["retry", "stop"] = "retry"
    seed: int = 0

    def __post_init__(self) -> None:
        _require(0 <= self.label_smoothing < 1, f"Label smoothing lies in 0..1, not {self.label_smoothing}.")
        half_life = self.average_half_life_epochs
        _require(
            half_life is None or half_life > 0, f"The half-life of the average is positive, not {half_life}."
        )
        _require(
            self.clip_norm is None or self.clip_norm > 0, f"clip_norm is positive, not {self.clip_norm}."
        )
        _require(
            self.patience_epochs is None or self.patience_epochs >= 1,
            f"The patience is at least 1 epoch, not {self.patience_epochs}.",
        )
        _require(self.accumulate >= 1, f"A batch has 1 part or more, not {self.accumulate}.")
        _require(0 <= self.frozen_share <= 1, f"The frozen share lies in 0..1, not {self.frozen_share}.")
        _require(
            self.precision in {"auto", "float32"}, f"precision is auto or float32, not {self.precision!r}."
        )
        _require(
            self.non_finite in {"retry", "stop"}, f"non_finite is retry or stop, not {self.non_finite!r}."
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
