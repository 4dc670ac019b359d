"""From a folder of pictures to a model folder: the whole story, told once.

open and decode -> split -> choose network and recipe -> train -> calibrate -> export -> measure -> report

Importing this package imports no torch: a wrong flag is refused without waiting for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foveate.pipeline.request import TrainRequest

if TYPE_CHECKING:
    from foveate.pipeline.finish import Finished
    from foveate.pipeline.run import train

__all__ = ["Finished", "TrainRequest", "train"]


def __getattr__(name: str) -> Any:
    if name == "train":
        from foveate.pipeline.run import train

        return train
    if name == "Finished":
        from foveate.pipeline.finish import Finished

        return Finished
    raise AttributeError(f"module 'foveate.pipeline' has no attribute {name!r}")
