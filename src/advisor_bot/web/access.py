"""Who may ask: the key that programs send. Plain ASGI, as ``security`` is.

A page of this server asks without a key: its browser says where the request comes from. A program can say so too, so
the key counts who asks and turns strangers away; it keeps nothing secret.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from advisor_bot.web.security import App, Receive, Scope, Send, refuse, route_path

_PROGRAMS = ("/v1/", "/mcp")
_ASKED = ("/api/", *_PROGRAMS)


class Access:
    """Asks programs for the key, where there is one."""

    def __init__(self, app: App, key: str = "") -> None:
        """Wrap ``app``; with an empty ``key`` nobody is asked."""
        self.app, self.key = app, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with 401."""
        if scope["type"] == "http" and self.key and self._needs_key(scope) and not has_key(scope, self.key):
            message = "Send the key of this server in the header Authorization: Bearer KEY."
            await refuse(send, 401, "key", message, ((b"www-authenticate", b"Bearer"),))
            return
        await self.app(scope, receive, send)

    def _needs_key(self, scope: Scope) -> bool:
        path = route_path(scope)
        return path.startswith(_PROGRAMS) or (path.startswith(_ASKED) and not from_own_page(scope))


def has_key(scope: Scope, key: str) -> bool:
    """Tell whether a request brings ``key``; compared in a time that says nothing of how much of it was right."""
    scheme, _, given = header(scope, b"authorization").partition(" ")
    return bool(key) and scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), key.encode())


def from_own_page(scope: Scope) -> bool:
    """Tell whether a browser says that a page of this server sends this.

    It says so in ``Sec-Fetch-Site``; where a server is reached without TLS, in ``Origin`` or ``Referer`` only.
    """
    if site := header(scope, b"sec-fetch-site"):
        return site == "same-origin"
    came_from = header(scope, b"origin") or header(scope, b"referer")
    return bool(came_from) and urlsplit(came_from).netloc.lower() == header(scope, b"host").lower()


def header(scope: Scope, name: bytes) -> str:
    """Return a header of the request, "" where it has none of that name."""
    found: bytes = next((value for key, value in scope["headers"] if key.lower() == name), b"")
    return found.decode("latin-1")
