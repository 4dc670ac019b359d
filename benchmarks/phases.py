"""Where the time of a training step goes, and what share of the machine's arithmetic it uses.

A whole epoch of Fashion-MNIST, or a few hundred steps, with this program's own recipe; clocks stand around
the making of batches, the forward pass, the backward pass and the optimiser.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from harness import Contestant, compete
from report import Section, Table, share

NETWORKS = ("compact_s", "compact_m", "compact_l", "convnet1")
STEPS = 150
PHASES = ("batches", "forward", "backward", "optimiser")


def training(network: str, steps: int) -> Callable[[], dict[str, Any]]:
    """A training of so many steps; its answer holds seconds by phase, pictures, GFLOP and the precision."""
    from foveate.graph.walk import walk
    from foveate.training.recipes import ARTICLE, recipe_for
    from our_training import trainer_of
    from time_to_accuracy import FashionMnist

    data = FashionMnist()
    recipe = ARTICLE if network.startswith("convnet") else recipe_for(network, 5)

    def work() -> dict[str, Any]:
        trainer = trainer_of(data, network, recipe, 1, 0, limit=steps * recipe.batch_size)
        clocks = _Clocks()
        clocks.watch(trainer)
        began = time.perf_counter()
        try:
            for _ in trainer.run():
                pass
        finally:
            clocks.leave()
        whole = time.perf_counter() - began
        macs = walk(trainer.module, (1, 28, 28)).macs
        return {
            "seconds": whole,
            **clocks.seconds,
            "steps": trainer.step,
            "pictures": trainer.step * recipe.batch_size,
            "gflop": 6 * macs * trainer.step * recipe.batch_size / 1e9,
            "precision": "bfloat16" if trainer.half else "float32",
        }

    return work


class _Clocks:
    """Seconds spent in each phase of a trainer's steps."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(PHASES, 0.0)
        self._backward = torch.Tensor.backward

    def watch(self, trainer: Any) -> None:
        trainer.module.forward = self._timed("forward", trainer.module.forward)
        trainer.optimiser.step = self._timed("optimiser", trainer.optimiser.step)
        torch.Tensor.backward = self._timed("backward", self._backward)  # type: ignore[method-assign]
        make = trainer.batches.epoch

        def epoch(*arguments: Any) -> Iterator[Any]:
            batches = iter(make(*arguments))
            following = self._timed("batches", lambda: next(batches, None))
            while (batch := following()) is not None:
                yield batch

        trainer.batches.epoch = epoch

    def leave(self) -> None:
        torch.Tensor.backward = self._backward  # type: ignore[method-assign]

    def _timed(self, phase: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **options: Any) -> Any:
            began = time.perf_counter()
            try:
                return work(*arguments, **options)
            finally:
                self.seconds[phase] += time.perf_counter() - began

        return timed


def run(quick: bool) -> Section:
    networks = NETWORKS[::3] if quick else NETWORKS
    facts = {"steps": 40 if quick else STEPS}
    race = compete(
        [Contestant(n, "phases:training", {"network": n, **facts}, warm=False) for n in networks],
        turns=2 if quick else 5,
        seconds=0.0,
    )
    rows = []
    for name, answers in race.answers.items():
        answer = sorted(answers, key=lambda a: a["seconds"])[len(answers) // 2]
        whole = answer["seconds"]
        rest = whole - sum(answer[phase] for phase in PHASES)
        parts = [f"{answer[phase] / whole:.0%}".replace("%", " %") for phase in PHASES]
        rows.append(
            (
                name,
                answer["precision"],
                f"{answer['pictures'] / whole:.0f}",
                f"{1e3 * whole / answer['steps']:.2f}",
                *parts,
                f"{rest / whole:.0%}".replace("%", " %"),
                share(answer["gflop"] / whole, answer["precision"]),
            )
        )
    header = (
        "network",
        "numbers",
        "pictures/s",
        "ms a step",
        *PHASES,
        "rest",
        "GFLOP/s (share of the product)",
    )
    return Section(
        "Where the time of training goes",
        f"{facts['steps']} steps on Fashion-MNIST with each network's own recipe: the median of the turns. "
        "*batches*: choosing, augmenting and normalising; *rest*: the loss, averaging weights, bookkeeping. "
        "Arithmetic is counted as three times the forward pass; what is left of the machine goes into moving "
        "memory, for these networks are narrow.",
        [Table("Shares of the time, and of the machine", header, rows)],
        race.to_dict(),
    )
