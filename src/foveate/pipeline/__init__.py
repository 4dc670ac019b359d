"""From a folder of pictures to a model folder: the whole story, told once.

open and decode -> split -> choose network and recipe -> train -> calibrate -> export -> measure -> report

Importing this package imports no torch: a wrong flag is refused without waiting for it.
"""

from foveate.pipeline.request import TrainRequest

__all__ = ["TrainRequest"]
