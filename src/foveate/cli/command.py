"""What every command is: its flags grouped by purpose in ``--help``, and taken from ``foveate.toml``, too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from foveate.cli.console import note, said
from foveate.errors import InputError, UnknownNameError
from foveate.words import printable

CONFIG_FILE = "foveate.toml"  # in the folder at hand
# Heading -> the flags that stand under it, wherever they occur. What has none stands under the last.
PURPOSES = {
    "Data": "val test task ignore unlabelled stream split val-fraction test-fraction max-unreadable data "
    "files-from null",
    "Network": "model weights download pretrained image-size fit refine num-classes input beam threshold",
    "Training": "recipe budget epochs batch-size accumulate lr augment class-weights label-smoothing select "
    "patience unsure-precision min-count capitals seed",
    "Run": "out resume overwrite keep-checkpoint allow-changed-data tensorboard track",
    "What is told": "json csv top-k coco draw html masks-only video fps log-json to format",
    "Server": "name host port api-key allow-host queue batch-wait-ms max-body-mb max-megapixels timeout "
    "drain-seconds",
    "Machine": "device threads nproc runtime engine workers address",
    "Other": "",
}
SECRET = frozenset(("api-key",))  # never written down
_SAVE = "foveate.save_config"
HELP_FLAGS = ["-h", "--help"]  # of every command, also where it stands alone: click keeps what it made first
LEAST_GROUPED = 12  # flags: fewer are seen at a glance
_GROUP_OF = {flag: purpose for purpose, flags in PURPOSES.items() for flag in flags.split()}


class Command(click.Command):
    """A command of foveate; ``foveate.toml`` may set its flags, and the command line goes before it."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", HELP_FLAGS)
        self.params.append(
            click.Option(
                ["--save-config"],
                metavar="[FILE]",
                is_flag=False,
                flag_value=CONFIG_FILE,
                expose_value=False,
                callback=_remember,
                help=f"Write the flags of this command into FILE, {CONFIG_FILE} if none is named.",
            )
        )

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        section = (
            parent.default_map.get(str(info_name)) if parent is not None and parent.default_map else None
        )
        if section and not extra.get("resilient_parsing"):
            extra["default_map"] = self.by_name(section, f"[{_path(parent, info_name)}]")
        return super().make_context(info_name, args, parent, **extra)

    def by_name(self, section: Any, where: str) -> dict[str, Any]:
        """A section of the file, by the names of this command's parameters. Raises InputError."""
        if not isinstance(section, Mapping):
            raise InputError(
                f"{CONFIG_FILE}: expected {where} to be a table of flags, found {section!r:.60}."
            )
        known = {_flag(option): option for option in self.params if isinstance(option, click.Option)}
        known |= {name.lstrip("-"): option for option in known.values() for name in option.opts}
        found = {}
        for key, value in section.items():
            flag = str(key).replace("_", "-")
            if flag not in known or flag == "save-config":
                raise UnknownNameError(f"flag in {where} of {CONFIG_FILE}", str(key), known)
            found[str(known[flag].name)] = value
        return found

    def invoke(self, ctx: click.Context) -> Any:
        if file := ctx.meta.pop(_SAVE, None):
            save(Path(file), _path(ctx.parent, ctx.info_name), self._kept(ctx))
        return super().invoke(ctx)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        from_file = [
            f"--{_flag(option)}"
            for option in self.params
            if isinstance(option, click.Option)
            and ctx.get_parameter_source(str(option.name)) is click.core.ParameterSource.DEFAULT_MAP
        ]
        if from_file:
            note(f"From {CONFIG_FILE}: {', '.join(from_file)}.")
        return rest

    def _kept(self, ctx: click.Context) -> dict[str, Any]:
        """The flags that were said, by the file or the command line, but for secrets."""
        options = {str(one.name): one for one in self.params if isinstance(one, click.Option)}
        chosen = said(ctx, options) & ctx.params.keys()
        chosen -= {name for name, one in options.items() if _flag(one) in SECRET}
        return {_flag(options[name]): ctx.params[name] for name in options if name in chosen}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        options: list[click.Parameter] = [
            one
            for one in self.get_params(ctx)
            if isinstance(one, click.Option) and one.get_help_record(ctx) is not None
        ]
        if len(options) < LEAST_GROUPED:
            super().format_options(ctx, formatter)
            return
        for purpose, chosen in grouped(options).items():
            with formatter.section(purpose):
                formatter.write_dl([one.get_help_record(ctx) or ("", "") for one in chosen])


class Group(click.Group):
    """A command of commands, such as `foveate data`."""

    command_class = Command

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.context_settings.setdefault("help_option_names", HELP_FLAGS)

    def invoke(self, ctx: click.Context) -> Any:
        check_sections(ctx.default_map or {}, self.commands)
        return super().invoke(ctx)


def check_sections(config: Mapping[str, Any], commands: Iterable[str]) -> None:
    """Raises UnknownNameError for a section of the file that is no command's."""
    for name in config:
        if name not in commands:
            raise UnknownNameError(f"section of {CONFIG_FILE}", name, commands)


def _remember(ctx: click.Context, option: click.Parameter, file: str | None) -> None:
    ctx.meta[_SAVE] = file


def grouped(options: list[click.Parameter]) -> dict[str, list[click.Parameter]]:
    """Flags under what they are for, in the order of the headings."""
    found: dict[str, list[click.Parameter]] = {}
    for purpose in PURPOSES:
        chosen = [one for one in options if _GROUP_OF.get(_flag(one), "Other") == purpose]
        if chosen:
            found[purpose] = chosen
    return found


def refuse_unused(context: click.Context, used: Iterable[str], why: str) -> None:
    """Raises InputError for flags of the command line that are none of those that are used, by parameter.

    foveate.toml may set more: it speaks of every use of a command.

    why: others have no effect, in words: "with --video".
    """
    spoken = click.core.ParameterSource.COMMANDLINE
    unused = [
        f"--{_flag(one)}"
        for one in context.command.params
        if isinstance(one, click.Option)
        and str(one.name) in context.params.keys() - set(used)
        and context.get_parameter_source(str(one.name)) is spoken
    ]
    if unused:
        raise InputError(f"{', '.join(sorted(unused))}: of no effect {why}; leave it out.")


def _flag(option: click.Parameter) -> str:
    """Its name on the command line: the first long one."""
    return next((name for name in option.opts if name.startswith("--")), option.opts[0]).lstrip("-")


def _path(parent: click.Context | None, name: str | None) -> str:
    """``data.make``: the section of a command."""
    above = parent.command_path.split()[1:] if parent is not None else []
    return ".".join([*above, str(name)])


# --- The file --------------------------------------------------------------------------------------------


def read_config(path: Path | None = None) -> dict[str, Any]:
    """What stands in the file; nothing where there is none. Raises InputError."""
    file = Path(CONFIG_FILE) if path is None else path
    if path is None and not file.is_file():
        return {}
    import tomllib

    content = file.read_bytes()
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"{printable(str(file))}: expected TOML, such as [train] and epochs = 10; {error}."
        ) from None


def save(file: Path, section: str, flags: Mapping[str, Any]) -> None:
    """Add a section to the file, which keeps what it has. Raises InputError where it has that section."""
    there: Any = read_config(file) if file.exists() else {}
    for part in section.split("."):
        there = there.get(part) if isinstance(there, Mapping) else None
    if there is not None:
        raise InputError(
            f"{printable(str(file))}: holds [{section}] already; take it out, or name another file."
        )
    before = file.read_text(encoding="utf-8").rstrip() + "\n\n" if file.exists() else ""
    lines = [f"[{section}]", *(f"{flag} = {_toml(value)}" for flag, value in flags.items())]
    file.write_text(before + "\n".join(lines) + "\n", encoding="utf-8")
    note(f"Kept in {printable(str(file))}: {', '.join(f'--{flag}' for flag in flags) or 'nothing'}.")


def _toml(value: Any) -> str:
    """A flag's value: JSON's texts, numbers and lists are TOML's, too, but for characters beyond 16 bits."""
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_toml, value))}]"
    import json

    told = value if isinstance(value, bool | int | float | str) else str(value)
    return json.dumps(told, ensure_ascii=False).replace("\x7f", "\\u007f")
