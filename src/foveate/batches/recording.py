"""Work on a card that is recorded once and then repeated: CUDA graphs.

A step of a small network is some hundred kernels of a few microseconds each; Python takes longer to start
them than the card to run them. Recorded, they are started by one call. A recording repeats the kernels on the
same memory with the same numbers: what a work takes from Python (a flag, a count) is what it was when it was
recorded. So whatever changes from one call to the next must come as a tensor, and nothing may depend on a
value that only the card knows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

RUNS_BEFORE = 3  # libraries choose their kernels and optimisers make their state in the first runs
SELDOM = 30  # runs of another kind, as of an epoch's last batch, before it is worth a recording too

Tensors = tuple[Tensor, ...]


class Recorder(Protocol):
    """Records work on one device."""

    def record(
        self, work: Callable[[], Tensors], generator: torch.Generator | None
    ) -> tuple[Tensors, Callable[[], None]]:
        """Do the work once; give its tensors, and what does it again into the same tensors.

        generator: from which the work draws, beside the device's own; it may be seeded anew before each call.

        Raises:
            RuntimeError: it cannot be recorded; then nothing has been done.
        """
        ...


class CudaRecorder:
    """CUDA graphs."""

    def record(
        self, work: Callable[[], Tensors], generator: torch.Generator | None
    ) -> tuple[Tensors, Callable[[], None]]:
        before = torch.cuda.current_stream()
        try:
            outputs, graph = self._captured(work, generator)
        except RuntimeError:
            # A capture that failed leaves its stream current and the generators waiting for its end; one that
            # succeeds ends it for them.
            torch.cuda.set_stream(before)
            with contextlib.suppress(RuntimeError):
                self._captured(lambda: (torch.zeros((), device="cuda"),), generator)
            raise
        graph.replay()
        return outputs, graph.replay

    @staticmethod
    def _captured(
        work: Callable[[], Tensors], generator: torch.Generator | None
    ) -> tuple[Tensors, torch.cuda.CUDAGraph]:
        graph = torch.cuda.CUDAGraph()
        if generator is not None:
            graph.register_generator_state(generator)
        with torch.cuda.graph(graph):
            outputs = work()
        return outputs, graph


def recorder_for(device: torch.device) -> Recorder | None:
    """What records on this device; None where nothing does."""
    return CudaRecorder() if device.type == "cuda" else None


@dataclass(frozen=True)
class _Recorded:
    inputs: Tensors
    outputs: Tensors
    again: Callable[[], None]


class Repeated:
    """Work that runs as it is a few times, and from then on, for each kind of input, as it was recorded.

    Args:
        work: takes tensors and gives tensors; what it changes otherwise must be changed in place.
        recorder: None never records. Where recording fails, the work runs as it is for good, and ``refused``
            tells why.
        generator: from which the work draws random numbers, beside the device's own.
    """

    def __init__(
        self,
        work: Callable[..., Tensors],
        recorder: Recorder | None,
        generator: torch.Generator | None = None,
    ) -> None:
        self.work, self.recorder, self.generator = work, recorder, generator
        self.refused = ""
        self._recorded: dict[Hashable, _Recorded] = {}
        self._runs: dict[Hashable, int] = {}

    def __call__(self, *given: Tensor, kind: Hashable = None) -> Tensors:
        """The work's tensors; once recorded they are the same ones each time, with other values.

        kind: tells apart what the shapes of ``given`` do not: flags that the work reads.
        """
        if self.recorder is None:
            return self.work(*given)
        key = (kind, *((one.shape, one.stride(), one.dtype) for one in given))
        if key in self._recorded:
            recorded = self._recorded[key]
            for own, value in zip(recorded.inputs, given, strict=True):
                own.copy_(value)
            recorded.again()
            return recorded.outputs
        self._runs[key] = self._runs.get(key, 0) + 1
        if self._runs[key] <= (SELDOM if self._recorded else RUNS_BEFORE):
            return self.work(*given)
        return self._record(self.recorder, key, given)

    def _record(self, recorder: Recorder, key: Hashable, given: Tensors) -> Tensors:
        inputs = tuple(one.clone() for one in given)
        try:
            outputs, again = recorder.record(lambda: self.work(*inputs), self.generator)
        except RuntimeError as error:  # torch tells so that the device waits, or that memory is short
            self.recorder, self.refused = None, str(error)
            return self.work(*given)
        self._recorded[key] = _Recorded(inputs, outputs, again)
        return outputs

    @property
    def recordings(self) -> int:
        """How many kinds of input are recorded."""
        return len(self._recorded)

    def forget(self) -> None:
        """Record anew: the tensors that the work changes are others now."""
        self._recorded.clear()
        self._runs.clear()
