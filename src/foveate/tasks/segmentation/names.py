"""Names that the torch-free half and the half that trains share."""

from __future__ import annotations

from foveate.tasks.measures import Metric

CLASSES = "classes"  # the output that has the number of each pixel's class
CONFIDENCE = "confidence"  # the output that has how sure each of them is, 0 to 255
IGNORED = 255  # in masks inside this program: a pixel that is neither learnt from nor measured
MOST_CLASSES = 255  # whose numbers, with the ignored one, fit into a byte

MIOU = Metric("miou", title="mean IoU")
PIXEL_ACCURACY = Metric("pixel_accuracy")
