"""What is malformed, hostile or odd, sent raw to `foveate serve` and `foveate inspect`; counted.

    python tools/raw_http.py [--seed 0] [--server serve|inspect]

Each kind of `raw_http_kinds.py` and `raw_http_bodies.py` is sent to each server at once and cut in two at a
place by chance, in an order by chance. Wrong is: another status than may be, an answer to what is smuggled in
a body, an answer cut off or lost, a connection left open, a server that then answers others no more, a line
in its log, memory that grew by more than 64 MB. Slow kinds run beside the others. Exits with 1 if anything
was wrong; on loopback only, less than three minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import socket
import struct
import sys
import threading
import time

from PIL import Image

from raw_http_bodies import BODIES
from raw_http_kinds import HEADS, Kind, Target
from servers import Server, read_answers, started

MAX_GROWTH_MB = 64
PATIENCE_SECONDS = 10.0  # for an answer and the end of the connection
SLOW_SECONDS = 16.0  # by then the server's own patience must have ended: headers have 10, silence 15
TRICKLE_SECONDS = 0.25


def picture() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((40, 30), 50).convert("RGB").save(file, "PNG")
    return file.getvalue()


TARGETS = {
    "serve": Target(b"/health", b"/predict", 200, picture(), b"/health"),
    "inspect": Target(b"/api/blueprints/kinds", b"/api/pictures", 201, picture(), b"/"),
}


def all_kinds(target: Target) -> dict[str, Kind]:
    """All kinds by name."""
    return {
        f"{part.__name__[1:].replace('_', ' ')}: {name}": kind
        for part in (*HEADS, *BODIES)
        for name, kind in part(target).items()
    }


def send(client: socket.socket, kind: Kind, cut: int) -> None:
    """The kind's data, in two pieces."""
    with contextlib.suppress(ConnectionError):  # it may be closed while we still send
        if kind.slow:
            until = time.monotonic() + SLOW_SECONDS
            for byte in kind.data:
                client.sendall(bytes([byte]))
                if time.monotonic() > until:
                    return
                time.sleep(TRICKLE_SECONDS)
            return
        if cut:
            client.sendall(kind.data[:cut])
            time.sleep(0.005)
        client.sendall(kind.data[cut:])
        if kind.end == "half":
            client.shutdown(socket.SHUT_WR)


def try_one(server: Server, kind: Kind, cut: int) -> str:
    """What was wrong; empty where nothing was."""
    with server.connect(SLOW_SECONDS if kind.slow else PATIENCE_SECONDS) as client:
        try:
            send(client, kind, cut)
            if kind.end == "reset":
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return (
                ""
                if kind.end in ("leave", "reset")
                else judge(kind, *read_answers(client, bodies=kind.bodies))
            )
        except OSError as error:
            return f"{type(error).__name__}: {error}"


def judge(kind: Kind, statuses: list[int], rest: bytes, end: str) -> str:
    """What is wrong with the answers; empty where nothing is."""
    if tuple(statuses) not in kind.wanted:
        wanted = " or ".join(str(list(one)[-6:]) for one in kind.wanted)
        return f"answered {statuses[-6:]} ({len(statuses)}), wanted {wanted}"
    if rest:
        return f"an answer was cut off: {rest[:60]!r}"
    if end == "open" or (end == "reset" and not kind.slow):
        return f"the connection was {'left open' if end == 'open' else 'reset'}"
    return ""


def healthy(server: Server, target: Target) -> bool:
    with server.connect() as client:
        client.sendall(b"GET " + target.read + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return read_answers(client)[0] == [200]


def campaign(name: str, seed: int) -> tuple[int, int]:
    """(tried, wrong) for one server."""
    chance, target = random.Random(seed), TARGETS[name]
    kinds = all_kinds(target)
    found: list[tuple[str, str]] = []
    with started(name) as server:
        healthy(server, target)
        before = server.memory()
        slow = [
            threading.Thread(target=lambda n=n, k=k: found.append((n, try_one(server, k, 0))))  # type: ignore[misc]
            for n, k in kinds.items()
            if k.slow
        ]
        for thread in slow:
            thread.start()
        tries = [(n, k, chance.randrange(1, len(k.data)) if cut and k.data else 0)
                 for n, k in kinds.items() if not k.slow for cut in (False, True)]  # fmt: skip
        chance.shuffle(tries)
        for number, (kind_name, kind, cut) in enumerate(tries):
            found.append((f"{kind_name} (cut at {cut:,})", try_one(server, kind, cut)))
            if number % 20 == 0:
                found.append(
                    (f"others, after {kind_name}", "" if healthy(server, target) else "not answered")
                )
        for thread in slow:
            thread.join()
        grown = server.memory(most=True) - before
        code, log = server.stop()
    found.append(("memory", f"grew by {grown:.0f} MB" if grown > MAX_GROWTH_MB else ""))
    found.append(("the end", f"exit code {code}" if code else ""))
    found.append(("the log", repr(log[-400:]) if log else ""))
    wrong = [(kind_name, what) for kind_name, what in found if what]
    for kind_name, what in wrong:
        print(f"  WRONG {name}: {kind_name}: {what}")
    print(
        f"{name}: {len(kinds)} kinds, {len(found)} tried, {len(wrong)} wrong; "
        f"memory grew by {grown:.0f} MB at most",
        flush=True,
    )
    return len(found), len(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--server", choices=list(TARGETS))
    options = parser.parse_args()
    began = time.monotonic()
    results = [campaign(name, options.seed) for name in ([options.server] if options.server else TARGETS)]
    tried, wrong = map(sum, zip(*results, strict=True))
    print(f"{tried} tried, {wrong} wrong, seed {options.seed}, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
