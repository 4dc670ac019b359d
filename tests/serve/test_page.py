"""The page in a real browser: pictures chosen, answers read, nothing asked of another host, no errors."""

import asyncio
import contextlib
import json
import shutil
import subprocess
import tempfile

import pytest

aiohttp = pytest.importorskip("aiohttp")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
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
ANSWERED = "[...document.querySelectorAll('.verdict')].filter(v => v.textContent !== '…').length"


class Browser:
    """As much of the DevTools protocol as these tests need."""

    def __init__(self, socket):
        self._socket = socket
        self._number = 0
        self.events = []

    async def call(self, method, **parameters):
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            message = json.loads((await self._socket.receive()).data)
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]
            self.events.append((message["method"], message["params"]))

    async def value(self, expression):
        found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"]["value"]

    async def until(self, expression, wanted):
        for _ in range(400):
            if (found := await self.value(expression)) == wanted:
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"{expression} is {found}, not {wanted}")

    async def choose(self, *files):
        document = await self.call("DOM.getDocument")
        node = await self.call("DOM.querySelector", nodeId=document["root"]["nodeId"], selector="#files")
        await self.call("DOM.setFileInputFiles", files=[str(file) for file in files], nodeId=node["nodeId"])


@contextlib.asynccontextmanager
async def browser_at(url, width=390):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            said = next(line for line in process.stderr if "listening on ws://" in line)
            port = said.split("127.0.0.1:")[1].split("/")[0]
            async with aiohttp.ClientSession() as session:
                tabs = await (await session.get(f"http://127.0.0.1:{port}/json")).json()
                address = next(tab for tab in tabs if tab["type"] == "page")["webSocketDebuggerUrl"]
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    browser = Browser(socket)
                    for domain in ("Log", "Runtime", "Network", "DOM", "Page"):
                        await browser.call(f"{domain}.enable")
                    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": True}
                    await browser.call("Emulation.setDeviceMetricsOverride", **size)
                    await browser.call("Page.navigate", url=url)
                    await browser.until("document.readyState", "complete")
                    yield browser
        finally:
            process.terminate()
            process.communicate(timeout=10)


def test_pictures_are_answered_on_the_page(launch, colours, pictures, tmp_path):
    running = launch()
    good, bad = tmp_path / "<b>good.png", tmp_path / "bad.png"
    good.write_bytes(colours.png(pictures[0]))
    bad.write_bytes(b"no picture")

    async def look():
        async with browser_at(f"http://{running.name}/") as browser:
            await browser.choose(good)
            await browser.until(ANSWERED, 1)
            wanted = colours.expected(pictures[0])
            label = colours.classes[wanted.argmax()]
            verdict = await browser.value("document.querySelector('.verdict').textContent")
            assert verdict.startswith(f"{label}  {wanted.max():.1%}")
            assert await browser.value("document.querySelectorAll('.bars li').length") == 3
            assert await browser.value("document.querySelector('.card h2').textContent") == "<b>good.png"
            assert not [event for event in browser.events if event[0] == "Log.entryAdded"]
            await browser.choose(bad)
            await browser.until(ANSWERED, 2)
            verdict = await browser.value("document.querySelector('.verdict').textContent")
            assert "it is not a picture" in verdict
            assert await browser.value("document.documentElement.scrollWidth <= innerWidth")
            return browser.events

    events = asyncio.run(look())
    assert running.stop()[0] == 0
    assert not [event for event in events if event[0] == "Runtime.exceptionThrown"]
    asked = {event[1]["request"]["url"] for event in events if event[0] == "Network.requestWillBeSent"}
    assert len(asked) > 4
    assert all(url.removeprefix("blob:").startswith(f"http://{running.name}/") for url in asked)
