"""ONNX Runtime as this program runs it: with bounded memory and time, from bytes, by default on the CPU."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foveate.memory import memory_bytes
from foveate.runtime.watch import InFlight

_CPU = "CPUExecutionProvider"
# What ONNX Runtime calls what it can compute on, where it was built for it.
_ACCELERATORS = {"cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider"}
# What ONNX Runtime may hold while it runs: a hostile graph fails instead of swapping.
MAX_ARENA_BYTES = 4 << 30


class TookTooLong(Exception):  # noqa: N818 -- whoever runs the model says what it means
    """A run was ended at its deadline."""


class Session:
    """A session of ONNX Runtime. May be used by several threads, and in a forked child.

    provider: what it computes on, before the CPU, of `accelerators`.
    """

    def __init__(self, model: bytes, threads: int | None = None, *, provider: str = _CPU) -> None:
        with InFlight():
            self._session = _open(model, threads, provider)

    @property
    def usable(self) -> bool:
        """Whether this process may run it: always."""
        return True

    @property
    def inputs(self) -> list[Any]:
        return list(self._session.get_inputs())

    @property
    def outputs(self) -> list[Any]:
        return list(self._session.get_outputs())

    def run(
        self, outputs: Sequence[str], feeds: Mapping[str, Any], seconds: float = float("inf")
    ) -> list[Any]:
        """What the outputs hold. Raises TookTooLong after so many seconds, at the end of an operator."""
        import onnxruntime

        options = onnxruntime.RunOptions()
        with InFlight(options, seconds):
            try:
                return list(self._session.run(list(outputs), dict(feeds), options))
            except Exception as error:
                if options.terminate:
                    raise TookTooLong(f"ended after {seconds:.0f} seconds") from error
                raise


def accelerators() -> dict[str, str]:
    """What ONNX Runtime can compute on here beside the processor: its provider, by a short name."""
    import onnxruntime

    there = onnxruntime.get_available_providers()
    return {name: provider for name, provider in _ACCELERATORS.items() if provider in there}


def _open(model: bytes, threads: int | None, provider: str) -> Any:
    """An ONNX Runtime session, from bytes: no path is known, so none can be resolved."""
    import onnxruntime

    # Telemetry is off already (`foveate/__init__.py`), unless the user's program loaded the library before.
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors come as exceptions
    options.intra_op_num_threads = threads or physical_cores()
    options.inter_op_num_threads = 1
    # Threads that wait for work stay awake for a moment, for small networks are half waking up; then they
    # sleep (by default after much longer), for decoding the next batch needs the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.intra_op.spin_duration_us", "200")
    if _limit_memory():
        options.add_session_config_entry("session.use_env_allocators", "1")
    return onnxruntime.InferenceSession(
        model,
        options,
        providers=list(dict.fromkeys((provider, _CPU))),
        # Folding runs parts of the graph while it is being opened, outside the memory limit; Pad_Fusion takes
        # zeros before a maximum pool for the pool's own padding, which is minus infinity.
        disabled_optimizers=["ConstantFolding", "Pad_Fusion"],
        enable_fallback=0,  # else it prints an error and tries the same again
    )


_memory_limited: bool | None = None


def _limit_memory() -> bool:
    """Register one bounded allocator for all sessions of this process; False if another program part did."""
    global _memory_limited  # noqa: PLW0603 -- ONNX Runtime's environment is one a process, too
    if _memory_limited is None:
        import onnxruntime as ort

        most = min(MAX_ARENA_BYTES, (memory_bytes() or 2 * MAX_ARENA_BYTES) // 2)
        kind = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
        arena = ort.OrtArenaCfg({"max_mem": most})
        _memory_limited = False
        with contextlib.suppress(Exception):
            ort.create_and_register_allocator(kind, arena)
            _memory_limited = True
    return _memory_limited


def physical_cores() -> int:
    """The cores this process may use, two hardware threads of a core counted once."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = set()
    for cpu in usable:
        try:
            path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
            siblings.add(path.read_text())
        except OSError:
            siblings.add(str(cpu))
    return max(1, len(siblings))
