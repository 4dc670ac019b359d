"""`summary`: what a network is, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from foveate.api.common import needs
from foveate.files import replacing
from foveate.outputs import check_file

if TYPE_CHECKING:
    from foveate.graph.summary import Summary


def summary(
    network: str | Path,
    *,
    input: tuple[int, int, int] | None = None,
    batch_size: int = 32,
    num_classes: int | None = None,
    draw: str | Path | None = None,
    download: bool = False,
    overwrite: bool = False,
) -> Summary:
    """Every layer's shape, parameters, multiply-adds, memory, receptive field and jump. Nothing is computed.

    >>> found = foveate.summary("lenet5")
    >>> found.parameters, found.output_shape
    (61706, (10,))
    >>> [row.kind for row in found.rows][:3]
    ['Conv2d', 'Tanh', 'AvgPool2d']

    Args:
        network: a network's name, a blueprint's file, a model folder, hf:OWNER/REPO or timm:NAME.
        input: (C, H, W) of the pictures, where they are not to be the network's own.
        batch_size: of the estimate of the memory that training takes.
        num_classes: where they are not to be the network's own.
        download: let what is named hf:... be fetched.
        draw: a file for a drawing, .svg or .png; ``overwrite`` lets it replace one.

    Raises InputError: the name means nothing, or the network does not take such pictures.
    """
    if draw is not None:
        check_file(Path(draw), (".svg", ".png"), name="draw", overwrite=overwrite)
    with needs("train", "Summarising a network"):
        from foveate.graph.draw import draw as write_drawing
        from foveate.graph.summary import summarize
        from foveate.models.weightless import weightless
        from foveate.resolve import outlined
    with weightless():
        module, shape = outlined(str(network), input, num_classes, download=download)
    found = summarize(module, shape, batch_size=batch_size, network=str(network))
    if draw is not None:
        with replacing(Path(draw)) as part:
            write_drawing(found.walk, part)
    return found
