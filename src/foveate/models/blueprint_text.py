"""From a file or text to plain data: YAML and JSON, nothing else, and nothing that runs code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from foveate.errors import BlueprintError, InputError

MAX_BYTES = 1 << 20
SUFFIXES = (".yaml", ".yml", ".json")


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
            f"Blueprint {str(source)!r} {what}; give a {', '.join(SUFFIXES)} file or a blueprint's text."
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
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        if error.problem and "constructor for the tag" in error.problem:
            tag = error.problem.rpartition(" ")[2][:80]
            raise BlueprintError(
                f"The tag {tag}{line} is not taken: a blueprint holds plain lists, names, texts and numbers."
            ) from None
        raise BlueprintError(f"This is no YAML{line}: {error.problem or error.context}.") from None
    except RecursionError:
        raise BlueprintError("This YAML is nested too deeply to be a blueprint.") from None
    except json.JSONDecodeError as error:
        # YAML's flow style begins with a brace too; if that fails as well, JSON's error is the nearer one.
        return _flow(text, error)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise BlueprintError(
            f"This is neither YAML nor JSON: {' '.join(str(error).split())[:200]}."
        ) from None


def _flow(text: str, error: json.JSONDecodeError) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError):
        raise BlueprintError(f"This is no JSON in line {error.lineno}: {error.msg}.") from None


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
