"""The ways of training, and what each has a use for: settings it has none for are refused, not ignored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foveate.dataset import DataSet
from foveate.errors import InputError
from foveate.pipeline.request import TrainRequest
from foveate.tasks.base import Task
from foveate.words import setting

DATA = frozenset({"task", "ignore", "image_size", "fit", "val_fraction", "test_fraction", "max_unreadable"})
WORDS = frozenset({"min_count", "capitals"})  # of sentences
ALWAYS = DATA | WORDS | {"budget", "epochs", "augment", "class_weights", "unsure_precision", "seed", "device"}
ALWAYS |= {"stream"}
ALWAYS |= {"keep_checkpoint", "threads"}
STEPS = frozenset({"batch_size", "accumulate", "lr", "label_smoothing", "select", "patience", "tensorboard"})
LEARNT = frozenset({"model", "weights", "download"})


@dataclass(frozen=True)
class Way:
    """A way of training.

    Attributes:
        honours: the fields of a request that have an effect.
        others: why the other fields have none; ``{epochs}`` and ``{none}`` stand for settings in it.
        because: the same for single fields.
        alone: why it runs in one process only; empty where several can train together.
    """

    honours: frozenset[str]
    others: str
    because: tuple[tuple[str, str], ...] = ()
    alone: str = ""

    def why_not(self, name: str) -> str:
        reason = dict(self.because).get(name, self.others)
        return reason.format(none=setting("weights", "none"), epochs=setting("epochs", "N"))


_NO_RECIPE = (
    "recipe",
    "learnt weights are not trained by a recipe; {none} trains from chance",
)

FROM_CHANCE = Way(
    ALWAYS | STEPS | {"model", "weights", "recipe", "refine"}, "only weights of a hub are downloaded"
)
"""By a recipe, from chance or from the weights of a file."""

OWN_MODULE = Way(
    ALWAYS | STEPS | {"recipe"},
    "the network and its weights are those of the module that is given",
    (
        (
            "refine",
            "the module is trained as it is given; foveate.models.refined.Refined puts a field behind it",
        ),
    ),
)
FROZEN = Way(
    ALWAYS - {"device"} | LEARNT,
    "nothing is trained step by step where a linear model is fitted to what learnt weights see; "
    "{epochs} fine-tunes them",
    (_NO_RECIPE, ("device", "what learnt weights see is computed by ONNX Runtime on the processor")),
    "nothing is trained step by step where a linear model is fitted to what learnt weights see",
)
FINE_TUNED = Way(ALWAYS | STEPS | LEARNT, "", (_NO_RECIPE,))
"""A linear model first; then the network learns as well, if there are pictures and time enough."""

# Asking for what happens anyway asks for nothing.
_NOTHING: tuple[Any, ...] = (None, False, "auto", ())
_AS_IT_IS = {("device", "cpu"), ("refine", "none"), ("accumulate", 1), ("capitals", "lower")}

_NO_WORDS = dict.fromkeys(WORDS, "it is about the words of sentences, and here there are none")
_WHOLE_PICTURES = {"refine": "a field makes neighbouring pixels agree, and here a picture has one answer"}


def asked(request: TrainRequest, names: Iterable[str]) -> list[str]:
    """Those of the fields that ask for something, in the order of the request's fields."""
    wanted = {name for name in names if name in request.given and getattr(request, name) not in _NOTHING}
    return [name for name in request.to_dict() if name in wanted]


def refuse_unused(request: TrainRequest, way: Way) -> None:
    """Raises InputError where the request sets what this way of training has no use for."""
    unused = [
        name
        for name in asked(request, request.given - way.honours)
        if (name, getattr(request, name)) not in _AS_IT_IS
    ]
    if unused:
        reason = way.why_not(unused[0])
        same = [name for name in unused if way.why_not(name) == reason]
        raise InputError(f"{no_effect(same)}: {reason}. Leave {_it(same)} out.")


def refuse_streamed(dataset: DataSet, way: Way) -> None:
    """Raises InputError where a way of training has to have all pictures at once."""
    if dataset.stream is not None and way.alone:
        raise InputError(
            f"{len(dataset.stream):,} training pictures are streamed, and {way.alone}. "
            f"{setting('epochs', 'N')} or {setting('budget', 'TIME')} trains from a stream; "
            f"{setting('stream', 'never')} looks at all of them once and keeps what is seen."
        )


def refuse_for(request: TrainRequest, task: Task) -> None:
    """Raises InputError where the request sets what means nothing for answers of this kind."""
    no_use = _no_use(task)
    for name in asked(request, request.given & no_use.keys()):
        if (name, getattr(request, name)) not in _AS_IT_IS:
            raise InputError(f"{no_effect([name])}: {no_use[name]}. Leave it out.")


def of_use(words: Mapping[str, str], task: Task) -> dict[str, str]:
    """Settings in words, heading to text, without those that mean nothing for answers of this kind."""
    no_use = _no_use(task)
    return {name: text for name, text in words.items() if name.replace(" ", "_") not in no_use}


def _no_use(task: Task) -> Mapping[str, str]:
    """The settings that mean nothing for a task, and why."""
    no_use = _WHOLE_PICTURES | dict(task.no_use) if task.whole_picture else dict(task.no_use)
    return no_use | {name: why for name, why in _NO_WORDS.items() if name not in task.options}


def no_effect(names: list[str]) -> str:
    """ "--lr has no effect here"."""
    return f"{' and '.join(map(setting, names))} {'has' if len(names) == 1 else 'have'} no effect here"


def _it(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"
