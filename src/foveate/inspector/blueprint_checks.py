"""Networks while they are being designed: what every layer makes of its input, and what is wrong with it.

Answers are plain data. A network that is not finished yet is answered as well: its layers up to the first
faulty one, and the fault with the number of its layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

from foveate.errors import BlueprintError
from foveate.graph.summary import LayerRow, summarize
from foveate.inspector.example_blueprints import BLOCK_SUMMARIES, EXAMPLES
from foveate.layers.known import BLUEPRINT_LAYERS
from foveate.models.blueprint import build, load_blueprint, sketch
from foveate.models.blueprint_reader import MAX_LAYERS, Layer
from foveate.models.blueprint_text import parse, write
from foveate.models.weightless import weightless
from foveate.operators.blueprint import CLASSES, GROUPS, REQUIRED, Argument, Pair, Whole

MOST_VALUES = 50_000  # in a document: a short YAML can stand for a huge one, by references


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """What a blueprint is, given as ``text`` (YAML or JSON) or as plain data (``blueprint``).

    Returns:
        ok; error: None or {message, number of the layer or None, line of the text or None}; blueprint: the
        document as plain data and yaml: as text, also where a layer is faulty, and None where it is no
        document; layers: {number, kind, shape, parameters, macs, receptive_field, sees_all} up to the first
        fault, those inside blocks after their block; parameters, macs: of these; classes; name.

    Raises:
        BlueprintError: neither ``text`` nor ``blueprint`` is given.
    """
    if ("text" in given) == ("blueprint" in given):
        raise BlueprintError("Give either `text` (YAML or JSON) or `blueprint` (plain data).")
    try:
        document = parse(str(given["text"])) if "text" in given else given["blueprint"]
        document = _plain(document)
    except BlueprintError as error:
        return _answer(None, [], error)
    found = sketch(document)
    calls = _calls(found.layers, found.input, found.classes) if found.input else ()
    return _answer(document, list(_rows(found.layers, calls)), found.error)


def kinds() -> dict[str, Any]:
    """The layers that there are: {kinds: [{kind, group, summary, scalar, start, arguments}]}.

    start: the arguments that a new layer of this kind begins with.
    """
    order = {group: i for i, group in enumerate(GROUPS)}
    known = sorted(BLUEPRINT_LAYERS.items(), key=lambda item: order.get(item[1].group, len(order)))
    described: list[dict[str, Any]] = [
        {
            "kind": kind,
            "scalar": layer.scalar,
            "arguments": [_argument(name, one) for name, one in layer.arguments.items()],
            "group": layer.group,
            "summary": layer.summary,
            "start": dict(layer.start),
        }
        for kind, layer in known
    ]
    counted = {
        "repeat": [_argument("times", Argument(Whole(1, MAX_LAYERS)))],
        "unpool": [_argument("size", Argument(Pair(1)))],
    }
    for kind, (summary, start) in BLOCK_SUMMARIES.items():
        arguments = counted.get(kind, [])
        block = {"kind": kind, "scalar": None, "arguments": arguments, "group": "block"}
        described.append({**block, "summary": summary, "start": start})
    return {"kinds": described}


@cache
def examples() -> dict[str, Any]:
    """Networks to begin with: {examples: [{name, title, summary, blueprint}]}."""
    shipped = resources.files("foveate.models") / "blueprints"
    read = []
    for name, (title, summary, text) in EXAMPLES.items():
        source = text or (shipped / f"{name}.yaml").read_text(encoding="utf-8")
        read.append({"name": name, "title": title, "summary": summary, "blueprint": parse(source)})
    return {"examples": read}


def _argument(name: str, argument: Argument) -> dict[str, Any]:
    check, required = argument.check, argument.default is REQUIRED
    words = list(getattr(check, "words", ()))
    return {
        "name": name,
        "type": type(check).__name__.lower(),  # whole, count, pair, padding, flag, real, choice
        "required": required,
        "default": None if required else argument.default,
        "least": getattr(check, "least", None),
        "most": getattr(check, "most", None),
        "words": words,
    }


def _plain(document: Any) -> Any:
    """The document as JSON would carry it. Raises BlueprintError where it cannot."""
    if _values(document, MOST_VALUES) > MOST_VALUES:
        raise BlueprintError(f"A blueprint that is designed here has at most {MOST_VALUES:,} values.")
    try:
        return json.loads(json.dumps(document, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BlueprintError(
            f"A blueprint holds plain lists, names, texts and finite numbers, and this one does not: {error}."
        ) from None


def _values(data: Any, most: int) -> int:
    """How many values the data has when every reference is written out; counting ends behind ``most``."""
    waiting: list[Any] = [data]
    count = 1
    while waiting and count <= most:
        one = waiting.pop()
        inner = one.values() if isinstance(one, Mapping) else one if isinstance(one, list | tuple) else ()
        count += len(inner)
        waiting += inner
    return count


def _calls(layers: Sequence[Layer], size: tuple[int, int, int], classes: int | None) -> tuple[LayerRow, ...]:
    """The analysis of the network that these layers begin, brought to an end in the shortest way."""
    if not layers:
        return ()
    flat = len(layers[-1].output_shape) == 1
    end: list[Any] = [{"dense": CLASSES}] if flat else ["global_avg_pool", {"dense": CLASSES}]
    document: dict[str, Any] = {"input": list(size), "layers": [layer.written for layer in layers] + end}
    if classes is not None:
        document["classes"] = classes
    try:
        with weightless():
            return summarize(build(load_blueprint(document)), size).rows
    except BlueprintError:  # at the limit of what a blueprint may be, the end is too much
        return ()


def _answer(document: Any, rows: list[dict[str, Any]], error: BlueprintError | None) -> dict[str, Any]:
    top = [row for row in rows if "." not in row["number"]]
    known = document if isinstance(document, dict) else {}
    return {
        "ok": error is None,
        "error": error and {"message": str(error), "number": error.layer, "line": error.line},
        "blueprint": document if isinstance(document, dict) else None,
        "yaml": write(document) if isinstance(document, dict) else None,
        "layers": rows,
        "parameters": sum(row["parameters"] for row in top),
        "macs": sum(row["macs"] for row in top),
        "classes": known.get("classes"),
        "name": known.get("name"),
    }


def _rows(layers: Sequence[Layer], calls: Sequence[LayerRow]) -> Iterator[dict[str, Any]]:
    """One row for every layer and block; a block's multiply-adds are those of what stands in it."""
    inside: dict[str, list[LayerRow]] = {}
    for row in calls:
        parts = row.name.split(".")
        for end in range(2, len(parts) + 1):
            inside.setdefault(".".join(parts[:end]), []).append(row)
    for layer, name in _named(layers, "layers"):
        rows = inside.get(name, [])
        fields = [row.receptive_field for row in rows]
        known = [field for field in fields if field is not None]
        whole = None in fields
        yield {
            "number": layer.number,
            "kind": layer.kind,
            "shape": list(layer.output_shape),
            "parameters": layer.parameters,
            "macs": sum(row.macs for row in rows),
            "receptive_field": [max(f[i] for f in known) for i in (0, 1)] if known and not whole else None,
            "sees_all": whole,
        }


def _named(layers: Sequence[Layer], prefix: str) -> Iterator[tuple[Layer, str]]:
    """Every layer with the dotted name of its module (see BlueprintNetwork)."""
    for i, layer in enumerate(layers):
        name = f"{prefix}.{i}"
        yield layer, name
        for j, part in enumerate(layer.parts):
            inner = {
                "residual": ("layers", "shortcut")[j % 2],
                "parallel": f"branches.{j}",
                "repeat": str(j),
                "unpool": "layers",
            }
            yield from _named(part, f"{name}.{inner[layer.kind]}")
