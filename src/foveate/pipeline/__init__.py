"""From a folder of pictures to a model folder: the whole story, told once.

open and decode -> split -> choose network and recipe -> train -> calibrate -> export -> measure -> report
"""

from foveate.pipeline.request import TrainRequest
from foveate.pipeline.train import Finished, train

__all__ = ["Finished", "TrainRequest", "train"]
