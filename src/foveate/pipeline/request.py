"""What the user asks of a training run, as data: validated when made, written down for `--resume`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

from foveate.dataset.sources.open import Unlabelled, named
from foveate.dataset.sources.shards import Streaming
from foveate.errors import CheckpointError, InputError, UnknownNameError
from foveate.models.names import BlueprintFile, HubName, Registered, is_hub_name
from foveate.pipeline.choices import (
    Auto,
    ModelChoice,
    PublishedWeights,
    WeightsChoice,
    WeightsFile,
    parse_model,
    parse_weights,
)
from foveate.tasks import task_type
from foveate.words import setting

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}
SHORTEST_BUDGET_SECONDS = 10


def parse_budget(text: str) -> float:
    """Seconds of a budget such as ``60s``, ``5m``, ``1.5h``.

    Raises:
        InputError: it is not a number with a unit, or shorter than ten seconds.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh])", str(text).strip().lower())
    if not match:
        raise InputError(f"A budget is a number with s, m or h, such as 60s, 5m or 2h; found {text!r}.")
    seconds = float(match[1]) * _UNIT_SECONDS[match[2]]
    if seconds < SHORTEST_BUDGET_SECONDS:
        raise InputError(
            f"The shortest budget is {SHORTEST_BUDGET_SECONDS}s, of which several seconds go into loading "
            f"and export; found {text!r}."
        )
    return seconds


@dataclass(frozen=True, kw_only=True)
class TrainRequest:
    """The settings of one run; every field has the command line's flag of the same name.

    What is set is told from what is left alone (``given``), be it set to the default: only so can a setting
    that a way of training has no use for be refused, and one that contradicts an interrupted run's. None is
    never set.

    Attributes:
        task: "auto", or the kind of answer that the data hold, where they could mean several: `list_tasks`.
        ignore: of masks the classes, by name or number, whose pixels are left out: ("void",), ("255",).
        unlabelled: what a picture without annotations is, in forms that have a file for each: an "error", or
            "background", which shows nothing.
        min_count: of sentences, how often a word stands in the training ones to be learnt; None goes by how
            many sentences there are, from 1 to 5.
        capitals: of sentences, "lower" reads them as small letters, "keep" learns *Paris* and *paris* apart.
        stream: whether shards' training pictures are read again each epoch, batch by batch, and not held in
            memory; "always", "never", or "auto", which streams more than a million of them, or 16 GiB.
        model: "auto", a network's name, one of timm's (timm:NAME), or a blueprint file.
        recipe: "auto" or a recipe's name.
        budget: wall time of the whole run ("60s", "5m", "2h"), or None.
        epochs: how many epochs instead; then the same seed on the same machine gives the same bytes.
        image_size: side of the pictures in pixels; None chooses by looking at the data.
        fit: how pictures come to that size: "crop", "pad" or "stretch"; None takes what learnt weights were
            learnt with, and "crop" from chance.
        val_fraction, test_fraction: held out of the training pictures where the data bring no such split;
            None holds out a tenth, but at most 3,000 pictures.
        batch_size, lr: override the recipe's.
        accumulate: in so many parts each batch is computed, one after the other: takes less memory.
        weights: what to start from: a file of weights, "imagenet" (weights that come as a Python package),
            "none" (chance), or "hf:OWNER/REPO[/FILE]" (a hub's); None decides by the pictures.
        download: whether a hub's weights may be fetched; without it only those fetched before are used.
        augment: "auto" (the recipe's, without mirror images where these would contradict the pictures) or
            "none", which leaves out the mirror images of photographs, too.
        class_weights: "none", "balanced" for classes of unequal size, or "auto": what the task usually does.
        refine: "mrf" puts deep parsing's Markov random field behind a network that scores each pixel, and
            trains both together; "none" does not.
        select: what decides the best epoch; None takes the recipe's (val_accuracy), and the loss of the
            held-out pictures in fine-tuning.
        unsure_precision: how often an answer that is not called unsure is to be right.
        patience: stop after so many epochs without a better one.
        max_unreadable: largest share of unreadable pictures that is skipped rather than refused.
        threads: of torch, on the processor; None takes its own number, and for a run that goes on the number
            that it began with, for another one gives other last digits.
        keep_checkpoint: keep the last checkpoints (weights, optimiser) after the run is done, for other
            programs to read: the run is finished, and nothing resumes it.
        given: the names of the fields that were set; found out by itself.
    """

    task: str = "auto"
    ignore: tuple[str, ...] = ()
    unlabelled: Unlabelled = "error"
    min_count: int | None = None
    capitals: Literal["lower", "keep"] = "lower"
    stream: Streaming = "auto"
    model: str = "auto"
    recipe: str = "auto"
    budget: str | None = None
    epochs: int | None = None
    image_size: int | None = None
    fit: Literal["crop", "pad", "stretch"] | None = None
    val_fraction: float | None = None
    test_fraction: float | None = None
    batch_size: int | None = None
    lr: float | None = None
    accumulate: int = 1
    weights: str | None = None
    download: bool = False
    augment: Literal["auto", "none"] = "auto"
    class_weights: Literal["auto", "none", "balanced"] = "auto"
    label_smoothing: float | None = None
    refine: Literal["none", "mrf"] = "none"
    select: str | None = None
    unsure_precision: float = 0.95
    patience: int | None = None
    max_unreadable: float = 0.05
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    tensorboard: bool = False
    keep_checkpoint: bool = False
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    def __new__(cls, **settings: Any) -> Self:
        known = [one.name for one in fields(cls)]
        for name in settings:
            if name not in known:
                raise UnknownNameError("setting", name, known)
        request = super().__new__(cls)
        object.__setattr__(request, "_named", frozenset(settings))  # a dataclass forgets it: see _find_given
        return request

    def __post_init__(self) -> None:
        self._find_given()
        object.__setattr__(self, "ignore", named(self.ignore))  # JSON knows lists only
        if self.budget_seconds is not None and self.epochs is not None:
            raise InputError(
                f"Give either {setting('budget')} (a time) or {setting('epochs')} (a number), not both."
            )
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise InputError(f"{setting(name)} lies between {low} and {high}, not {value}.")
        for name, choices in _CHOICES.items():
            found = getattr(self, name)
            if found is not None and found not in choices:
                raise InputError(f"{setting(name)} is one of {', '.join(choices)}, not {found!r}.")
        if self.task != "auto":
            task_type(self.task)  # that there is one
        self._check_weights()
        if (self.val_fraction or 0) + (self.test_fraction or 0) > 0.8:
            raise InputError(
                f"{setting('val_fraction')} and {setting('test_fraction')} leave less than a fifth of the "
                "pictures to train on."
            )

    def _check_weights(self) -> None:
        hub, published = isinstance(self.start, HubName), isinstance(self.start, HubName | PublishedWeights)
        if self.download and not hub:
            raise InputError(
                f"{setting('download', True)} is for weights of a hub: {setting('weights', 'hf:OWNER/REPO')}."
            )
        if published and self.recipe != "auto":
            raise InputError(
                f"{setting('weights', self.weights or str(self.start))} are a start for photographs, for "
                f"which no {setting('recipe')} is to be "
                f"chosen; leave it out, or give the file itself: {setting('weights', 'FILE')}."
            )
        if published and isinstance(self.network, BlueprintFile):
            raise InputError(
                f"{setting('weights', self.weights)} are of a published network, and {self.model} is a "
                "design of its "
                f"own; leave {setting('weights')} out, or give a file that was made with this design."
            )
        if isinstance(self.start, WeightsFile) and isinstance(self.network, Auto):
            raise InputError(
                f"{setting('weights')} belong to one network: name it with {setting('model')}, such as "
                f"{setting('model', 'resnet18')}; "
                "`foveate models` lists them."
            )

    def _find_given(self) -> None:
        """Set ``given`` to what was named; `dataclasses.replace` names all, and hands on the old one's."""
        named: frozenset[str] = self.__dict__.pop("_named")
        if "given" in named:
            named = self.given | {one.name for one in fields(self) if getattr(self, one.name) != one.default}
        given = frozenset(name for name in named - {"given"} if getattr(self, name) is not None)
        object.__setattr__(self, "given", given)

    @cached_property
    def network(self) -> ModelChoice:
        """What ``model`` means."""
        return parse_model(self.model)

    @cached_property
    def start(self) -> WeightsChoice:
        """What ``weights`` means; a network's own, where its name means some and nothing else is said."""
        own = self.network.weights if isinstance(self.network, Registered) else None
        return own if own is not None and self.weights is None else parse_weights(self.weights)

    @cached_property
    def budget_seconds(self) -> float | None:
        """What ``budget`` means."""
        return parse_budget(self.budget) if self.budget else None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON; `resumed_from` reads it."""
        return {**asdict(self), "given": sorted(self.given)}

    def published(self) -> dict[str, Any]:
        """Plain JSON for a model folder, which people give away: the names of files, not where they lay."""
        return {**self.to_dict(), **{name: _file_name(getattr(self, name)) for name in ("model", "weights")}}

    def resumed_from(self, stored: Mapping[str, Any], which: str = "interrupted") -> TrainRequest:
        """The request of an earlier run; what is said anew must be the same, but for the threads.

        Raises:
            CheckpointError: a flag differs from the earlier run's. ``which`` one it is, for the message.
        """
        if set(stored) != {one.name for one in fields(self)}:
            raise CheckpointError(
                f"The {which} run was made by another version; start anew with "
                f"{setting('overwrite', True)}, or in "
                f"another {setting('out')}."
            )
        stored = {**stored, "ignore": tuple(stored["ignore"])}
        names = [one.name for one in fields(self) if one.name in self.given - _FREE]
        published = self.published()
        changed = [name for name in names if stored[name] not in (getattr(self, name), published[name])]
        if changed:
            told = ", ".join(_difference(name, stored[name], getattr(self, name)) for name in changed)
            raise CheckpointError(
                f"The {which} run had {told}; leave these out to go on with it, or start anew with "
                f"{setting('overwrite', True)}, or in another {setting('out')}."
            )
        anew = {name: getattr(self, name) for name in _FREE & self.given}
        given = frozenset(stored["given"]) | anew.keys()
        return TrainRequest(**{**stored, **anew, "given": given})


_FREE = frozenset({"threads"})  # what may be said anew when a run goes on


def _difference(name: str, before: Any, now: Any) -> str:
    before, now = (" ".join(value) if isinstance(value, tuple) else value for value in (before, now))
    had = f"no {setting(name)}" if before in (None, False, "") else setting(name, before)
    return had if isinstance(now, bool) else f"{had} (now {now})"


def _file_name(choice: str | None) -> str | None:
    """A file's name without its folders; a network's, a hub's or no name at all as it is."""
    return choice if choice is None or is_hub_name(choice) else Path(choice).name


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("min_count", 1, 1_000_000),
    ("epochs", 1, 100_000),
    ("image_size", 8, 1024),
    ("val_fraction", 0, 0.5),
    ("test_fraction", 0, 0.5),
    ("batch_size", 1, 65_536),
    ("lr", 1e-8, 1e3),
    ("accumulate", 1, 1024),
    ("label_smoothing", 0, 0.9),
    ("patience", 1, 100_000),
    ("max_unreadable", 0, 1),
    ("unsure_precision", 0.5, 0.999),
    ("seed", 0, 2**63 - 1),
    ("threads", 1, 1024),
)
_CHOICES = {
    "stream": get_args(Streaming),
    "fit": ("crop", "pad", "stretch"),
    "augment": ("auto", "none"),
    "capitals": ("lower", "keep"),
    "class_weights": ("auto", "none", "balanced"),
    "refine": ("none", "mrf"),
}


def process_start_seconds() -> float:
    """The moment this process began, on time.monotonic()'s scale; now, where the system does not tell."""
    try:
        # Field 22 of /proc/self/stat counts clock ticks since boot; the name in field 2 may hold spaces.
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        import os

        up = float(Path("/proc/uptime").read_text().split()[0])
        return time.monotonic() - max(up - ticks / os.sysconf("SC_CLK_TCK"), 0.0)
    except (OSError, ValueError, IndexError):
        return time.monotonic()


class Phases:
    """A clock that books the time spent under the name of the phase at hand."""

    def __init__(self, start: float, listen: Callable[[str], None] = lambda name: None) -> None:
        self.start = self._last = start
        self.seconds: dict[str, float] = {}
        self._name = "start-up"
        self._listen = listen

    def enter(self, name: str) -> None:
        """End the phase at hand and begin another."""
        now = time.monotonic()
        self.seconds[self._name] = self.seconds.get(self._name, 0.0) + now - self._last
        self._name, self._last = name, now
        self._listen(name)

    def so_far(self) -> dict[str, float]:
        """Seconds by phase, the phase at hand included."""
        now = time.monotonic()
        return {**self.seconds, self._name: self.seconds.get(self._name, 0.0) + now - self._last}

    def elapsed(self) -> float:
        """Seconds since the run's start."""
        return time.monotonic() - self.start
