"""Which of several processes this one is, as launchers tell: torchrun, Kubeflow, SageMaker and others."""

from __future__ import annotations

import os
from dataclasses import dataclass

RESTARTS = "FOVEATE_RESTARTS"  # how often `foveate train --nproc` has begun anew

BEGAN = "FOVEATE_BEGAN"  # and when it was given, for the first of them


@dataclass(frozen=True)
class Launched:
    """rank: this process's number of ``world``; local_rank: its number of ``local_world`` on this machine.

    restarts: how often all of them have begun anew since the command was given. by_nproc: whether
    `foveate train --nproc` has started them; began: when it did, on time.monotonic()'s scale.
    """

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1
    restarts: int = 0
    by_nproc: bool = False
    began: float | None = None

    @property
    def first(self) -> bool:
        """Whether this is the process that tells and writes."""
        return self.rank == 0

    @classmethod
    def here(cls) -> Launched:
        """By the variables that torchrun sets (``RANK``, ``WORLD_SIZE``, ...); one process without them.

        Where only the number among all is told, this machine is taken to have them all.
        """
        rank, world = _number("RANK", 0), _number("WORLD_SIZE", 1)
        return cls(
            rank=rank,
            world=world,
            local_rank=_number("LOCAL_RANK", rank),
            local_world=_number("LOCAL_WORLD_SIZE", world),
            restarts=max(_number("TORCHELASTIC_RESTART_COUNT", 0), _number(RESTARTS, 0)),
            by_nproc=RESTARTS in os.environ,
            began=float(os.environ[BEGAN]) if BEGAN in os.environ else None,
        )


def _number(name: str, usual: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() else usual
