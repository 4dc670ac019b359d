"""What a budget keeps back for the steps after training, each pass at the speed of where it runs.

The training device evaluates; what ships is measured by ONNX Runtime on the processor, whatever the device.
"""

from __future__ import annotations

from foveate.dataset.prepare import Prepared
from foveate.pipeline.finish import measured_splits
from foveate.pipeline.plan import Plan
from foveate.training.events import EpochDone
from foveate.training.schedule import Horizon, StepHorizon, TimeHorizon

# For export and its check, report, writing (seconds on the machine of the README's table).
FINISH_SECONDS = 1.5
# And for explaining some pictures in the report, which takes about as long as looking at so many of them.
EXPLAIN_PICTURES, EXPLAIN_SECONDS_KEPT = 160, 2.0
# The validation pictures are gone through at the end of training, and once more to calibrate.
DEVICE_PASSES = 2


def after_training(prepared: Prepared, on_device: float, on_processor: float) -> float:
    """Seconds from the last step to the finished folder.

    Args:
        on_device: seconds that a picture takes on the training device.
        on_processor: seconds that it takes on the processor, where the finished model is measured.
    """
    validation = len(prepared.splits["val"]) if "val" in prepared.splits else 0
    measured = sum(len(prepared.splits[name]) for name in measured_splits(prepared))
    explaining = min(EXPLAIN_PICTURES * on_processor, EXPLAIN_SECONDS_KEPT)
    return FINISH_SECONDS + explaining + DEVICE_PASSES * validation * on_device + measured * on_processor


def make_horizon(prepared: Prepared, plan: Plan, deadline: float | None, spent: float) -> Horizon:
    """When training ends: after the plan's epochs, or in time for what comes after training.

    ``deadline`` is on time.monotonic()'s scale; ``spent`` are the seconds of the runs before this one.
    """
    if deadline is None:
        return StepHorizon((plan.epochs or 1) * len(plan.batches))
    speed = plan.speed
    device = speed.forward_seconds_per_image if speed else 0.0
    processor = speed.processor_seconds_per_image if speed else 0.0
    return TimeHorizon(deadline - after_training(prepared, device, processor), spent)


def keep_time(
    horizon: Horizon, prepared: Prepared, plan: Plan, event: EpochDone, deadline: float | None
) -> None:
    """Set the end of training anew by what an evaluation really takes."""
    if deadline is None or not isinstance(horizon, TimeHorizon) or "val" not in prepared.splits:
        return
    device = event.evaluation_seconds / len(prepared.splits["val"])
    elsewhere = plan.batches.pixels.device.type != "cpu"
    processor = plan.speed.processor_seconds_per_image if elsewhere and plan.speed else device
    horizon.end_seconds = deadline - after_training(prepared, device, processor)
