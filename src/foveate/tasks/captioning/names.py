"""The numbers that both halves of captioning go by."""

from __future__ import annotations

from foveate.tasks.measures import Metric

CIDER = Metric("cider", is_fraction=False, title="CIDEr-D")
BLEU4 = Metric("bleu4", title="BLEU-4")
