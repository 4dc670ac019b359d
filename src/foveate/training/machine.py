"""What of a machine decides the bits of a training, beside the seed: sums are added up in another order by
another number of threads, by other kernels, and on another device.
"""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from foveate.errors import InputError
from foveate.training.precision import processor_has_bfloat16
from foveate.words import setting


@dataclass(frozen=True)
class Machine:
    """threads: of torch, on the processor; ranks: processes. The others are names for people, and differ
    where bits may.
    """

    threads: int
    device: str
    torch_version: str
    processor: str
    ranks: int = 1

    @classmethod
    def here(cls, device: torch.device, ranks: int = 1) -> Machine:
        """This machine, as torch is set now."""
        name = (
            f"{device.type} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type
        )
        return cls(torch.get_num_threads(), name, torch.__version__, _processor(), ranks)

    def to_dict(self) -> dict[str, str | int]:
        return asdict(self)

    def differs_from(self, before: Machine) -> str:
        """In words, what is not as it was; empty where the same bits come out."""
        then, now = before.to_dict(), self.to_dict()
        changed = [name for name in then if then[name] != now[name]]
        return "; ".join(f"{name.replace('_', ' ')} {then[name]}, now {now[name]}" for name in changed)


@contextlib.contextmanager
def torch_threads(number: int | None) -> Iterator[None]:
    """So many threads within; as many as there are for None."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _processor() -> str:
    """The model, and the instructions that torch chooses its kernels by."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line for line in lines if line.startswith("model name")).partition(":")[2].strip()
    bfloat16 = " with bfloat16" if processor_has_bfloat16() else ""
    return f"{model}, {torch.backends.cpu.get_cpu_capability()}{bfloat16}"


def choose_device(name: str) -> torch.device:
    """The device of this name; "auto" takes CUDA or Apple's MPS where there is one.

    Raises:
        InputError: there is no such device on this machine.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"{setting('device', name)}: there is no such device here; try {setting('device', 'auto')} or "
            "cpu."
        ) from error
    return device
