"""A path or a URL -> a store."""

from __future__ import annotations

import os
import re
from pathlib import Path

from foveate.errors import InputError, MissingExtraError
from foveate.stores.base import Store
from foveate.stores.local import LocalStore
from foveate.words import printable

CLOUDS = frozenset(("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "adl"))
_PAGES = frozenset(("http", "https"))
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://(.*)", re.DOTALL)


def is_url(place: object) -> bool:
    """Whether it is the address of a store, such as ``s3://bucket/photos``; a web page's is none."""
    found = _URL.fullmatch(place) if isinstance(place, str) else None
    return found is not None and found[1].lower() not in _PAGES


def open_store(place: str | Path) -> Store:
    """The store at a path or URL; nothing is asked of it yet.

    Raises InputError for an address without a place; MissingExtraError; StoreError.
    """
    found = _URL.fullmatch(os.fspath(place))
    if found is None:
        return LocalStore(place)
    if not is_url(os.fspath(place)):
        raise InputError(
            f"{printable(str(place))}: expected a store, such as s3://bucket/photos, not a web page."
        )
    scheme, rest = found[1].lower(), found[2]
    if not rest.strip("/"):
        raise InputError(f"{printable(str(place))}: expected a place, such as s3://bucket/photos.")
    if scheme in {"file", "local"}:
        return LocalStore(rest)
    if scheme in CLOUDS:
        try:
            from foveate.stores.cloud import CloudStore

            return CloudStore(os.fspath(place))
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"Reading and writing {printable(str(place))}", "cloud") from error
    from foveate.stores.other import FsspecStore

    return FsspecStore(os.fspath(place))
