"""Shards of drawn shapes, and a small model of them; made once."""

import pytest

from foveate.dataset import open_dataset
from foveate.dataset.shards.write import write_shards
from foveate.stores import open_store
from pixelwise import pixelwise_folder
from shapes import draw_shapes


@pytest.fixture(scope="package")
def place(tmp_path_factory):
    """shapes/ with a broken picture, shards/ of it, and the model folder pixelwise."""
    root = tmp_path_factory.mktemp("jobs")
    draw_shapes(root / "shapes")
    next((root / "shapes").glob("*/3.png")).write_bytes(b"broken")
    write_shards(open_dataset(root / "shapes"), open_store(root / "shards"), shard_bytes=12_000)
    pixelwise_folder(root)
    return root
