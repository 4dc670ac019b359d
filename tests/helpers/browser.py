"""A real browser for the tests of pages: Chromium, headless, spoken to by its DevTools protocol.

`browse(url)` gives a `Browser`. Its tests are skipped without Chromium (Debian: `apt install chromium`).
"""

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from importlib import resources

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-port=0",
)
KEYS = {"Enter": "\r", " ": " "}  # keys that also give a character
CODES = {"Tab": 9, "Enter": 13, "Escape": 27}  # keys that do something of their own


class Browser:
    """One tab. `problems` and `addresses` tell what went wrong in it and what it asked for."""

    def __init__(self, loop, socket):
        self._loop = loop
        self._socket = socket
        self._number = 0
        self.events = []

    def call(self, method, **parameters):
        """Send a command of the protocol and wait for its answer; events that come before it are kept."""
        return self._loop.run_until_complete(self._call(method, parameters))

    async def _call(self, method, parameters):
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = json.loads((await self._socket.receive()).data)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            if "method" in message:
                self.events.append((message["method"], message["params"]))

    def value(self, expression):
        """What a JavaScript expression gives; a promise is awaited."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def until(self, expression, wanted=True, seconds=60):
        """Wait for an expression's value."""
        end = time.monotonic() + seconds
        while (found := self.value(expression)) != wanted:
            if time.monotonic() > end:
                pytest.fail(f"{expression} is {found!r}, not {wanted!r}; {self.problems}")
            time.sleep(0.03)

    def text(self, selector):
        return self.value(f"document.querySelector({json.dumps(selector)}).textContent")

    def count(self, selector):
        return self.value(f"document.querySelectorAll({json.dumps(selector)}).length")

    # --- What a person does ---

    def middle(self, selector):
        """(x, y) of an element's middle in the window, after scrolling to it."""
        at = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});"
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; })()"
        )
        return tuple(at)

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, selector):
        x, y = self.middle(selector)
        self.mouse("mouseMoved", x, y)
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1)

    def drag(self, start, end):
        self.mouse("mousePressed", *start, button="left", clickCount=1)
        for part in (0.3, 0.6, 1):
            x, y = (a + part * (b - a) for a, b in zip(start, end, strict=True))
            self.mouse("mouseMoved", x, y, button="left", buttons=1)
        self.mouse("mouseReleased", *end, button="left", clickCount=1)

    def press(self, *keys, modifiers=0):
        for key in keys:
            pressed = {"key": key, "code": key, "modifiers": modifiers}
            if key in CODES:
                pressed["windowsVirtualKeyCode"] = CODES[key]
            text = {"text": KEYS.get(key, key)} if key in KEYS or len(key) == 1 else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **pressed, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def choose(self, selector, *files):
        """Put files into a file input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)
        self.call("DOM.setFileInputFiles", files=[str(file) for file in files], nodeId=node["nodeId"])

    def drop(self, selector, *files):
        """Drop files onto an element."""
        x, y = self.middle(selector)
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self.call("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def resize(self, width, height=900, *, phone=False):
        self.call(
            "Emulation.setDeviceMetricsOverride",
            **{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone},
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)

    def prefer(self, **features):
        """Media features: ``prefer(prefers_color_scheme="dark")``."""
        wanted = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=wanted)

    def screenshot(self, path, *, whole=False):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    # --- What is looked at ---

    @property
    def problems(self):
        """Errors of scripts and of the console, as text."""
        found = []
        for method, event in self.events:
            if method == "Runtime.exceptionThrown":
                details = event["exceptionDetails"]
                found.append(details.get("exception", {}).get("description", details["text"]))
            elif method == "Runtime.consoleAPICalled" and event["type"] == "error":
                found.append(" ".join(str(a.get("description", a.get("value"))) for a in event["args"]))
            elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
                found.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")
        return found

    @property
    def addresses(self):
        """All that was asked for."""
        return [event["request"]["url"] for name, event in self.events if name == "Network.requestWillBeSent"]

    def faults(self):
        """axe-core's serious and critical faults: rule, and the elements."""
        axe = pytest.importorskip("axe_core_python", reason="needs axe-core-python")
        self.call("Runtime.evaluate", expression=(resources.files(axe) / "axe.min.js").read_text("utf-8"))
        found = self.value("axe.run(document, {resultTypes: ['violations']})")
        return [
            (fault["id"], [node["target"] for node in fault["nodes"]][:5])
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
        ]


@contextlib.contextmanager
def _chromium():
    """Chromium's port."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            said = next(line for line in process.stderr if "listening on ws://" in line)
            yield int(said.split("127.0.0.1:")[1].split("/")[0])
        finally:
            process.kill()  # it has nothing to save
            process.communicate()


@pytest.fixture(scope="session")
def browser_port():
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    with _chromium() as port:
        yield port


@pytest.fixture
def browse(browser_port):
    """A function that opens an address in a tab of its own: ``browse(url, width=360, phone=True)``."""
    aiohttp = pytest.importorskip("aiohttp")
    loop = asyncio.new_event_loop()
    tabs = []

    async def connect():
        session = aiohttp.ClientSession()
        tab = await (await session.put(f"http://127.0.0.1:{browser_port}/json/new?about:blank")).json()
        return session, tab["id"], await session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0)

    def open_tab(url, width=1280, height=900, *, phone=False):
        session, number, socket = loop.run_until_complete(connect())
        browser = Browser(loop, socket)
        tabs.append((session, number, socket))
        for domain in ("Log", "Runtime", "Network", "DOM", "Page"):
            browser.call(f"{domain}.enable")
        browser.resize(width, height, phone=phone)
        browser.call("Page.bringToFront")  # what is not shown is throttled
        browser.call("Page.navigate", url=url)
        browser.until("document.readyState", "complete")
        return browser

    async def close(session, number, socket):
        await socket.close()
        await (await session.get(f"http://127.0.0.1:{browser_port}/json/close/{number}")).read()
        await session.close()

    yield open_tab
    for tab in tabs:
        loop.run_until_complete(close(*tab))
    loop.close()
