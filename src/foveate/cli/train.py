"""`foveate train`: class folders in, a model folder with a report out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from foveate.cli.command import Command
from foveate.cli.console import (
    Share,
    after_writing,
    download_option,
    emit_json,
    ignore_option,
    json_option,
    note,
    said,
    typed,
    unlabelled_option,
    words_of,
)
from foveate.cli.signals import stop_on_signal
from foveate.launched import Launched

if TYPE_CHECKING:
    from foveate.pipeline.finish import Finished
    from foveate.tasks.measures import Metric

EXAMPLE = """
\b
Examples:
  foveate train photos/                         class folders: photos/cat/1.jpg, photos/dog/2.jpg, ...
  foveate train photos/ --budget 5m --out runs/pets
  foveate train fashion-mnist --model convnet1 --recipe article --epochs 10
  foveate train table.csv --model net.yaml
  foveate train ages.csv --select val_mae       numbers: a table with columns file_name,age
  foveate train garden/labels.csv               several labels a picture: file_name,labels
  foveate train street/                         masks: street/images/1.jpg, street/masks/1.png
  foveate train cells/                          boxes: pictures with COCO's, YOLO's, VOC's ... files
  foveate train flickr8k/ --min-count 5         sentences: captions.txt, COCO's or Karpathy's JSON
"""


@click.command(cls=Command, epilog=EXAMPLE)
@click.argument("data")
@click.option("--val", metavar="DATA", help="A data set of its own for validation.")
@click.option(
    "--out", "-o", "--output", metavar="DIR", help="The model folder to make.  [default: runs/NAME]"
)
@click.option(
    "--task",
    default="auto",
    show_default=True,
    metavar="NAME",
    help="What an answer is, where DATA could mean several: classification, multilabel, regression, "
    "segmentation (masks), detection (boxes), captioning (sentences).",
)
@ignore_option
@unlabelled_option
@click.option(
    "--min-count",
    type=int,
    metavar="N",
    help="Of sentences: learn words that stand there N times or more.  [default: 1 to 5, by their number]",
)
@click.option(
    "--capitals",
    type=click.Choice(["lower", "keep"]),
    default="lower",
    show_default=True,
    help="Of sentences: whether capitals are read as small letters.",
)
@click.option(
    "--stream",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Whether pictures of shards are read again each epoch instead of held in memory; auto: from a "
    "million, or 16 GiB, on.",
)
@click.option(
    "--model",
    "-m",
    default="auto",
    show_default=True,
    help="auto, a network's name, timm:NAME, or a blueprint FILE.yaml.",
)
@click.option(
    "--recipe",
    default="auto",
    show_default=True,
    help="auto, article, standard, transformer, compact-short or compact-long; of masks maps or maps-learnt, "
    "of boxes boxes or boxes-learnt, of sentences sentences or sentences-learnt.",
)
@click.option("--budget", metavar="TIME", help="Wall time of the whole command: 60s, 5m, 2h.")
@click.option("--epochs", type=int, metavar="N", help="Train N epochs instead; repeats to the byte.")
@click.option("--image-size", "--imgsz", type=int, metavar="PX", help="Side of the pictures for the network.")
@click.option(
    "--fit",
    type=click.Choice(["crop", "pad", "stretch"]),
    help="How pictures of another shape come to that size.  [default: as learnt weights had it, else crop]",
)
@click.option("--val-fraction", type=float, help="Held out to choose on.  [default: a tenth, at most 3,000]")
@click.option("--test-fraction", type=float, help="Held out to measure on.  [default: likewise]")
@click.option("--batch-size", "-b", type=int, metavar="N", help="Pictures a step, instead of the recipe's.")
@click.option(
    "--accumulate",
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="Compute each batch in N parts, one after the other: takes less memory.",
)
@click.option("--lr", type=float, metavar="RATE", help="Peak learning rate, instead of the recipe's.")
@click.option(
    "--weights",
    metavar="FILE",
    help="Start from a FILE (.safetensors, .pth), imagenet, none, or hf:OWNER/REPO with --download.",
)
@download_option
@click.option(
    "--augment",
    type=click.Choice(["auto", "none"]),
    default="auto",
    show_default=True,
    help="Whether pictures are mirrored, shifted and so on as the recipe says.",
)
@click.option(
    "--class-weights",
    type=click.Choice(["auto", "none", "balanced"]),
    default="auto",
    show_default=True,
    help="Whether a rare class counts for as much as a frequent one; auto: of pixels half-way, else no.",
)
@click.option(
    "--label-smoothing", type=float, metavar="SHARE", help="Of the target, instead of the recipe's."
)
@click.option(
    "--refine",
    type=click.Choice(["none", "mrf"]),
    default="none",
    show_default=True,
    help="Put deep parsing's Markov random field behind a network that scores each pixel.",
)
@click.option(
    "--select",
    metavar="COLUMN",
    help="What decides which epoch is kept: a column of history.csv, such as val_macro_f1 or val_mae, or "
    "last.  [default: the task's first metric, such as val_accuracy or val_r2; in fine-tuning val_loss]",
)
@click.option(
    "--unsure-precision",
    type=Share(),
    default="95%",
    show_default=True,
    help="How often an answer that is not called unsure is to be right.",
)
@click.option("--patience", type=int, metavar="N", help="Stop after N epochs without a better one.")
@click.option(
    "--max-unreadable",
    type=Share(),
    default="5%",
    show_default=True,
    help="Share of broken pictures to skip.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="What all chance begins with.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, mps.")
@click.option(
    "--threads",
    type=int,
    metavar="N",
    help="Of the processor, for training; another N gives other last digits.  [default: torch's choice]",
)
@click.option(
    "--nproc",
    type=click.IntRange(1, 1024),
    metavar="N",
    help="Train in N processes of this machine together, one a GPU where there are any.",
)
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard events beside the checkpoints.")
@click.option(
    "--track",
    multiple=True,
    metavar="NAME",
    help="Tell a program that keeps runs: mlflow, wandb, trackio; may be repeated.",
)
@click.option(
    "--keep-checkpoint",
    is_flag=True,
    help="Keep the checkpoints of a run that is done, to be looked at; it cannot be resumed.",
)
@click.option(
    "--resume", is_flag=True, help="Go on with the run in --out, or begin it; one that is finished stays."
)
@click.option("--allow-changed-data", is_flag=True, help="Resume although the pictures have changed.")
@click.option("--overwrite", is_flag=True, help="Replace what an earlier run left in --out.")
@json_option
@click.pass_context
def command(context: click.Context, data: str, as_json: bool, nproc: int | None, **settings: Any) -> None:
    """Train a network on DATA.

    DATA is a folder of class folders, with or without train/ and val/ or test/; pictures with masks;
    pictures with boxes (COCO, YOLO, VOC, LabelMe, CVAT or CSV) or sentences (Flickr8k, COCO, Karpathy's
    JSON); a CSV or JSON-lines table (file_name,label; file_name,labels with several in a cell;
    file_name,caption; or columns of numbers); an IDX pair; an .npz; or a known name such as fashion-mnist.
    """
    # What was started so reads the same foveate.toml, which may say it, too.
    if nproc is not None and nproc > 1 and not Launched.here().by_nproc:
        context.exit(_in_processes(context, data, nproc, settings))
    with stop_on_signal() as stop:  # before torch is imported: an import that is torn leaves ruins
        from foveate.api.train import train
        from foveate.cli.progress import display
        from foveate.pipeline.request import process_start_seconds

        with display(quiet=not Launched.here().first) as listener:
            finished = train(
                data,
                listener=listener,
                should_stop=stop.is_set,
                started=Launched.here().began or process_start_seconds(),
                **{name: settings[name] for name in said(context, settings)},
            )
    with after_writing():
        if as_json:
            emit_json(finished.to_dict())
        else:
            click.echo(in_words(finished))


def _in_processes(context: click.Context, data: str, nproc: int, settings: dict[str, Any]) -> int:
    """The same command in several processes, with what it says checked before; the exit code."""
    from foveate.api.train import check_settings
    from foveate.cli.processes import in_processes

    given = {name: settings[name] for name in said(context, settings)}
    folder = check_settings(data, **given)
    words = [*words_of(context, leave_out={"nproc", "out"}), "--out", str(folder)]
    return in_processes(["train", *words], nproc, note)


def in_words(finished: Finished) -> str:
    """The result of a run, and what to do with it."""
    headline, samples = finished.evaluation.headline, finished.evaluation.samples
    low, high = (_figure(headline.metric, bound, 1) for bound in headline.interval)
    on = {"test": "test pictures", "val": "validation pictures", "train": "pictures it was trained on"}
    folder = typed(finished.folder)
    return "\n".join(
        [
            f"{headline.metric.heading} {_figure(headline.metric, headline.value, 2)} on {samples:,} "
            f"{on[finished.evaluated_on]} (95 % interval {low} to {high}).",
            f"Model folder: {folder}   in {sum(finished.seconds_by_phase.values()):.1f} s",
            f"  report   {typed(finished.folder / 'report.html')}",
            f"  use it   foveate predict {folder} PICTURE",
        ]
    )


def _figure(metric: Metric, value: float, digits: int) -> str:
    return f"{value:.{digits}%}" if metric.is_fraction else f"{value:.4g}"
