"""On a CUDA card: seconds of training to an accuracy, with the whole data set on the card as uint8.

    python benchmarks/gpu.py                                  Fashion-MNIST, compact networks
    python benchmarks/gpu.py --data cifar10/ --network compact_l --epochs 16 64

Not part of `foveate bench`: it has been written for a card, and says so where there is none.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from foveate.batches.loader import EvaluationBatches, Normaliser, Pixels, TrainingBatches
from foveate.dataset import DataSet, open_dataset
from foveate.dataset.prepare import channel_statistics
from foveate.images.preprocess import Preprocessing
from foveate.models import create_model
from foveate.tasks.classification.task import Classification
from foveate.tasks.learning import learner_of
from foveate.training.evaluate import outputs_of
from foveate.training.loop import Trainer
from foveate.training.recipes import recipe_for
from foveate.training.schedule import StepHorizon

INITIALISATION_COUNT = 2_000


def on_card(data: DataSet, device: str) -> tuple[Pixels, Pixels, Normaliser]:
    """Training and test pictures on the card, decoded once, and what normalises them there."""
    test = next(name for name in ("test", "val") if name in data.splits)
    pixels = []
    for name in ("train", test):
        split = data.splits[name]
        images = np.stack([split.images.read(i) for i in range(len(split))])
        grey = bool((images[:1000] == images[:1000, ..., :1]).all())
        pixels.append(images[..., :1] if grey else images)
    height, width, channels = pixels[0].shape[1:]
    mean, std = channel_statistics(pixels[0])
    shape = Preprocessing(height, width, channels, mean=mean, std=std)
    train, rest = (
        Pixels(np.ascontiguousarray(p), data.splits[n].targets, device)
        for p, n in zip(pixels, ("train", test), strict=True)
    )
    return train, rest, Normaliser(shape, device)


def train(
    parts: tuple[Pixels, Pixels, Normaliser], network: str, epochs: float, seed: int, classes: int
) -> tuple[float, float]:
    """(seconds, accuracy in percent) of one training."""
    pixels, test, normalise = parts
    torch.manual_seed(seed)
    side, channels = tuple(pixels.images.shape[1:3]), pixels.images.shape[3]
    options = {"image_size": side} if network.startswith("compact") else {}
    module = create_model(network, num_classes=classes, in_channels=channels, **options)
    module = module.to(pixels.device, memory_format=torch.channels_last)
    recipe = recipe_for(network, epochs)
    batches = TrainingBatches(
        pixels, normalise, batch_size=recipe.batch_size, augmentation=recipe.augmentation, seed=seed
    )
    task = Classification(tuple(map(str, range(classes))))
    smoothing = recipe.training.label_smoothing
    learner = learner_of(task)(task, label_smoothing=smoothing, device=pixels.device)
    horizon = StepHorizon(round(epochs * len(batches)))
    trainer = Trainer(module, learner, batches, None, settings=recipe.training, horizon=horizon)
    torch.cuda.synchronize()
    began = time.perf_counter()
    if hasattr(module, "initialise_from"):
        some = torch.linspace(0, len(pixels) - 1, INITIALISATION_COUNT).long()
        module.initialise_from(normalise(pixels.take(some.to(pixels.device))))
    for _ in trainer.run():
        pass
    torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    outputs = outputs_of(module, EvaluationBatches(test, normalise))
    return seconds, 100 * learner.scores(outputs, test.targets)["accuracy"]


def images_a_second(network: str, side: int, batch: int) -> dict[str, float]:
    """Training steps of generated pictures in bfloat16, channels last; and that rate's TFLOP/s."""
    from foveate.graph.walk import walk

    macs = walk(create_model(network), (3, side, side)).macs
    module = create_model(network).to("cuda", memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9, fused=True)
    images = torch.rand(batch, 3, side, side, device="cuda").to(memory_format=torch.channels_last)
    labels = torch.randint(1000, (batch,), device="cuda")

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16):
            loss = F.cross_entropy(module(images), labels)
        loss.backward()
        optimiser.step()

    rates = []
    for turn in range(6):
        torch.cuda.synchronize()
        began = time.perf_counter()
        for _ in range(20):
            step()
        torch.cuda.synchronize()
        if turn:
            rates.append(20 * batch / (time.perf_counter() - began))
    rate = statistics.median(rates)
    return {"images_a_second": rate, "low": min(rates), "high": max(rates), "tflops": 6 * macs * rate / 1e12}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="fashion-mnist", help="a data set with a test or val split")
    parser.add_argument("--network", nargs="+", default=["compact_s", "compact_m", "compact_l"])
    parser.add_argument("--epochs", type=float, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("foveate: expected a CUDA card, found none; nothing was measured.", file=sys.stderr)
        return 2
    data = open_dataset(options.data)
    parts = on_card(data, "cuda")
    found = []
    for network in options.network:
        for epochs in options.epochs:
            train(parts, network, 0.2, 0, data.num_classes)  # to warm up
            runs = [
                train(parts, network, epochs, seed, data.num_classes) for seed in range(1, options.seeds + 1)
            ]
            seconds, accuracies = zip(*runs, strict=True)
            row = {
                "network": network,
                "epochs": epochs,
                "seconds": statistics.median(seconds),
                "range": [min(seconds), max(seconds)],
                "accuracy": statistics.fmean(accuracies),
                "sd": statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
                "seeds": options.seeds,
            }
            print(row, file=sys.stderr, flush=True)
            found.append(row)
    speed = images_a_second("resnet50", 224, 128)
    card = {"card": torch.cuda.get_device_name(), "torch": torch.__version__, "cuda": torch.version.cuda}
    print(json.dumps({**card, "data": data.name, "runs": found, "resnet50": speed}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
