"""Published networks by name, as model folders: `foveate predict efficientnet_lite0 photo.jpg`.

The weights come as a Python package; they are made into a model folder once, in the cache, and then run as
any other does, without torch.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from foveate.images.made_up import made_up_pictures
from foveate.kept import cache_folder
from foveate.modelfolder.imported import NANODET, check_imported
from foveate.models.published import PRETRAINED, Pretrained
from foveate.runtime.config import CONFIG_NAME, FORMAT_VERSION, InputShape, ModelConfig
from foveate.tasks.classification.task import Classification

MADE = 2  # counts the ways in which folders were made; a new one has old folders made again


def model_folder(model: str | Path, say: Callable[[str], None] = lambda sentence: None) -> Path:
    """The model folder that a user means: a folder, or the name of a network that comes with weights.

    What exists under that name is meant first. ``say`` is told before a network is made into a folder, which
    takes seconds and happens once.

    Raises:
        MissingExtraError: the weights or torch are not installed, and the folder is not in the cache.
        WeightsError, StorageError: the weights are damaged, or were not imported; the cache cannot be
            written.
    """
    if os.path.lexists(model) or str(model) not in {*PRETRAINED, NANODET}:
        return Path(model)
    if str(model) == NANODET:
        return check_imported(NANODET)
    name = str(model)
    folder = _place(name)
    if not (folder / CONFIG_NAME).is_file():
        say(f"Making a model folder of the published {name}; this is done once ...")
        _make(name, folder)
    return folder


def _place(name: str) -> Path:
    """Where the folder lies: another place when anything that decides its content is another."""
    published = PRETRAINED[name]
    decides = [MADE, FORMAT_VERSION, published.sha256, asdict(published.preprocessing), published.classes]
    key = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:12]
    return cache_folder() / "models" / f"{name}-{key}"


def _make(name: str, folder: Path) -> None:
    from foveate.modelfolder.write import Draft
    from foveate.models.registry import create_model

    network = create_model(name, pretrained=True).eval()
    published = PRETRAINED[name]
    shape = published.preprocessing
    task = Classification(published.classes)
    architecture = {"name": name, "options": {}}
    with Draft(folder) as draft:
        draft.add_network(
            network,
            preprocessing=shape,
            task=task,
            sample_images=made_up_pictures(shape.height, shape.width),
            architecture=architecture,
        )
        draft.add_text("README.md", _card(name, published))
        draft.publish(
            ModelConfig(
                architecture=architecture,
                task=task,
                input=InputShape(shape.height, shape.width, shape.channels),
                preprocessing=shape.to_dict(),
                recipe={"published": {"package": published.package, "weights_sha256": published.sha256}},
                metrics={"stated_by_publisher": {"top1_accuracy": published.top1_accuracy / 100}},
            )
        )


def _card(name: str, published: Pretrained) -> str:
    return (
        f"# {name}\n\nNames one of ImageNet's {len(published.classes):,} classes. The weights are those of "
        f"the Python package {published.package} ({published.licence}); its publisher states "
        f"{published.top1_accuracy} % top-1 accuracy on ImageNet's validation pictures. Made into a model "
        "folder by foveate, without training. Probabilities are not calibrated here.\n\n"
        f"```sh\nfoveate predict {name} picture.jpg\n```\n"
    )
