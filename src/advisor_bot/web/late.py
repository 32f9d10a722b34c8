"""An application that is made in the background; who asks it before it is there waits for it, and for nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from advisor_bot.web.security import App, Receive, Scope, Send

log = logging.getLogger(__name__)
_MAKING = ThreadPoolExecutor(1, "late")  # one at a time, as many guides as a server may have


def wait() -> None:
    """Return once nothing is being made, or the process ends."""
    with contextlib.suppress(RuntimeError):
        _MAKING.submit(lambda: None).result()


class Late:
    """Serves with what ``make`` returns, which is called once, in a thread."""

    def __init__(self, name: str, make: Callable[[], App]) -> None:
        """Remember ``make``; ``name`` is what the log calls it by."""
        self.name, self._make = name, make
        self._made: Future[App] | None = None

    def begin(self) -> Future[App]:
        """Begin to make it, unless that was begun before."""
        if self._made is None:
            self._made = _MAKING.submit(self._make)
            self._made.add_done_callback(self._say)
        return self._made

    def _say(self, made: Future[Any]) -> None:
        if not made.cancelled() and (error := made.exception()):
            log.error("The %s could not be made; everything else is served.", self.name, exc_info=error)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, as soon as there is something to serve it with."""
        app = await asyncio.shield(asyncio.wrap_future(self.begin()))
        await app(scope, receive, send)
