"""From a file or text to plain data and back: YAML and JSON, nothing else, and nothing that runs code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml

from foveate.errors import BlueprintError, InputError
from foveate.models.names import BLUEPRINT_SUFFIXES

MAX_BYTES = 1 << 20


def read_text(source: str | Path) -> tuple[str, str]:
    """(text, what to call it): of a file, or the text itself where it is no file's name.

    Raises InputError where a file is named that cannot be read.
    """
    if isinstance(source, str) and ("\n" in source or "{" in source):
        return source, "The blueprint"
    path = Path(source)
    try:
        found = path.is_file()
        data = _beginning(path) if found else b""
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"Blueprint {str(source)!r} cannot be read: {reason}.") from error
    if not found:
        what = "is not a file" if path.exists() else "is not there"
        raise InputError(
            f"Blueprint {str(source)!r} {what}; give a {', '.join(BLUEPRINT_SUFFIXES)} file or a blueprint's "
            "text."
        )
    if len(data) > MAX_BYTES:
        raise BlueprintError(
            f"{source}: a blueprint has at most {MAX_BYTES:,} bytes, and this file has more."
        )
    try:
        return data.decode(), str(source)
    except UnicodeDecodeError as error:
        raise BlueprintError(
            f"{source}: a blueprint must be UTF-8 text, and byte {error.start} is not."
        ) from None


def _beginning(path: Path) -> bytes:
    """As much of a file as a blueprint may have, and a byte more where it is longer."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def parse(text: str) -> Any:
    """Plain data from YAML or JSON. Raises BlueprintError, with the line where the parser knows it."""
    if len(text) > MAX_BYTES:
        raise BlueprintError(
            f"A blueprint has at most {MAX_BYTES:,} characters, and this text {len(text):,}."
        )
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text, object_pairs_hook=_distinct)
        return yaml.load(text, Loader=_Loader)
    except BlueprintError:
        raise
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        where = f" in line {line}" if line else ""
        raise BlueprintError(
            f"This is no YAML{where}: {error.problem or error.context}.", line=line
        ) from None
    except RecursionError:
        raise BlueprintError("This YAML is nested too deeply to be a blueprint.") from None
    except json.JSONDecodeError as error:
        # YAML's flow style begins with a brace too; if that fails as well, JSON's error is the nearer one.
        return _flow(text, error)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise BlueprintError(
            f"This is neither YAML nor JSON: {' '.join(str(error).split())[:200]}."
        ) from None


def write(document: Mapping[str, Any]) -> str:
    """A blueprint's data as YAML, a layer a line, that `parse` reads again as the same data."""
    lines: list[str] = []
    for key, value in document.items():
        if key == "layers" and isinstance(value, list) and value:
            lines += ["layers:", *_layer_lines(value, "  ")]
        else:
            lines.append(f"{_inline(key)}: {_inline(value)}")
    return "\n".join(lines) + "\n"


def _layer_lines(layers: list[Any], indent: str) -> Iterator[str]:
    for layer in layers:
        kind, arguments = (
            next(iter(layer.items())) if isinstance(layer, dict) and len(layer) == 1 else (None, 0)
        )
        if kind is None:
            yield f"{indent}- {_inline(layer)}"
        elif isinstance(arguments, dict) and not arguments.keys().isdisjoint(
            ("layers", "shortcut", "branches")
        ):
            yield f"{indent}- {_inline(kind)}:"
            for key, value in arguments.items():
                yield from _part_lines(key, value, indent + "    ")
        else:
            yield f"{indent}- {_inline(kind)}: {_inline(arguments)}"


def _part_lines(key: str, value: Any, indent: str) -> Iterator[str]:
    """One argument of a block: the layers that it holds, branch by branch, or a plain value."""
    lists = isinstance(value, list) and len(value) > 0
    if lists and key in ("layers", "shortcut"):
        yield f"{indent}{key}:"
        yield from _layer_lines(value, indent + "  ")
    elif lists and key == "branches" and all(isinstance(branch, list) and branch for branch in value):
        yield f"{indent}{key}:"
        for branch in value:
            yield f"{indent}  -"
            yield from _layer_lines(branch, indent + "    ")
    else:
        yield f"{indent}{_inline(key)}: {_inline(value)}"


def _inline(value: Any) -> str:
    """In one line, as YAML's flow style or, for texts with line breaks in them, JSON writes it."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, sort_keys=False, allow_unicode=True)
    text = text.removesuffix("\n").removesuffix("\n...")
    if not _BREAKS.search(text):
        return text
    return _ODD.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


_BREAKS = re.compile("[\n\x85\u2028\u2029]")
_ODD = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")  # what YAML does not take as it is


def _flow(text: str, error: json.JSONDecodeError) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        raise BlueprintError(
            f"This is no JSON in line {error.lineno}: {error.msg}.", line=error.lineno
        ) from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise BlueprintError(f"The key {twice[:60]!r} stands twice in one mapping.")
    return data


class _Loader(yaml.SafeLoader):
    """YAML's safe subset; unlike its parent it refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for i, key in enumerate(keys):
            if key in keys[:i] and key != "<<":
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key[:60]!r} stands twice", problem_mark=node.start_mark
                )
        return super().construct_mapping(node, deep)

    def refuse_tag(self, node: yaml.Node) -> NoReturn:
        line = node.start_mark.line + 1
        raise BlueprintError(
            f"The tag {str(node.tag)[:80]!r} in line {line} is not taken: a blueprint holds plain lists, "
            "names, texts and numbers.",
            line=line,
        )


_Loader.add_constructor(None, _Loader.refuse_tag)
