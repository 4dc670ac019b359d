"""The rival for photographs: PyTorch's transfer-learning tutorial, written anew as a plain program.

    python benchmarks/tutorial_finetune.py TRAIN VAL [--network efficientnet_lite1] [--epochs 25] [--seed 0]

All layers are trained by SGD (rate 0.001, momentum 0.9, a tenth of it every 7 epochs) on batches of 4, with
random crops and mirror images made by Pillow in a DataLoader; the accuracy on VAL is taken after each epoch.
The tutorial keeps the best epoch by that same accuracy, which flatters it; the last epoch's is told as well.
One line of JSON on standard output. Network and weights are this program's, everything else is plain torch.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from foveate.models.published import PRETRAINED
from foveate.models.registry import create_model


class Folder(Dataset):
    """Class folders; training pictures are cropped at random and mirrored, others cut from the middle."""

    def __init__(self, root: Path, network: str, training: bool) -> None:
        self.classes = sorted(path.name for path in root.iterdir() if path.is_dir())
        self.files = [
            (path, number)
            for number, name in enumerate(self.classes)
            for path in sorted((root / name).iterdir())
        ]
        self.preprocessing, self.training = PRETRAINED[network].preprocessing, training

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        path, label = self.files[index]
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
        picture = self._cropped(picture) if self.training else picture
        pixels = np.asarray(picture) if self.training else self.preprocessing.apply(np.asarray(picture))
        x = torch.from_numpy(np.array(pixels)).permute(2, 0, 1).float() / 255
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (self.preprocessing.mean, self.preprocessing.std))
        return (x - mean) / std, label

    def _cropped(self, picture: Image.Image) -> Image.Image:
        """torchvision's RandomResizedCrop (8 % to all of the area, ratio 3/4 to 4/3) and a mirror."""
        width, height = picture.size
        for _ in range(10):
            area = width * height * random.uniform(0.08, 1.0)
            ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                break
        else:
            w = h = min(width, height)
        left, top = random.randint(0, width - w), random.randint(0, height - h)
        side = self.preprocessing.height
        box = (left, top, left + w, top + h)
        picture = picture.resize((side, side), Image.Resampling.BILINEAR, box=box)
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else picture


def accuracy(network: torch.nn.Module, loader: DataLoader) -> float:
    network.eval()
    with torch.no_grad():
        right = [(network(x).argmax(1) == y).float() for x, y in loader]
    return float(torch.cat(right).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("val", type=Path)
    parser.add_argument("--network", default="efficientnet_lite1")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--last-only", action="store_true", help="Measure after the last epoch only.")
    arguments = parser.parse_args()
    began = time.perf_counter()
    random.seed(arguments.seed)
    torch.manual_seed(arguments.seed)
    training = Folder(arguments.train, arguments.network, training=True)
    validation = Folder(arguments.val, arguments.network, training=False)
    network = create_model(arguments.network, pretrained=True)
    network.reset_classifier(len(training.classes))
    loader = DataLoader(training, batch_size=4, shuffle=True)
    held_out = DataLoader(validation, batch_size=4)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=7, gamma=0.1)
    accuracies = []
    for epoch in range(arguments.epochs):
        network.train()
        for x, y in loader:
            optimiser.zero_grad()
            F.cross_entropy(network(x), y).backward()
            optimiser.step()
        schedule.step()
        if not arguments.last_only or epoch == arguments.epochs - 1:
            accuracies.append(accuracy(network, held_out))
    seconds = time.perf_counter() - began
    result = {"network": arguments.network, "seed": arguments.seed, "epochs": arguments.epochs}
    print(
        json.dumps(result | {"best": max(accuracies), "last": accuracies[-1], "seconds": round(seconds, 1)})
    )


if __name__ == "__main__":
    main()
