"""Write docs/api.md from the docstrings and docs/commands.md from the help, and the files into extending.md.

python tools/make_docs.py           write them
python tools/make_docs.py --check   exit with 1 where what is written is not what it would write
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

import foveate
from foveate.cli.main import cli

ROOT = Path(__file__).parents[1]
GROUPS = {
    "What the commands do": "train evaluate check explain summary export push serve doctor",
    "A trained model": "load LoadedModel Predictor Finished TrainRequest",
    "Pictures and data": "open_dataset DataSet read_image Preprocessing",
    "Shards": "shard shards predict_shards ShardWork",
    "Networks": "list_models model_info create_model import_weights Network",
    "For scikit-learn": "sklearn.ImageClassifier sklearn.ImageRegressor sklearn.ImageFeatures",
    "Of your own": "register_model register_layer register_metric register_heatmap register_format "
    "register_task Metric HeatMap",
}
HEAD = """# The Python API

Written by `tools/make_docs.py` from the docstrings; the examples run as tests, in a folder with drawn
circles and squares in `shapes/`, a blueprint `net.yaml`, and a model trained on them in `runs/shapes`. What
the command line can do, functions of the same names do: their settings have the flags' names, and `to_dict()`
of what they return is what `--json` prints. Importing foveate imports no torch; a function does where it
needs it. How to add a network, a layer, a metric, a heat map or a form of data: [extending](extending.md).
"""
WIDTH = 100  # of the help, in columns
COMMANDS_HEAD = """# The commands

Written by `tools/make_docs.py` from what `foveate --help` and `foveate COMMAND --help` say.

**Flags in a file.** `foveate.toml` in the folder at hand sets any flag of any command; what is typed goes
before it, and which flags came from it is said. `--save-config` writes the flags of a command into it.

```toml
[train]
budget = "5m"
image-size = 96
track = ["mlflow"]

[predict]
top-k = 3
```

`foveate --config FILE train ...` takes another file.

**Completion.** The shell completes commands and flags after one line in its start-up file:

```sh
eval "$(_FOVEATE_COMPLETE=bash_source foveate)"     # ~/.bashrc
eval "$(_FOVEATE_COMPLETE=zsh_source foveate)"      # ~/.zshrc
_FOVEATE_COMPLETE=fish_source foveate | source      # ~/.config/fish/config.fish
```

**Colours** are left out where `NO_COLOR` is set, and wherever the output is no terminal.
"""
SECTIONS = {"Args:": "Arguments", "Attributes:": "Attributes", "Raises:": "Raises"}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    extending = ROOT / "docs" / "extending.md"
    wanted = {
        ROOT / "docs" / "api.md": api_page(),
        ROOT / "docs" / "commands.md": commands_page(),
        extending: with_files(extending.read_text("utf-8")),
    }
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'is not what the code says' if check else 'written'}")
        if not check:
            path.write_text(wanted[path], "utf-8")
    return int(check and bool(stale))


def commands_page() -> str:
    """What ``--help`` says of every command, on one page."""
    top = _context(cli, "foveate")
    parts = [COMMANDS_HEAD, _help(cli, top)]
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        context = _context(command, name, top)
        parts += [f"## foveate {name}\n", _help(command, context)]
        if isinstance(command, click.Group):
            for part in command.list_commands(context):
                own = command.commands[part]
                parts += [f"### foveate {name} {part}\n", _help(own, _context(own, part, context))]
    return "\n".join(parts)


def _context(command: click.Command, name: str, parent: click.Context | None = None) -> click.Context:
    """As the command line makes it, without running anything."""
    wide = {} if parent else {"terminal_width": WIDTH, "max_content_width": WIDTH}
    return command.make_context(name, [], parent=parent, resilient_parsing=True, **wide)


def _help(command: click.Command, context: click.Context) -> str:
    return f"```text\n{command.get_help(context)}\n```\n"


def api_page() -> str:
    """All public names, in groups."""
    listed = {name for names in GROUPS.values() for name in names.split()}
    if missing := set(foveate.__all__) - listed - {"__version__"}:
        raise SystemExit(f"make_docs: in no group: {', '.join(sorted(missing))}")
    parts = [HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        parts += [part for name in names.split() for part in described(name, named(name))]
    return "\n".join(parts)


def named(name: str) -> object:
    """What a public name, such as sklearn.ImageFeatures, stands for."""
    room, _, last = name.rpartition(".")
    return getattr(importlib.import_module(f"foveate.{room}" if room else "foveate"), last)


def described(name: str, thing: object) -> Iterator[str]:
    """A heading with how it is called, its docstring, and the same for a class's own methods."""
    yield f"### foveate.{name}\n"
    yield f"```text\n{called(name, thing)}\n```\n"
    yield as_markdown(inspect.getdoc(thing) or "")
    if isinstance(thing, type):
        for method, function in vars(thing).items():
            documented = inspect.isfunction(function) and not method.startswith("_") and function.__doc__
            if documented:
                yield f"#### {name}.{method}\n"
                yield f"```text\n{called(method, function)}\n```\n"
                yield as_markdown(inspect.getdoc(function) or "")


def called(name: str, thing: object) -> str:
    """``name(argument, *, setting=default)``, an argument a line where they are many."""
    parameters = inspect.signature(thing).parameters.values()  # type: ignore[arg-type]
    told, starred = [], False
    for one in parameters:
        if one.name in {"self", "cls"}:
            continue
        if one.kind is one.KEYWORD_ONLY and not starred:
            told.append("*")
            starred = True
        star = {one.VAR_KEYWORD: "**", one.VAR_POSITIONAL: "*"}.get(one.kind, "")
        told.append(f"{star}{one.name}{default(one)}")
    line = f"{name}({', '.join(told)})"
    return line if len(line) <= 100 else f"{name}(\n" + "".join(f"    {part},\n" for part in told) + ")"


def default(parameter: inspect.Parameter) -> str:
    """``=None``; a function or a factory by a word, for its place in memory is another each time."""
    value = parameter.default
    if value is parameter.empty:
        return ""
    return f"={value!r}" if not callable(value) and "<" not in repr(value) else "=..."


def as_markdown(text: str) -> str:
    """A docstring: examples are fenced, and sections of names become lists."""
    lines, out, inside = text.splitlines(), [], ""
    for line in lines:
        example = line.lstrip().startswith((">>> ", "... ")) or (inside == "example" and line.strip())
        if example and inside != "example":
            out.append("```pycon")
        if inside == "example" and not example:
            out.append("```")
        if example:
            inside = "example"
            out.append(line)
        elif line.strip() in SECTIONS:
            inside = "section"
            out.append(f"{SECTIONS[line.strip()]}:\n")
        elif inside == "section" and (item := re.match(r"    (\*{0,2}[\w, *]+): (.*)", line)):
            out.append(f"- `{item[1]}`: {item[2]}")
        elif inside == "section" and line.startswith("    "):
            out.append("  " + line.strip())
        else:
            inside = "" if line and inside != "" else inside
            inside = "" if inside == "example" else inside
            out.append(line)
    if inside == "example":
        out.append("```")
    marked = "\n".join(out).rstrip()
    return re.sub(r"(?<!`)``(?!`)", "`", marked) + "\n"


def with_files(text: str) -> str:
    """The document with the files whose names stand above its blocks, as they are now."""

    def block(match: re.Match[str]) -> str:
        return f"`{match[1]}`:\n\n```py\n{(ROOT / match[1]).read_text('utf-8')}```"

    return re.sub(r"`(tests/extending/[\w./]+\.py)`:\n\n```py\n.*?```", block, text, flags=re.DOTALL)


if __name__ == "__main__":
    sys.exit(main())
