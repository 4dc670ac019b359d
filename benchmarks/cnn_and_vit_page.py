"""The page that `cnn_and_vit` writes of its runs: tables with spread, charts, what they say in numbers."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from chart import Line, chart

TITLES = {
    "compact_s": "compact CNN",
    "compact_m": "compact CNN",
    "compact_l": "compact CNN",
    "resnet18": "ResNet-18",
    "mobilenet_v3_small": "MobileNetV3-S",
    "deit_tiny": "DeiT-Ti",
}
MACHINE = ("processor", "cores", "python", "torch")
DATA_TITLES = {"fashion-mnist": "Fashion-MNIST", "cifar10": "CIFAR-10"}

INTRODUCTION = """# Convolutions or attention, from chance?

<!-- Written by benchmarks/cnn_and_vit.py; change that. -->

**Which network learns more from the pictures I have?** A convolution is told two things about pictures
before it has seen one: what belongs together lies together (each number sees a small window), and what is
worth finding here is worth finding there (all windows share their weights). A vision transformer is told
neither. It cuts the picture into patches, any patch may look at any other from the first layer on, and
where a patch lies is a vector that it must learn. What one is told need not be learnt from pictures, so the
fewer pictures, the more it should be worth.

**How is it tried?** Networks from chance, the same wall time for each ({seconds:g} s on {cores} cores, of
training and of looking at held-out pictures), each with the recipe that `foveate train` takes for it. They
are given 1, 10 or 100 % of the training pictures. A tenth of these is held out and chooses the epoch; the
test pictures are looked at once. Then all of it again on **shuffled** pictures: cut into patches of 4x4
pixels that are put in another order, the same for all pictures. Nothing is lost by that, but neighbours are
no longer neighbours. (Augmentation moves and mirrors the picture first; the order is changed last.)

DeiT-Ti's own patches are 4x4 here, so a shuffled picture is the same set of tokens in another order, and
the vectors of their places are learnt from nothing either way: the order *cannot* matter to it, but for
chance. A test holds that. To a convolution it matters at every border between two patches. So what a
convolution loses by the shuffling is what the closeness of pixels was worth to it.

ResNet-18 and MobileNetV3-S are as published, for pictures of 224 pixels: of a small one their five halvings
leave a single place.

**What does it not tell?** What a network can learn in the end. In so short a time DeiT-Ti, which needs many
times the multiplications of the compact network, goes through a few thousand pictures (below) and has hardly
begun. The table tells what a time on {cores} cores is worth with each.
"""

ENDING = """## Again

`python benchmarks/cnn_and_vit.py --cifar10 FOLDER --seconds {seconds:g} --seeds {seeds} --out docs`

FOLDER has `train` and `test` with class folders; without it CIFAR-10 is left out. A run that is in
cnn-and-vit.json is not done again.

{machine}

"""

Runs = Sequence[Mapping[str, Any]]


def write_page(found: Mapping[str, Any], folder: Path) -> None:
    """cnn-and-vit.md and its charts. Raises SystemExit where there are no runs yet."""
    runs = list(found["runs"].values())
    if not runs:
        raise SystemExit("There are no runs yet, and nothing to write of.")
    parts = [INTRODUCTION.format(seconds=found["seconds"], cores=found["machine"]["cores"])]
    for data in dict.fromkeys(run["data"] for run in runs):
        own = [run for run in runs if run["data"] == data]
        title = DATA_TITLES.get(data, data)
        names = {f"cnn-and-vit-{data}.svg": _accuracies(own, title)}
        names |= {f"cnn-and-vit-{data}-shuffled.svg": picture} if (picture := _losses(own, title)) else {}
        for name, svg in names.items():
            (folder / name).write_text(svg, encoding="utf-8")
        shown = "\n\n".join(f"![{title}]({name})" for name in names)
        parts.append(f"## {title}\n\n{_table(own)}\n\n{_said(own)}\n\n{shown}\n")
    machine = ", ".join(f"{key} {found['machine'][key]}" for key in MACHINE)
    seeds = 1 + max(run["seed"] for run in runs)
    parts.append(ENDING.format(seconds=found["seconds"], seeds=seeds, machine=f"Measured on: {machine}."))
    (folder / "cnn-and-vit.md").write_text("\n".join(parts), encoding="utf-8")


def accuracies(runs: Runs, network: str, share: int, shuffled: bool) -> list[float]:
    """Of all seeds, percent."""
    wanted = (network, share, shuffled)
    return [run["accuracy"] for run in runs if (run["network"], run["share"], run["shuffled"]) == wanted]


def losses(runs: Runs, network: str, share: int) -> list[float]:
    """Points that the shuffling costs, seed by seed: the same pictures, weights drawn alike."""
    by_seed: dict[int, dict[bool, float]] = {}
    for run in runs:
        if (run["network"], run["share"]) == (network, share):
            by_seed.setdefault(run["seed"], {})[run["shuffled"]] = run["accuracy"]
    return [both[False] - both[True] for both in by_seed.values() if len(both) == 2]


def told(values: Sequence[float], digits: int = 1) -> str:
    """``61.2 (sd 0.4, n = 3)``; of one value no spread; "" of none."""
    if not values:
        return ""
    spread = f"sd {statistics.stdev(values):.{digits}f}, " if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f} ({spread}n = {len(values)})"


def _networks(runs: Runs) -> list[str]:
    return list(dict.fromkeys(run["network"] for run in runs))


def _shares(runs: Runs) -> list[int]:
    return sorted({run["share"] for run in runs})


def _title(network: str) -> str:
    return TITLES.get(network, network)


def _table(runs: Runs) -> str:
    """Accuracy on the test pictures, percent: a row a network and share."""
    header = ("network", "parameters", "pictures", "epochs", "whole", "shuffled", "lost, points")
    rows = []
    for network in _networks(runs):
        for share in _shares(runs):
            own = [run for run in runs if (run["network"], run["share"]) == (network, share)]
            if not own:
                continue
            epochs = statistics.median(run["epochs"] for run in own)
            whole, shuffled = (told(accuracies(runs, network, share, way)) for way in (False, True))
            size = f"{own[0]['parameters']:,}"
            pictures = f"{own[0]['pictures']:,} ({share} %)"
            lost = told(losses(runs, network, share))
            rows.append((_title(network), size, pictures, f"{epochs:.3g}", whole, shuffled, lost))
    lines = [" | ".join(row) for row in (header, ["---"] * len(header), *rows)]
    caption = (
        "Accuracy on the test pictures, percent: mean (standard deviation over the seeds, how many). "
        "*pictures*: what was learnt from, without those held out. *epochs*: the median."
    )
    return caption + "\n\n" + "\n".join(f"| {line} |" for line in lines)


def _said(runs: Runs) -> str:
    """What the table says, from its own numbers."""
    lines = []
    for share in _shares(runs):
        means = {n: statistics.fmean(v) for n in _networks(runs) if (v := accuracies(runs, n, share, False))}
        if len(means) < 2:
            continue
        best, last = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
        lines.append(
            f"- With {share} % of the pictures {_title(best)} comes first ({means[best]:.1f} %) and "
            f"{_title(last)} last ({means[last]:.1f} %)."
        )
    share = max(_shares(runs))
    costs = {n: found for n in _networks(runs) if (found := losses(runs, n, share))}
    if costs:
        each = "; ".join(f"{_title(network)} {told(found)}" for network, found in costs.items())
        lines.append(f"- Points that the shuffling costs with {share} % of the pictures: {each}.")
    seen = "; ".join(f"{_title(network)} {_seen(runs, network, share):,}" for network in _networks(runs))
    lines.append(f"- Pictures that it went through in the time with {share} % of the pictures: {seen}.")
    slow = max(runs, key=lambda run: run["seconds"])
    lines.append(
        f"- A look at held-out pictures that has begun is ended: the longest run, one of "
        f"{_title(slow['network'])} with {slow['share']} % of the pictures, took {slow['seconds']:.0f} s."
    )
    return "\n".join(lines)


def _seen(runs: Runs, network: str, share: int) -> int:
    """How many pictures it learnt from in the time, again and again ones counted each time: the median."""
    own = [run for run in runs if (run["network"], run["share"]) == (network, share)]
    return round(statistics.median(run["epochs"] * run["pictures"] for run in own)) if own else 0


def _accuracies(runs: Runs, title: str) -> str:
    lines = []
    for network in _networks(runs):
        found = {share: accuracies(runs, network, share, False) for share in _shares(runs)}
        lines += _line(_title(network), found)
    return chart(
        f"{title}, whole pictures", lines, x="training pictures, %", y="accuracy on test pictures, %"
    )


def _losses(runs: Runs, title: str) -> str | None:
    lines = []
    for network in _networks(runs):
        found = {share: losses(runs, network, share) for share in _shares(runs)}
        lines += _line(_title(network), found)
    if not lines:
        return None
    return chart(f"{title}: lost by shuffling", lines, x="training pictures, %", y="points of accuracy lost")


def _line(name: str, found: Mapping[int, Sequence[float]]) -> list[Line]:
    """The means with their spread, where there are any."""
    there = {share: values for share, values in found.items() if values}
    if not there:
        return []
    points = [(share, statistics.fmean(values)) for share, values in there.items()]
    spread = [statistics.stdev(values) if len(values) > 1 else 0.0 for values in there.values()]
    return [Line(name, points, spread)]
