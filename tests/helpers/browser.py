"""A real browser for the tests of pages: the system's Chromium, headless, driven by Playwright.

`browse(url)` gives Playwright's page. Its tests are skipped without Chromium (Debian: `apt install
chromium`). To wait for JavaScript, give a function (``page.wait_for_function("() => …")``): the page itself
would evaluate an expression, and its content security policy forbids that.
"""

import shutil
from importlib import resources

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = (  # beside Playwright's own: nothing that speaks to anyone of its own accord
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)
TIMEOUT_MS = 60_000  # a page waits for a network that computes on a busy machine


@pytest.fixture(scope="module")  # Playwright holds an event loop while it runs: no other module may meet it
def chromium():
    """Playwright's browser."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    from playwright.sync_api import expect, sync_playwright  # half a second: for these tests alone

    expect.set_options(timeout=TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


class Browsing:
    """The pages that a test opens; those of one kind of device share their storage, as tabs do.

    `problems` are the errors of scripts and of the console as text, `requests` all that was asked for.
    """

    def __init__(self, browser):
        self._browser = browser
        self._contexts = {}
        self.problems = []
        self.requests = []

    def __call__(self, url, width=1280, height=900, *, phone=False):
        """Open an address in a tab of its own."""
        page = self._context(phone).new_page()
        page.set_viewport_size({"width": width, "height": height})
        page.goto(url)
        return page

    def _context(self, phone):
        if phone not in self._contexts:
            context = self._browser.new_context(is_mobile=phone, has_touch=phone)
            context.set_default_timeout(TIMEOUT_MS)
            context.on("request", self._asked)
            context.on("console", self._heard)
            context.on("weberror", lambda error: self.problems.append(str(error.error)))
            self._contexts[phone] = context
        return self._contexts[phone]

    def _asked(self, request):
        self.requests.append(request)

    def _heard(self, message):
        if message.type == "error":
            self.problems.append(f"{message.text} {message.location['url']}")

    def origins(self):
        """Whom the pages asked: "http://127.0.0.1:8000", …; a blob is its page's own."""
        return {"/".join(request.url.removeprefix("blob:").split("/")[:3]) for request in self.requests}

    def close(self):
        for context in self._contexts.values():
            context.close()


@pytest.fixture
def browse(chromium):
    """A function that opens an address: ``browse(url, width=360, phone=True)``; see `Browsing`."""
    browsing = Browsing(chromium)
    yield browsing
    browsing.close()


def middle(page, selector):
    """(x, y) of an element's middle in the window, after scrolling to it."""
    element = page.locator(selector).first
    element.evaluate("e => e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'})")
    box = element.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def drag(page, start, end):
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*end, steps=3)
    page.mouse.up()


def accessibility_faults(page):
    """axe-core's serious and critical faults: rule, and the elements."""
    axe = pytest.importorskip("axe_core_python", reason="needs axe-core-python")
    page.evaluate((resources.files(axe) / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (fault["id"], [node["target"] for node in fault["nodes"]][:5])
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
    ]
