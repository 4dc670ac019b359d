"""Several processes ("ranks") that train one network together, by `torch.distributed`; one that is alone.

The loop asks `Ranks` for what belongs to all: a decision, a sum, the outputs of a whole split. One process
has it already, and `ALONE` gives it back. Batches are shared picture by picture
(`foveate.batches.loader.Part`), so that any number of ranks takes the same steps; gradients come together
while they are computed (`torch.nn.parallel.DistributedDataParallel`).
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from foveate.batches.loader import Part, Shared
from foveate.errors import FoveateError, InputError, LostRankError
from foveate.launched import Launched
from foveate.layers.ranks import sharing
from foveate.training.over_ranks import BatchNormsOverRanks, MeanOverRanks

PATIENCE = timedelta(minutes=10)  # for the slowest rank; one that has ended is noticed at once


class Ranks:
    """One process. `SeveralRanks` has the same for many.

    Attributes:
        number, count: which one of how many. part: of every batch what is this one's. on_this_machine: how
            many share its processors.
    """

    number, count, on_this_machine = 0, 1, 1

    @property
    def first(self) -> bool:
        """Whether this is the rank that tells and writes."""
        return self.number == 0

    @property
    def part(self) -> Part:
        return Part(self.number, self.count)

    def spread(self, module: nn.Module) -> None:
        """Give all ranks the first one's weights."""

    def sharing(self, shared: Shared | None) -> AbstractContextManager[Any]:
        """The context of a step on a batch; shared: who has the rest of it."""
        return nullcontext()

    def wrapped(self, step: nn.Module) -> Callable[..., Tensor]:
        """A module that gives the loss of a batch's part, with gradients that are the mean of all ranks'."""
        return step

    def keeping(self, wrapped: Callable[..., Tensor]) -> AbstractContextManager[Any]:
        """The context of a pass whose gradients are only added up, as more passes come before the step."""
        return nullcontext()

    def total(self, values: Tensor) -> Tensor:
        """Sums over the ranks."""
        return values

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag whether it is set on any rank."""
        return flags

    def greatest(self, *values: float) -> tuple[float, ...]:
        """The greatest of each number."""
        return values

    def first_says(self, value: Any) -> Any:
        """What the first rank says: plain JSON, asked for on every rank."""
        return value

    def first_sends(self, data: bytes) -> bytes:
        """The first rank's bytes, on every rank."""
        return data

    def joined(self, rows: Tensor, total: int) -> Tensor | None:
        """The rows of each rank's `part` of ``total``, in order, on the first rank; None on the others."""
        return rows

    def together(self) -> AbstractContextManager[Any]:
        """Around what each rank does for itself: what fails on one fails on all, and is told once.

        Raises:
            FoveateError: on the first rank, with what went wrong there or elsewhere.
            SystemExit: on the others, with the same exit code.
        """
        return nullcontext()

    def one_before_others(self) -> AbstractContextManager[Any]:
        """Around what one rank a machine finds out and keeps on its disk, where the others then find it."""
        return nullcontext()

    def leave(self) -> None:
        """The end of what ranks do together: the first goes on alone.

        Raises:
            SystemExit: on the others, whose process has no more to do, with exit code 0.
        """

    def check_alike(self, what: str, advice: str, facts: Mapping[str, Any]) -> None:
        """Refuse ranks that differ in what must be alike; facts: plain JSON, by name, in words.

        Raises as `together`: InputError, with the first difference.
        """


ALONE = Ranks()


class SeveralRanks(Ranks):
    """A rank of many: a process group of torch, of which the default one is theirs.

    Calls must come in the same order on all ranks.
    """

    def __init__(self, launched: Launched) -> None:
        self.number, self.count, self.on_this_machine = launched.rank, launched.world, launched.local_world
        self._first_here = launched.local_rank == 0
        # Batch norms have a group of their own: gradients go on in the meantime in another order.
        self._group = dist.new_group()

    def spread(self, module: nn.Module) -> None:
        with torch.no_grad():
            for tensor in module.state_dict().values():
                dist.broadcast(tensor, 0)

    def sharing(self, shared: Shared | None) -> AbstractContextManager[Any]:
        if shared is None:
            return nullcontext()
        stack = ExitStack()
        stack.enter_context(sharing(partial(_mean, group=self._group), self.count))
        stack.enter_context(BatchNormsOverRanks(self._group))
        return stack

    def wrapped(self, step: nn.Module) -> Callable[..., Tensor]:
        gc.collect()  # an earlier wrapping of the same weights listens to their gradients until it is gone
        wrapped = DistributedDataParallel(_Learning(step), find_unused_parameters=True)
        wrapped.broadcast_buffers = False  # those of batch norms are the same everywhere
        return wrapped

    def keeping(self, wrapped: Callable[..., Tensor]) -> AbstractContextManager[Any]:
        kept: AbstractContextManager[Any] = wrapped.no_sync()  # type: ignore[attr-defined]  # of `wrapped`
        return kept

    def total(self, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    def any(self, *flags: bool) -> tuple[bool, ...]:
        return tuple(value > 0 for value in self.greatest(*map(float, flags)))

    def greatest(self, *values: float) -> tuple[float, ...]:
        found = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return tuple(found.tolist())

    def first_says(self, value: Any) -> Any:
        return json.loads(self.first_sends(json.dumps(value).encode()))

    def first_sends(self, data: bytes) -> bytes:
        size = torch.tensor([len(data)])
        dist.broadcast(size, 0)
        sent = torch.empty(int(size), dtype=torch.uint8)
        if self.first and data:
            sent = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        dist.broadcast(sent, 0)
        return sent.numpy().tobytes()

    def joined(self, rows: Tensor, total: int) -> Tensor | None:
        if self.part.of(0, total)[2] is None:  # so few that everybody has all
            return rows if self.first else None
        return self._gathered(rows)

    def _gathered(self, rows: Tensor) -> Tensor | None:
        """The rows of all ranks one after the other, on the first."""
        counts = torch.zeros(self.count, dtype=torch.int64)
        counts[self.number] = len(rows)
        counts = self.total(counts)
        padded = rows.new_zeros((int(counts.max()), *rows.shape[1:]))
        padded[: len(rows)] = rows
        received = [torch.empty_like(padded) for _ in range(self.count)] if self.first else None
        dist.gather(padded, received, 0)
        if received is None:
            return None
        return torch.cat([one[:count] for one, count in zip(received, counts.tolist(), strict=True)])

    @contextmanager
    def together(self) -> Iterator[None]:
        own: FoveateError | None = None
        try:
            yield
        except FoveateError as error:
            own = error
        failed = [(rank, *said) for rank, said in enumerate(self._all_say(_told(own))) if said]
        if failed:
            self._fail(own, failed)

    @contextmanager
    def one_before_others(self) -> Iterator[None]:
        if not self._first_here:
            self.any()
        try:
            yield
        finally:
            if self._first_here:
                self.any()

    def leave(self) -> None:
        self.any()
        dist.destroy_process_group()
        if not self.first:
            raise SystemExit(0)

    def check_alike(self, what: str, advice: str, facts: Mapping[str, Any]) -> None:
        said = self._all_say(facts)
        for rank, theirs in enumerate(said):
            different = [name for name in facts if theirs.get(name) != said[0].get(name)]
            if different:
                name = different[0]
                self._fail(
                    None,
                    [
                        (
                            rank,
                            InputError.exit_code,
                            f"Rank {rank} has {what} than rank 0 ({name} {theirs.get(name)} instead of "
                            f"{said[0].get(name)}): {advice}.",
                        )
                    ],
                    named=True,
                )

    def _fail(
        self, own: FoveateError | None, failed: Sequence[tuple[int, int, str]], *, named: bool = False
    ) -> None:
        rank, code, sentence = failed[0]
        if not self.first:
            raise SystemExit(code)
        if own is not None:
            raise own
        error = InputError if code == InputError.exit_code else FoveateError
        raise error(sentence if named else f"Rank {rank}: {sentence}")

    def _all_say(self, value: Any) -> list[Any]:
        """What each rank says: plain JSON."""
        data = json.dumps(value).encode()
        rows = self._gathered(torch.frombuffer(bytearray(data + b"\n"), dtype=torch.uint8))
        lines = b"" if rows is None else rows.numpy().tobytes()
        return [json.loads(line) for line in self.first_sends(lines).splitlines()]


class _Learning(nn.Module):
    """A step, as torch wraps it.

    With a parameter that nothing uses: torch looks for such ones, as a network may have some, and warns where
    it finds none.
    """

    def __init__(self, step: nn.Module) -> None:
        super().__init__()
        self.step, self.unused = step, nn.Parameter(torch.zeros((), device=next(step.parameters()).device))

    def forward(self, *given: Any) -> Tensor:
        loss: Tensor = self.step(*given)
        return loss


def _mean(x: Tensor, group: dist.ProcessGroup) -> Tensor:
    mean: Tensor = MeanOverRanks.apply(x, group)
    return mean


def _told(error: FoveateError | None) -> list[Any] | None:
    return None if error is None else [error.exit_code, str(error)]


@contextmanager
def joined_ranks(launched: Launched, device: torch.device) -> Iterator[Ranks]:
    """All ranks that were launched, for as long as the context lasts; `ALONE` where there is one.

    device: where they train. Ranks that share a card, which NCCL does not take, talk over the network.

    Raises:
        LostRankError: another rank has ended.
    """
    if launched.world == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(launched.local_rank % torch.cuda.device_count())
    own_card = device.type == "cuda" and launched.local_world <= torch.cuda.device_count()
    with _lost_told():
        try:
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if own_card else "gloo",
                timeout=PATIENCE,
                rank=launched.rank,
                world_size=launched.world,
            )
        except ValueError as error:
            raise InputError(
                f"WORLD_SIZE says that {launched.world} processes train together, and torch cannot find "
                f"them: {error}. Start them with torchrun, or unset WORLD_SIZE to train in one."
            ) from error
        try:
            yield SeveralRanks(launched)
        finally:
            if dist.is_initialized():  # else they have left
                dist.destroy_process_group()


@contextmanager
def _lost_told() -> Iterator[None]:
    """torch tells of a rank that has ended by the name of the library that noticed."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, FoveateError) or not any(
            word in str(error) for word in ("gloo", "NCCL", "onnection", "timed out", "Timed out")
        ):
            raise
        raise LostRankError(
            "Another process of this training has ended, and all end with it; begun anew, they go on from "
            "the last checkpoint."
        ) from error
