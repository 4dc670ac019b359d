"""Contact sheets: several pictures side by side with a caption under each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from foveate.images.pixels import to_grey

CELL_PX = 300
CAPTION_PX = 30
GAP_PX = 14
PAPER = (250, 250, 248)
INK = (40, 40, 40)


def contact_sheet(panels: Sequence[tuple[str, NDArray[np.uint8]]], columns: int = 4) -> NDArray[np.uint8]:
    """(caption, picture (H, W, 3)) pairs as one picture (H', W', 3), each of them fitted to a cell."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    cells = [_fitted(picture) for _, picture in panels]
    widest, tallest = max(CELL_PX * 2 // 3, *(c.width for c in cells)), max(c.height for c in cells)
    across, down = widest + GAP_PX, tallest + CAPTION_PX + GAP_PX
    sheet = Image.new("RGB", (columns * across + GAP_PX, rows * down + GAP_PX), PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=17)
    for i, ((caption, _), cell) in enumerate(zip(panels, cells, strict=True)):
        left, top = GAP_PX + (i % columns) * across, GAP_PX + (i // columns) * down
        sheet.paste(cell, (left + (widest - cell.width) // 2, top + (tallest - cell.height) // 2))
        draw.text((left + widest // 2, top + tallest + CAPTION_PX // 2), caption, INK, font, anchor="mm")
    return np.asarray(sheet).copy()


def shrunk(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture as it stands on a sheet; filtered first and shrunk then, thin edges would be lost."""
    return image if max(image.shape[:2]) <= CELL_PX else np.asarray(_fitted(image)).copy()


def channel_panels(image: NDArray[np.uint8]) -> list[tuple[str, NDArray[np.uint8]]]:
    """The picture and its channels apart: each in its own colour, then each as the grey matrix that it is."""
    panels = [("picture", image)]
    for i, name in enumerate(("red", "green", "blue")):
        tinted = np.zeros_like(image)
        tinted[..., i] = image[..., i]
        panels.append((name, tinted))
    panels.append(("grey (weighted mean)", np.repeat(to_grey(image), 3, axis=-1)))
    for i, letter in enumerate("RGB"):
        panels.append(
            (f"{letter}, mean {image[..., i].mean():.0f}", np.repeat(image[..., i : i + 1], 3, axis=-1))
        )
    return panels


def _fitted(picture: NDArray[np.uint8]) -> Image.Image:
    height, width = picture.shape[:2]
    scale = CELL_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Pixels of a tiny picture stay visible as squares.
    how = Image.Resampling.NEAREST if scale > 2 else Image.Resampling.LANCZOS
    return Image.fromarray(picture).resize(size, how)
