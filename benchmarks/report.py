"""What a benchmark gives back, and how it is written: plain tables for people, Markdown, JSON."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from foveate import words
from foveate.runtime.machine import processor
from harness import Race, Timing

PACKAGES = ("foveate", "torch", "onnxruntime", "openvino", "numpy", "pillow", "simplejpeg", "keras")


@dataclass(frozen=True)
class Table:
    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass
class Section:
    """One benchmark's results.

    figures: all numbers, for machines. charts: file name -> SVG. headline: what it comes to, in a sentence.
    """

    title: str
    text: str
    tables: list[Table] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    charts: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    quick: bool = False
    headline: str = ""
    seconds: float = 0.0
    date: str = ""
    machine: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Section:
        tables = [
            Table(t["title"], tuple(t["header"]), [tuple(r) for r in t["rows"]]) for t in document["tables"]
        ]
        return cls(**{**document, "tables": tables})


def spread(timing: Timing, unit: str = "ms") -> str:
    """``12.3 (11.9 to 14.0)`` in the unit."""
    median, low, high = ({"s": 1.0, "ms": 1e3}[unit] * t for t in (timing.median, timing.low, timing.high))
    digits = 1 if median >= 100 else 2
    return f"{median:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def share(gflop_per_second: float, precision: str = "float32") -> str:
    """``120 (61 %)``: GFLOP/s and their share of the machine's own matrix product."""
    ceiling = ceilings()[f"gflops_{precision}"]
    return f"{gflop_per_second:.0f} ({gflop_per_second / ceiling:.0%})".replace("%)", " %)")


def times_as_fast(rival: Timing, ours: Timing) -> str:
    return f"{rival.median / ours.median:.2f}"


def best_rival(race: Race, ours: str = "foveate", leave_out: Sequence[str] = ()) -> str:
    """The fastest of the others."""
    others = {n: t.median for n, t in race.timings.items() if n != ours and n not in leave_out}
    return min(others, key=lambda name: others[name])


# --- The machine -----------------------------------------------------------------------------------------


def machine(quick: bool) -> dict[str, Any]:
    """What the figures were measured on: processor, versions, and its ceilings."""
    return {**processor_and_versions(), **ceilings(0.3 if quick else 1.5)}


def processor_and_versions() -> dict[str, Any]:
    """The same without ceilings, which take a minute on a busy machine: nothing is measured."""
    found: dict[str, Any] = {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


@cache
def ceilings(seconds: float = 1.5) -> dict[str, float]:
    """The machine's own limits: GFLOP/s of a matrix product, GB/s of copying memory; best of many tries."""
    try:
        import torch
    except ModuleNotFoundError:
        return {}
    a, b = torch.rand(1536, 1536), torch.rand(1536, 1536)
    source = torch.rand(16 << 20)
    target = torch.empty_like(source)
    product = _fastest(lambda: a @ b, seconds)
    c, d = a.bfloat16(), b.bfloat16()
    half = _fastest(lambda: c @ d, seconds)
    copying = _fastest(lambda: target.copy_(source), seconds)
    return {
        "gflops_float32": round(2 * 1536**3 / product / 1e9, 1),
        "gflops_bfloat16": round(2 * 1536**3 / half / 1e9, 1),
        "copy_gb_per_second": round(2 * source.nbytes / copying / 1e9, 1),
    }


def _fastest(work: Any, seconds: float) -> float:
    work()
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


# --- Writing ---------------------------------------------------------------------------------------------


def as_text(section: Section) -> str:
    parts = [section.title, "=" * len(section.title), ""]
    for table in section.tables:
        parts += [table.title, "", words.table(table.header, table.rows), ""]
    parts += [f"skipped: {name} ({reason})" for name, reason in section.skipped.items()]
    return "\n".join(parts)


def as_markdown(sections: Mapping[str, Section]) -> str:
    parts = [
        "# What was measured",
        "",
        "Written by `foveate bench` (`make bench`); nothing here was typed by hand. Contestants took "
        "turns, each in a process of its own. A time is the median of the turns, with the fastest and "
        "the slowest; a ratio is one of medians of the same run. A share is that of the machine's own "
        "matrix product in the same numbers, measured before.",
        "",
        *[f"- {section.headline}" for section in sections.values() if section.headline],
        "",
    ]
    for name, section in sections.items():
        m = section.machine
        versions = ", ".join(f"{p} {m[p]}" for p in PACKAGES if m.get(p))
        parts += [f"## {section.title}", "", section.text, ""]
        if section.quick:
            parts += ["**A quick run: few turns, small work.**", ""]
        for table in section.tables:
            parts += [f"**{table.title}**", "", _row(table.header), _row(["---"] * len(table.header))]
            parts += [*map(_row, table.rows), ""]
        parts += [f"![{Path(chart).stem}]({chart})\n" for chart in section.charts]
        parts += [f"Left out: {who}, for {reason}.\n" for who, reason in section.skipped.items()]
        parts += [
            f"<sub>`foveate bench {name}`, {section.date}, {section.seconds / 60:.0f} min; {m['processor']}, "
            f"{m['cores']} cores, {m.get('gflops_float32')} GFLOP/s (float32 product; bfloat16 "
            f"{m.get('gflops_bfloat16')}), "
            f"{m.get('copy_gb_per_second')} GB/s (copying), load {m['load']} before; {m['system']}, "
            f"Python {m['python']}, {versions}.</sub>",
            "",
        ]
    return "\n".join(parts)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
