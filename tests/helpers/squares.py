"""Small pictures with two sentences each: a square of a colour on one side."""

import csv
import json

import numpy as np
from PIL import Image

COLOURS = {"red": (220, 30, 30), "green": (30, 180, 40), "blue": (30, 60, 220)}
SIDES = ("left", "right")
SIDE_PX = 32


def square(rng, colour, side):
    """(32, 32, 3) a square of a colour on one side of a grey picture."""
    noise = rng.integers(0, 20, (SIDE_PX, SIDE_PX, 1)).astype(np.uint8)
    picture = np.full((SIDE_PX, SIDE_PX, 3), 128, np.uint8) + noise
    top, left = rng.integers(2, SIDE_PX - 12), rng.integers(1, 5) + SIDES.index(side) * SIDE_PX // 2
    picture[top : top + 10, left : left + 10] = COLOURS[colour]
    return picture


def sentences(colour, side):
    return [f"a {colour} square on the {side}", f"on the {side} there is a {colour} square"]


def shown(number):
    """The colour and the side of a picture by its number: each pair is as frequent."""
    return list(COLOURS)[number % 3], SIDES[number // 3 % 2]


def make_squares(folder, count=96):
    """Write so many pictures and ``captions.csv`` with a row a picture, which is returned."""
    rng, rows = np.random.default_rng(0), []
    for number in range(count):
        Image.fromarray(square(rng, *shown(number))).save(folder / f"{number}.png")
        rows.append((f"{number}.png", json.dumps(sentences(*shown(number)))))
    table = folder / "captions.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("file_name", "caption"), *rows])
    return table
