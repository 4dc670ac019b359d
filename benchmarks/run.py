"""Runs the benchmarks, one after the other, and writes what they found.

    python benchmarks/run.py --quick
    python benchmarks/run.py inference jpeg --out docs

With --out, results join those that the folder's benchmarks.json holds of an earlier run; each carries its
own date and machine. The page and the charts are written anew from all of them.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import json
import sys
import time
from pathlib import Path

import accuracy
from foveate.errors import InputError
from foveate.outputs import check_folder
from foveate.words import flags_spoken
from report import Section, as_markdown, as_text, machine

# name -> (module, about how many minutes in full and with --quick on two cores, what it is)
BENCHMARKS = {
    "accuracy": ("accuracy", 45, 3, "seconds of training to an accuracy on Fashion-MNIST"),
    "accuracy-94": ("accuracy_94", 70, 1, "the same for 94 %, ten seeds"),
    "phases": ("phases", 1, 1, "where the time of a training step goes"),
    "loop": ("loop", 6, 1, "the article's own network: pictures trained on a second"),
    "inference": ("inference", 20, 5, "milliseconds for a batch of 1 and of 16, six networks"),
    "later-networks": ("later_networks", 50, 3, "the same for networks since 2016 and transformers"),
    "runtimes": ("runtimes", 20, 2, "what --runtime auto takes, against all runtimes measured"),
    "jpeg": ("jpeg_folder", 12, 2, "10,000 JPEG files read, and classified"),
    "start": ("start_up", 2, 1, "the time that commands take to start"),
    "growth": ("growth", 15, 1, "time and memory against pictures, sides and classes"),
}
LONGEST = ("accuracy-94", "later-networks", "runtimes")  # only where they are named


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known, left_out = ", ".join(BENCHMARKS), ", ".join(LONGEST)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {known}; by default all but {left_out}")
    parser.add_argument("--quick", action="store_true", help="small and short")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", type=Path, help="a folder to write to")
    options = parser.parse_args()
    if options.list:
        for name, (_, full, quick, what) in BENCHMARKS.items():
            print(f"{name:14s} {what}; about {full} min, {quick} with --quick")
        return 0
    if unknown := [name for name in options.names if name not in BENCHMARKS]:
        print(
            f"foveate: no benchmark is called {unknown[0]!r}; known: {', '.join(BENCHMARKS)}.",
            file=sys.stderr,
        )
        return 2
    try:  # results join those of an earlier run; a folder of anything else is left alone
        if options.out:
            with flags_spoken():
                check_folder(options.out, "benchmarks.json", what="benchmarks", name="out", overwrite=True)
    except InputError as error:
        print(f"foveate: {error}", file=sys.stderr)
        return 2
    usual = [name for name in BENCHMARKS if name not in LONGEST]
    found = {name: measured(name, options.quick) for name in options.names or usual}
    if options.json:
        print(json.dumps({name: section.to_dict() for name, section in found.items()}, indent=1))
    else:
        print("\n".join(as_text(section) for section in found.values()))
    if options.out:
        write(options.out, found)
    return 0


def measured(name: str, quick: bool) -> Section:
    """Run one benchmark."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    here, began = machine(quick), time.monotonic()
    section: Section = importlib.import_module(BENCHMARKS[name][0]).run(quick)
    section.seconds, section.quick, section.machine = time.monotonic() - began, quick, here
    section.date = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    return section


def write(folder: Path, found: dict[str, Section]) -> None:
    """Join the results to the folder's, and write the page and the charts."""
    folder.mkdir(parents=True, exist_ok=True)
    record = folder / "benchmarks.json"
    earlier = json.loads(record.read_text("utf-8")) if record.exists() else {}
    merged = {**{name: Section.from_dict(d) for name, d in earlier.items()}, **found}
    sections = {name: merged[name] for name in BENCHMARKS if name in merged}
    curves = {n: sections[n].figures for n in ("accuracy", "accuracy-94") if n in sections}
    if "accuracy" in curves:  # the recipes to 94 % belong in the same picture
        sections["accuracy"].charts = accuracy.charts(curves.values())
    for section in sections.values():
        for chart, picture in section.charts.items():
            (folder / chart).write_text(picture, "utf-8")
    documents = {name: section.to_dict() for name, section in sections.items()}
    record.write_text(json.dumps(documents, indent=1) + "\n", "utf-8")
    (folder / "benchmarks.md").write_text(as_markdown(sections), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
