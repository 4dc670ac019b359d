"""Pictures in, the network's outputs out, for many requests at once: decode in threads, run in batches.

A few worker threads share two lists: pictures to be decoded, and decoded ones that wait for the network. A
worker decodes while there is something to decode, and runs the network on all that waits as soon as there is
not, or a batch is full, or the first of it has waited ``batch_wait_seconds``. So nobody ever sleeps while
there is work, a lone picture is never delayed, and under load the batches grow by themselves. The network is
run by one worker at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from foveate.errors import ImageError, RequestError
from foveate.http.metrics import Metrics
from foveate.http.settings import ServeSettings
from foveate.images.pixels import to_grey
from foveate.images.preprocess import Seen, Taken
from foveate.runtime.predictor import Predictor, at_once
from foveate.tasks.values import Answered, Values

logger = logging.getLogger("foveate.serve")

MAX_RETRY_SECONDS = 60
PACE = 0.1  # the share of the newest in a running mean


class _Ticket:
    """One request's pictures on their way; finished when every row is there, or with the first error."""

    __slots__ = ("count", "deadline", "done", "error", "future", "missing", "sizes", "values")

    def __init__(self, count: int, deadline: float, future: asyncio.Future[bool]) -> None:
        self.values: dict[str, np.ndarray] = {}  # output -> (count, ...)
        self.sizes: list[tuple[int, int]] = [(0, 0)] * count  # (width, height) of each picture
        self.count = self.missing = count
        self.deadline = deadline
        self.future = future  # whether every row is there, or the time was up
        self.error: Exception | None = None
        self.done = False

    def keep(self, number: int, size: tuple[int, int], values: Values, place: int) -> None:
        """Keep what the network gave for one of the pictures; called by one thread at a time."""
        self.sizes[number] = size
        for name, value in values.items():
            if name not in self.values:
                self.values[name] = np.empty((self.count, *value.shape[1:]), value.dtype)
            self.values[name][number] = value[place]


class _Picture:
    """One picture of a ticket: a file's bytes, then what the network takes."""

    __slots__ = ("content", "name", "number", "ready_at", "taken", "ticket")

    def __init__(self, ticket: _Ticket, number: int, name: str, content: bytes) -> None:
        self.ticket, self.number, self.name, self.content = ticket, number, name, content
        self.taken: Taken | None = None
        self.ready_at = 0.0


class Engine:
    """Answers requests with one `Predictor`. Made and closed outside the event loop, asked inside it."""

    def __init__(self, predictor: Predictor, settings: ServeSettings, metrics: Metrics) -> None:
        self.predictor = predictor
        self._settings = settings
        self._at_once = at_once(predictor.preprocessing, settings.max_batch)
        self._metrics = metrics
        self._change = threading.Condition()  # guards all that follows
        self._to_decode: deque[_Picture] = deque()
        self._to_run: deque[_Picture] = deque()
        self._in_house = 0
        self._running = False
        self._closing = False
        self._decode_seconds = self._network_seconds = 0.01  # a picture, lately
        metrics.waiting.set_function(lambda: self._in_house)
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._threads = [
            threading.Thread(target=self._work, name=f"foveate-{number}", daemon=True)
            for number in range(max(2, count))
        ]
        for thread in self._threads:
            thread.start()

    def close(self, timeout_seconds: float = 1.0) -> None:
        """Finish what is in the house and end the threads."""
        with self._change:
            self._closing = True
            self._change.notify_all()
        until = time.monotonic() + timeout_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def check_room(self, pictures: int = 1) -> None:
        """Raise RequestError 503, with the seconds after which to try again, when the house is full."""
        if self._in_house + pictures <= self._settings.queue_pictures and not self._closing:
            return
        self._metrics.refused.inc()
        each = self._network_seconds + self._decode_seconds / len(self._threads)
        seconds = math.ceil(self._in_house * each)
        raise RequestError(
            503,
            f"The server is busy: {self._in_house} pictures are waiting, and "
            f"{self._settings.queue_pictures} may; try again later.",
            {"retry-after": str(min(max(seconds, 1), MAX_RETRY_SECONDS))},
        )

    async def read_and_run(self, files: Sequence[tuple[str, bytes]]) -> Answered:
        """What the network gives for (name, content of the file) pairs, and how it saw them.

        Raises RequestError: 422 for the first that is no readable picture, 503 when there is no room, 504
        when the answer takes too long.
        """
        ticket = await self._ask(
            len(files),
            lambda ticket: [_Picture(ticket, i, name, data) for i, (name, data) in enumerate(files)],
            self._to_decode,
        )
        return Answered(ticket.values, Seen(self.predictor.preprocessing, ticket.sizes))

    async def run(self, images: np.ndarray) -> Values:
        """What the network gives for uint8 (N, height, width, 3) of the network's own size, by output."""
        if self.predictor.preprocessing.channels == 1:
            images = to_grey(images)  # exactly what the graph does with three channels

        def pictures(ticket: _Ticket) -> list[_Picture]:
            made = [_Picture(ticket, i, "", b"") for i in range(len(images))]
            for picture, pixels in zip(made, images, strict=True):
                picture.taken = Taken(pixels, (pixels.shape[1], pixels.shape[0]))
                picture.ready_at = time.monotonic()
            return made

        return (await self._ask(len(images), pictures, self._to_run)).values

    async def _ask(
        self, count: int, make: Callable[[_Ticket], list[_Picture]], line: deque[_Picture]
    ) -> _Ticket:
        self.check_room(count)
        loop = asyncio.get_running_loop()
        seconds = self._settings.answer_seconds
        ticket = _Ticket(count, time.monotonic() + seconds, loop.create_future())
        pictures = make(ticket)
        with self._change:
            self._in_house += count
            line.extend(pictures)
            self._change.notify(count)
        late = loop.call_later(seconds, _give_up, ticket)
        try:
            if not await ticket.future:
                raise RequestError(504, f"No answer within {seconds:g} seconds; try again later.")
            return ticket
        finally:
            late.cancel()
            ticket.deadline = 0.0  # what is not begun need not be done when nobody waits for it
            for picture in pictures:  # nor kept: these bytes no longer count as held
                picture.content = b""

    # --- the worker threads ------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._change:
                while not (batch := self._next_batch()) and not self._to_decode:
                    if self._closing and not self._in_house:
                        self._change.notify_all()
                        return
                    self._change.wait()
                picture = None if batch else self._to_decode.popleft()
            if picture is not None:
                self._decode(picture)
            else:
                self._run(batch)

    def _next_batch(self) -> list[_Picture]:
        """The pictures to run now, or none: another worker runs, or it pays to decode more first."""
        waiting = self._to_run
        if not waiting or self._running:
            return []
        if self._to_decode and len(waiting) < self._at_once:
            waited = time.monotonic() - waiting[0].ready_at
            if waited < self._settings.batch_wait_seconds:
                return []
        self._running = True
        return [waiting.popleft() for _ in range(min(len(waiting), self._at_once))]

    def _decode(self, picture: _Picture) -> None:
        ticket, error = picture.ticket, None
        started = time.monotonic()
        if ticket.error is None and started < ticket.deadline:
            try:
                picture.taken = self.predictor.preprocessing.take(
                    picture.content, name=picture.name, max_pixels=self._settings.max_pixels
                )
            except ImageError as unreadable:
                error = RequestError(422, str(unreadable))
            except Exception:  # a fault of ours must not end the thread that serves all others
                logger.exception("decoding failed")
                error = RequestError(500, "The picture could not be prepared; the server's log says why.")
        picture.content = b""
        picture.ready_at = time.monotonic()
        seconds = picture.ready_at - started
        self._decode_seconds += PACE * (seconds - self._decode_seconds)
        self._metrics.decode_seconds.observe(seconds)
        if picture.taken is None:
            self._finish([picture], error or RequestError(504, "No answer in time; try again later."))
            return
        with self._change:
            self._to_run.append(picture)
            if not self._running:
                self._change.notify()

    def _run(self, batch: list[_Picture]) -> None:
        started = time.monotonic()
        error = None
        wanted: list[_Picture] = []
        late: list[_Picture] = []
        for picture in batch:
            (wanted if started < picture.ticket.deadline else late).append(picture)
        try:
            if wanted:
                taken = [_taken(picture) for picture in wanted]
                values = self.predictor.run(np.stack([one.pixels for one in taken]))
                for place, (picture, one) in enumerate(zip(wanted, taken, strict=True)):
                    picture.ticket.keep(picture.number, one.size, values, place)
        except Exception:  # as above; ONNX Runtime raises almost anything
            logger.exception("the network failed")
            error = RequestError(500, "The network could not be run; the server's log says why.")
        seconds = time.monotonic() - started
        self._metrics.network_seconds.observe(seconds)
        self._metrics.batch_pictures.observe(len(wanted))
        with self._change:
            self._running = False
            self._network_seconds += PACE * (seconds / len(batch) - self._network_seconds)
            if self._to_run:
                self._change.notify()
        if wanted:
            self._finish(wanted, error)
        if late:
            self._finish(late, RequestError(504, "No answer in time; try again later."))

    def _finish(self, pictures: list[_Picture], error: Exception | None) -> None:
        finished: list[_Ticket] = []
        with self._change:
            self._in_house -= len(pictures)
            for picture in pictures:
                ticket = picture.ticket
                ticket.missing -= 1
                ticket.error = ticket.error or error
                if not ticket.done and (ticket.missing == 0 or ticket.error is not None):
                    ticket.done = True
                    finished.append(ticket)
            if self._closing and not self._in_house:
                self._change.notify_all()
        if error is None:
            self._metrics.pictures.inc(len(pictures))
        if finished:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it all who waited
                finished[0].future.get_loop().call_soon_threadsafe(_deliver, finished)


def _taken(picture: _Picture) -> Taken:
    if picture.taken is None:
        raise RuntimeError("a picture that was not decoded came to be run")
    return picture.taken


def _give_up(ticket: _Ticket) -> None:
    """Say that nothing came: by a value, for an error would keep its traceback, and that the files."""
    if not ticket.future.done():
        ticket.future.set_result(False)


def _deliver(tickets: list[_Ticket]) -> None:
    for ticket in tickets:
        if ticket.future.done():  # the client's time was up
            continue
        if ticket.error is not None:
            ticket.future.set_exception(ticket.error)
        else:
            ticket.future.set_result(True)
