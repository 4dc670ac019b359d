"""`serve`: a model over HTTP. Starts without torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foveate.api.common import Say, known_settings, needs, unsaid
from foveate.api.load import load
from foveate.errors import InputError
from foveate.http.settings import ServeSettings
from foveate.runtime.names import AUTO
from foveate.words import setting

OnReady = Callable[[str, str], None]  # (URL, the model's name in paths)


def serve(
    model: str | Path,
    *,
    name: str | None = None,
    threads: int | None = None,
    beam: int | None = None,
    runtime: str = AUTO,
    log_json: bool = False,
    on_ready: OnReady = lambda url, name: None,
    say: Say = unsaid,
    **limits: Any,
) -> None:
    """Answer over HTTP until SIGINT or SIGTERM comes; returns when what was accepted is answered.

    Args:
        model: a model folder, or the name of a network that comes with weights.
        name: the model's name in paths; by default the folder's.
        threads: of ONNX Runtime; by default the physical cores.
        beam: as for `load`.
        runtime: as for `load`; "auto" finds out before the first request which is faster here.
        log_json: log every request, as JSON, on standard error.
        on_ready: called with the server's URL and the model's name as soon as it can be reached.
        limits: `host` ("127.0.0.1"), `port` (8000; 0 is any that is free), `api_key`, `allow_host` (names
            that clients use for this server), `queue` (128 pictures may wait), `batch_size` (32 run at once),
            `batch_wait_ms` (2), `max_body_mb` (16), `max_megapixels` (50), `timeout` (30 seconds) and
            `drain_seconds` (1), each as the flag of `foveate serve`.

    Raises InputError for a setting that cannot be; MissingExtraError; ModelFolderError.
    """
    settings = _Limits(**known_settings(limits, _Limits)).settings()
    with needs("serve", "`foveate serve`"):
        from foveate.http.log import set_up_log
        from foveate.server.app import serve as answer
        from foveate.server.app import url_name
    shown = url_name(name or Path(model).resolve().name)
    if name and shown != name:
        raise InputError(
            f"{setting('name')}: expected letters, digits, dots, dashes and underscores, found {name!a}."
        )
    predictor = load(model, threads=threads, beam=beam, runtime=runtime, say=say)
    predictor.settle()
    if predictor.runtime_told:
        say(predictor.runtime_told)
    set_up_log(as_json=log_json)
    answer(predictor, shown, settings, lambda url: on_ready(url, shown))


@dataclass(frozen=True)
class _Limits:
    """The limits as `foveate serve` has them."""

    host: str = ServeSettings.host
    port: int = ServeSettings.port
    api_key: str | None = None
    allow_host: Sequence[str] = ()
    queue: int = ServeSettings.queue_pictures
    batch_size: int = ServeSettings.max_batch
    batch_wait_ms: float = 1000 * ServeSettings.batch_wait_seconds
    max_body_mb: int = ServeSettings.max_body_bytes >> 20
    max_megapixels: int = ServeSettings.max_pixels // 1_000_000
    timeout: float = ServeSettings.answer_seconds
    drain_seconds: float = ServeSettings.drain_seconds

    def settings(self) -> ServeSettings:
        """The same in the server's own units. Raises InputError."""
        return ServeSettings(
            host=self.host,
            port=self.port,
            api_key=self.api_key,
            allowed_hosts=tuple(self.allow_host),
            queue_pictures=self.queue,
            max_pictures=min(self.queue, ServeSettings.max_pictures),
            max_batch=self.batch_size,
            batch_wait_seconds=self.batch_wait_ms / 1000,
            max_body_bytes=self.max_body_mb << 20,
            max_waiting_bytes=max(self.max_body_mb << 20, ServeSettings.max_waiting_bytes),
            max_pixels=self.max_megapixels * 1_000_000,
            body_seconds=self.timeout,
            answer_seconds=self.timeout,
            drain_seconds=self.drain_seconds,
        )
