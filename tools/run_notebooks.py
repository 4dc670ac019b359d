"""Write the guide's notebooks and run each from top to bottom, as somebody would who opened the file.

python tools/run_notebooks.py              ends with `n notebooks, 0 wrong`, and exits with 1 otherwise
python tools/run_notebooks.py --limit 180  wrong, too: all together take longer than that many seconds

Each runs in a new namespace and an empty folder. Wrong is a cell that fails, and one that prints anything
else than the file says it printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path

from foveate.guide.notebooks import write_notebooks


def run(notebook: Path) -> list[str]:
    """What is wrong with a notebook, in sentences."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for number, cell in enumerate(json.loads(notebook.read_text("utf-8"))["cells"]):
            if cell["cell_type"] != "code":
                continue
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    exec(compile(cell["source"], f"{notebook.name}[{number}]", "exec"), namespace)  # noqa: S102
            except Exception:
                return [f"{notebook.name}, cell {number}: {traceback.format_exc(limit=-1)}"]
            told = "".join(out["text"] for out in cell["outputs"] if out["output_type"] == "stream")
            if printed.getvalue().rstrip("\n") != told.rstrip("\n"):
                return [f"{notebook.name}, cell {number}: expected {told!r}, printed {printed.getvalue()!r}"]
    return []


def main(arguments: list[str] | None = None) -> int:
    """Write, run, count; 1 where anything is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--limit", type=float, default=180.0, metavar="SECONDS", help="of running all of them"
    )
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        files = write_notebooks(Path(folder) / "notebooks", say=print)
        wrong: list[str] = []
        whole = time.perf_counter()
        for file in files:
            began = time.perf_counter()
            wrong += run(file)
            print(f"{file.name}: {time.perf_counter() - began:.1f} s", flush=True)
        whole = time.perf_counter() - whole
    if whole > options.limit:
        wrong.append(f"all together took {whole:.0f} s, more than {options.limit:g} s")
    print("\n".join([*wrong, f"{len(files)} notebooks, {len(wrong)} wrong, {whole:.0f} s"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
