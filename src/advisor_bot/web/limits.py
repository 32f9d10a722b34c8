"""How often one address may call, and how long one request may take. Plain ASGI, as ``security`` is."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterable
from ipaddress import IPv6Address

from limits import RateLimitItemPerSecond

from advisor_bot.settings import Settings
from advisor_bot.web.security import App, Message, Receive, Scope, Send, client_of, problem, refuse, route_path
from advisor_bot.web.tally import Tally

_LIMITED = ("/api/", "/read/", "/plain", "/v1/", "/mcp", "/sign-in")
_SLOW = "This took too long and was ended. Please try again in a moment."


class RateLimit:
    """Lets ``rate`` requests a second through for each address, up to ``burst`` at once; then 429.

    Counted over a sliding window of ``burst / rate`` seconds, rounded up. What is counted is what costs something:
    the API and the reader.
    """

    def __init__(self, app: App, settings: Settings) -> None:
        """Wrap ``app``; a ``rate`` of 0 means no limit."""
        self.app, self.rate, burst = app, settings.rate, settings.burst
        self.item = RateLimitItemPerSecond(burst, math.ceil(burst / self.rate) if self.rate else 1)
        self.tally = Tally(settings, "requests", sliding=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with the seconds to wait in ``Retry-After``."""
        counted = self.rate and scope["type"] == "http" and route_path(scope).startswith(_LIMITED)
        if not counted or await self.tally.hit(self.item, key := visitor(scope)):
            await self.app(scope, receive, send)
            return
        wait = await self.tally.wait(self.item, key)
        message = f"Too many requests from this address. Try again in {wait} seconds."
        await refuse(send, 429, "too_many", message, retry_after(wait))


def visitor(scope: Scope) -> str:
    """Return what a visitor is counted by: the IPv4 address, or the /64 network that one IPv6 line has to itself."""
    try:
        address = client_of(scope)
    except ValueError:
        return str((scope.get("client") or ("nobody",))[0])
    return address.exploded[:19] if isinstance(address, IPv6Address) else str(address)


def retry_after(seconds: int) -> Iterable[tuple[bytes, bytes]]:
    """Return the header that tells a client how long to wait."""
    return ((b"retry-after", str(seconds).encode()),)


class Share:
    """Lets so many requests at a time through to what keeps a thread busy; the others wait, as ``TimeLimit`` allows.

    Guides on one server have the same threads: so the slow model of one takes none from another.
    """

    def __init__(self, app: App, most: int) -> None:
        """Wrap ``app``."""
        self.app, self.turns = app, asyncio.Semaphore(most)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not route_path(scope).startswith(_LIMITED):
            await self.app(scope, receive, send)
            return
        async with self.turns:
            await self.app(scope, receive, send)


class TimeLimit:
    """Ends a request after ``seconds``: with 503, or, where an answer is being streamed, with an ``error`` event.

    The thread at work on it cannot be stopped; the visitor need not wait for it.
    """

    def __init__(self, app: App, seconds: float) -> None:
        """Wrap ``app``."""
        self.app, self.seconds = app, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not route_path(scope).startswith(_LIMITED):
            await self.app(scope, receive, send)
            return
        valve = _Valve(send, openai=route_path(scope).startswith("/v1/"))
        task = asyncio.ensure_future(self.app(scope, receive, valve))
        try:
            await asyncio.wait({task}, timeout=self.seconds)
            if task.done():
                task.result()
            else:
                await valve.end()
        finally:
            if not task.done():
                task.cancel()
                task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())


class _Valve:
    """Passes messages on until it is shut, and knows how far the answer has come."""

    def __init__(self, send: Send, *, openai: bool) -> None:
        self.send, self.openai, self.shut, self.started, self.streams = send, openai, False, False, False

    async def __call__(self, message: Message) -> None:
        if self.shut:
            return
        if message["type"] == "http.response.start":
            self.started = True
            self.streams = dict(message["headers"]).get(b"content-type", b"").startswith(b"text/event-stream")
        await self.send(message)

    async def end(self) -> None:
        self.shut = True
        if not self.started:
            await refuse(self.send, 503, "slow", _SLOW, retry_after(5))
            return
        whole = problem("slow", _SLOW)
        error = json.dumps(whole if self.openai else whole["error"])
        last = f"event: error\ndata: {error}\n\n".encode() if self.streams else b""
        await self.send({"type": "http.response.body", "body": last})
