"""Whether pages that answer by themselves say what Python says, how soon, and how large they are: every task.

    python benchmarks/web_page.py --folder web --photographs PICTURES ... [--count 200] [--write]

Draws scenes and trains a small model for each task (benchmarks/web_models.py; kept in --folder), writes the
page of each, and asks so many test pictures both in Python and in Chromium: as PNG files, and as JPEG
files. What was measured before stays in its web.json. Photographs are asked of EfficientNet-Lite0 with its
published weights, of 1,000 classes. --write puts the tables into docs/web.md. Needs Playwright, Chromium
(Debian: chromium) and onnxruntime-web (`npm ci`).
"""

from __future__ import annotations

import argparse
import base64
import functools
import http.server
import json
import shutil
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

import foveate
from foveate.errors import ImageError
from web_agreement import BY_TASK, answer
from web_models import DATA, models

TIMEOUT_MS = 300_000  # a machine may have other work
ENDINGS = {".jpg", ".jpeg", ".png"}
FORMS = ("png", "jpeg")
PAGE = Path(__file__).parents[1] / "docs" / "web.md"
BEGIN, END = "<!-- Written by benchmarks/web_page.py -->", "<!-- to here -->"
# In the page: what its worker says of a file, and what the network is given for it.
ASK = """async (bytes) => {
  const [{ decoded }, { prepared }] = [await import("./decode.js"), await import("./preprocess.js")];
  window.worker ??= new Worker("worker.js", {type: "module"});
  window.model ??= await (await fetch("model.json")).json();
  const file = new File([Uint8Array.from(atob(bytes), (one) => one.charCodeAt(0))], "picture");
  const began = performance.now();
  const told = await new Promise((resolve) => {
    window.worker.onmessage = ({data}) => data.ready || resolve(data);
    window.worker.postMessage({number: 1, file});
  });
  const milliseconds = performance.now() - began;
  const input = prepared(await decoded(file), window.model.preprocessing).data;
  let text = "";
  for (let at = 0; at < input.length; at += 8192)
    text += String.fromCharCode(...input.subarray(at, at + 8192));
  return {...told, milliseconds, input: btoa(text)};
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


def spread(folders: list[Path], count: int) -> list[Path]:
    """So many pictures, spread over all that lie in the folders."""
    found = sorted(path for one in folders for path in one.rglob("*") if path.suffix.lower() in ENDINGS)
    return [found[i * len(found) // count] for i in range(min(count, len(found)))]


def as_form(files: list[Path], form: str, folder: Path) -> list[Path]:
    """The pictures as files of a form, "png" or "jpeg"; those that are of it already as they are."""
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    for number, file in enumerate(files):
        if file.suffix.lower().replace("jpg", "jpeg") == f".{form}":
            told.append(file)
            continue
        told.append(folder / f"{number:04d}.{form}")
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            upright.save(told[-1], **({"quality": 90} if form == "jpeg" else {}))
    return told


def large(files: list[Path], folder: Path) -> list[Path]:
    """The pictures as JPEG files as large as a phone's, their shorter side 2,400 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    told = [folder / f"{number:04d}.jpg" for number in range(len(files))]
    for file, to in zip(files, told, strict=True):
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
            scale = 2400 / min(upright.size)
            size = (round(upright.width * scale), round(upright.height * scale))
            upright.resize(size, Image.Resampling.BICUBIC).save(to, quality=90)
    return told


def first_answer(page: Any, address: str, file: Path) -> float:
    """Seconds from the address to an answer on the page, the browser open and the page never seen before."""
    began = time.perf_counter()
    page.goto(address)
    page.set_input_files("#files", file)
    page.wait_for_selector(".verdict:not(:text-is('…'))")
    return time.perf_counter() - began


def offline(page: Any, file: Path) -> bool:
    """Whether the page opens and answers when it was seen once and there is no network."""
    page.evaluate("async () => { await navigator.serviceWorker.ready; }")
    page.context.set_offline(True)
    page.reload()
    page.set_input_files("#files", file)
    page.wait_for_selector(".verdict:not(:text-is('…'))")
    answered = page.locator(".verdict.error").count() == 0
    page.context.set_offline(False)
    return bool(answered)


def asked(page: Any, model: foveate.LoadedModel, files: list[Path]) -> dict[str, Any]:
    """What both say of the files, held against each other."""
    alike, answers, levels, waits = [], [], [], []
    for file in files:
        try:
            ours = json.loads(json.dumps(model.predictions([file])[0].to_dict()))
        except ImageError as error:
            print(f"left out: {error}")
            continue
        theirs = page.evaluate(ASK, base64.b64encode(file.read_bytes()).decode())
        if "error" in theirs:
            raise SystemExit(f"{file}: the page says: {theirs['error']}")
        alike.append(BY_TASK[model.task.name](ours, theirs["prediction"]))
        pixels = model.preprocessing.take(file).pixels
        pixels = np.broadcast_to(pixels, (*pixels.shape[:2], 3))  # of grey networks, too
        given = np.frombuffer(base64.b64decode(theirs["input"]), np.uint8).reshape(pixels.shape)
        levels.append(np.abs(pixels.astype(int) - given))
        answers.append(answer(ours))
        waits.append(theirs["milliseconds"])
    return {
        "pictures": len(alike),
        "different": len(set(answers)),
        "input equal": sum(not one.any() for one in levels),
        "levels, mean": float(np.mean([one.mean() for one in levels])),
        "levels, most": int(max(one.max() for one in levels)),
        "same": sum(one.same for one in alike),
        "other, no tie": sum(one.wrong for one in alike),
        "apart": max(one.apart for one in alike),
        "milliseconds": statistics.median(waits),
    }


def measured(
    browser: Any, name: str, model: Path | str, files: Mapping[str, list[Path]], folder: Path
) -> dict[str, Any]:
    """The page of one model, asked the pictures of each form."""
    site = folder / f"{name}-page"
    written = foveate.export(model, web=site, overwrite=True)
    context, asks = browser.new_context(), []
    context.set_default_timeout(TIMEOUT_MS)
    context.on("request", lambda request: asks.append(request.url))
    with hosted(site) as address:
        page = context.new_page()
        told = {
            "name": name,
            "network": foveate.load(model).config.architecture.get("name", ""),
            "bytes": written.bytes,
            "first": first_answer(page, address, files["jpeg"][0]),
            "offline": offline(page, files["jpeg"][0]),
        }
        opened = foveate.load(model, runtime="onnxruntime")
        told |= {form: asked(page, opened, found) for form, found in files.items()}
        elsewhere = {url for url in asks if not url.startswith((address, "blob:", "data:"))}
    context.close()
    print(json.dumps(told | {"elsewhere": sorted(elsewhere)}), flush=True)
    return told | {"elsewhere": len(elsewhere), "requests": len(asks)}


def rows(found: list[dict[str, Any]]) -> Iterator[str]:
    """The two tables of docs/web.md."""
    yield "| | page | first answer | a picture | offline | requests elsewhere |\n|---|---|---|---|---|---|"
    for one in found:
        size, first, wait = one["bytes"] / 1e6, one["first"], one["jpeg"]["milliseconds"]
        alone = "yes" if one["offline"] else "**no**"
        elsewhere = one["elsewhere"]
        yield f"| {one['name']} | {size:.1f} MB | {first:.1f} s | {wait:.0f} ms | {alone} | {elsewhere} |"
    yield (
        "\n| | files | different answers | input equal to the byte | levels apart: mean, most "
        "| the same answer | another, and no tie | scores apart, most |\n|---|---|---|---|---|---|---|---|"
    )
    for one in found:
        for form in FORMS:
            if form not in one:
                continue
            told = one[form]
            yield (
                f"| {one['name']} | {told['pictures']} {form.upper()} | {told['different']} "
                f"| {told['input equal']} | {told['levels, mean']:.2g}, {told['levels, most']} "
                f"| {told['same']} | {told['other, no tie']} | {told['apart']:.1g} |"
            )


def write(found: list[dict[str, Any]]) -> None:
    """The tables into docs/web.md, between their marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text("\n".join([f"{before}{BEGIN}\n", *rows(found), f"\n{END}{after}"]), encoding="utf-8")


def asked_of(given: argparse.Namespace) -> Iterator[tuple[str, Path | str, dict[str, list[Path]]]]:
    """What is compared: a name, the model, and its pictures by form."""
    made = list(models(given.folder, given.seconds, given.tasks))
    drawn = spread([given.folder / "scenes" / "test" / "images"], given.count)
    for task, model in made:
        yield task, model, {form: as_form(drawn, form, given.folder / f"drawn-{form}") for form in FORMS}
    if given.photographs:
        files = spread(given.photographs, given.count)
        forms = {form: as_form(files, form, given.folder / f"photographs-{form}") for form in FORMS}
        yield "photographs", "efficientnet_lite0", forms
        yield "large photographs", "efficientnet_lite0", {"jpeg": large(files, given.folder / "large")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("web"), help="models, pages and pictures")
    parser.add_argument("--photographs", type=Path, nargs="*", default=[], help="folders of photographs")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=60, help="of training, for each task")
    parser.add_argument("--tasks", nargs="*", default=list(DATA))
    parser.add_argument("--write", action="store_true", help="docs/web.md")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    kept = given.folder / "web.json"
    found = {one["name"]: one for one in json.loads(kept.read_text())} if kept.is_file() else {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, model, files in asked_of(given):
            found[name] = measured(browser, name, model, files, given.folder)
        browser.close()
    told = list(found.values())
    kept.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print("\n".join(rows(told)))
    if given.write:
        write(told)


if __name__ == "__main__":
    main()
