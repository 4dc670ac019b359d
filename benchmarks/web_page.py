"""Whether a page that answers by itself says what Python says, how soon, and how large it is.

    foveate export MODEL --web site
    python benchmarks/web_page.py MODEL site PICTURES --count 200 --json web.json

PICTURES is a folder; so many of its pictures are asked, spread over it.
Needs Playwright and Chromium (`CHROMIUM` in tests/helpers/browser.py).
"""

from __future__ import annotations

import argparse
import base64
import functools
import http.server
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import foveate
from foveate.errors import ImageError

ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
ASK = """async (bytes) => {
  window.page ??= new Worker("worker.js", {type: "module"});
  const file = new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], "picture");
  const began = performance.now();
  const told = await new Promise((resolve) => {
    window.page.onmessage = ({data}) => data.ready || resolve(data);
    window.page.postMessage({number: 1, file});
  });
  return {...told, milliseconds: performance.now() - began};
}"""


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """The address of a plain host of the folder, on loopback."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()


def spread(folder: Path, count: int) -> list[Path]:
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
    return found[:: max(len(found) // count, 1)][:count]


def compared(page: Any, model: foveate.Predictor, files: list[Path]) -> Iterator[dict[str, Any]]:
    """For each picture: what both say, and how long the page took."""
    for file in files:
        try:
            wanted = json.loads(json.dumps(model.predictions([file])[0].to_dict()))
        except ImageError as error:
            print(f"left out: {error}")
            continue
        told = page.evaluate(ASK, base64.b64encode(file.read_bytes()).decode())
        if "error" in told:
            raise SystemExit(f"{file}: the page says: {told['error']}")
        yield {"file": file.name, "python": wanted, **told}


def agreement(one: dict[str, Any]) -> dict[str, float]:
    """How alike two documents are, in the units of their task."""
    ours, theirs = one["python"], one["prediction"]
    if "classes" in ours:
        shares = [{part["label"]: part["share"] for part in found["classes"]} for found in (ours, theirs)]
        names = shares[0].keys() | shares[1].keys()
        return {"share": max(abs(shares[0].get(name, 0) - shares[1].get(name, 0)) for name in names)}
    if "boxes" in ours:
        return {"boxes": abs(len(ours["boxes"]) - len(theirs["boxes"]))}
    if "numbers" in ours:
        pairs = zip(ours["numbers"], theirs["numbers"], strict=True)
        return {"number": max(abs(a["value"] - b["value"]) for a, b in pairs)}
    first, second, *_ = [*(part["probability"] for part in ours["top"]), 0.0]
    return {
        "other label": float(ours["top"][0]["label"] != theirs["top"][0]["label"]),
        "other label, and no tie": float(
            ours["top"][0]["label"] != theirs["top"][0]["label"] and first - second >= 1e-3
        ),
        "probability": abs(first - theirs["top"][0]["probability"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("site", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    model, files = foveate.load(given.model), spread(given.pictures, given.count)
    with sync_playwright() as playwright, hosted(given.site) as address:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        began = time.perf_counter()
        page.goto(address)
        page.wait_for_function("() => document.getElementById('state').textContent.startsWith('Ready')")
        page.set_input_files("#files", files[0])
        page.wait_for_selector(".verdict:not(:text-is('…'))")
        first = time.perf_counter() - began
        found = list(compared(page, model, files))
        browser.close()
    alike = [agreement(one) for one in found]
    waits = sorted(one["milliseconds"] for one in found[1:])
    told = {
        "pictures": len(found),
        "largest difference": {name: max(one[name] for one in alike) for name in alike[0]},
        "mean difference": {name: sum(one[name] for one in alike) / len(alike) for name in alike[0]},
        "seconds to the first answer": first,
        "milliseconds a picture": waits[len(waits) // 2],
        "bytes": sum(path.stat().st_size for path in given.site.rglob("*") if path.is_file()),
        "asked elsewhere": sorted({url for url in asked if not url.startswith((address, "blob:", "data:"))}),
    }
    print(json.dumps(told, indent=1))
    if given.json is not None:
        given.json.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
