"""Seconds of training to an accuracy on Fashion-MNIST: this program's recipes against the article's program.

Only training counts: data are in memory, and testing is not timed, for anybody. In each round the rivals
train once, to the article's ten epochs, with a test after each; this program trains with two seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chart import Line, chart
from harness import Contestant, Race, Skip, compete
from report import Section, Table

TARGETS = (90, 92, 93)
ROUNDS, SEEDS_A_ROUND = 5, 2
KERAS_ROUNDS = 2
Curve = list[tuple[float, float]]  # (seconds so far, accuracy in percent)


def article(kernel: int, epochs: int, limit: int | None) -> Callable[[], dict[str, Any]]:
    from article import Program

    seed = 0

    def work() -> dict[str, Any]:
        nonlocal seed
        seed += 1
        return {"curves": [list(Program(kernel, seed, limit).curve(epochs))]}

    return work


def keras(kernel: int, epochs: int, limit: int | None) -> Callable[[], dict[str, Any]]:
    import importlib.util

    if not any(map(importlib.util.find_spec, ("tensorflow", "jax"))):
        raise Skip("neither TensorFlow nor JAX, which Keras computes with, is installed")
    import keras as _  # noqa: F401 -- it is skipped where it is not installed

    from article import keras_curve

    seed = 0

    def work() -> dict[str, Any]:
        nonlocal seed
        seed += 1
        return {"curves": [keras_curve(kernel, epochs, seed, limit)]}

    return work


def same_network(network: str, epochs: int) -> Callable[[], dict[str, Any]]:
    from our_training import article_recipe

    train = article_recipe(network, epochs)
    return lambda: {"curves": [train()["curve"]]}


def ours(target: int, seeds: int, steps: int | None) -> Callable[[], dict[str, Any]]:
    from our_training import planned
    from time_to_accuracy import TARGETS as PLANS

    train = planned(PLANS[target].network, PLANS[target].epochs, steps)

    def work() -> dict[str, Any]:
        runs = [train() for _ in range(seeds)]
        return {"curves": [r["curve"] for r in runs], "mirrored": [r["mirrored"] for r in runs]}

    return work


def contestants(quick: bool, targets: Sequence[int], rivals: bool) -> list[Contestant]:
    epochs, limit, seeds = (2, 6_000, 2) if quick else (10, None, SEEDS_A_ROUND)
    steps = 60 if quick else None
    if max(targets) >= 94:
        seeds = 1
    found = [
        Contestant(_name(t), "accuracy:ours", {"target": t, "seeds": seeds, "steps": steps}, warm=False)
        for t in targets
    ]
    if not rivals:
        return found
    for kernel in (5, 3):
        facts = {"kernel": kernel, "epochs": epochs, "limit": limit}
        found.append(Contestant(f"article, k{kernel}", "accuracy:article", facts, warm=False))
    if not quick:
        for network, name in (("convnet1", "k5"), ("convnet1_k3", "k3")):
            settings = {"network": network, "epochs": epochs}
            found.append(
                Contestant(
                    f"article's network by foveate, {name}", "accuracy:same_network", settings, warm=False
                )
            )
    return found


def _name(target: int) -> str:
    return f"foveate, for {target} %"


def run(quick: bool) -> Section:
    """Five rounds of everything but 94 %, which takes minutes a seed: see `run_94`; two of Keras."""
    race = compete(contestants(quick, TARGETS, rivals=True), turns=1 if quick else ROUNDS, seconds=0.0)
    facts = {"kernel": 3, "epochs": 2 if quick else 10, "limit": 6_000 if quick else None}
    twin = Contestant("article in Keras, k3", "accuracy:keras", facts, warm=False)
    slow = compete([twin], turns=1 if quick else KERAS_ROUNDS, seconds=0.0)
    race.timings |= slow.timings
    race.answers |= slow.answers
    race.skipped |= slow.skipped
    curves = curves_of(race.answers)
    return Section(
        "Training to an accuracy on Fashion-MNIST",
        "Seconds of training with 60,000 pictures in memory, and accuracy on the 10,000 test pictures, as "
        "means over the seeds. The rival is the article's program: two convolutions with windows of 5 (k5, "
        "its text) or 3 (k3, its code), Adam, ten epochs, a plain torch loop. *with mirrors*: the same "
        "networks, the scores of each picture and its mirror image averaged.",
        [_results(race, curves), _ratios(curves)],
        race.to_dict(),
        skipped=race.skipped,
        headline=_headline(curves),
    )


def run_94(quick: bool) -> Section:
    """The longest of the recipes."""
    race = compete(contestants(quick, (94,), rivals=False), turns=1 if quick else 10, seconds=0.0)
    curves = curves_of(race.answers)
    text = "Seconds of training and accuracy on the 10,000 test pictures, as means over the seeds."
    (seconds, accuracy), *_ = mean_curve(curves[_name(94)])[0]
    return Section(
        "Training to 94 % on Fashion-MNIST",
        text,
        [_results(race, curves)],
        race.to_dict(),
        headline=f"Fashion-MNIST: {accuracy:.2f} % in {seconds:.0f} s of training.",
    )


def curves_of(answers: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Curve]]:
    return {name: [c for answer in given for c in answer["curves"]] for name, given in answers.items()}


def charts(figures: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The picture of accuracy against time, of all that several sections measured."""
    curves: dict[str, list[Curve]] = {}
    for section in figures:
        curves |= curves_of(section["answers"])
    return {"accuracy-against-time.svg": _picture(curves)}


def _headline(curves: dict[str, list[Curve]]) -> str:
    parts = []
    for target in TARGETS:
        (mine, accuracy), *_ = mean_curve(curves[_name(target)])[0]
        parts.append(f"{accuracy:.2f} % in {mine:.1f} s")
    for kernel in (5, 3):
        there = seconds_to(90, curves[f"article, k{kernel}"])
        seconds, accuracy = mean_curve(curves[f"article, k{kernel}"])[0][-1]
        when = f"90 % at {there:.0f} s and " if there else ""
        parts.append(f"the article's program (k{kernel}) {when}{accuracy:.2f} % at its end, {seconds:.0f} s")
    return f"Fashion-MNIST, seconds of training: {', '.join(parts)}."


def mean_curve(curves: Sequence[Curve]) -> tuple[Curve, list[float]]:
    """Means of time and accuracy, point by point, and the standard deviations of the accuracy."""
    points, spreads = [], []
    for column in zip(*curves, strict=True):
        seconds, accuracies = zip(*column, strict=True)
        points.append((statistics.fmean(seconds), statistics.fmean(accuracies)))
        spreads.append(statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0)
    return points, spreads


def seconds_to(target: float, curves: Sequence[Curve]) -> float | None:
    """When the mean accuracy is at the target for the first time; None: never."""
    points, _ = mean_curve(curves)
    return next((seconds for seconds, accuracy in points if accuracy >= target), None)


def _results(race: Race, curves: dict[str, list[Curve]]) -> Table:
    rows = []
    for name, all_of in curves.items():
        ends = [curve[-1] for curve in all_of]
        seconds, accuracies = [s for s, _ in ends], [a for _, a in ends]
        mirrored = [m for answer in race.answers[name] for m in answer.get("mirrored", [])]
        rows.append(
            (
                name,
                f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})",
                _mean(accuracies),
                f"{statistics.fmean(mirrored):.2f}" if mirrored else "",
                str(len(ends)),
            )
        )
    header = ("program", "seconds", "accuracy %, mean (sd)", "with mirrors", "seeds")
    return Table("Each program's whole training", header, rows)


def _mean(values: Sequence[float]) -> str:
    return f"{statistics.fmean(values):.2f} ({statistics.stdev(values) if len(values) > 1 else 0:.2f})"


def _ratios(curves: dict[str, list[Curve]]) -> Table:
    rows = []
    for target in TARGETS:
        if _name(target) not in curves:
            continue
        (mine, accuracy), *_ = mean_curve(curves[_name(target)])[0]
        for rival in (name for name in curves if name.startswith("article")):
            there = seconds_to(target, curves[rival])
            whole = mean_curve(curves[rival])[0][-1][0]
            rows.append(
                (
                    f"{target} %",
                    f"{mine:.1f} s, {accuracy:.2f} %",
                    rival,
                    f"{there:.1f} s, {there / mine:.1f} x" if there else "never",
                    f"{whole:.1f} s, {whole / mine:.1f} x",
                )
            )
    header = ("target", "foveate", "program", "its time there", "its ten epochs")
    return Table("Time to an accuracy, and how many times as fast foveate is", header, rows)


def _picture(curves: dict[str, list[Curve]]) -> str:
    mine = sorted(
        (mean_curve(found) for name, found in curves.items() if name.startswith("foveate,")),
        key=lambda m: m[0],
    )
    lines = [Line("foveate", [p for points, _ in mine for p in points], [s for _, sd in mine for s in sd])]
    lines += [Line(name, *mean_curve(found)) for name, found in curves.items() if name.startswith("article")]
    lowest = min(86.0, *(p[1] for line in lines for p in line.points))
    title = "Fashion-MNIST: test accuracy against seconds of training"
    return chart(title, lines, x="seconds of training (logarithmic)", y="accuracy, %", low_y=lowest)
