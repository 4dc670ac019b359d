"""Measure the guide as a reader meets it: a built site from a plain static server, in Chromium.

    python tools/make_site.py site
    python tools/guide_figures.py site                       tell
    python tools/guide_figures.py site --write docs/guide.md   and write the tables into that page

Every page is opened on a desk and on a phone with an empty cache: first paint, what it asks of other hosts,
errors of the console, axe-core's serious faults. Then every control of every widget is used: how long until
the answer is drawn, the wait for the next frame included. Last, the network of the chapter on training
learns, each time from the beginning.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import json
import re
import statistics
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from foveate.guide.chapter import chapter_names

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")
MARK = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- end -->)", re.DOTALL)
WAIT_MS = 120_000
# Uses each control of a widget: [what, milliseconds until an answer is drawn, until the last one is].
USE = (Path(__file__).parent / "guide_figures.js").read_text("utf-8")


@dataclass
class Found:
    """What was measured; times in milliseconds."""

    bytes: int = 0
    pages: int = 0
    first_paint: dict[str, list[float]] = field(default_factory=dict)
    widgets: dict[str, list[tuple[str, float]]] = field(default_factory=dict)
    learnt_seconds: list[float] = field(default_factory=list)
    curve_points: list[int] = field(default_factory=list)
    fetched_seconds: dict[str, float] = field(default_factory=dict)
    elsewhere: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    wide: list[str] = field(default_factory=list)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder, from Python's own static server."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def opened(browser: Browser, found: Found, host: str, name: str, size: dict[str, int]) -> Iterator[Page]:
    """A page in a browser that has kept nothing."""
    phone = size is PHONE
    context = browser.new_context(viewport=size, is_mobile=phone, has_touch=phone)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on("request", lambda asked: _elsewhere(found, host, asked.url))
    page.on("console", lambda said: said.type == "error" and found.problems.append(f"{name}: {said.text}"))
    page.on("pageerror", lambda error: found.problems.append(f"{name}: {error}"))
    page.goto(f"{host}/{name}.html")
    count = page.locator(".widget").count()
    page.wait_for_function("n => document.querySelectorAll('.widget.ready').length === n", arg=count)
    try:
        yield page
    finally:
        context.close()


def _elsewhere(found: Found, host: str, url: str) -> None:
    if not url.removeprefix("blob:").startswith((host, "data:")):
        found.elsewhere.append(url)


def look(browser: Browser, found: Found, host: str, name: str, repeats: int) -> None:
    """Open a page on both devices: paint, faults, width; and use its widgets, on the desk."""
    for _ in range(repeats - 1):
        with opened(browser, found, host, name, DESK) as page:
            found.first_paint.setdefault(name, []).append(_first_paint(page))
    for size in (PHONE, DESK):
        with opened(browser, found, host, name, size) as page:
            if size is DESK:
                found.first_paint.setdefault(name, []).append(_first_paint(page))
                use(page, found, name)
            elif page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.wide.append(name)
            found.faults += [f"{name}, {size['width']} px: {fault}" for fault in serious(page)]


def _first_paint(page: Page) -> float:
    return float(
        page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity")
    )


def serious(page: Page) -> list[str]:
    """axe-core's serious and critical faults."""
    import axe_core_python

    page.evaluate((resources.files(axe_core_python) / "axe.min.js").read_text("utf-8"))
    told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [one["id"] for one in told["violations"] if one["impact"] in ("serious", "critical")]


def use(page: Page, found: Found, name: str) -> None:
    """Use every control of a page's widgets."""
    for number in range(page.locator(".widget").count()):
        widget = page.locator(".widget").nth(number)
        called = f"{name}: {widget.get_attribute('data-widget')}"
        fetch = widget.get_by_role("button", name=re.compile("^Fetch"))
        if fetch.count():
            found.fetched_seconds[called] = page.evaluate(
                f"async (number) => {{ {USE} return fetched(number); }}", number
            )
        times = page.evaluate(f"async (number) => {{ {USE} return used(number); }}", number)
        found.widgets[called] = [(what, first) for what, first, _ in times]
        if again := [(what, last) for what, first, last in times if last > first]:
            found.widgets[f"{called}, looking closely"] = again


def learn(browser: Browser, found: Found, host: str, times: int) -> None:
    """Seconds from the press until nine tenths are right, and the points of the loss's curve by then."""
    for _ in range(times):
        with opened(browser, found, host, "training", DESK) as page:
            seconds, points = page.evaluate(f"async () => {{ {USE} return learnt(90); }}")
            found.learnt_seconds.append(seconds)
            found.curve_points.append(points)


def tables(found: Found) -> str:
    """What was found, in Markdown."""
    paints = {name: statistics.median(times) for name, times in found.first_paint.items()}
    slowest = max(paints, key=lambda name: paints[name])
    every = [time for times in found.first_paint.values() for time in times]
    repeats = max(map(len, found.first_paint.values()))
    learnt = ", ".join(f"{seconds:.1f}" for seconds in found.learnt_seconds)
    rows = [
        ("pages", str(found.pages)),
        ("size of the site", f"{found.bytes / 2**20:.1f} MiB"),
        (
            f"first paint, empty cache, {repeats} times each",
            f"median {statistics.median(every):.0f} ms; slowest page {slowest}, "
            f"{paints[slowest]:.0f} ms; slowest of all {max(every):.0f} ms",
        ),
        ("requests to other hosts", str(len(found.elsewhere))),
        ("errors of the console", str(len(found.problems))),
        ("axe-core, serious or critical, desk and phone", str(len(found.faults))),
        ("pages wider than a phone of 360 pixels", str(len(found.wide))),
        ("training in the page, seconds to 90 % of unseen digits", learnt),
        ("points of the loss's curve by then", ", ".join(map(str, found.curve_points))),
        *((f"fetching, {name}", f"{s:.1f} s") for name, s in found.fetched_seconds.items()),
    ]
    head = "| what | found |\n|---|---|\n" + "".join(f"| {what} | {told} |\n" for what, told in rows)
    return head + "\n" + _widget_table(found)


def _widget_table(found: Found) -> str:
    lines = ["| chapter: widget | answers tried | median, ms | slowest, ms | by |", "|---|---|---|---|---|"]
    for called, times in found.widgets.items():
        if times:
            what, worst = max(times, key=lambda pair: pair[1])
            median = statistics.median(ms for _, ms in times)
            lines.append(f"| {called} | {len(times)} | {median:.0f} | {worst:.0f} | {what} |")
    return "\n".join(lines) + "\n"


def measure(site: Path, *, repeats: int, learnings: int, only: list[str]) -> Found:
    """Everything."""
    found = Found(bytes=sum(file.stat().st_size for file in site.rglob("*") if file.is_file()))
    pages = sorted(page.relative_to(site).with_suffix("").as_posix() for page in site.rglob("*.html"))
    order = [name for name in ["index", *chapter_names()] if name in pages]
    names = only or [*order, *(name for name in pages if name not in order)]
    found.pages = len(names)
    with served(site) as host, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        for name in names:
            look(browser, found, host, name, repeats)
            print(name, file=sys.stderr, flush=True)
        if learnings:
            learn(browser, found, host, learnings)
        browser.close()
    return found


def main(arguments: list[str] | None = None) -> int:
    """1 where a page asks another host, has an error or a fault."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("site", type=Path)
    parser.add_argument("--write", type=Path, help="a page with <!-- measured --> and <!-- end -->")
    parser.add_argument("--repeats", type=int, default=3, help="of each page's first paint")
    parser.add_argument("--learnings", type=int, default=3)
    parser.add_argument("--pages", nargs="*", default=[], help="only these")
    options = parser.parse_args(arguments)
    found = measure(options.site, repeats=options.repeats, learnings=options.learnings, only=options.pages)
    told = tables(found)
    print(told)
    wrong: list[Any] = [*found.elsewhere, *found.problems, *found.faults, *found.wide]
    print(json.dumps({"wrong": wrong, "first_paint": asdict(found)["first_paint"]}))
    if options.write:
        text = options.write.read_text("utf-8")
        options.write.write_text(MARK.sub(lambda _: told, text), "utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
