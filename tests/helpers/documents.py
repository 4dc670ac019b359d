"""What the documents tell people to type: the commands and programs of README.md and docs/*.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITTEN_BY_TOOLS = {
    "api.md",
    "bad-inputs.md",
    "benchmarks.md",
    "commands.md",
    "installs.md",
}  # no person typed them, and none is told to
PROGRAMS = (
    "foveate",
    "make",
    "pip",
    "git",
    "cd",
    "curl",
)  # what begins so is commands


@dataclass(frozen=True)
class Block:
    """A piece of a document: where it stands, its language (or "commands"), its text."""

    place: str
    language: str
    text: str

    def commands(self) -> list[tuple[str, str]]:
        """(place, command) of every line, without the prompt; lines of output are left out."""
        name, _, first = self.place.partition(":")
        lines = [
            (f"{name}:{int(first) + i}", line.removeprefix("$ "))
            for i, line in enumerate(self.text.splitlines())
            if line.strip() and (self.language != "console" or line.startswith("$ "))
        ]
        return [(place, part.strip()) for place, line in lines for part in line.split("&&")]


def documents() -> list[Path]:
    return [
        ROOT / "README.md",
        *sorted(path for path in (ROOT / "docs").glob("*.md") if path.name not in WRITTEN_BY_TOOLS),
    ]


def blocks(document: Path) -> list[Block]:
    """All fenced blocks, and the indented ones that are commands, in the document's order."""
    found: list[Block] = []
    pattern = r"^```(?P<language>\w*)\n(?P<fenced>.*?)^```$|(?<=\n\n)(?P<indented>(?:    [^\n]*\n)+)"
    text = document.read_text("utf-8")
    for match in re.finditer(pattern, text, re.MULTILINE | re.DOTALL):
        kind = "fenced" if match["indented"] is None else "indented"
        content = re.sub("^    ", "", match[kind], flags=re.MULTILINE) if kind == "indented" else match[kind]
        is_commands = content.lstrip("$ ").split(" ")[0] in PROGRAMS
        language = match["language"] or ("commands" if is_commands or kind == "fenced" else "")
        if language:
            line = text.count("\n", 0, match.start(kind)) + 1
            found.append(Block(f"{document.name}:{line}", language, content))
    return found
