"""What a card does in a second: training ResNet-50, and inference by several engines."""

from __future__ import annotations

import copy
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveate.batches.recording import Repeated, recorder_for
from foveate.exporter.emitter import emit
from foveate.models import create_model

TURNS = 7
# Dense bfloat16 TFLOP/s as their makers give them, by a part of the card's name.
PEAKS = {"H100 PCIe": 756.0, "H100 NVL": 835.0, "H100": 989.4, "H200": 989.4, "A100": 312.0, "L4": 121.0}


def peak_tflops(name: str) -> float | None:
    return next((peak for part, peak in PEAKS.items() if part in name), None)


def rate_of(
    call: Callable[[], Any], pictures: int, device: torch.device, *, seconds: float
) -> dict[str, float]:
    """Pictures a second: the median of seven turns, the slowest, the fastest."""
    for _ in range(5):
        call()
    _wait(device)
    began = time.perf_counter()
    call()
    _wait(device)
    calls = max(int(seconds / TURNS / max(time.perf_counter() - began, 1e-6)), 1)
    rates = []
    for _ in range(TURNS):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        _wait(device)
        rates.append(calls * pictures / (time.perf_counter() - began))
    return {
        "images_a_second": statistics.median(rates),
        "low": min(rates),
        "high": max(rates),
        "calls": calls,
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def macs_of(name: str, side: int) -> int:
    """Multiply-adds of one picture."""
    from foveate.graph.walk import walk

    return int(walk(create_model(name), (3, side, side)).macs)


def training_rate(
    name: str, side: int, batch: int, device: torch.device, *, how: str, seconds: float
) -> dict[str, Any]:
    """Steps of generated pictures in bfloat16, channels last. how: "eager", "recorded" or "compiled"."""
    torch.backends.cudnn.benchmark = True
    module: nn.Module = create_model(name).to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.SGD(
        module.parameters(), torch.tensor(0.01, device=device), momentum=0.9, fused=True
    )
    images = torch.rand(batch, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(1000, (batch,), device=device)
    forward = torch.compile(module) if how == "compiled" else module

    def step(x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16):
            loss = F.cross_entropy(forward(x), y)
        loss.backward()
        optimiser.step()
        return ()

    repeated = Repeated(step, recorder_for(device) if how == "recorded" else None)
    found: dict[str, Any] = rate_of(lambda: repeated(images, labels), batch, device, seconds=seconds)
    tflops = 6 * macs_of(name, side) * found["images_a_second"] / 1e12
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    peak = peak_tflops(card)
    return {
        "network": name,
        "how": how,
        "batch": batch,
        **found,
        "tflops": tflops,
        "share_of_peak": None if peak is None else tflops / peak,
        "refused": repeated.refused,
    }


def inference_rates(
    name: str, side: int, batch: int, device: torch.device, *, seconds: float, compiled: bool
) -> dict[str, Callable[[], dict[str, Any]]]:
    """The engines by name; each is made and measured when it is called."""
    torch.manual_seed(0)
    module = create_model(name).eval().to(device, memory_format=torch.channels_last)
    images = torch.rand(batch, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        expected = torch.softmax(module(images).float(), 1).cpu()

    def torch_engine(forward: Callable[[Tensor], Tensor], half: bool) -> dict[str, Any]:
        given = images.to(torch.bfloat16) if half else images

        def call() -> Tensor:
            with torch.inference_mode():
                return forward(given)

        found: dict[str, Any] = rate_of(call, batch, device, seconds=seconds)
        return {**found, "difference": _difference(call(), expected)}

    def eager(half: bool) -> dict[str, Any]:
        return torch_engine(_cast(module, half), half)

    def recorded(half: bool) -> dict[str, Any]:
        work = _cast(module, half)
        repeated = Repeated(lambda x: (work(x),), recorder_for(device))
        found = torch_engine(lambda x: repeated(x)[0], half)
        return {**found, "refused": repeated.refused}

    def compile_engine(half: bool) -> dict[str, Any]:
        return torch_engine(torch.compile(_cast(module, half)), half)

    engines: dict[str, Callable[[], dict[str, Any]]] = {}
    for word, half in (("float32", False), ("bfloat16", True)):
        engines[f"eager {word}"] = lambda half=half: eager(half)
        engines[f"CUDA graph {word}"] = lambda half=half: recorded(half)
        if compiled and half:  # compiling takes longer than measuring
            engines[f"torch.compile {word}"] = lambda half=half: compile_engine(half)
    for provider in _providers(batch):
        engines[f"ONNX Runtime {provider}"] = lambda provider=provider: _onnx_rate(
            module, images, expected, provider, seconds
        )
    return engines


def _cast(module: nn.Module, half: bool) -> nn.Module:
    return copy.deepcopy(module).to(torch.bfloat16) if half else module


def _difference(outputs: Tensor, expected: Tensor) -> float:
    """The greatest difference of a probability from eager float32."""
    return float((torch.softmax(outputs.float().cpu(), 1) - expected).abs().max())


def _providers(batch: int) -> list[str]:
    """Those that there are; a processor takes long for many pictures."""
    import onnxruntime

    wanted = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")
    there = onnxruntime.get_available_providers()
    return [name for name in wanted if name in there and (batch == 1 or not name.startswith("CPU"))]


def _onnx_rate(
    module: nn.Module, images: Tensor, expected: Tensor, provider: str, seconds: float
) -> dict[str, Any]:
    """The network as the program exports it, pictures in and out of the host's memory."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        sample = images[:1].cpu().repeat(2, 1, 1, 1)
        model = emit(copy.deepcopy(module).cpu(), sample, "images", "scores")
        path.write_bytes(model.SerializeToString())
        session = onnxruntime.InferenceSession(str(path), providers=[provider])
    if provider not in session.get_providers():
        raise RuntimeError(f"ONNX Runtime has {provider} and does not use it: {session.get_providers()}")
    given = {session.get_inputs()[0].name: np.ascontiguousarray(images.cpu().numpy())}
    found: dict[str, Any] = rate_of(
        lambda: session.run(None, given), len(images), torch.device("cpu"), seconds=seconds
    )
    return {**found, "difference": _difference(torch.from_numpy(session.run(None, given)[0]), expected)}
