"""Small class folders of real files to run the whole story on."""

import numpy as np
import pytest
from PIL import Image


def striped(label, rng, side=16):
    """A noisy picture of horizontal (0) or vertical (1) stripes, or none (2)."""
    image = rng.integers(0, 110, (side, side, 3))
    if label == 0:
        image[::2] += 140
    elif label == 1:
        image[:, ::2] += 140
    return image.astype(np.uint8)


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Class folders: 40 PNG files each of flat, lying, standing."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for label, name in enumerate(["lying", "standing", "flat"]):
        (root / name).mkdir()
        for i in range(40):
            Image.fromarray(striped(label, rng)).save(root / name / f"{i:02}.png")
    return root
