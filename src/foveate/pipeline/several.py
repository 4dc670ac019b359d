"""A run of several ranks: what must be alike on all of them, and what the first one hands to the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from foveate.dataset.prepare import Prepared
from foveate.errors import InputError
from foveate.modelfolder.atomic import is_interrupted, is_model_folder
from foveate.pipeline.plan import Plan
from foveate.pipeline.request import TrainRequest
from foveate.pipeline.ways import Way
from foveate.training.ranks import Ranks
from foveate.training.rundir import RunDirectory
from foveate.words import setting


def check_program(ranks: Ranks, request: TrainRequest) -> None:
    """Refuse ranks of another version, or with other settings. Raises as `Ranks.check_alike`."""
    if ranks.count == 1:
        return
    facts = {"foveate": version("foveate"), "torch": torch.__version__, "source text": _source_digest()}
    ranks.check_alike("another version of the program", "install the same one everywhere", facts)
    asked = {setting(name): value for name, value in request.to_dict().items() if name != "given"}
    ranks.check_alike("other settings", "give all of them the same ones", asked)


def _source_digest() -> str:
    """Of the package's files: two copies of a version may differ."""
    root, digest = Path(__file__).parents[1], hashlib.blake2b(digest_size=8)
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return digest.hexdigest()


def check_pictures(ranks: Ranks, prepared: Prepared) -> None:
    """Refuse ranks with other pictures or answers. Raises as `Ranks.check_alike`."""
    counts = ", ".join(f"{count:,} {name}" for name, count in prepared.sizes.items())
    facts = {
        "pictures": counts,
        "labels": len(prepared.task.labels),
        "their hash": prepared.fingerprint,
    }
    ranks.check_alike("other pictures", "let all of them read the same data", facts)


def check_plan(ranks: Ranks, plan: Plan) -> None:
    """Refuse ranks that would train something else: optional parts may be installed on some only."""
    facts = {
        "network": plan.network.name,
        "recipe": plan.recipe.name,
        "pictures a batch": plan.batches.batch_size,
        "settings": hashlib.blake2b(repr(plan.settings).encode(), digest_size=8).hexdigest(),
    }
    ranks.check_alike("another plan", "install the same optional parts everywhere", facts)


def refuse_several(ranks: Ranks, way: Way) -> None:
    """Raises InputError where a way of training has no use for several ranks."""
    if ranks.count > 1 and way.alone:
        raise InputError(
            f"{ranks.count} processes are no use here: {way.alone}. Train in one process, or fine-tune with "
            f"{setting('epochs', 'N')}."
        )


def again(place: Path, restarts: int, *, resume: bool, overwrite: bool) -> tuple[bool, bool]:
    """(resume, overwrite) of a run that its launcher may have begun anew, with the words of the first time.

    What the earlier tries left is theirs: it is gone on with. Only a model that was to be replaced from the
    start is replaced once more.
    """
    if restarts and (is_interrupted(place) or not overwrite):
        return True, False
    return resume, overwrite


def left_there(place: Path, *, resume: bool) -> str:
    """What a run can go on from: "interrupted", "finished", or "nothing"."""
    if resume and is_interrupted(place):
        return "interrupted"
    return "finished" if resume and is_model_folder(place) else "nothing"


@contextmanager
def run_of_first(ranks: Ranks, run: RunDirectory) -> Iterator[RunDirectory]:
    """The first rank's run directory; on the others, who may not see it, a copy that is gone afterwards."""
    if ranks.count == 1:
        yield run
        return
    files: dict[str, bytes] = {}
    with ranks.together():
        if ranks.first:
            files = run.files()
    names = ranks.first_says(list(files))
    files = {name: ranks.first_sends(files.get(name, b"")) for name in names}
    if ranks.first:
        yield run
        return
    with TemporaryDirectory(prefix="foveate-rank-") as folder:
        copy = RunDirectory(Path(folder) / run.out.name)
        copy.checkpoints.directory.mkdir(parents=True)
        for name, data in files.items():
            (copy.checkpoints.directory / Path(name).name).write_bytes(data)
        yield copy
