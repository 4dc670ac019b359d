"""One step of training: forward, backward, optimiser, and what is added up of it; recorded on a card."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from foveate.batches.loader import Batch
from foveate.batches.recording import Recorder, Repeated
from foveate.tasks.learning import Arrays, Learner
from foveate.training.evaluate import outputs_to_learn
from foveate.training.precision import computing
from foveate.training.settings import TrainingSettings

READ_EVERY = 10  # steps after which a card is asked for its sums; nobody runs ahead of it by twice as many


class Step:
    """Calls with a batch train the module by it; ``sums`` (loss, first metric, samples) go up by its own.

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
    ) -> None:
        self.module, self.learner, self.optimiser = module, learner, optimiser
        self.settings, self.half = settings, half
        self.device = next(module.parameters()).device
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.device)
        self._names: tuple[str, ...] = ()
        self.repeated = Repeated(self._work, recorder)

    def __call__(self, batch: Batch) -> None:
        self._names = tuple(batch.targets)
        moved = () if batch.geometry is None else (batch.geometry,)
        self.repeated(batch.images, *batch.targets.values(), *moved)

    def restored(self, sums: list[float]) -> None:
        """The optimiser's state was replaced: recordings know the old one. sums: what they are now."""
        self.repeated.forget()
        self.sums.copy_(torch.tensor(sums, dtype=torch.float64))

    def _work(self, images: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        targets: Arrays = dict(zip(self._names, rest, strict=False))
        if len(rest) > len(targets):
            targets = self.learner.moved(targets, rest[-1], (images.shape[2], images.shape[3]))
        with computing(self.device, half=self.half):
            loss, outputs = self._loss(images, targets)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.settings.clip_norm)
        self.optimiser.step()
        value, count = loss.detach().double(), len(images)
        shown = self.learner.running(outputs.detach(), targets).double()
        self.sums += torch.stack([value * count, shown, torch.full_like(value, count)])
        return ()

    def _loss(self, images: Tensor, targets: Arrays) -> tuple[Tensor, Tensor]:
        outputs, auxiliaries = outputs_to_learn(self.module, images)
        loss = self.learner.loss(outputs, targets)
        for auxiliary in auxiliaries:  # GoogLeNet trains with heads on the way
            weight = float(self.module.aux_weight)  # type: ignore[arg-type]  # attributes have no type
            loss = loss + weight * self.learner.loss(auxiliary, targets)
        return loss, outputs


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
