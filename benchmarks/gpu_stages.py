"""The stages of `benchmarks/gpu.py`: each puts what it finds into a report, piece by piece."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import gpu_rival
from foveate.batches.augment import Augmentation
from foveate.training.recipes import COMPACT_LONG, Recipe
from foveate.training.settings import OptimiserSettings, ScheduleSettings, TrainingSettings
from gpu_data import DECODED
from gpu_speed import inference_rates, training_rate
from gpu_training import OnDevice, Plan, Sides, read, stored, train_once

ROOT = Path(__file__).resolve().parent.parent
SEEDS = 3


@dataclass(frozen=True)
class How:
    """quick: everything once. dry: on the processor, tiny. work: where data are unpacked."""

    quick: bool
    dry: bool
    work: Path

    @property
    def device(self) -> torch.device:
        return torch.device("cpu" if self.dry else "cuda")

    @property
    def seeds(self) -> int:
        return 1 if self.quick or self.dry else SEEDS

    @property
    def seconds(self) -> float:
        """Of measuring a speed."""
        return 0.1 if self.dry else 0.7 if self.quick else 2.0


class Report:
    """A stage's findings; the file is written with each of them."""

    def __init__(self, path: Path) -> None:
        self.path, self.found = path, dict[str, Any]()
        path.parent.mkdir(parents=True, exist_ok=True)

    def put(self, name: str, value: object) -> None:
        self.found[name] = value
        self.path.write_text(json.dumps(self.found, indent=1))

    def attempt(self, name: str, work: Callable[[], object]) -> None:
        """Put what the work gives, or how it failed."""
        try:
            began = time.perf_counter()
            value = work()
            print(f"  {name}: {time.perf_counter() - began:.1f} s {value}", file=sys.stderr, flush=True)
            self.put(name, value)
        except Exception:
            self.put(name, {"failed": traceback.format_exc()})
            traceback.print_exc()


def machine(report: Report, how: How) -> None:
    """Card, driver, libraries."""
    report.put("processor", f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    report.put("python", platform.python_version())
    report.put("torch", torch.__version__)
    report.put("cuda", torch.version.cuda)
    if how.device.type == "cuda":
        report.put("card", torch.cuda.get_device_name())
        report.put("memory_bytes", torch.cuda.mem_get_info()[1])
        report.put("cudnn", torch.backends.cudnn.version())
    report.attempt("driver", _driver)
    report.attempt("onnxruntime", _onnxruntime)


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version,clocks.max.sm,power.limit", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return f"not told: {error}"


def _onnxruntime() -> dict[str, Any]:
    import onnxruntime

    return {"version": onnxruntime.__version__, "providers": onnxruntime.get_available_providers()}


def tests(report: Report, how: How) -> None:
    """The tests that are marked `cuda`."""
    paths = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*cuda*.py"))
    command = [sys.executable, "-m", "pytest", "-m", "cuda", "-p", "no:cacheprovider", "-W", "default"]
    done = subprocess.run([*command, "-ra", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    report.put("output", (done.stdout + done.stderr)[-12_000:])
    report.put("last_line", done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "")
    if done.returncode not in {0, 5}:
        report.put("error", f"pytest ended with {done.returncode}")
    print(done.stdout[-6000:], file=sys.stderr)


# Trainings


def _fashion(how: How) -> Sides:
    sides = read("fashion-mnist-mini" if how.dry else "fashion-mnist")
    return sides.few(600) if how.dry else sides


def _cifar(how: How) -> Sides:
    if how.dry and not (how.work / DECODED).is_file():
        return _grey_as_colour(read("fashion-mnist-mini").few(600))
    sides = stored(how.work / DECODED)
    return sides.few(600) if how.dry else sides


def _grey_as_colour(sides: Sides) -> Sides:
    """(N, 28, 28, 1) -> (N, 32, 32, 3), for a dry run."""

    def grown(side: tuple[Any, Any]) -> tuple[Any, Any]:
        import numpy as np

        return np.ascontiguousarray(
            np.pad(side[0], ((0, 0), (2, 2), (2, 2), (0, 0))).repeat(3, axis=3)
        ), side[1]

    return replace(sides, train=grown(sides.train), test=grown(sides.test))


def _card_recipe(
    rate: float, batch: int, *, decay: float = 0.01, shift_px: int = 1, smoothing: float = 0.1
) -> Recipe:
    """The compact recipe with other numbers, for larger batches."""
    training = replace(
        COMPACT_LONG.training,
        optimiser=OptimiserSettings("adamw", learning_rate=rate, weight_decay=decay, betas=(0.9, 0.99)),
        label_smoothing=smoothing,
    )
    augmentation = Augmentation(flip="alternating", shift_px=shift_px)
    return replace(COMPACT_LONG, name="trial", training=training, batch_size=batch, augmentation=augmentation)


def _momentum_recipe(rate: float, batch: int, *, decay: float, shift_px: int, factor: float) -> Recipe:
    """Nesterov momentum with fast norm biases. rate: of the mean loss."""
    training = TrainingSettings(
        optimiser=OptimiserSettings(
            "sgd", learning_rate=rate, weight_decay=decay, momentum=0.85, norm_bias_factor=factor
        ),
        schedule=ScheduleSettings(
            warmup_fraction=0.23, start_fraction=0.2, decay="linear", final_fraction=0.07
        ),
        label_smoothing=0.2,
    )
    augmentation = Augmentation(flip="alternating", shift_px=shift_px)
    return replace(COMPACT_LONG, name="trial", training=training, batch_size=batch, augmentation=augmentation)


FASHION_PLANS = (Plan("compact_l", 16), Plan("compact_l", 8))
WIDE = {"widths": (64, 256, 256), "depths": (1, 2, 2)}
DEEP = {"widths": (64, 256, 256), "depths": (2, 2, 2)}


def fashion_trials() -> list[Plan]:
    """Larger batches and networks: a card computes 512 small pictures in the time of 128."""
    small = {"widths": (32, 64, 128), "depths": (1, 2, 2)}
    middle = {"widths": (64, 128, 256), "depths": (1, 2, 2)}
    return [
        Plan(small, 16, _card_recipe(0.015, 128), "l, 16 epochs, 128, 0.015"),
        Plan(small, 16, _card_recipe(0.02, 512), "l, 16 epochs, 512, 0.02"),
        Plan(small, 20, _card_recipe(0.03, 512), "l, 20 epochs, 512, 0.03"),
        Plan(middle, 10, _card_recipe(0.01, 512), "64-128-256, 10 epochs, 512, 0.01"),
        Plan(middle, 16, _card_recipe(0.015, 512), "64-128-256, 16 epochs, 512, 0.015"),
        Plan(
            middle, 16, _card_recipe(0.01, 512, decay=0.05, smoothing=0.2), "64-128-256, 16, 512, 0.01, decay"
        ),
        Plan(WIDE, 16, _card_recipe(0.008, 512, decay=0.05), "64-256-256, 16 epochs, 512, 0.008"),
        Plan(
            WIDE,
            20,
            _momentum_recipe(2.0, 1024, decay=0.0013, shift_px=1, factor=32.0),
            "64-256-256, 20, momentum",
        ),
    ]


def cifar_plans() -> list[Plan]:
    recipe = _card_recipe(0.006, 512, decay=0.3, shift_px=2, smoothing=0.2)
    return [Plan(DEEP, epochs, recipe, f"64-256-256, {epochs}, adamw 0.006") for epochs in (20, 40)]


def cifar_trials() -> list[Plan]:
    return [
        Plan(
            WIDE, 12, _card_recipe(0.008, 512, decay=0.05, shift_px=2, smoothing=0.2), "wide, 12, adamw 0.008"
        ),
        Plan(
            DEEP, 12, _card_recipe(0.008, 512, decay=0.05, shift_px=2, smoothing=0.2), "deep, 12, adamw 0.008"
        ),
        Plan(
            WIDE,
            12,
            _momentum_recipe(1.5, 1024, decay=0.0013, shift_px=2, factor=64.0),
            "wide, 12, momentum 1.5",
        ),
        Plan(
            DEEP,
            12,
            _momentum_recipe(1.5, 1024, decay=0.0013, shift_px=2, factor=64.0),
            "deep, 12, momentum 1.5",
        ),
        Plan(
            DEEP,
            12,
            _momentum_recipe(0.75, 1024, decay=0.0013, shift_px=2, factor=64.0),
            "deep, 12, momentum 0.75",
        ),
        Plan(
            DEEP, 20, _card_recipe(0.006, 512, decay=0.1, shift_px=2, smoothing=0.2), "deep, 20, adamw 0.006"
        ),
    ]


def _train(report: Report, how: How, data: OnDevice, plans: list[Plan] | tuple[Plan, ...]) -> None:
    most = 6 if how.dry else None
    for plan in plans:
        report.attempt(f"warm-up {plan.title}", lambda p=plan: train_once(data, p, 0, most_steps=most or 40))
        for seed in range(1, how.seeds + 1):
            report.attempt(
                f"{plan.title}, seed {seed}", lambda p=plan, s=seed: train_once(data, p, s, most_steps=most)
            )


def fashion(report: Report, how: How) -> None:
    """Fashion-MNIST by the program's own recipes, tested once a run."""
    _train(report, how, OnDevice(_fashion(how), how.device), FASHION_PLANS)


def cifar(report: Report, how: How) -> None:
    """CIFAR-10 as JPEG by the recipe that was the best of the trials, tested once a run."""
    _train(report, how, OnDevice(_cifar(how), how.device), cifar_plans())


def trials(report: Report, how: How) -> None:
    """Which recipe for a card: chosen on 10,000 training pictures held out, one seed each."""
    one = replace(how, quick=True)
    count = 200 if how.dry else 10_000
    data = OnDevice(_fashion(how).held_out(count), how.device)
    _train(report, one, data, fashion_trials())
    data = OnDevice(_cifar(how).held_out(count), how.device)
    _train(report, one, data, cifar_trials())


def rival(report: Report, how: How) -> None:
    """CIFAR-10 as JPEG by airbench94's method: as published, and started as one graph."""
    import numpy as np

    sides = _cifar(how).few(128) if how.dry else _cifar(how)
    train, test = (
        (torch.from_numpy(images).to(how.device), torch.from_numpy(labels.astype(np.int64)).to(how.device))
        for images, labels in (sides.train, sides.test)
    )
    method = gpu_rival.Method(epochs=4.5, batch=32, widths=(8, 8, 8)) if how.dry else gpu_rival.Method()
    torch.backends.cudnn.benchmark = True
    for recorded in (False, True):
        word = "as one graph" if recorded else "as published"
        short = replace(method, epochs=0.3)
        report.attempt(
            f"warm-up {word}", lambda r=recorded, m=short: gpu_rival.train_once(train, test, 0, m, recorded=r)
        )
        for seed in range(1, how.seeds + 1):
            report.attempt(
                f"airbench94's method {word}, seed {seed}",
                lambda r=recorded, s=seed: gpu_rival.train_once(train, test, s, method, recorded=r),
            )


# Speeds


def resnet(report: Report, how: How) -> None:
    """ResNet-50 training, 224 px, bfloat16, channels last."""
    name, side, batch = ("resnet18", 32, 4) if how.dry else ("resnet50", 224, 256)
    ways = ("eager", "recorded") if how.dry else ("eager", "recorded", "compiled")
    for way in ways:
        report.attempt(
            f"{name} {way}",
            lambda w=way: training_rate(name, side, batch, how.device, how=w, seconds=how.seconds),
        )


def inference(report: Report, how: How) -> None:
    """Pictures a second of each engine, and how far its probabilities lie from eager float32's."""
    nets = ("resnet18",) if how.dry else ("resnet50", "efficientnet_lite0")
    for name in nets[:1] if how.quick else nets:
        for batch in (1,) if how.dry else (1, 256):
            side = 64 if how.dry else 224
            engines = inference_rates(
                name,
                side,
                batch,
                how.device,
                seconds=how.seconds,
                compiled=name == nets[0] and not (how.dry or how.quick),
            )
            for engine, measure in engines.items():
                report.attempt(f"{name}, batch {batch}, {engine}", measure)


STAGES: dict[str, Callable[[Report, How], None]] = {
    "machine": machine,
    "tests": tests,
    "fashion": fashion,
    "cifar": cifar,
    "rival": rival,
    "trials": trials,
    "resnet": resnet,
    "inference": inference,
}
LIMITS = {
    "machine": 30,
    "tests": 100,
    "fashion": 70,
    "cifar": 60,
    "rival": 60,
    "trials": 120,
    "resnet": 100,
    "inference": 120,
}
QUICK_LIMITS = {
    "machine": 30,
    "tests": 60,
    "fashion": 40,
    "cifar": 40,
    "rival": 60,
    "trials": 110,
    "resnet": 25,
    "inference": 30,
}
