"""Pictures whose class changes in a mirror: arrows to the left and to the right."""

import numpy as np
from PIL import Image, ImageDraw

TO_THE_LEFT = np.array([(30, 80), (80, 40), (80, 64), (130, 64), (130, 96), (80, 96), (80, 120)]) / 160


def arrow(side_px, right, random):
    """One arrow (side, side, 3) uint8, a little moved, on a ground of another brightness, under noise."""
    picture = Image.new("RGB", (side_px, side_px), tuple(random.integers(150, 255, 3).tolist()))
    corners = TO_THE_LEFT * (-1, 1) + (1, 0) if right else TO_THE_LEFT
    moved = (corners + random.uniform(-0.09, 0.09, 2)) * side_px
    ImageDraw.Draw(picture).polygon(
        [tuple(xy) for xy in moved], fill=tuple(random.integers(0, 90, 3).tolist())
    )
    noisy = np.asarray(picture) + random.integers(-12, 13, (side_px, side_px, 1))
    return noisy.clip(0, 255).astype(np.uint8)


def arrows(count, side_px, seed=0):
    """(N, side, side, 3) uint8 and labels (N,): 0 to the left, 1 to the right, in turn."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return np.stack([arrow(side_px, bool(label), random) for label in labels]), labels
