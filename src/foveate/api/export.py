"""`export`: the network as one file for other programs, in 8-bit integers, or as a page of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.api.common import Say, needs, unsaid
from foveate.api.load import folder_of
from foveate.errors import InputError
from foveate.files import write
from foveate.modelfolder.read import of_one_model, read_verified
from foveate.outputs import check_file
from foveate.runtime.config import ONNX_NAME
from foveate.words import bytes_text, setting

if TYPE_CHECKING:
    from foveate.exporter.quantise import Comparison


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        model: the model folder that it comes from.
        path: the ONNX file, the model folder whose network computes in integers, or the page's folder.
        bytes: of the ONNX file, or of the page with all it needs.
        page: whether it is a page.
        comparison: of the network in integers with the other, where there is one.
    """

    model: Path
    path: Path
    bytes: int
    comparison: Comparison | None = None
    page: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what `foveate export --json` prints."""
        if self.page:
            facts = {"web": str(self.path), "bytes": self.bytes}
        elif self.comparison is None:
            facts = {"file": str(self.path), "bytes": self.bytes, "precision": "float32"}
        else:
            facts = {"folder": str(self.path), "precision": "int8", **self.comparison.to_dict()}
        return {"model": str(self.model), **facts}

    def describe(self) -> str:
        """What was gained, or how large it is, in words."""
        return bytes_text(self.bytes) if self.comparison is None else self.comparison.describe()


def export(
    model: str | Path,
    *,
    out: str | Path | None = None,
    int8: bool = False,
    data: str | Path | None = None,
    batch_size: int | None = None,
    web: str | Path | None = None,
    download: bool = False,
    overwrite: bool = False,
    say: Say = unsaid,
) -> Exported:
    """Copy the network of a model folder out as one ONNX file, make it smaller, or make a page of it.

    >>> foveate.export("runs/shapes", out="shapes.onnx").path
    PosixPath('shapes.onnx')

    Args:
        model: a model folder, or the name of a network that comes with weights.
        out: where to write; by default NAME.onnx, or the model folder NAME-int8, in the folder at hand.
        int8: a model folder whose network computes in 8-bit integers.
        data: with ``int8``, labelled pictures to calibrate and to measure with.
        batch_size: fix the number of pictures that the ONNX file takes, for engines that want it so.
        web: a folder for a page that answers pictures by itself, in the browser; any web host can serve it.
        download: let the engine of such a page be fetched, once.
        overwrite: replace what is there, if it is of the kind that is written.
        say: called with the name of each step.

    Raises NotWorthItError where the network in integers is not faster here, or less accurate; nothing is
    written then. InputError, DatasetError, ModelFolderError, StorageError.
    """
    _check_wishes(int8=int8, data=data, batch_size=batch_size, web=web, out=out)
    folder = folder_of(model, say)
    name = Path(model).resolve().name if Path(model).exists() else str(model)
    if web is not None:
        from foveate.webpage.write import write_page

        size = write_page(folder, Path(web), name=name, download=download, overwrite=overwrite, say=say)
        return Exported(folder, Path(web), size, page=True)
    if data is not None:
        from foveate.modelfolder.quantised import quantise_folder

        target = Path(out or f"{name}-int8")
        found = quantise_folder(folder, target, data, overwrite=overwrite, say=say)
        return Exported(folder, target, found.int8_bytes, found)
    target = check_file(Path(out or f"{name}.onnx"), (".onnx",), name="out", overwrite=overwrite)
    content = of_one_model(folder, lambda config: read_verified(folder, config, ONNX_NAME))
    if batch_size is not None:
        with needs("train", "Fixing the number of pictures"):
            from foveate.exporter.fixed import fixed_batch
        content = fixed_batch(content, batch_size)
    write(target, content)
    return Exported(folder, target, len(content))


def _check_wishes(*, int8: bool, data: object, batch_size: int | None, web: object, out: object) -> None:
    """Raises InputError for wishes that do not go together."""
    if int8 and data is None:
        raise InputError(
            f"{setting('int8', True)}: expected {setting('data', 'DATA')} as well, pictures to calibrate "
            "and measure with."
        )
    if data is not None and not int8:
        raise InputError(
            f"{setting('data')}: expected {setting('int8', True)} as well; a plain export needs no pictures."
        )
    if batch_size is not None and (int8 or web is not None):
        raise InputError(
            f"{setting('batch_size')}: is for the ONNX file alone; leave {setting('int8', True)} and "
            f"{setting('web')} out."
        )
    if web is not None and (int8 or out is not None):
        raise InputError(
            f"{setting('web')}: expected neither {setting('int8', True)} nor {setting('out')} beside it; a "
            "page of a network in integers is made from the folder that holds it."
        )
