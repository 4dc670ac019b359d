"""Does the NumPy reference compute what torch computes? Random shapes, float64, outputs and all gradients.

    python tools/reference_campaign.py --cases 2000

draws that many cases with hypothesis, a quarter of them convolutions, and prints for each operation how many
there were and the largest absolute difference of any output or gradient. A difference above 1e-10, or a
shape that one side refuses and the other takes, is a disagreement and ends the program with exit code 1. The
tests run a seeded part of the same checks.
"""

from __future__ import annotations

import argparse
import sys

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from reference_block_checks import BLOCKS
from reference_checks import OPERATIONS, TOLERANCE, Check, Outcome
from reference_growing_checks import GROWING
from reference_token_checks import TOKENS

CHECKS = OPERATIONS | GROWING | TOKENS | BLOCKS


def run(check: Check, cases: int, first_seed: int) -> list[Outcome]:
    """The outcomes of ``cases`` drawn cases. Raises AssertionError at the first disagreement, made small."""
    outcomes: list[Outcome] = []

    @seed(first_seed)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def draw_cases(data: st.DataObject) -> None:
        outcomes.append(check(data.draw))

    draw_cases()
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--cases", type=int, default=2000, help="how many in all (default 2000)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    # Convolution has by far the most options: it takes a quarter of the cases.
    others = max(1, arguments.cases * 3 // 4 // (len(CHECKS) - 1))
    share = dict.fromkeys(CHECKS, others)
    share["conv2d"] = max(1, arguments.cases - others * (len(CHECKS) - 1))
    done: list[Outcome] = []
    failed = 0
    print(f"{'operation':28}{'cases':>7}{'distinct':>10}{'refused':>9}{'largest difference':>20}")
    for number, (name, check) in enumerate(CHECKS.items()):
        try:
            outcomes = run(check, share[name], arguments.seed + number)
        except AssertionError as error:
            failed += 1
            print(f"{name:28}DISAGREES  {error}")
            continue
        done += outcomes
        distinct, refused = len({outcome.case for outcome in outcomes}), sum(o.refused for o in outcomes)
        worst = max(outcome.difference for outcome in outcomes)
        print(f"{name:28}{len(outcomes):7}{distinct:10}{refused:9}{worst:20.1e}", flush=True)
    worst = max((outcome.difference for outcome in done), default=0.0)
    print(
        f"{len(done)} cases of {len(CHECKS)} operations, {len({o.case for o in done})} distinct, "
        f"{sum(o.refused for o in done)} refused by both sides; largest difference {worst:.1e}; "
        f"{failed} operations disagree (tolerance {TOLERANCE:g})."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
