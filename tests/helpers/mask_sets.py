"""Folders of pictures and masks, written with Pillow alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (24, 16)  # width, height


def picture(seed: int, size: tuple[int, int] = SIZE) -> Image.Image:
    """Another noisy one for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)


def numbers(seed: int, count: int = 3, size: tuple[int, int] = SIZE) -> np.ndarray:
    """(H, W) of class numbers in blocks, all of which occur."""
    random = np.random.default_rng(1000 + seed)
    blocks = random.permutation(np.arange(12) % count).reshape(3, 4).astype(np.uint8)
    return np.kron(blocks, np.ones((-(-size[1] // 3), -(-size[0] // 4)), np.uint8))[: size[1], : size[0]]


def save(path: Path | str, image: Image.Image | np.ndarray, **how) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **how)
    return path


def mask_folder(root: Path | str, count: int = 6, classes: int = 3, table: str | None = None) -> Path:
    """images/0.jpg and masks/0.png and so on, with a classes.txt if there is to be one."""
    root = Path(root)
    for i in range(count):
        save(root / "images" / f"{i}.jpg", picture(i), quality=95)
        save(root / "masks" / f"{i}.png", numbers(i, classes))
    if table is not None:
        (root / "classes.txt").write_text(table)
    return root
