"""Which runtime computes a model: the fastest here of those whose answers are ONNX Runtime's.

A trial runs each on the same pictures: what lies further from ONNX Runtime's answers than `APART` is refused,
and of the others the fastest is taken, if it is faster by `WORTH`. What a trial found is kept, by model,
machine and versions, so that it is held once.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from foveate.errors import InputError, MissingExtraError, StorageError
from foveate.files import write
from foveate.kept import cache_folder, key_of
from foveate.runtime.machine import installed_version, processor
from foveate.runtime.names import EXACT, ONNX_RUNTIME, OPENVINO
from foveate.runtime.openvino_session import OpenVinoSession
from foveate.runtime.session import Session, accelerators, physical_cores
from foveate.strict_json import parse
from foveate.tasks.values import Values
from foveate.words import first_line, setting

APART = 0.01  # of a score, or of a picture's pixels, boxes or sentences: `Task.apart`
WORTH = 0.05  # of the time, at least: less is within what a machine's clock wavers
TURNS = 3
ENOUGH_SECONDS = 2.0  # of one runtime in a trial, after its first turn

Feeds = Mapping[str, Any]


class Engine(Protocol):
    """What runs a graph: `Session`, `OpenVinoSession`."""

    @property
    def usable(self) -> bool: ...

    def run(self, outputs: Sequence[str], feeds: Feeds, seconds: float = ...) -> list[Any]: ...


class Tried(NamedTuple):
    """A runtime in a trial. seconds: of a picture; apart: from ONNX Runtime; why_not: where it is refused."""

    runtime: str
    seconds: float
    apart: float
    why_not: str = ""


@dataclass(frozen=True)
class Choice:
    """What a trial found: ONNX Runtime first, then the others."""

    tried: tuple[Tried, ...]

    @property
    def best(self) -> Tried:
        """The fastest of those that are not refused; ONNX Runtime, if none is faster by `WORTH`."""
        usual, *others = self.tried
        fit = min((one for one in others if not one.why_not), key=lambda one: one.seconds, default=usual)
        return fit if fit.seconds < (1 - WORTH) * usual.seconds else usual

    def fit(self, wanted: str) -> Tried:
        """The first of a wanted runtime's precisions that is not refused. Raises InputError, with reasons."""
        named = [one for one in self.tried if one.runtime.startswith(wanted)]
        for one in named:
            if not one.why_not:
                return one
        raise InputError(
            f"{setting('runtime', wanted)}: does not compute this model as ONNX Runtime does "
            f"({'; '.join(one.why_not for one in named)}); take {setting('runtime', ONNX_RUNTIME)}."
        )

    def to_text(self, chosen: Tried) -> str:
        """``openvino, 1.9 times as fast as onnxruntime; answers differ by up to 0.004``"""
        faster = self.tried[0].seconds / chosen.seconds
        return (
            f"{chosen.runtime}, {faster:.2g} times as fast as {ONNX_RUNTIME} here; "
            f"answers differ by up to {chosen.apart:.2g}"
        )


@dataclass(frozen=True)
class Model:
    """A graph to be run.

    outputs: their names, in its order. apart: how far two runs' answers lie apart. most_seconds: of a run.
    """

    graph: bytes
    outputs: tuple[str, ...]
    apart: Callable[[Values, Values], float]
    most_seconds: float
    threads: int | None = None

    def opened(self, runtime: str) -> Engine:
        """Raises MissingExtraError, and whatever a library raises for what it cannot run."""
        if runtime in (OPENVINO, EXACT):
            return OpenVinoSession(self.graph, self.outputs, self.threads, exact=runtime == EXACT)
        return Session(self.graph, self.threads, provider=accelerators()[runtime])

    def key(self, pictures: Sequence[int]) -> str:
        """Of what a trial on batches of so many pictures finds here."""
        versions = [(name, installed_version(name)) for name in ("foveate", ONNX_RUNTIME, OPENVINO)]
        threads = self.threads or physical_cores()
        return key_of(self.graph, processor(), versions, sorted(accelerators()), threads, tuple(pictures))


def installed(runtime: str) -> bool:
    """Whether the library is there; it is not imported."""
    return installed_version(runtime) is not None


def contenders() -> tuple[str, ...]:
    """The runtimes that can be tried here beside ONNX Runtime on the processor."""
    return (*accelerators(), *((OPENVINO,) if installed(OPENVINO) else ()))


def settle(
    model: Model, usual: Engine, batches: Sequence[Feeds], runtimes: Sequence[str] | None = None
) -> tuple[Choice, dict[str, Engine]]:
    """Try runtimes on batches of pictures, or remember what a trial found, and the engines that it opened.

    usual: ONNX Runtime's. batches: what the graph is given, each with another number of pictures.
    """
    tried = contenders() if runtimes is None else tuple(runtimes)
    counts = [len(next(iter(feeds.values()))) for feeds in batches]
    place = cache_folder() / "runtimes" / f"{model.key(counts)}.json"
    if (kept := _remembered(place)) is not None and {one.runtime for one in kept.tried} >= set(tried):
        return kept, {}
    engines: dict[str, Engine] = {}
    found = Choice(tuple(_trial(model, usual, batches, tried, engines)))
    document = json.dumps([one._asdict() for one in found.tried])
    with contextlib.suppress(OSError, StorageError):  # it is tried again
        place.parent.mkdir(parents=True, exist_ok=True)
        write(place, document.encode())
    return found, engines


def _trial(
    model: Model, usual: Engine, batches: Sequence[Feeds], runtimes: Sequence[str], engines: dict[str, Engine]
) -> list[Tried]:
    expected = [_values(model, usual, feeds) for feeds in batches]
    found = {ONNX_RUNTIME: Tried(ONNX_RUNTIME, 0.0, 0.0)}
    for runtime in runtimes:
        for name in (runtime, EXACT) if runtime == OPENVINO else (runtime,):
            engine, one = _looked_at(model, name, batches, expected)
            found[name] = one
            if engine is not None:
                engines[name] = engine
                break  # float32 only where bfloat16 is refused
    seconds = _timed(model, {ONNX_RUNTIME: usual, **engines}, batches)
    return [one._replace(seconds=seconds.get(name, 0.0)) for name, one in found.items()]


def _looked_at(
    model: Model, runtime: str, batches: Sequence[Feeds], expected: Sequence[Values]
) -> tuple[Engine | None, Tried]:
    """A runtime opened and its answers compared; no engine, with the reason, where it is refused."""
    try:
        engine = model.opened(runtime)
        apart = max(
            model.apart(right, _values(model, engine, feeds))
            for right, feeds in zip(expected, batches, strict=True)
        )
    except MissingExtraError:
        raise
    except Exception as error:  # these libraries' errors have no common class of their own
        return None, Tried(runtime, 0.0, 1.0, f"{runtime} cannot run it: {first_line(error)}")
    if not apart <= APART:  # so that NaN, which compares false, is refused
        return None, Tried(runtime, 0.0, 1.0, f"{runtime}: answers differ by {apart:.2g}, allowed {APART:g}")
    return engine, Tried(runtime, 0.0, apart)


def _values(model: Model, engine: Engine, feeds: Feeds) -> Values:
    return dict(zip(model.outputs, engine.run(model.outputs, feeds, model.most_seconds), strict=True))


def _timed(model: Model, engines: Mapping[str, Engine], batches: Sequence[Feeds]) -> dict[str, float]:
    """Seconds a picture of each, in turn: the least of some turns, for other programs only ever add to it."""
    least = {name: [float("inf")] * len(batches) for name in engines}
    for turn in range(TURNS):
        for name, engine in engines.items():
            if turn and sum(least[name]) * turn > ENOUGH_SECONDS:
                continue
            for i, feeds in enumerate(batches):
                began = time.perf_counter()
                engine.run(model.outputs, feeds, model.most_seconds)
                least[name][i] = min(least[name][i], time.perf_counter() - began)
    counts = [len(next(iter(feeds.values()))) for feeds in batches]
    return {
        name: sum(one / count for one, count in zip(times, counts, strict=True)) / len(counts)
        for name, times in least.items()
    }


def _remembered(place: Any) -> Choice | None:
    try:
        document = parse(place.read_bytes())
        tried = tuple(
            Tried(str(one["runtime"]), float(one["seconds"]), float(one["apart"]), str(one["why_not"]))
            for one in document
        )
    except (OSError, ValueError, TypeError, KeyError, InputError):
        return None
    return Choice(tried) if tried and tried[0].runtime == ONNX_RUNTIME else None
