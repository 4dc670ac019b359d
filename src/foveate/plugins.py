"""Tables of things by name that a user's own file, or an installed package, can add to.

A package names a module of its own under the entry point ``foveate.plugins``; importing that module registers
what it brings::

    [project.entry-points."foveate.plugins"]
    mine = "my_package.networks"

That happens when a name is asked for that is not known, or when a table is listed, and not before.
https://packaging.python.org/en/latest/specifications/entry-points/
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, MutableMapping
from typing import TypeVar

from foveate.words import first_line

GROUP = "foveate.plugins"
logger = logging.getLogger("foveate")

_Thing = TypeVar("_Thing")
_loaded = False


class Registry(MutableMapping[str, _Thing]):
    """Things by name, in the order in which they became known: built in, registered, brought by plugins."""

    def __init__(self, builtin: Mapping[str, _Thing] | None = None) -> None:
        self._things = dict(builtin or {})

    def __getitem__(self, name: str) -> _Thing:
        if name not in self._things:
            load_plugins()
        return self._things[name]

    def peek(self, name: str) -> _Thing | None:
        """What is known by this name now, without looking for plugins; None for nothing."""
        return self._things.get(name)

    def __setitem__(self, name: str, thing: _Thing) -> None:
        self._things[name] = thing

    def __delitem__(self, name: str) -> None:
        del self._things[name]

    def __iter__(self) -> Iterator[str]:
        load_plugins()
        return iter(list(self._things))

    def __len__(self) -> int:
        load_plugins()
        return len(self._things)


def load_plugins() -> None:
    """Import what installed packages name under ``foveate.plugins``, once in a process.

    One that cannot be imported is named in a sentence on the log "foveate", and the others are imported.
    """
    global _loaded  # noqa: PLW0603 -- modules are imported once in a process, too
    if _loaded:
        return
    _loaded = True  # at once: a plugin may ask what there is
    from importlib.metadata import entry_points  # takes 25 ms

    for point in entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:  # whatever another package may do wrong
            logger.warning("The plugin %s (%s) is left out: %s.", point.name, point.value, first_line(error))
