"""The page's colour maps are those of the heat maps that Python draws."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import foveate
from foveate.explanation.colour import heat_colours, signed_colours

NODE = shutil.which("node") or shutil.which("nodejs")
DRAW = Path(foveate.__file__).parent / "inspector" / "web" / "draw.js"
PRINT = """
const { HEAT, SIGNED } = await import(process.argv[1]);
console.log(JSON.stringify([[...HEAT], [...SIGNED]]));
"""


@pytest.mark.skipif(NODE is None, reason="needs node")
def test_both_languages_compute_the_same_colours():
    command = [NODE, "--input-type=module", "--eval", PRINT, DRAW.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for found, wanted in zip(json.loads(done.stdout), (heat_colours(), signed_colours()), strict=True):
        assert np.abs(np.reshape(found, (256, 3)) - wanted.astype(int)).max() <= 1  # of 255: rounding
