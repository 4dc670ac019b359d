"""`foveate filter`: a kernel on a photograph, and the photograph's channels apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foveate.cli.command import Command, refuse_unused
from foveate.cli.console import after_writing, emit_json, json_option, note, overwrite_option
from foveate.errors import InputError
from foveate.files import replacing
from foveate.geometry import FORMULA, worked
from foveate.outputs import check_file
from foveate.words import printable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from foveate.images.filter import Negative

SHOWN = {
    "clip": "sums below 0 are black, as behind a ReLU, and above 255 white",
    "offset": "128 + sum/2: grey is 0, darker is negative",
}


class Stride(click.ParamType[tuple[int, int]]):
    name = "N or ROWSxCOLUMNS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(
            part.isascii() and part.isdigit() and 0 < int(part) < 10_000 for part in parts
        ):
            self.fail(
                f"must be a whole number of pixels such as 2, or 2x1 for rows and columns, not {value!r}"
            )
        return int(parts[0]), int(parts[-1])


@click.command("filter", cls=Command)
@click.argument("image", type=click.Path(path_type=Path))
@click.argument("kernel", required=False)
@click.option("--matrix", help="A kernel of your own, rows parted by semicolons: '1 0 -1; 2 0 -2; 1 0 -1'.")
@click.option("--stride", type=Stride(), default="1", show_default=True, help="Pixels from place to place.")
@click.option(
    "--padding",
    type=click.Choice(["valid", "zeros", "same", "reflect", "replicate", "circular"]),
    default="valid",
    show_default=True,
    help="What stands around the picture.",
)
@click.option(
    "--negative",
    type=click.Choice(list(SHOWN)),
    default="clip",
    show_default=True,
    help="How sums below 0 are shown: black, or darker than a mid-grey that means 0.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write it [IMAGE's name-KERNEL.png].")
@overwrite_option
@json_option
def command(
    image: Path,
    kernel: str | None,
    *,
    matrix: str | None,
    out: Path | None,
    overwrite: bool,
    as_json: bool,
    **how: Any,
) -> None:
    """Apply a convolution KERNEL to a picture, each colour alone, and write what comes out.

    KERNEL is a name, `all` for a sheet of them all, or `channels` for red, green and blue apart; --matrix
    takes one of your own.

    \b
    foveate filter cat.jpg sobel_x
    foveate filter cat.jpg all --out sheet.png
    foveate filter cat.jpg --matrix "1 1 1; 1 1 1; 1 1 1" --stride 2 --padding reflect
    """
    from foveate.images import read_image

    if (kernel is None) == (matrix is None):
        from foveate.images.kernels import KERNELS

        raise InputError(f"Give one kernel: a name ({', '.join(KERNELS)}), all, channels, or --matrix.")
    name = kernel or "matrix"
    if name == "channels":
        used = ("out", "overwrite", "as_json")
        refuse_unused(click.get_current_context(), used, "on `channels`, which applies no kernel")
    target = _target(image, name, out, overwrite=overwrite)
    pixels = read_image(image)
    facts: dict[str, Any] = {"image": str(image), "input": [*pixels.shape[:2]], "kernel": name}
    if name == "channels":
        from foveate.images.sheet import channel_panels, contact_sheet

        picture = contact_sheet(channel_panels(pixels))
        facts["channel_means"] = {c: float(pixels[..., i].mean()) for i, c in enumerate("RGB")}
    else:
        picture, told = _filtered(pixels, name, matrix, **how)
        facts |= told
    _save(picture, target)
    facts["out"] = str(target)
    with after_writing():
        if as_json:
            emit_json(facts)
        else:
            _tell(facts)


def _filtered(
    pixels: NDArray[np.uint8],
    name: str,
    matrix: str | None,
    *,
    stride: tuple[int, int],
    padding: str,
    negative: Negative,
) -> tuple[NDArray[np.uint8], dict[str, Any]]:
    """The picture to write, and what to say about it."""
    from foveate.images.filter import displayed, filter_image, sides
    from foveate.images.kernels import KERNELS, kernel, parse_kernel
    from foveate.images.sheet import contact_sheet, shrunk

    if name == "all":
        pixels = shrunk(pixels)
    kernels = KERNELS if name == "all" else {name: parse_kernel(matrix) if matrix else kernel(name)}
    panels = [
        (one, displayed(filter_image(pixels, weights, stride=stride, padding=padding), negative))
        for one, weights in kernels.items()
    ]
    picture = contact_sheet([("picture", pixels), *panels]) if name == "all" else panels[0][1]
    weights = next(iter(kernels.values()))
    around = sides(pixels.shape, weights.shape, stride, padding)
    facts: dict[str, Any] = {
        "filtered": [*pixels.shape[:2]],
        "stride": list(stride),
        "padding": padding,
        "padding_px": [list(side) for side in around],
        "negative": negative,
        "output": [*panels[0][1].shape[:2]],
        "size_formula": {
            axis: worked(pixels.shape[i], weights.shape[i], stride[i], around[i])
            for i, axis in enumerate(("height", "width"))
        },
    }
    facts["kernels" if name == "all" else "matrix"] = list(kernels) if name == "all" else weights.tolist()
    return picture, facts


def _target(image: Path, name: str, out: Path | None, *, overwrite: bool) -> Path:
    out = out or Path(f"{image.stem}-{name}.png")
    if out.exists() and image.exists() and out.samefile(image):
        raise InputError("--out is the picture itself, which is never overwritten; give another name.")
    return check_file(out, (".png", ".jpg", ".jpeg", ".webp"), name="out", overwrite=overwrite)


def _save(picture: NDArray[np.uint8], target: Path) -> None:
    from PIL import Image

    with replacing(target) as part:
        Image.fromarray(picture).save(part)


def _tell(facts: dict[str, Any]) -> None:
    if "matrix" in facts:
        for row in facts["matrix"]:
            click.echo("  ".join(f"{weight:8.4g}" for weight in row))
    if "size_formula" in facts:
        for axis, line in facts["size_formula"].items():
            click.echo(f"{axis}: {FORMULA} = {line}")
        click.echo(f"shown: {SHOWN[facts['negative']]}")
    click.echo(printable(facts["out"]))
    if facts["kernel"] == "all":
        height, width = facts["filtered"]
        note(
            f"On the sheet the picture is shrunk to {height}×{width}; the sizes are those of the 3×3 kernels."
        )
