"""A folder of drawn circles and squares, and a network trained on it: what the API's examples speak of."""

import numpy as np
from PIL import Image, ImageDraw

BLUEPRINT = """
input: [1, 16, 16]
layers:
  - conv: {filters: 8, kernel: 3, padding: 1}
  - relu
  - max_pool: {size: 2}
  - conv: {filters: 16, kernel: 3, padding: 1}
  - relu
  - global_avg_pool
  - dense: classes
"""


def draw_shapes(folder, count=40, side=16, seed=0):
    """``count`` pictures of circles and of squares in ``folder``, somewhere and of some size, under noise."""
    random = np.random.default_rng(seed)
    for name in ("circle", "square"):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            picture = Image.new("L", (side, side), 40)
            size = int(random.integers(7, 11))
            left, top = random.integers(1, side - size - 1, 2)
            draw = ImageDraw.Draw(picture)
            shape = draw.ellipse if name == "circle" else draw.rectangle
            shape((left, top, left + size, top + size), fill=200)
            noisy = np.asarray(picture) + random.integers(-15, 16, (side, side))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i}.png")
