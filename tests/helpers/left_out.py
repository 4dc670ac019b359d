"""A test that is left out is never left out in silence.

The last lines of a run tell how many tests were left out, why, and how to have them. With
``FOVEATE_TESTS_STRICT=1``, as in ``.ci/run``, a test that is left out for something that can be installed
fails. What cannot be had on every machine (another system, a mount that is not permitted, a data set of one
distribution) says so by a reason that begins with "this machine", and is only told.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest

NOT_TO_BE_HAD = "this machine"
REMEDIES = {  # a word of the reason -> what to do
    "chromium": "apt install chromium",
    "strace": "apt install strace",
    "npm ci": "npm ci",
    "node": "apt install nodejs",
    "curl": "apt install curl",
}
OTHER_REMEDY = "pip install --constraint constraints.txt --editable '.[dev]'"


def is_strict() -> bool:
    return os.environ.get("FOVEATE_TESTS_STRICT", "0") not in ("", "0")


def why(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The reason in a skipped test's report, without pytest's own prefix."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


def remedy(reason: str) -> str | None:
    """How to have what was missing; None where this machine cannot."""
    if reason.startswith(NOT_TO_BE_HAD):
        return None
    words = reason.lower()
    return next((do for word, do in REMEDIES.items() if word in words), OTHER_REMEDY)


def _held(report):
    """A skipped report, failed where the run is strict and the tool can be had."""
    if report.skipped and not hasattr(report, "wasxfail") and is_strict() and remedy(why(report)):
        report.longrepr = f"left out, and nothing may be (FOVEATE_TESTS_STRICT): {why(report)}"
        report.outcome = "failed"
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport():
    return _held((yield))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report():
    return _held((yield))


def summary(reasons: Counter[str]) -> list[str]:
    """One line a reason, most frequent first, and how to have the tests; nothing where none was left out."""
    return [
        f"{count} left out: {reason}" + (f" -> {do}" if (do := remedy(reason)) else "")
        for reason, count in reasons.most_common()
    ]


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    skipped = terminalreporter.stats.get("skipped", [])
    lines = summary(Counter(why(report) for report in skipped))
    if lines:
        files = sum(isinstance(report, pytest.CollectReport) for report in skipped)
        whole = f", {files} of them whole files" if files else ""
        terminalreporter.section(f"tests left out: {len(skipped)}{whole}", yellow=True)
        for line in lines:
            terminalreporter.write_line(line)
