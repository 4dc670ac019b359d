"""What `benchmarks/gpu.py` found, as a page of Markdown."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Mapping
from typing import Any


def table(found: Mapping[str, Any]) -> str:
    """The machine in a line, then a table for each kind of number."""
    return "\n\n".join(part for part in ("# A card", *_parts(found)) if part) + "\n"


def _parts(found: Mapping[str, Any]) -> Iterator[str]:
    about = found.get("machine", {})
    runtime = about.get("onnxruntime", {})
    yield (
        f"{about.get('card', 'no card')}, driver {about.get('driver', 'unknown')}, "
        f"torch {about.get('torch')}, CUDA {about.get('cuda')}, ONNX Runtime {runtime.get('version')} with "
        f"{', '.join(runtime.get('providers', []))}; {about.get('processor')}."
    )
    if "tests" in found:
        yield f"Tests on the card: {found['tests'].get('last_line', '')}"
    trained = [
        line
        for name in ("fashion", "cifar", "rival", "trials")
        for line in _trainings(name, found.get(name, {}))
    ]
    if trained:
        yield "\n".join(
            [
                "| training | n | seconds | accuracy | more views | ms a step |",
                "|---|---|---|---|---|---|",
                *trained,
            ]
        )
    speeds = [line for name in ("resnet", "inference") for line in _speeds(found.get(name, {}))]
    if speeds:
        head = "| what | pictures a second | from to | TFLOP/s | share of peak | difference |"
        yield "\n".join([head, "|---|---|---|---|---|---|", *speeds])
    broken = [f"- {stage}: {_last(text)}" for stage, text in _failures(found)]
    yield "\n".join(["Failed:", *broken]) if broken else ""


def _trainings(stage: str, rows: Mapping[str, Any]) -> Iterator[str]:
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for name, row in rows.items():
        if isinstance(row, dict) and "seconds" in row and not name.startswith("warm-up"):
            groups.setdefault(re.sub(r", seed \d+$", "", name), []).append(row)
    for name, runs in groups.items():
        seconds = [run["seconds"] for run in runs]
        plain = [run.get("accuracy", run.get("accuracy_1")) for run in runs]
        more = [run.get("mirrored", run.get("accuracy_6")) for run in runs]
        step = runs[0].get("milliseconds_a_step")
        note = " (held out)" if stage == "trials" else ""
        yield (
            f"| {name}{note} | {len(runs)} | {_spread(seconds)} | {_spread(plain)} | {_spread(more)} | "
            f"{'' if step is None else f'{step:.3f}'} |"
        )


def _spread(values: list[float]) -> str:
    middle = f"{statistics.median(values):.2f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.2f} to {max(values):.2f})"


def _speeds(rows: Mapping[str, Any]) -> Iterator[str]:
    for name, row in rows.items():
        if isinstance(row, dict) and "images_a_second" in row:
            tflops, share, apart = (row.get(key) for key in ("tflops", "share_of_peak", "difference"))
            yield (
                f"| {name} | {row['images_a_second']:,.0f} | {row['low']:,.0f} to {row['high']:,.0f} | "
                f"{'' if tflops is None else f'{tflops:.0f}'} | {'' if share is None else f'{share:.1%}'} | "
                f"{'' if apart is None else f'{apart:.1e}'} |"
            )


def _failures(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for stage, rows in found.items():
        if "error" in rows:
            yield stage, str(rows["error"])
        for name, row in rows.items():
            if isinstance(row, dict) and "failed" in row:
                yield f"{stage}, {name}", row["failed"]
            elif isinstance(row, dict) and row.get("refused"):
                yield f"{stage}, {name}", f"not recorded: {row['refused']}"


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""
