"""A data set seen through a layer: the pictures that excite its maps most, the units that none wakes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveate.dataset.samples import Images
from foveate.errors import ImageError, InputError
from foveate.explanation.exciting import Excitations, most_exciting, receptive_crop, receptive_field
from foveate.explanation.ground import Decoded, decoded
from foveate.explanation.hooks import activation_of
from foveate.explanation.render import Panel, sheet
from foveate.explanation.units import unit_health
from foveate.models.model import Model

CHANNELS_SHOWN = 8
EXAMPLES_SHOWN = 9
HEALTH_PICTURES = 256  # dead units are looked for on so many pictures
BATCH_SIZE = 32


@dataclass(frozen=True)
class Survey:
    """facts: plain data for JSON. picture: a sheet, one row a channel. unreadable: (name, reason) pairs."""

    facts: dict[str, Any]
    picture: NDArray[np.uint8]
    unreadable: tuple[tuple[str, str], ...]


def survey(
    model: Model,
    images: Images,
    layer: str,
    picture: NDArray[np.uint8] | Decoded,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Survey:
    """Run all pictures of a split through the network, one batch in memory at a time.

    Watched are the channels of ``layer`` that ``picture``, (H, W, 3) uint8, excites most. Unreadable pictures
    are left out and named. Raises InputError where none can be read, and as `most_exciting` does.
    """
    unreadable: list[tuple[str, str]] = []
    kept: list[int] = []  # the numbers in `images` of those that were read
    given = decoded(picture)
    channels = _channels(model, layer, model.preprocessing.apply(given.pixels, given.box))

    def batches(limit: int, keep: bool) -> Iterator[Tensor]:
        batch: list[NDArray[np.uint8]] = []
        for i in range(limit):
            try:
                batch.append(images.take_for(model.preprocessing, i).pixels)
                if keep:
                    kept.append(i)
            except ImageError as error:
                if keep:
                    unreadable.append((images.name(i), str(error)))
            if batch and (len(batch) == BATCH_SIZE or i == limit - 1):
                yield torch.from_numpy(model.preprocessing.normalise(np.stack(batch)))
                batch = []
            if keep:
                progress(i + 1, limit)

    found = most_exciting(
        model.module, batches(len(images), True), layer, k=EXAMPLES_SHOWN, channels=channels
    )
    units = unit_health(model.module, batches(min(HEALTH_PICTURES, len(images)), False))
    facts = {
        "pictures": len(kept),
        "unreadable": len(unreadable),
        "exciting": [_channel_facts(found, row, kept, images) for row in range(len(channels))],
        "units": [unit.to_dict() for unit in units],
        "units_pictures": min(HEALTH_PICTURES, len(images)),
    }
    return Survey(facts, _sheet(model, found, kept, images), tuple(unreadable))


def _channels(model: Model, layer: str, seen: NDArray[np.uint8]) -> list[int]:
    x = torch.from_numpy(model.preprocessing.normalise(seen[None]))
    maps = activation_of(model.module, x, layer)
    if maps.ndim != 4:
        raise InputError(f"Layer {layer!r} gives {tuple(maps.shape)}, no map (N, C, h, w).")
    strength = maps[0].amax(dim=(1, 2))
    return [int(c) for c in strength.argsort(descending=True, stable=True)[:CHANNELS_SHOWN]]


def _channel_facts(found: Excitations, row: int, kept: list[int], images: Images) -> dict[str, Any]:
    there = [i for i, number in enumerate(found.pictures[row]) if number >= 0]
    return {
        "channel": int(found.channels[row]),
        "examples": [
            {
                "picture": images.name(kept[int(found.pictures[row, i])]),
                "value": float(found.values[row, i]),
                "place": [int(found.rows[row, i]), int(found.columns[row, i])],
            }
            for i in there
        ],
    }


def _sheet(model: Model, found: Excitations, kept: list[int], images: Images) -> NDArray[np.uint8]:
    """One row a channel: what each of the pictures that excite it most shows at the place that did."""
    shape = model.preprocessing
    field = receptive_field(model.module, (shape.channels, shape.height, shape.width), found.layer)
    most_px = max(shape.height, shape.width) // 2
    panels: list[Panel] = []
    for row, channel in enumerate(found.channels):
        for i, number in enumerate(found.pictures[row]):
            if number < 0:
                panels.append(("", np.full((1, 1, 3), 250, np.uint8)))
                continue
            pixels = images.take_for(shape, kept[int(number)]).pixels
            crop = receptive_crop(
                pixels, field, int(found.rows[row, i]), int(found.columns[row, i]), most_px=most_px
            )
            panels.append((f"map {channel}: {found.values[row, i]:.3g}", crop))
    title = f"{found.layer}: what excites its maps most, among {len(kept)} pictures"
    return sheet(panels, columns=EXAMPLES_SHOWN, title=title)
