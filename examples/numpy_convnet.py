"""The article's network, written, trained and measured with NumPy alone.

    python examples/numpy_convnet.py                  # 5x5 kernels, as the article's text has it
    python examples/numpy_convnet.py --kernel 3       # 3x3 kernels, as its code has it

What happens, with nothing hidden in a framework:

1. 6,000 pictures of clothes (28x28 grey, 10 classes; ``fashion-mnist-mini`` comes with the package) become
   numbers in 0..1;
2. two stages of convolution, batch norm, ReLU and max pooling make 32 maps of 7x7 of each picture, and a
   dense layer makes ten scores of these;
3. the softmax cross-entropy says how wrong the scores are;
4. each layer, last to first, turns the gradient of its output into that of its input and of its weights: this
   is backpropagation, and ``foveate/reference`` holds each step in a few lines;
5. Adam moves each weight a little (0.001) against its gradient; again with the next 100 pictures.

Then 1,000 pictures that were never trained on say how good the network is: 80 % and more after 4 epochs. The
same steps with torch give the same numbers (tests/reference/test_network.py); torch is only faster.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from foveate.dataset import Split, open_dataset
from foveate.reference.convnet1 import convnet1
from foveate.reference.loss import cross_entropy, cross_entropy_backward
from foveate.reference.network import Layer
from foveate.reference.optim import Adam

BATCH_SIZE = 100


def as_numbers(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (N, 1, 28, 28) in 0..1 and labels (N,)."""
    pictures = np.stack([split.images.read(i)[:, :, 0] for i in range(len(split.images))])
    return pictures[:, None].astype(np.float32) / 255, split.targets.labels


def train_epoch(
    network: Layer, optimiser: Adam, pictures: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> float:
    """Show every picture once, in random order; the mean loss."""
    losses = []
    for chosen in np.split(rng.permutation(len(pictures)), range(BATCH_SIZE, len(pictures), BATCH_SIZE)):
        x, y = pictures[chosen], labels[chosen]
        scores = network.forward(x, training=True)  # (100, 10)
        losses.append(cross_entropy(scores, y))
        network.backward(cross_entropy_backward(scores, y))
        optimiser.step(network.named_parameters(), network.named_gradients())
    return float(np.mean(losses))


def accuracy(network: Layer, pictures: np.ndarray, labels: np.ndarray) -> float:
    """The share of pictures whose highest score is that of their class."""
    batches = np.split(np.arange(len(pictures)), range(BATCH_SIZE, len(pictures), BATCH_SIZE))
    answers = [network.forward(pictures[batch]).argmax(1) for batch in batches]
    return float((np.concatenate(answers) == labels).mean())


def main(arguments: list[str] | None = None) -> float:
    """Train and print; returns the test accuracy in 0..1."""
    parser = argparse.ArgumentParser(description="convnet1 on fashion-mnist-mini, in NumPy alone")
    parser.add_argument("--kernel", type=int, choices=(3, 5), default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    data = open_dataset("fashion-mnist-mini")
    train, test = as_numbers(data.splits["train"]), as_numbers(data.splits["test"])
    rng = np.random.default_rng(options.seed)
    network = convnet1(options.kernel, rng=rng, num_classes=len(data.task.labels))
    network.convert(np.float32)
    size = sum(w.size for w in network.named_parameters().values())
    print(f"convnet1 with {options.kernel}x{options.kernel} kernels, {size:,} parameters", flush=True)

    optimiser, start = Adam(0.001), time.perf_counter()
    reached = accuracy(network, *test)
    print(f"untrained: test accuracy {reached:.1%}", flush=True)
    for epoch in range(1, options.epochs + 1):
        loss = train_epoch(network, optimiser, *train, rng)
        reached = accuracy(network, *test)
        seconds = time.perf_counter() - start
        print(f"epoch {epoch}: loss {loss:.3f}, test accuracy {reached:.1%}, {seconds:.0f} s", flush=True)
    return reached


if __name__ == "__main__":
    main()
