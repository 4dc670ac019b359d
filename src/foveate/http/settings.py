"""All that can be chosen about a server, checked when it is made."""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass

from foveate.errors import InputError
from foveate.words import setting

MIN_KEY_LENGTH = 16  # characters; `openssl rand -hex 16` gives 32
HOST_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")


@dataclass(frozen=True)
class ServeSettings:
    """Where a server listens, who may ask, and its limits. Raises InputError for what cannot be.

    - ``host``, ``port``: port 0 lets the system choose. A host other than this machine's own loopback needs
      an ``api_key`` (at least 16 printable ASCII characters).
    - ``allowed_hosts``: names that requests may address the server by, besides addresses and ``localhost``.
    - ``max_body_bytes`` of one request, ``max_pictures`` in it, ``max_pixels`` of one picture;
      ``max_waiting_bytes`` of all bodies that are held at a time.
    - ``queue_pictures``: how many may be in the house; more are refused with 503.
    - ``max_batch`` pictures go through the network at once, fewer of large ones; one that is decoded waits
      at most ``batch_wait_seconds`` for others that are being decoded, and not at all when there are none.
    - ``header_seconds``, ``body_seconds``: what a client has for sending them; ``answer_seconds``: what the
      server has for answering, and the client for taking the answer.
    - ``framed``: pages of this machine may show this server's in a frame.
    - ``drain_seconds``: how long, after SIGTERM, new connections are still taken while ``ready`` says no;
      ``finish_seconds``: how long after that what was accepted may take; the rest gets 503.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    api_key: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    max_body_bytes: int = 16 << 20
    max_pixels: int = 50_000_000
    max_pictures: int = 32
    max_waiting_bytes: int = 256 << 20
    queue_pictures: int = 128
    max_batch: int = 32
    batch_wait_seconds: float = 0.002
    header_seconds: float = 10.0
    body_seconds: float = 30.0
    answer_seconds: float = 30.0
    idle_seconds: float = 15.0
    drain_seconds: float = 1.0
    finish_seconds: int = 7
    max_connections: int = 1000
    framed: bool = False

    def __post_init__(self) -> None:
        for name, low, high in (
            ("port", 0, 65_535),
            ("max_body_bytes", 1, 1 << 30),
            ("max_pixels", 1, 1 << 30),
            ("max_pictures", 1, 4096),
            ("max_waiting_bytes", self.max_body_bytes, 1 << 40),
            ("queue_pictures", self.max_pictures, 65_536),
            ("max_batch", 1, 4096),
            ("batch_wait_seconds", 0, 1),
            ("header_seconds", 0.1, 3600),
            ("body_seconds", 0.1, 3600),
            ("answer_seconds", 0.1, 3600),
            ("idle_seconds", 0.1, 3600),
            ("drain_seconds", 0, 3600),
            ("finish_seconds", 1, 3600),
            ("max_connections", 1, 100_000),
        ):
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise InputError(f"{name}: expected {low} to {high}, found {value}.")
        for name in self.allowed_hosts:
            if not HOST_NAME.fullmatch(name):
                raise InputError(
                    f"{setting('allow_host')}: expected a host name such as models.example.org, found "
                    f"{name!r}."
                )
        self._check_key()

    def _check_key(self) -> None:
        key = self.api_key
        if key is None:
            if not self.loopback:
                raise InputError(
                    f"{setting('host', self.host)} opens the server to other machines: give "
                    f"{setting('api_key')} (or set "
                    f"FOVEATE_API_KEY) as well, or keep to {setting('host', '127.0.0.1')}."
                )
        elif len(key) < MIN_KEY_LENGTH or not key.isascii() or not key.isprintable() or " " in key:
            raise InputError(
                f"{setting('api_key')}: expected at least {MIN_KEY_LENGTH} printable ASCII characters "
                "without spaces; "
                "`openssl rand -hex 16` makes one."
            )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether what listens at this host can be reached from the machine itself only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass
class ServerState:
    """``draining``: the server was asked to stop; what comes is still answered, and told to go elsewhere."""

    draining: bool = False
