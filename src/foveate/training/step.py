"""One step of training: forward, backward, optimiser, and what is added up of it; recorded on a card."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn

from foveate.batches.loader import Batch, Shared
from foveate.batches.recording import Recorder, Repeated
from foveate.layers.ranks import mean_over_ranks
from foveate.tasks.learning import Arrays, Learner
from foveate.training.evaluate import outputs_to_learn
from foveate.training.precision import computing
from foveate.training.ranks import ALONE, Ranks
from foveate.training.settings import TrainingSettings

READ_EVERY = 10  # steps after which a card is asked for its sums; nobody runs ahead of it by twice as many


class Step:
    """Calls with a batch train the module by it; ``sums`` (loss, first metric, samples) go up by its own.

    ranks: who has a part of each batch; step and sums are those of the whole batch.
    recorder: records the steps; None, and for a module that does not say that it may be (``recordable``,
    see `foveate.models.anatomy.Network`), runs each from Python.
    """

    def __init__(
        self,
        module: nn.Module,
        learner: Learner,
        optimiser: torch.optim.Optimizer,
        settings: TrainingSettings,
        *,
        half: bool,
        recorder: Recorder | None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.module, self.optimiser = module, optimiser
        self.settings, self.ranks = settings, ranks
        self.device = next(module.parameters()).device
        self.loss = _Loss(module, learner, self.device, half=half)
        self._learning: tuple[nn.Parameter, ...] = ()
        self._wrapped: Callable[..., Tensor] = self.loss
        self._shared: Shared | None = None
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self._names: tuple[str, ...] = ()
        self.repeated = Repeated(self._work, recorder)

    def __call__(self, batch: Batch) -> None:
        self._names = tuple(batch.targets)
        moved = () if batch.geometry is None else (batch.geometry,)
        self._shared = batch.shared
        self._wrap()
        self.repeated(batch.images, *batch.targets.values(), *moved)

    def restored(self, sums: list[float]) -> None:
        """The optimiser's state was replaced: recordings know the old one. sums: what they are now."""
        self.repeated.forget()
        self.sums.copy_(torch.tensor(sums, dtype=torch.float64))

    def _work(self, images: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        targets: Arrays = dict(zip(self._names, rest, strict=False))
        if len(rest) > len(targets):
            targets = self.loss.learner.moved(targets, rest[-1], (images.shape[2], images.shape[3]))
        self.optimiser.zero_grad(set_to_none=True)
        with self.ranks.sharing(self._shared):
            sums = self._add_up(images, targets)
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip_norm)
        self.optimiser.step()
        self.sums += sums
        return ()

    def _wrap(self) -> None:
        """Have the gradients of what learns now come together: at first, and when a trunk begins to learn."""
        learning = tuple(one for one in self.module.parameters() if one.requires_grad)
        if len(learning) != len(self._learning) or any(map(_other, learning, self._learning)):
            self._learning, self._wrapped = learning, self.loss  # lets the earlier wrapping go
            self._wrapped = self.ranks.wrapped(self.loss)

    def _add_up(self, images: Tensor, targets: Arrays) -> Tensor:
        """Compute the gradients; (3,) float64, the sums of the batch."""
        parts = list(self._parts(images, targets))
        sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        whole = mean_over_ranks(self.loss.learner.extent(targets)) if len(parts) > 1 else None
        for number, (part, told) in enumerate(parts, start=1):
            share: Tensor | float = 1.0
            if whole is not None:
                share = mean_over_ranks(self.loss.learner.extent(told)) / whole
            with self.ranks.keeping(self._wrapped) if number < len(parts) else nullcontext():
                loss = self._wrapped(part, told) * share
                loss.backward()
            shown = self.loss.learner.running(self.loss.outputs, told).double()
            del self.loss.outputs  # and all that they were computed from
            value = loss.detach().double()
            sums += torch.stack([value, shown, torch.full_like(value, len(part))])
        if self._shared is not None:
            sums = mean_over_ranks(sums)
            sums[1:] *= self._shared.ranks
        sums[0] *= sums[2]  # of the mean loss of all pictures
        return sums

    def _parts(self, images: Tensor, targets: Arrays) -> Iterator[tuple[Tensor, Arrays]]:
        """The batch, or the parts that are computed one after the other; as many on each rank."""
        fewest = len(images) if self._shared is None else self._shared.total // self._shared.ranks
        number = min(self.settings.accumulate, fewest)
        if number < 2:
            yield images, targets
            return
        split = {name: values.tensor_split(number) for name, values in targets.items()}
        for place, part in enumerate(images.tensor_split(number)):
            yield part, {name: values[place] for name, values in split.items()}


def _other(one: object, other: object) -> bool:
    return one is not other


class _Loss(nn.Module):
    """Pictures (N, C, H, W) and their targets to the loss, a scalar; ``outputs`` are what it was made of."""

    outputs: Tensor

    def __init__(self, module: nn.Module, learner: Learner, device: torch.device, *, half: bool) -> None:
        super().__init__()
        self.module, self.learner = module, learner
        self.computing = partial(computing, device, half=half)

    def forward(self, images: Tensor, targets: Arrays) -> Tensor:
        with self.computing():
            outputs, auxiliaries = outputs_to_learn(self.module, images)
            loss = self.learner.loss(outputs, targets)
            for auxiliary in auxiliaries:  # GoogLeNet trains with heads on the way
                weight = float(self.module.aux_weight)  # type: ignore[arg-type]  # attributes have no type
                loss = loss + weight * self.learner.loss(auxiliary, targets)
        self.outputs = outputs.detach()
        return loss


class Reading:
    """The sums as they were a moment ago. A processor tells at once; a card must not be waited for."""

    def __init__(self, sums: Tensor) -> None:
        self.sums = sums
        self.device = sums.device
        self._arriving: tuple[Tensor, torch.cuda.Event] | None = None

    def after(self, step: int) -> list[float] | None:
        """The newest sums, asked for after this step or earlier; None where there is nothing new."""
        if self.device.type == "cpu":
            return self.sums.tolist()
        if self.device.type != "cuda":
            return self.sums.tolist() if step % READ_EVERY == 0 else None
        arrived = self._arrived(wait=step % READ_EVERY == 0)
        if step % READ_EVERY == 0:
            copy = torch.empty(3, dtype=torch.float64, pin_memory=True)
            copy.copy_(self.sums, non_blocking=True)
            event = torch.cuda.Event()
            event.record()
            self._arriving = copy, event
        return arrived

    def _arrived(self, *, wait: bool) -> list[float] | None:
        if self._arriving is None or not (wait or self._arriving[1].query()):
            return None
        (copy, event), self._arriving = self._arriving, None
        event.synchronize()  # a card with work for many more steps; it does not stand still
        return copy.tolist()

    def forget(self) -> None:
        """What is on its way is of another time."""
        self._arriving = None
