"""Counts what an address does: in this process, or in a Redis that several servers share."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter, RateLimiter, SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from advisor_bot.errors import SettingsError
from advisor_bot.settings import Settings

_log = logging.getLogger(__name__)
_ANSWERS_WITHIN = 0.25  # seconds; a count is worth no longer wait
_ASKED_AGAIN = 5.0  # seconds until a Redis that failed is asked again
T = TypeVar("T")


class Tally:
    """What each address did of one kind. Where Redis is away, this process counts by itself until it is back."""

    def __init__(self, settings: Settings, kind: str, *, sliding: bool = False) -> None:
        """Count ``kind`` for the guide of ``settings``. Raises ``SettingsError`` where Redis' package is missing."""
        strategy = SlidingWindowCounterRateLimiter if sliding else FixedWindowRateLimiter
        self._name = f"advisor{settings.root_path} {kind}"
        self._here: RateLimiter = strategy(MemoryStorage())
        self._shared: RateLimiter | None = strategy(_redis(settings.limits)) if settings.limits else None
        self._again = 0.0

    async def hit(self, item: RateLimitItem, address: str) -> bool:
        """Count once more; return whether that was within ``item``."""
        return await self._of(lambda limiter: limiter.hit(item, self._name, address))

    async def wait(self, item: RateLimitItem, address: str) -> int:
        """Return the seconds until the address may come again, at least 1."""
        stats = await self._of(lambda limiter: limiter.get_window_stats(item, self._name, address))
        return max(1, math.ceil(stats.reset_time - time.time()))

    async def clear(self, item: RateLimitItem, address: str) -> None:
        """Forget what the address did."""
        await self._of(lambda limiter: limiter.clear(item, self._name, address))

    async def _of(self, call: Callable[[RateLimiter], Awaitable[T]]) -> T:
        if self._shared and time.monotonic() >= self._again:
            try:
                counted = await call(self._shared)
            except StorageError as error:
                if not self._again:
                    _log.warning("ADVISOR_LIMITS cannot be used (%s); this server counts by itself.", error)
                self._again = time.monotonic() + _ASKED_AGAIN
            else:
                self._again = 0.0
                return counted
        return await call(self._here)


def _redis(address: str) -> Storage:
    options = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _ANSWERS_WITHIN)
    try:
        storage = storage_from_string(f"async+{address}", wrap_exceptions=True, implementation="redispy", **options)
    except ConfigurationError:
        raise SettingsError("ADVISOR_LIMITS needs a package: pip install 'advisor-bot[redis]'.") from None
    assert isinstance(storage, Storage)  # noqa: S101 - by its name
    return storage
