"""How much memory this process may use: the machine's, or less where its container or batch job has less."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_ROOT = Path("/")
# Of control groups, by their version: where they lie, the limit, what is used, and what of it is only kept of
# files. https://docs.kernel.org/admin-guide/cgroup-v2.html#memory
_V1 = ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file")


def memory_bytes() -> int | None:
    """All of it; None on a system that does not say."""
    known = [limit for limit, _ in _groups()]
    with contextlib.suppress(AttributeError, OSError, ValueError):
        known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(known, default=None)


def free_memory_bytes() -> int:
    """What is free without swapping, as the kernel estimates it; half of all memory where it does not."""
    told = dict(line.split(":", 1) for line in _lines("proc/meminfo"))
    if "MemAvailable" in told:
        free = int(told["MemAvailable"].split()[0]) * 1024
    else:
        free = (memory_bytes() or 4 << 30) // 2
    return min([free, *(max(limit - used, 0) for limit, used in _groups())])


def _groups() -> Iterator[tuple[int, int]]:
    """(limit, used) of each control group with a limit that this process is in, and of those around it."""
    for line in _lines("proc/self/cgroup"):
        _, kinds, own = line.split(":", 2)
        if kinds and "memory" not in kinds.split(","):
            continue
        place, limit, usage, kept = _V1 if kinds else _V2
        for group in (PurePosixPath(own), *PurePosixPath(own).parents):
            folder = f"{place}{group}"
            most, used = (_lines(f"{folder}/{name}") for name in (limit, usage))
            if most and used and most[0].isdigit():
                facts = dict(fact.split() for fact in _lines(f"{folder}/memory.stat"))
                yield int(most[0]), int(used[0]) - int(facts.get(kept, 0))


def _lines(name: str) -> list[str]:
    try:
        return (_ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
