"""`train`: pictures with their answers in, a model folder with a report out."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveate.api.common import needs
from foveate.api.notebook import shown_here
from foveate.errors import InputError
from foveate.launched import Launched
from foveate.outputs import numbered
from foveate.pipeline.listen import Listener
from foveate.pipeline.request import TrainRequest
from foveate.tracking.run import Run, tracked

if TYPE_CHECKING:
    from torch import nn

    from foveate.dataset.sources.open import Data
    from foveate.pipeline.finish import Finished

LONGEST_NAME = 100  # characters of runs/NAME: a file system takes 255 bytes, and more is put around it


def train(
    data: Data,
    request: TrainRequest | None = None,
    *,
    out: str | Path | None = None,
    val: Data | None = None,
    module: nn.Module | None = None,
    resume: bool = False,
    overwrite: bool = False,
    allow_changed_data: bool = False,
    track: str | Sequence[str] = (),
    listener: Listener | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    started: float | None = None,
    **settings: Any,
) -> Finished:
    """Train a network on a data set and leave a model folder.

    >>> done = foveate.train("shapes", model="lenet5", epochs=1, out="runs/again")
    >>> done.folder, done.evaluated_on
    (PosixPath('runs/again'), 'test')

    Args:
        data: any form of data that `open_dataset` takes.
        settings: the fields of `TrainRequest`, such as ``epochs=10`` or ``budget="5m"``; they have the names
            of the command line's flags. By default the network that suits the pictures is trained.
        request: the same as an object, instead.
        out: the model folder to make; by default runs/NAME, with a number where that is taken. A finished
            model or an interrupted run that is there is left alone.
        val: a data set of its own for validation.
        module: your own network instead of ``model``: (N, C, H, W) float to (N, K) logits.
        resume: go on with the interrupted run in ``out``.
        overwrite: an interrupted run in ``out`` is replaced at once, a model when the new one is complete.
        allow_changed_data: resume even though the data set is not what it was.
        track: "mlflow", "wandb", "trackio": programs that are told of the run, and given the model folder.
        listener: called with every event of the run; by default a notebook shows them below the cell.
        should_stop: asked after every step; True saves the state and raises InterruptedRunError.
        started: when the run began on time.monotonic()'s scale, for the budget; now, if not given.

    Where torchrun or another launcher has started several processes, all train the same network together, and
    the first one writes and returns; the others end here, with exit code 0.

    Raises FoveateError: each failure its own kind, in one sentence.
    """
    if request is not None and settings:
        raise InputError(f"Give either a request or its settings ({', '.join(settings)}), not both.")
    request = request or TrainRequest(**settings)
    launched = Launched.here()
    folder = output_folder(data, out, resume=resume or launched.restarts > 0, overwrite=overwrite)
    if launched.first and not launched.restarts:
        refuse_finished(folder, replaceable=resume or overwrite)
    with needs("train", "Training"):
        from foveate.pipeline.resume import Given
        from foveate.pipeline.run import train as run
    shown = listener or shown_here()
    with tracked(track if launched.first else (), Run(folder.name, request.published()), shown) as told:
        given = Given(data, val, module, allow_changed_data, told, should_stop)
        finished = run(given, request, folder, resume=resume, overwrite=overwrite, started=started)
        told.finished(finished)
    return finished


def check_settings(
    data: Data,
    *,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    **settings: Any,
) -> Path:
    """Refuse what `train` would refuse before it reads a picture; the folder to be made.

    settings: the others of `train`.
    """
    known = {field.name for field in fields(TrainRequest)}
    TrainRequest(**{name: value for name, value in settings.items() if name in known})
    folder = output_folder(data, out, resume=resume, overwrite=overwrite)
    refuse_finished(folder, replaceable=resume or overwrite)
    return folder


def output_folder(data: Data, out: str | Path | None, *, resume: bool, overwrite: bool) -> Path:
    """The folder to make: the one asked for, or runs/NAME with the first free number.

    To resume it is the last of these that holds an interrupted run, or else the last.
    """
    if out is not None:
        return Path(out)
    base = Path("runs") / _name_of(data)
    if overwrite:
        return base
    *there, free = numbered(base)
    if not resume:
        return free
    from foveate.modelfolder.atomic import is_interrupted

    return next((folder for folder in reversed(there) if is_interrupted(folder)), [free, *there][-1])


def _name_of(data: Data) -> str:
    """What a run on these data is called."""
    if isinstance(data, tuple):
        return "model"
    path = Path(data if isinstance(data, str | Path) else data.name)
    name = (path.name if path.is_dir() else path.stem)[:LONGEST_NAME] or "model"
    return "model" if name in {".", ".."} else name


def refuse_finished(folder: Path, *, replaceable: bool) -> None:
    """Say at once, before torch is loaded, that a finished model is not replaced. Raises InputError.

    Whether a run is interrupted or going on is found out later, by who holds its lock.
    """
    from foveate.modelfolder.atomic import check_unclaimed, is_interrupted

    if not is_interrupted(folder):
        check_unclaimed(folder, overwrite=replaceable)


def _with_settings() -> inspect.Signature:
    """The signature as `help` shows it: with the settings by name."""
    own = [p for p in inspect.signature(train).parameters.values() if p.kind is not p.VAR_KEYWORD]
    kind = inspect.Parameter.KEYWORD_ONLY
    each = [
        inspect.Parameter(one.name, kind, default=one.default, annotation=one.type)
        for one in fields(TrainRequest)
        if one.name != "given"
    ]
    return inspect.Signature([*own, *each], return_annotation="Finished")


train.__signature__ = _with_settings()  # type: ignore[attr-defined]
