"""Kinds of objects that need nothing to be fetched."""

import numpy as np
import pytest

from foveate.dataset.sources import known
from foveate.dataset.sources.scenes import kinds, scene
from foveate.dataset.sources.scenes.garments import split_garments


@pytest.fixture(scope="session")
def by_kind():
    """Kind -> split -> objects; the garments are those of the tenth of Fashion-MNIST in the package."""
    return {"shapes": kinds("shapes"), "garments": split_garments(known.load("fashion-mnist-mini"))}


@pytest.fixture(scope="session", params=["shapes", "garments"])
def drawn(request, by_kind):
    """A hundred scenes of three sizes."""
    kind = by_kind[request.param]["train"]
    return [scene(np.random.default_rng([7, i]), kind, (48, 80, 131)[i % 3]) for i in range(100)]
