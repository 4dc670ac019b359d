"""Object stores: S3, Google Cloud Storage, Azure, through obstore.

fsspec's own classes for them are not used here: what a shard needs is to read a range only if the object is
the one that was indexed (``If-Match``) and to create one only if there is none (``If-None-Match``), and
fsspec has no word for the first.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from foveate.errors import MissingObjectError, StoreError
from foveate.stores.base import USUAL, Fact, Patience, changed, joined, whole
from foveate.words import first_line, printable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_EXPIRED = ("ExpiredToken", "TokenRefreshRequired", "RequestExpired", "InvalidToken", "invalid_grant")
_SECONDS = 120.0  # after which a request that fails is given up


class CloudStore:
    """Objects under a URL such as ``s3://bucket/photos``.

    Credentials are looked for where the ecosystem keeps them: the environment, a role of the machine or the
    pod, and, with boto3 installed, the files and profiles of the AWS command line.
    """

    far = True

    def __init__(self, url: str, patience: Patience = USUAL) -> None:
        self.place = url
        self._patience = patience
        self._store = _opened(url, patience)

    def __reduce__(self) -> tuple[Any, ...]:
        return CloudStore, (self.place, self._patience)

    def read(self, name: str) -> bytes:
        import obstore

        def ask() -> bytes:
            with self._told(name):
                found = obstore.get(self._store, name)
                return whole(bytes(found.bytes()), found.meta["size"], joined(self.place, name))

        return self._patience.until_whole(ask)

    def read_range(self, name: str, start: int, end: int, tag: str = "") -> bytes:
        import obstore

        where = joined(self.place, name)
        options: dict[str, Any] = {"range": (start, end), **({"if_match": tag} if tag else {})}

        def ask() -> bytes:
            with self._told(name):
                found = obstore.get(self._store, name, options=options)  # type: ignore[arg-type]  # its own words
                if found.meta["size"] < end:
                    raise changed(where, f"it ends before byte {end:,}")
                return whole(bytes(found.bytes()), end - start, where)

        return self._patience.until_whole(ask)

    def fact(self, name: str) -> Fact | None:
        import obstore

        try:
            with self._told(name):
                found = obstore.head(self._store, name)
        except MissingObjectError:
            return None
        return Fact(found["size"], found["e_tag"] or "")

    def names(self) -> Iterator[str]:
        import obstore

        with self._told(""):
            for some in obstore.list(self._store):  # a thousand at a time
                yield from (found["path"] for found in some if "/" not in found["path"])

    def write(self, name: str, data: bytes) -> Fact:
        import obstore

        with self._told(name):
            found = obstore.put(self._store, name, data)
        return Fact(len(data), found["e_tag"] or "")

    def create(self, name: str, data: bytes) -> bool:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._told(name):
            try:
                obstore.put(self._store, name, data, mode="create")
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    @contextlib.contextmanager
    def _told(self, name: str) -> Iterator[None]:
        """An error of obstore as one of ours, in one sentence."""
        from obstore.exceptions import (
            BaseError,
            PermissionDeniedError,
            PreconditionError,
            UnauthenticatedError,
        )

        where = printable(joined(self.place, name))
        try:
            yield
        except FileNotFoundError as error:
            raise MissingObjectError(f"{where}: there is no such object.") from error
        except PreconditionError as error:
            raise changed(where, "its ETag is another") from error
        except BaseError as error:
            text = str(error)
            if any(word in text for word in _EXPIRED):
                raise StoreError(
                    f"{where}: the credentials have expired; renew them and run again: what is done stays."
                ) from error
            if isinstance(error, PermissionDeniedError | UnauthenticatedError) or "credential" in text:
                raise StoreError(
                    f"{where}: the store refuses these credentials ({first_line(error)}); they are taken "
                    "from the environment, or from the role of the machine."
                ) from error
            raise StoreError(
                f"{where}: the store does not answer as it should: {first_line(error)}."
            ) from error


def _opened(url: str, patience: Patience) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    more: dict[str, Any] = {
        "retry_config": {
            "max_retries": patience.tries,
            "backoff": {
                "init_backoff": timedelta(seconds=patience.first_seconds),
                "max_backoff": timedelta(seconds=15),
            },
            "retry_timeout": timedelta(seconds=_SECONDS),
        }
    }
    if url.startswith("s3"):
        if os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"):
            more["client_options"] = {"allow_http": True}
        if (provider := _profile()) is not None:
            more["credential_provider"] = provider
    try:
        return from_url(url, **more)
    except (BaseError, ValueError) as error:
        raise StoreError(f"{printable(url)}: cannot be opened as a store: {first_line(error)}.") from error


def _profile() -> Any:
    """Credentials of the AWS command line's files, where nothing is in the environment and boto3 is here."""
    known = ("AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE")
    if any(name in os.environ for name in (*known, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")):
        return None
    try:
        from boto3 import Session
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ModuleNotFoundError:
        return None
    session = Session()
    return None if session.get_credentials() is None else Boto3CredentialProvider(session)
