"""Pages beside the guide's chapters: Markdown as it lies in a repository, in groups, with what it shows."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from foveate.errors import InputError

_TITLED = re.compile(r".+ <(?P<path>.+)>")
_LINK = re.compile(r"\]\((?P<path>[^)#:\s]+)(?:#[^)]*)?\)")  # no address of another host


@dataclass(frozen=True)
class Pages:
    """The other half of a site.

    root: the folder that the pages lie in. groups: caption -> pages, by their paths from ``root`` without
    ``.md``, in the order of reading; "Title <path>" lists one under another title than its own.
    """

    root: Path
    groups: Mapping[str, Sequence[str]]

    def names(self) -> list[str]:
        """The pages' paths."""
        return [_TITLED.sub(r"\g<path>", name) for names in self.groups.values() for name in names]

    def stage(self, folder: Path) -> None:
        """Copy the pages, and the files that they show or link to, each to its own path; list them.

        Links between pages stay as they are; what is missing is left to Sphinx, which says so. Raises
        InputError: a page that is not there.
        """
        for name in self.names():
            page = self.root / f"{name}.md"
            if not page.is_file():
                raise InputError(f"{page} is no file; expected the page {name} of the site.")
            for file in [page, *self._shown(page)]:
                copy = folder / file.relative_to(self.root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        index = folder / "index.md"
        index.write_text(index.read_text("utf-8") + "".join(self._lists()), "utf-8")

    def _shown(self, page: Path) -> Iterator[Path]:
        """What a page shows or links to, other pages apart."""
        root = self.root.resolve()
        for found in _LINK.finditer(page.read_text("utf-8")):
            file = (page.parent / found["path"]).resolve()
            if file.suffix != ".md" and file.is_file() and file.is_relative_to(root):
                yield self.root / file.relative_to(root)

    def _lists(self) -> Iterator[str]:
        for caption, names in self.groups.items():
            yield "\n".join(["\n```{toctree}", f":caption: {caption}", ":maxdepth: 1", "", *names, "```\n"])
