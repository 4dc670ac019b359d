"""OpenVINO as this program runs it: the same graph on the CPU, with the same bounds of time.

On processors that compute in bfloat16 (AVX512-BF16, AMX) it does, unless it is asked for float32.
"""

from __future__ import annotations

import contextlib
import io
import os
import queue
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from foveate.errors import MissingExtraError
from foveate.runtime.session import TookTooLong, physical_cores

MOST_MILLISECONDS = 2**31 - 1
_TELEMETRY = "openvino_telemetry"


class OpenVinoSession:
    """A network compiled by OpenVINO. May be used by several threads, but not in a forked child (`usable`).

    model: bytes of a graph that was looked at (`check_onnx`) and opened by ONNX Runtime; outputs: its
    outputs in order, by which they are asked for. exact: float32 even where the processor is faster in
    bfloat16. Raises MissingExtraError where OpenVINO is not installed, RuntimeError for what it cannot run.
    """

    def __init__(
        self, model: bytes, outputs: Sequence[str], threads: int | None = None, *, exact: bool = False
    ) -> None:
        openvino = _quietly_imported()
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": threads or physical_cores(),
            "PERFORMANCE_HINT": "LATENCY",
            **({"INFERENCE_PRECISION_HINT": "f32"} if exact else {}),
        }
        self._compiled = core.compile_model(core.read_model(io.BytesIO(model)), "CPU", settings)
        self._places = {name: place for place, name in enumerate(outputs)}
        self._idle: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._process = os.getpid()

    @property
    def usable(self) -> bool:
        """Whether this is the process that compiled it: a forked child has none of its threads."""
        return os.getpid() == self._process

    @property
    def precision(self) -> str:
        """``bf16``, ``f16`` or ``f32``: what it computes in."""
        return str(self._compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())

    def run(
        self, outputs: Sequence[str], feeds: Mapping[str, Any], seconds: float = float("inf")
    ) -> list[Any]:
        """What the outputs hold. Raises TookTooLong after so many seconds, at the end of an operator."""
        try:
            request = self._idle.get_nowait()
        except queue.Empty:
            request = self._compiled.create_infer_request()
        request.start_async(dict(feeds), share_inputs=True)
        if not request.wait_for(int(min(seconds * 1000, MOST_MILLISECONDS))):
            request.cancel()  # it ends with the operator that it is at; until then the inputs are read
            with contextlib.suppress(Exception):
                request.wait()
            raise TookTooLong(f"ended after {seconds:.0f} seconds")
        found = [request.get_output_tensor(self._places[name]).data.copy() for name in outputs]
        self._idle.put(request)
        return found


def _quietly_imported() -> Any:
    """OpenVINO without what tells its maker of each import: its own stub stands in for that."""
    unloaded = _TELEMETRY not in sys.modules
    if unloaded:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # an import of it fails
    try:
        import openvino
    except ImportError:
        raise MissingExtraError("OpenVINO", "openvino") from None
    finally:
        if unloaded:
            del sys.modules[_TELEMETRY]
    return openvino
