"""What a card gives: one JSON document and one table, stage by stage. `tools/gpu_check.sh` calls it.

    python benchmarks/gpu.py --out runs/gpu --work runs/gpu/work          all stages, on the card
    python benchmarks/gpu.py --out runs/gpu --dry-run                     the same code on the processor, tiny
    python benchmarks/gpu.py --out runs/gpu --stages fashion rival

Each stage runs in a process of its own, within a time limit: one that fails is told with its traceback, and
the next goes on. What a stage has found before it ran out of time is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from gpu_stages import LIMITS, QUICK_LIMITS, STAGES, How, Report
from gpu_table import table


def run_stage(name: str, options: argparse.Namespace) -> None:
    """This process's part: one stage, its findings written after each of them."""
    report = Report(part(options.out, name))
    how = How(quick=options.quick, dry=options.dry_run, work=options.work)
    try:
        STAGES[name](report, how)
    except Exception:
        report.put("error", traceback.format_exc())
        traceback.print_exc()


def part(out: Path, name: str) -> Path:
    return out / "parts" / f"{name}.json"


def conduct(options: argparse.Namespace) -> int:
    """All stages, one after the other; returns how many failed."""
    if not (options.dry_run or torch.cuda.is_available()):
        print(
            "foveate: expected an NVIDIA card, found none; --dry-run walks the code without.", file=sys.stderr
        )
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    limits = QUICK_LIMITS if options.quick else LIMITS
    for name in options.stages:
        part(options.out, name).unlink(missing_ok=True)
        began = time.monotonic()
        command = [
            sys.executable,
            __file__,
            "--stage",
            name,
            "--out",
            str(options.out),
            "--work",
            str(options.work),
        ]
        command += ["--quick"] * options.quick + ["--dry-run"] * options.dry_run
        print(f"== {name}", file=sys.stderr, flush=True)
        late = ""
        try:
            subprocess.run(command, timeout=limits[name], check=False, env=os.environ)
        except subprocess.TimeoutExpired:
            late = f"stopped after {limits[name]} s"
        path = part(options.out, name)
        found[name] = json.loads(path.read_text()) if path.is_file() else {"error": "it wrote nothing"}
        if late:
            found[name].setdefault("error", late)
        found[name]["stage_seconds"] = round(time.monotonic() - began, 1)
        _write(options.out, found)
    print(table(found), flush=True)
    failed = [name for name, one in found.items() if "error" in one]
    print(f"failed: {', '.join(failed) or 'none'}", file=sys.stderr)
    return len(failed)


def _write(out: Path, found: dict[str, Any]) -> None:
    (out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "gpu.md").write_text(table(found))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="where gpu.json and gpu.md go")
    parser.add_argument("--work", type=Path, default=Path("runs/gpu/work"), help="what gpu_data.py unpacked")
    parser.add_argument("--stages", nargs="+", choices=list(STAGES), default=list(STAGES))
    parser.add_argument("--stage", choices=list(STAGES), help="this one alone, in this process")
    parser.add_argument("--quick", action="store_true", help="everything once, two minutes")
    parser.add_argument("--dry-run", action="store_true", help="on the processor, with tiny sizes")
    options = parser.parse_args(arguments)
    if options.stage:
        run_stage(options.stage, options)
        return 0
    return 1 if conduct(options) else 0


if __name__ == "__main__":
    sys.exit(main())
