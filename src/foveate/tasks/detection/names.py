"""Names that the torch-free half and the half that trains share."""

from __future__ import annotations

from foveate.tasks.measures import Metric

# The outputs of `model.onnx`, and the first and third of them what a training batch holds.
BOXES = "boxes"  # (N, K, 4) x1 y1 x2 y2 in pixels
SCORES = "scores"  # (N, K) from 0 to 1, the highest first
LABELS = "labels"  # (N, K) which class, from 0
COUNT = "count"  # (N,) how many of the K are boxes; the rest is filled up
PROPOSALS = "proposals"  # of a training batch (N, R, 4): where to look, for networks that are told
CROWD = "crowd"  # of a training batch: what is neither to be found nor wrong to find

NO_BOX = -1  # the label of what fills up the boxes of a training batch
MOST_BOXES = 100  # a picture's answer, as COCO measures it

MEAN_IOU = Metric("iou", title="mean IoU of learnt boxes")
AP = Metric("ap", title="AP")
AP50 = Metric("ap50", title="AP50")
AP75 = Metric("ap75", title="AP75")
