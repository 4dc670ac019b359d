"""Everything one inspector holds: networks, pictures, runs. What the endpoints share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from foveate.errors import RequestError
from foveate.inspector import pixels
from foveate.inspector import requests as asked
from foveate.inspector.heat import explain
from foveate.inspector.networks import run_bytes, title_of
from foveate.inspector.newest import Shelf
from foveate.inspector.pictures import Pictures
from foveate.inspector.runs import Question, Run, cover_colour, make_run
from foveate.modelfolder.to_torch import rebuild
from foveate.models.blueprint import load_blueprint
from foveate.models.model import Model
from foveate.models.registry import list_models
from foveate.resolve import designed, registered

MAIN = "main"  # the network the command was given
MOST_NETS = 8
MOST_NET_BYTES = 2 << 30
MOST_HEATS = 64
MOST_HEAT_BYTES = 64 << 20
MOST_RUNS = 16
MOST_RUN_BYTES = 1 << 30


class Session:
    """All but the HTTP. Its methods compute, one at a time: call them at the `Desk`."""

    def __init__(self, net: Model) -> None:
        self._main = net
        self._nets: Shelf[Model] = Shelf("network", MOST_NETS - 1, most_bytes=MOST_NET_BYTES, size=_net_bytes)
        self.pictures = Pictures()
        self.heats: Shelf[bytes] = Shelf("heat map", MOST_HEATS, most_bytes=MOST_HEAT_BYTES, size=len)
        self.runs: Shelf[Run] = Shelf("run", MOST_RUNS, most_bytes=MOST_RUN_BYTES, size=lambda r: r.nbytes)

    def net(self, name: str | None) -> Model:
        """A network by its id; the command's own without one. Raises RequestError 404."""
        return self._main if name in (None, MAIN) else self._nets.get(str(name))

    def nets(self) -> dict[str, Any]:
        """`GET /api/nets`."""
        nets = [(MAIN, self._main), *self._nets.items()]
        listed = [{"net": name, "name": net.name, "title": title_of(net)} for name, net in nets]
        return {"nets": listed, "known": list_models()}

    def add_net(self, net: Model) -> str:
        """Keep a network; returns its id."""
        return self._nets.put(net)

    def open(self, document: dict[str, Any]) -> dict[str, Any]:
        """`POST /api/nets`. Raises InputError, RequestError."""
        name, yaml = asked.text(document, "name", None), asked.text(document, "yaml", None)
        if (name is None) == (yaml is None):
            raise RequestError(422, "Expected either the `name` of a network or the `yaml` of a blueprint.")
        if yaml is not None:
            blueprint = load_blueprint(yaml if "\n" in yaml else f"{yaml}\n")
            net = designed(blueprint, blueprint.name or "blueprint")
        else:
            net = registered(name, untrained=True)
        return {"net": self.add_net(net), "name": net.name, "title": title_of(net)}

    def run(self, document: dict[str, Any]) -> dict[str, Any]:
        """`POST /api/runs`. Raises RequestError, InputError."""
        net_id = asked.text(document, "net", None) or MAIN
        net, picture = self.net(net_id), asked.text(document, "picture")
        seen = self.pictures.get(picture).seen_by(net.preprocessing)
        question = Question(picture, seen, asked.covers(document), asked.edits(document))
        self.runs.make_room(run_bytes(net))  # before, not after: of the largest networks only one run fits
        made = make_run(net_id, net, question)
        run = self.runs.put(made)
        return {
            "run": run,
            "net": net_id,
            "picture": picture,
            "top": made.top(),
            "drawn": pixels.drawn_facts(made, f"/api/runs/{run}/drawn.png"),
            "milliseconds": round(1000 * made.seconds, 3),
            "cover_colour": list(cover_colour(net)),
        }

    def explain(self, document: dict[str, Any]) -> dict[str, Any]:
        """`POST /api/explain`. Raises RequestError, InputError."""
        content, facts = explain(self.runs.get(asked.text(document, "run")), document)
        return {"url": f"/api/heat/{self.heats.put(content)}.png", **facts}

    def add_trained(self, folder: Path, name: str) -> str:
        """Keep the network of a model folder; returns its id."""
        return self.add_net(replace(rebuild(folder), name=name))

    def with_node(self, run: str, node: str, work: Callable[[Run, int], Any]) -> Any:
        """Do something with a node of a run. Raises RequestError 404."""
        found, number = self.runs.get(run), asked.node_number(node)
        if number >= len(found.recording.steps):
            raise RequestError(404, f"This network has the nodes n0 to n{len(found.recording.steps) - 1}.")
        return work(found, number)


def _net_bytes(net: Model) -> int:
    return sum(p.nbytes for p in net.module.parameters())
