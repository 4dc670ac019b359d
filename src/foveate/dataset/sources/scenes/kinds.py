"""Which objects scenes are made of, by name, for each split."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from foveate.dataset.samples import SPLITS
from foveate.dataset.sources import known
from foveate.dataset.sources.fetch import Say
from foveate.dataset.sources.scenes.garments import Garments, split_garments
from foveate.dataset.sources.scenes.objects import Kind
from foveate.dataset.sources.scenes.shapes import Shapes
from foveate.errors import UnknownNameError
from foveate.words import bytes_text, setting

GARMENTS_OF = "fashion-mnist"
KINDS = (Garments.name, Shapes.name)


def kinds(
    name: str | None = None,
    *,
    say: Say | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Mapping[str, Kind]:
    """The objects of ``name`` for each split: garments that are in no other split, or the same shapes.

    Args:
        name: one of ``KINDS``. Without a name garments, where Fashion-MNIST is on this machine; else shapes.
        say, progress: as for `known.load`; garments that are named are fetched if they are not here.

    Raises:
        UnknownNameError: there is no such kind.
        DownloadError: Fashion-MNIST is not here and could not be fetched.
    """
    garments = known.describe(GARMENTS_OF)
    if name is None:
        name = Garments.name if known.is_here(garments) else Shapes.name
        if say is not None and name == Shapes.name:
            size = bytes_text(garments.download_bytes)
            say(
                f"Fashion-MNIST is not on this machine, so shapes are drawn; "
                f"{setting('kind', Garments.name)} fetches it ({size})."
            )
    if name == Garments.name:
        return split_garments(known.load(GARMENTS_OF, say=say, progress=progress))
    if name == Shapes.name:
        return dict.fromkeys(SPLITS, Shapes())
    raise UnknownNameError("kind of scenes", name, KINDS)
