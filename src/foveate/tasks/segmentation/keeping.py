"""Masks as they are kept in shards: an indexed PNG whose numbers are the classes'."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from foveate.errors import DatasetError, ImageError, InputError, UnreadableImageError
from foveate.images.stored import stored
from foveate.tasks.segmentation.masks import Labelling, Look, MisreadMaskError, Oddity, look
from foveate.tasks.segmentation.names import IGNORED
from foveate.tasks.segmentation.targets import MaskTargets
from foveate.tasks.targets import KeptAnswer, StoredAnswer

ENDING = "mask.png"
_WHITE = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class KeptMask:
    """A mask out of a shard. data: reads its PNG. reason: why it could not be used when it was kept."""

    name: str
    labelling: Labelling
    data: Callable[[], bytes]
    oddities: tuple[Oddity, ...] = ()
    reason: str = ""

    def read(self) -> NDArray[np.uint8]:
        return self.look().pixels

    def look(self) -> Look:
        if self.reason:
            raise UnreadableImageError(self.name, self.reason, "mask")
        found = stored(self.data(), name=self.name).samples
        if found.dtype != np.uint8 or found.ndim != 2:
            raise UnreadableImageError(self.name, "it is no mask of a shard", "mask")
        return Look(found, self.oddities)


def kept(targets: MaskTargets, row: int, labelling: Labelling) -> StoredAnswer:
    """A mask, or why it cannot be used. Raises MisreadMaskError for what condemns all masks."""
    mask = targets.masks[row]
    try:
        found = look(mask)
    except MisreadMaskError:
        raise
    except UnreadableImageError as error:
        return StoredAnswer({"mask": mask.name, "reason": error.reason})
    except (ImageError, DatasetError) as error:
        return StoredAnswer({"mask": mask.name, "reason": str(error).rstrip(".")})
    picture = Image.fromarray(targets.numbers[found.pixels], "P")
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(labelling.colours)] = labelling.colours
    colours[IGNORED] = _WHITE
    picture.putpalette(colours.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG")
    odd = {"oddities": [list(one) for one in found.oddities]} if found.oddities else {}
    return StoredAnswer({"mask": mask.name, **odd}, {ENDING: file.getvalue()})


def masks_again(answers: Sequence[KeptAnswer], labelling: Labelling) -> MaskTargets:
    """What `kept` was given. Raises InputError."""
    masks = tuple(_mask(one, labelling) for one in answers)
    return MaskTargets(masks, len(labelling.classes))


def _mask(answer: KeptAnswer, labelling: Labelling) -> KeptMask:
    values, file = answer
    try:
        oddities = tuple(Oddity(*one) for one in values.get("oddities", ()))
        return KeptMask(values["mask"], labelling, lambda: file(ENDING), oddities, values.get("reason", ""))
    except (KeyError, TypeError) as error:
        raise InputError(f"expected what is kept of a mask, found {dict(values)!r:.80}.") from error
