"""How far a reader walks: the files and rooms of a run, in the order in which its functions are first called.

    python tools/walks.py train|predict|sum [--python PATH]

A *stay* is a row of functions of one file that are entered one after the other, each for the first time; a
*return* is a move into a room (a folder of the package, or a module beside them) that was entered before. So
a loop counts once, and what is counted is what somebody reads who follows the run. What is computed while a
file is imported (the bodies of classes, registrations) is no step of the run and does not count. ``--python``
is another checkout's interpreter, so that two are measured alike; ``--show`` lists the stays.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw

# Runs in the interpreter that is measured: walk.json holds (file, function) in order of first entry.
TRACED = """
import json, os, runpy, signal, sys, threading, time, urllib.request
import foveate
home = os.path.dirname(foveate.__file__) + os.sep
seen, files, steps, walked, here = set(), [], [], [], threading.local()
def look(frame, event, argument):
    code = frame.f_code
    if code.co_name == "<module>" and code.co_filename.startswith(home):
        here.importing = getattr(here, "importing", 0) + (event == "call") - (event == "return")
    elif event == "call" and code not in seen and not getattr(here, "importing", 0):
        seen.add(code)
        if code.co_filename.startswith(home):
            files.append(code.co_filename[len(home):])
            steps.append(code.co_qualname)
def click():
    def ask(path, document=None):
        data = None if document is None else json.dumps(document).encode()
        headers = {} if data is None else {"Content-Type": "application/json"}
        return json.load(urllib.request.urlopen(urllib.request.Request(address + path, data, headers)))
    text = ""
    while not text.rstrip().endswith("}"):
        time.sleep(0.2)
        with open(out) as file:
            text = file.read()
    address = json.loads(text)["url"].rstrip("/")
    try:
        nodes = [node for node in ask("/api/network")["nodes"] if len(node["shape"]) == 3]
        picture = ask("/api/pictures")["pictures"][0]["id"]
        start = len(files)
        run = ask("/api/runs", {"picture": picture})["run"]
        ask(f"/api/runs/{run}/nodes/{nodes[2]['id']}/sum?channel=0&row=1&column=1")
        walked[:] = zip(files[start:], steps[start:])
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
verb, out, *arguments = sys.argv[1:]
if verb == "sum":
    threading.Thread(target=click, daemon=True).start()
sys.argv = ["foveate", *arguments]
threading.setprofile(look)
sys.setprofile(look)
try:
    from foveate.cli.main import main
    main()
except SystemExit:
    pass
finally:
    sys.setprofile(None)
    with open("walk.json", "w") as file:
        json.dump(walked or list(zip(files, steps)), file)
"""


def pictures(folder: Path) -> None:
    """Two classes of drawn pictures, 12 of each."""
    for number in range(24):
        kind = ("square", "disc")[number % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (24, 24), (40 + number, 60, 80))
        draw = ImageDraw.Draw(image)
        (draw.rectangle if kind == "square" else draw.ellipse)(
            (4, 4, 14, 14 + number % 5), fill=(250, 220, 90)
        )
        image.save(folder / kind / f"{number}.png")


def walk(verb: str, python: Path) -> list[tuple[str, str]]:
    """File and name of a run's functions, in the order in which they are first entered."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        pictures(root / "data")
        train = ("train", "data", "--out", "model", "--epochs", "1", "--model", "convnet1")
        arguments = {
            "train": train,
            "predict": ("predict", "model", "data/disc/1.png"),
            "sum": ("inspect", "model", "data/disc/1.png", "--no-open", "--port", "0", "--json"),
        }
        environment = {**os.environ, "XDG_CACHE_HOME": str(root / "cache"), "PYTHONPATH": ""}

        def run(*command: str) -> None:
            with (root / "out").open("w") as out:
                subprocess.run(
                    [python, "-c", TRACED, verb, "out", *command],
                    cwd=root, env=environment, stdout=out, stderr=subprocess.DEVNULL, timeout=300, check=True,
                )  # fmt: skip

        if verb != "train":
            subprocess.run(
                [python, "-m", "foveate.cli.main", *train],
                cwd=root, env=environment, capture_output=True, timeout=300, check=True,
            )  # fmt: skip
        run(*arguments[verb])
        return [(file, name) for file, name in json.loads((root / "walk.json").read_text())]


def counted(files: list[str]) -> dict[str, int]:
    """Functions, files, rooms, stays, and returns to a room already left."""
    stays = [name for i, name in enumerate(files) if i == 0 or name != files[i - 1]]
    rooms = [Path(name).parts[0] for name in stays]
    moves = [room for i, room in enumerate(rooms) if i == 0 or room != rooms[i - 1]]
    return {
        "functions": len(files),
        "files": len(set(files)),
        "rooms": len(set(rooms)),
        "stays": len(stays),
        "room moves": len(moves),
        "returns": len(moves) - len(set(moves)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("verb", choices=("train", "predict", "sum"))
    parser.add_argument("--python", type=Path, default=Path(sys.executable))
    parser.add_argument("--show", action="store_true", help="list the stays, too")
    options = parser.parse_args()
    found = walk(options.verb, options.python.absolute())
    if options.show:
        for file, steps in groupby(found, key=lambda step: step[0]):
            print(f"{file}: {', '.join(name for _, name in steps)}")
    print(json.dumps(counted([file for file, _ in found])))


if __name__ == "__main__":
    main()
