"""Behind a proxy: whose ``X-Forwarded-…`` headers count, and the path prefix the server is shown under.

Plain ASGI, as ``security`` is. Nobody's headers count unless the owner names the proxy, so that no visitor can
pass for another address or host.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from starlette.responses import RedirectResponse
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from advisor_bot.web.security import App, Receive, Scope, Send, client_of

_FORWARDED = (b"forwarded", b"x-real-ip")


class BehindProxy:
    """Takes client, scheme and host from a trusted proxy's headers, drops anybody else's, and sets the prefix."""

    def __init__(self, app: App, proxies: Sequence[str] = (), root_path: str = "") -> None:
        """Wrap ``app``; ``proxies`` are networks in CIDR notation, ``root_path`` is ``""`` or like ``/advice``."""
        self.app, self.root_path = app, root_path
        self.networks = [ip_network(proxy) for proxy in proxies]
        inner: Any = self._with_host
        self.forwarded: Any = ProxyHeadersMiddleware(inner, list(proxies))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self._trusted(scope):
            await self.forwarded(scope, receive, send)
        else:
            kept = [(k, v) for k, v in scope["headers"] if not _is_forwarded(k)]
            scope["forwarded"] = len(kept) < len(scope["headers"])  # through somebody who is not believed
            scope["headers"] = kept
            await self._with_prefix(scope, receive, send)

    def _trusted(self, scope: Scope) -> bool:
        try:
            client = client_of(scope)
        except ValueError:  # a socket without an address, or a name
            return False
        return any(client in network for network in self.networks)

    async def _with_host(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the host the visitor called stand as ``Host``: the API compares an ``Origin`` with it."""
        if host := dict(scope["headers"]).get(b"x-forwarded-host"):
            scope["headers"] = [(k, v) for k, v in scope["headers"] if k != b"host"] + [(b"host", host)]
        await self._with_prefix(scope, receive, send)

    async def _with_prefix(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give every path the prefix, whether the proxy passed it on or took it off."""
        if not self.root_path:
            await self.app(scope, receive, send)
        elif scope["path"] == self.root_path:
            redirect: Any = RedirectResponse(self.root_path + "/")
            await redirect(scope, receive, send)
        else:
            scope["root_path"] = self.root_path
            if not scope["path"].startswith(self.root_path + "/"):
                scope["path"] = self.root_path + scope["path"]
            await self.app(scope, receive, send)


def _is_forwarded(name: bytes) -> bool:
    return name.lower().startswith(b"x-forwarded-") or name.lower() in _FORWARDED
