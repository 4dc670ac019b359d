"""The browser's preprocessing is Python's, to the byte: sizes, fits, filters and colours drawn by chance."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from foveate.images.preprocess import Preprocessing

NODE = shutil.which("node") or shutil.which("nodejs")
CASES = 400


def drawn(rng):
    """A picture of any shape, and settings that suit none in particular."""
    if rng.random() < 0.1:
        height, width = (1, int(rng.integers(1, 300)))[:: rng.choice([1, -1])]
    else:
        height, width = rng.integers(1, 160, 2).tolist()
    settings = Preprocessing(
        *rng.integers(1, 70, 2).tolist(),
        channels=int(rng.choice([1, 3])),
        fit=str(rng.choice(["crop", "pad", "stretch"])),
        crop_fraction=float(rng.choice([1.0, 0.875, 0.57])),
        interpolation=str(rng.choice(["nearest", "bilinear", "bicubic"])),
        fill=tuple(rng.integers(0, 256, 3).tolist()),
    )
    kind = rng.random()
    if kind < 0.5:
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    else:  # black and white: bicubic weights reach out of 0..255
        picture = np.repeat(rng.choice(np.uint8([0, 255]), (height, width, 1)), 3, axis=2)
    return picture, settings


def in_javascript(cases):
    lines = [
        json.dumps(
            {
                "settings": settings.to_dict(),
                "width": picture.shape[1],
                "height": picture.shape[0],
                "pixels": base64.b64encode(picture.tobytes()).decode(),
            }
        )
        for picture, settings in cases
    ]
    script = Path(__file__).with_name("prepared.mjs")
    done = subprocess.run([NODE, script], input="\n".join(lines), capture_output=True, text=True, check=True)
    for (_, settings), line in zip(cases, done.stdout.split(), strict=True):
        flat = np.frombuffer(base64.b64decode(line), np.uint8)
        yield flat.reshape(settings.height, settings.width, 3)


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_pictures_are_prepared_to_the_byte():
    rng = np.random.default_rng(5)
    cases = [drawn(rng) for _ in range(CASES)]
    for (picture, settings), found in zip(cases, in_javascript(cases), strict=True):
        wanted = np.broadcast_to(settings.apply(picture), (settings.height, settings.width, 3))
        np.testing.assert_array_equal(found, wanted, err_msg=f"{picture.shape} {settings}")
