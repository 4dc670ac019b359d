"""Writes docs/bad-inputs.md: what foveate says of every bad input that the tests know.

    python tools/bad_inputs.py

Each case of tests/helpers/bad_inputs.py is made in a folder of its own and its command is run there; the
table shows the sentence that came. `tests/cli/test_bad_inputs.py` holds foveate to it.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))

from bad_inputs import CASES, GROUPS, Case
from foveate.cli.main import main as foveate
from foveate.words import printable

ROOT = Path(__file__).parents[1]
LONGEST = 420  # characters of an answer in the table
HEAD = f"""# What foveate says of bad input

{len(CASES)} bad inputs, each run by the tests: one sentence on standard error, no traceback, no file changed
or left behind. The exit code is 2 where the input is wrong and 1 where something else failed. Written by
`python tools/bad_inputs.py`.
"""


def answer(case: Case) -> str:
    """The sentence that a case gets, with the folder it ran in taken out."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            case.make()
            out, err = _run(case)
        finally:
            os.chdir(before)
        place = os.path.realpath(folder) + "/"
    if case.report:
        return next(line for line in out.splitlines() if case.says in line).replace(place, "")
    said = [line for line in err.splitlines() if line.startswith("foveate: ")]
    return said[-1].removeprefix("foveate: ").replace(place, "")


def _run(case: Case) -> tuple[str, str]:
    if case.process:
        command = [sys.executable, "-m", "foveate.cli.main", *case.arguments]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        return done.stdout, done.stderr
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
        foveate(case.arguments)
    return out.getvalue(), err.getvalue()


def cell(text: str) -> str:
    """Text that stays in its cell of a Markdown table and is shown as it is."""
    shown = text if len(text) <= LONGEST else text[:LONGEST].rsplit(" ", 1)[0] + " …"
    for sign in "\\|<>*_[]`":
        shown = shown.replace(sign, "\\" + sign)
    return shown


def code(text: str) -> str:
    """A command as a cell; its control characters as Python writes them."""
    shown = text if len(text) <= 80 else text[:77] + "..."
    return "`" + printable(shown).replace("|", "\\|") + "`"


def table(cases: list[Case]) -> list[str]:
    """One group's rows."""
    rows = ["| given | `foveate` ... | exit | answer |", "| --- | --- | --- | --- |"]
    for case in cases:
        rows.append(f"| {cell(case.given)} | {code(case.line)} | {case.code} | {cell(answer(case))} |")
    return rows


def main() -> None:
    lines = [HEAD]
    for title, cases in GROUPS.items():
        lines += [f"\n## {title}\n", *table(cases)]
    target = ROOT / "docs" / "bad-inputs.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(CASES)} cases -> {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
