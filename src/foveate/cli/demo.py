"""`foveate demo`: a first network, from nothing, in a minute."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from foveate.cli.command import Command
from foveate.cli.console import after_writing, emit_json, json_option, note, overwrite_option, typed
from foveate.cli.signals import StopFlag, stop_on_signal
from foveate.outputs import numbered
from foveate.words import printable

if TYPE_CHECKING:
    from foveate.dataset import DataSet
    from foveate.pipeline.finish import Finished

SHOWN = 8
SCENES, SCENE_COUNT = "demo-scenes", 1_200
YOURS = {  # what pictures of one's own stand in
    "classification": "one folder a class",
    "segmentation": "images/ and masks/",
    "detection": "with COCO's, YOLO's or VOC's files",
}


@click.command(
    cls=Command,
    epilog="\b\nExamples:\n  foveate demo --budget 60s\n  foveate demo --task segmentation\n"
    "  foveate demo --task detection",
)
@click.option(
    "--task",
    type=click.Choice(tuple(YOURS)),
    default="classification",
    show_default=True,
    help="Sort garments into classes; in drawn scenes, tell each pixel's class or find every object.",
)
@click.option("--budget", default="60s", show_default=True, metavar="TIME", help="Wall time of the whole.")
@click.option(
    "--out", "-o", metavar="DIR", help="The model folder to make.  [default: runs/demo, or runs/demo-2, ...]"
)
@overwrite_option
@click.option("--seed", type=int, default=0, show_default=True, help="What all chance begins with.")
@json_option
def command(task: str, budget: str, out: str | None, overwrite: bool, seed: int, as_json: bool) -> None:
    """Train on Fashion-MNIST within a minute, measure on its test pictures, and show what came out.

    With --task segmentation or detection on scenes of coloured shapes, which are drawn for it and kept in the
    cache.
    """
    from foveate.api.train import refuse_finished, train

    with stop_on_signal() as stop:  # before torch is imported: an import that is torn leaves ruins
        base = Path(out or "runs/demo")
        folder = base if out or overwrite else numbered(base)[-1]
        refuse_finished(folder, replaceable=overwrite)
        from foveate.cli.progress import display
        from foveate.pipeline.request import TrainRequest, process_start_seconds

        request = TrainRequest(budget=budget, seed=seed)
        dataset = _fetch(stop) if task == "classification" else _draw(task, stop)
        with display() as listener:
            finished = train(
                dataset,
                request,
                out=folder,
                overwrite=overwrite,
                listener=listener,
                should_stop=stop.is_set,
                started=process_start_seconds(),
            )
    with after_writing():
        if as_json:
            emit_json(finished.to_dict())
        else:
            _tell(finished, dataset)


def _tell(finished: Finished, dataset: DataSet) -> None:
    from foveate.cli.evaluate import drawn
    from foveate.cli.train import in_words

    click.echo(in_words(finished))
    for table in finished.evaluation.tables():
        click.echo("\n" + drawn(table))
    click.echo("\n" + _answers(finished.folder, dataset))
    click.echo("\n" + _next(finished.folder, dataset))


def _fetch(stop: StopFlag) -> DataSet:
    """Fashion-MNIST; where it is not here and cannot be had, says so and gives a tenth of it."""
    from foveate.dataset.sources import known
    from foveate.errors import DownloadError

    def progress(have: int, expected: int) -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    try:
        return known.load("fashion-mnist", say=lambda sentence: note(printable(sentence)), progress=progress)
    except DownloadError as error:
        note(f"note: {printable(str(error))}")
        note("note: going on with fashion-mnist-mini, the tenth of it that comes with foveate.")
        return known.load("fashion-mnist-mini")


def _draw(task: str, stop: StopFlag) -> DataSet:
    """Drawn scenes with exact masks and boxes; made once, for they are always the same."""
    from foveate.dataset import open_dataset
    from foveate.dataset.sources.scenes.kinds import kinds
    from foveate.dataset.sources.scenes.make import SceneSettings, make_scenes
    from foveate.kept import cache_folder

    def progress(have: int, expected: int) -> None:
        if stop.is_set():
            raise KeyboardInterrupt

    folder = cache_folder() / SCENES
    if not folder.is_dir():
        note(f"drawing scenes into {printable(str(folder))}")
        make_scenes(folder, kinds("shapes"), SceneSettings(count=SCENE_COUNT), progress=progress)
    return open_dataset(folder, task=task)


def _answers(folder: Path, dataset: DataSet) -> str:
    """The finished model on a few test pictures."""
    import foveate
    from foveate.dataset.samples import evenly

    predictor = foveate.load(folder)
    test = dataset.splits["test"]
    rows = evenly(len(test), SHOWN)
    lines = ["Some test pictures:"]
    if predictor.task.label_scores is None:
        told = predictor.predictions([test.images.read(int(i)) for i in rows])
        return "\n".join(
            [
                *lines,
                *(
                    f"  {test.images.name(int(i))}  {one.to_text()}"
                    for i, one in zip(rows, told, strict=True)
                ),
            ]
        )
    truths = dataset.task.cells(test.targets.take(rows))
    probabilities = predictor.predict_proba([test.images.read(int(i)) for i in rows])
    for row, found, true in zip(rows, probabilities, truths, strict=True):
        label = predictor.classes_[found.argmax()]
        mark = "right" if label == true else f"wrong, it is {true}"
        lines.append(f"  {test.images.name(int(row)):<12} {label:<12} {found.max():>6.1%}  {mark}")
    return "\n".join(lines)


def _next(folder: Path, dataset: DataSet) -> str:
    picture = _save_a_picture(folder, dataset)
    drawn = f" --out {typed(folder.with_name(f'{folder.name}-drawn'))}" if dataset.task.draws else ""
    name = dataset.name if dataset.task.whole_picture else typed(Path(dataset.name))
    return "\n".join(
        [
            "Try next:",
            f"  open {typed(folder / 'report.html')}",
            f"  foveate predict {typed(folder)} {typed(picture)}{drawn}",
            f"  foveate evaluate {typed(folder)} {name}",
            "  foveate summary convnet1",
            f"  foveate train YOUR/PICTURES     {YOURS[dataset.task.name]}",
        ]
    )


def _save_a_picture(folder: Path, dataset: DataSet) -> Path:
    """A test picture beside the model folder, so that `foveate predict` has something to look at."""
    from PIL import Image

    path, number = folder.with_name(f"{folder.name}-picture.png"), 2
    while path.exists():
        path, number = folder.with_name(f"{folder.name}-picture-{number}.png"), number + 1
    Image.fromarray(dataset.splits["test"].images.read(0)).save(path)
    return path
