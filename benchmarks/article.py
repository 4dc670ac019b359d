"""The article's program, as its text has it, and its twin in Keras: the rivals that training is measured by.

Two convolutions, a dense layer, Adam at 0.001, batches of 100 (the article names no size), a DataLoader over
tensors, no augmentation. The text says windows of 5, the code says 3: both are run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

BATCH = 100


def fashion_mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (N, 28, 28) uint8 and labels, for training and for the test."""
    from foveate.dataset import open_dataset

    splits = open_dataset("fashion-mnist").splits
    return tuple(  # type: ignore[return-value]
        part
        for name in ("train", "test")
        for part in (splits[name].images.array[..., 0], splits[name].targets.labels)
    )


def network(kernel: int) -> nn.Sequential:
    same = kernel // 2
    return nn.Sequential(
        nn.Conv2d(1, 16, kernel, 1, same), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, kernel, 1, same), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip


class Program:
    """The plain torch loop."""

    def __init__(self, kernel: int, seed: int, limit: int | None = None) -> None:
        torch.manual_seed(seed)
        x, y, self.test_x, self.test_y = (torch.from_numpy(np.array(part)) for part in fashion_mnist())
        x, self.test_x = (part[:, None].float() / 255 for part in (x, self.test_x))
        self.train = torch.utils.data.TensorDataset(x[:limit], y[:limit])
        self.module = network(kernel)
        self.optimiser = torch.optim.Adam(self.module.parameters(), 1e-3)
        self.loss = nn.CrossEntropyLoss()

    def epoch(self) -> None:
        self.module.train()
        for images, labels in torch.utils.data.DataLoader(self.train, batch_size=BATCH, shuffle=True):
            self.optimiser.zero_grad()
            self.loss(self.module(images), labels).backward()
            self.optimiser.step()

    @torch.no_grad()
    def accuracy(self) -> float:
        """Percent of the test pictures."""
        self.module.eval()
        answers: list[Tensor] = [self.module(part).argmax(1) for part in self.test_x.split(1000)]
        return 100 * float((torch.cat(answers) == self.test_y).float().mean())

    def curve(self, epochs: int) -> Iterator[tuple[float, float]]:
        """(seconds of training so far, test accuracy in percent) after each epoch."""
        seconds = 0.0
        for _ in range(epochs):
            began = time.perf_counter()
            self.epoch()
            seconds += time.perf_counter() - began
            yield seconds, self.accuracy()


def keras_curve(kernel: int, epochs: int, seed: int, limit: int | None = None) -> list[tuple[float, float]]:
    """The same program in Keras 3, on the backend that KERAS_BACKEND names."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(seed)
    x, y, test_x, test_y = fashion_mnist()
    x, test_x = (part[..., None].astype("float32") / 255 for part in (x[:limit], test_x))
    stages = [
        part
        for width in (16, 32)
        for part in (
            layers.Conv2D(width, kernel, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
        )
    ]
    model = keras.Sequential([keras.Input((28, 28, 1)), *stages, layers.Flatten(), layers.Dense(10)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])
    found, seconds = [], 0.0
    for _ in range(epochs):
        began = time.perf_counter()
        model.fit(x, y[:limit], batch_size=BATCH, epochs=1, verbose=0)
        seconds += time.perf_counter() - began
        found.append((seconds, 100 * float(model.evaluate(test_x, test_y, batch_size=1000, verbose=0)[1])))
    return found
