"""The article's own network, batch and optimiser: foveate's training loop against the plain torch loop."""

from __future__ import annotations

from collections.abc import Callable

from harness import Contestant, compete
from report import Section, Table, spread, times_as_fast

NETWORKS = {"convnet1": 5, "convnet1_k3": 3}  # name -> the side of its windows

WARM_UP_PICTURES = 1_000


def plain(network: str, limit: int | None) -> Callable[[], None]:
    from article import Program

    Program(NETWORKS[network], seed=0, limit=WARM_UP_PICTURES).epoch()
    return Program(NETWORKS[network], seed=0, limit=limit).epoch


def foveate(network: str, limit: int | None, precision: str = "auto") -> Callable[[], None]:
    """One epoch a call, with everything that a run of `foveate train` does within an epoch."""
    from our_training import one_epoch

    one_epoch(network, WARM_UP_PICTURES, precision)()
    return one_epoch(network, limit, precision)


def run(quick: bool) -> Section:
    limit, turns = (6_000, 3) if quick else (None, 5)
    rows, found = [], {}
    for network in NETWORKS:
        facts = {"network": network, "limit": limit}
        one = compete(
            [
                Contestant("foveate", "loop:foveate", facts, warm=False),
                Contestant("plain loop", "loop:plain", facts, warm=False),
                Contestant("foveate, float32", "loop:foveate", {**facts, "precision": "float32"}, warm=False),
            ],
            turns=turns,
            seconds=0.0,
        )
        found[network] = one.to_dict()
        ours, rival, exact = (one.timings[n] for n in ("foveate", "plain loop", "foveate, float32"))
        count = limit or 60_000
        rows.append(
            (
                network,
                *(f"{spread(t, 's')}, {count / t.median:.0f}/s" for t in (ours, exact, rival)),
                times_as_fast(rival, ours),
                times_as_fast(rival, exact),
            )
        )
    header = ("network", "foveate", "foveate, float32", "plain torch loop", "x", "x in float32")
    return Section(
        "The article's network, trained",
        f"Seconds for an epoch of {limit or 60_000:,} pictures: the article's network, Adam, batches of "
        "100. The rival is the article's program: a DataLoader over tensors in memory, a plain loop. "
        "foveate computes in bfloat16 where the processor multiplies it faster, and is shown in float32 "
        "as well; the accuracies that both reach stand in the section on training to an accuracy.",
        [Table("Seconds an epoch, and pictures a second", header, rows)],
        found,
        headline=f"The article's network, batch and optimiser: {' and '.join(row[-2] for row in rows)} times "
        f"the plain torch loop's pictures a second (k5 and k3).",
    )
