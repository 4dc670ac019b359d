"""One computation after the other, in a thread of its own, so that the server goes on answering."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from foveate.errors import FoveateError, InputError, RequestError

T = TypeVar("T")

MOST_WAITING = 32


class Desk:
    """Where everything is computed that takes a network, a picture or more than a moment."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._waiting = 0
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="foveate-inspector")

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        """The result of ``work(*given)``, when its turn has come.

        Raises RequestError: 503 where too many wait; 422 with the sentence for wrong input.
        """
        if self._waiting >= self._most_waiting:
            raise RequestError(503, "The inspector is busy; try again.", {"retry-after": "1"})
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work, *given)
        except RequestError:
            raise
        except InputError as error:
            raise RequestError(422, str(error)) from error
        except FoveateError as error:
            raise RequestError(500, str(error)) from error
        finally:
            self._waiting -= 1

    def begin(self, work: Callable[[], object]) -> None:
        """Compute something ahead of being asked; a fault will be told to whoever asks for it."""
        self._worker.submit(work)

    def close(self) -> None:
        """Let what is begun come to its end, and nothing else."""
        self._worker.shutdown(wait=True, cancel_futures=True)
