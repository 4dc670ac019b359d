"""What a budget keeps back for the steps after training, each pass at the speed of where it runs.

The training device evaluates; what ships is measured by ONNX Runtime on the processor, whatever the device.
"""

from __future__ import annotations

from dataclasses import dataclass

from foveate.training.events import EpochDone
from foveate.training.schedule import Horizon, TimeHorizon
from foveate.training.speed import Speed

# For export and its check, report, writing (seconds on the machine of the README's table).
FINISH_SECONDS = 1.5
FINISH_MAPS_SECONDS = 7.0  # where pictures and answers are drawn pixel by pixel
# And for explaining some pictures in the report, which takes about as long as looking at so many of them.
EXPLAIN_PICTURES, EXPLAIN_SECONDS_KEPT = 160, 2.0
# The validation pictures are gone through at the end of training; a run that goes on may have to once more.
DEVICE_PASSES = 1


@dataclass(frozen=True)
class Reserve:
    """What is kept back before a deadline, on time.monotonic()'s scale.

    Attributes:
        validation: how many pictures the training device evaluates.
        measured: how many the finished model is measured on.
        speed: of this machine, where it was measured.
        on_device: whether training runs elsewhere than on the processor.
        finish: seconds for export, report and writing.
    """

    deadline: float
    validation: int
    measured: int
    speed: Speed | None = None
    on_device: bool = False
    finish: float = FINISH_SECONDS

    def seconds(self, on_device: float, on_processor: float) -> float:
        """From the last step to the finished folder.

        Args:
            on_device: seconds that a picture takes on the training device.
            on_processor: seconds that it takes on the processor, where the finished model is measured.
        """
        explaining = min(EXPLAIN_PICTURES * on_processor, EXPLAIN_SECONDS_KEPT)
        passes = DEVICE_PASSES * self.validation * on_device + self.measured * on_processor
        return self.finish + explaining + passes

    def horizon(self, spent: float) -> TimeHorizon:
        """When training ends. ``spent``: the seconds of the runs before this one."""
        device = self.speed.forward_seconds_per_image if self.speed else 0.0
        processor = self.speed.processor_seconds_per_image if self.speed else 0.0
        return TimeHorizon(self.deadline - self.seconds(device, processor), spent)

    def keep(self, horizon: Horizon, event: EpochDone) -> None:
        """Set the end of training anew by what an evaluation really takes."""
        if not isinstance(horizon, TimeHorizon) or not self.validation:
            return
        device = event.evaluation_seconds / self.validation
        processor = self.speed.processor_seconds_per_image if self.on_device and self.speed else device
        horizon.end_seconds = self.deadline - self.seconds(device, processor)
