"""What stands between the network and the routes: headers, who may call, how much may be sent.

Plain ASGI, so that streamed answers pass through unbuffered. The threat model is in SECURITY.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TOO_LARGE = "The request is larger than {} bytes. Send a shorter question or fewer turns of history."
MAX_BODY = 262_144  # bytes; a question with fifty turns of history stays far below
DROP = "/owner/draft"  # the one address that takes files, of an owner who has signed in

# What Gradio's controls load. Events, uploads, files and proxies are shut: the conversation runs over /api alone.
_PAGE_PATHS = re.compile(
    r"/(?:assets|static|svelte)/.*|/(?:theme\.css|favicon\.ico|robots\.txt|manifest\.json|config)"
    r"|/gradio_api/(?:startup-events|app_id|custom_component_assets/.*)"
)
_INLINE_SCRIPT = re.compile(rb"<script(?:\s[^>]*)?>(.*?)</script>", re.DOTALL)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
STRICT_POLICY = "default-src 'none'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'"


def problem(code: str, message: str, field: str | None = None) -> dict[str, dict[str, str | None]]:
    """Return the one shape of every error."""
    return {"error": {"code": code, "message": message, "field": field}}


def route_path(scope: Scope) -> str:
    """Return the path a route is found by: without the prefix under which a proxy shows the server."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def header(scope: Scope, name: bytes) -> str:
    """Return a header of the request, "" where it has none of that name."""
    found: bytes = next((value for key, value in scope["headers"] if key.lower() == name), b"")
    return found.decode("latin-1")


def widget_policy(origins: Sequence[str]) -> str:
    """Return the policy of the widget's page: our files only, framed by our pages and by ``origins``.

    Scripts may not make markup of text at all: the browser itself refuses it (trusted types).
    """
    framed_by = " ".join(["'self'", *origins])
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "require-trusted-types-for 'script'; trusted-types 'none'; "
        f"frame-ancestors {framed_by}; base-uri 'none'; form-action 'none'"
    )


def read_policy(style: str) -> str:
    """Return the policy of the reader page: our style sheet and its one inline ``style``, no script at all."""
    return (
        f"default-src 'none'; style-src 'self' {_hash(style.encode())}; img-src 'self' data:; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    )


def plain_policy() -> str:
    """Return the policy of the page that asks and answers without JavaScript: our style, our form, no script at all."""
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'self'"
    )


def sign_in_policy(origins: Sequence[str]) -> str:
    """Return the policy of the page that asks for the password; it may stand where the widget may."""
    framed_by = " ".join(["'self'", *origins])
    return (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"frame-ancestors {framed_by}; base-uri 'none'; form-action 'self'"
    )


def desk_policy() -> str:
    """Return the policy of the owner's desk: our files, forms to ourselves, no frame around it."""
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


def picture_policy() -> str:
    """Return the policy of an owner's picture. An SVG may hold scripts: in a page none runs, nor by its address."""
    return "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def page_policy(html: bytes) -> str:
    """Return the policy of the chat page: own scripts, and inline ones only as the server wrote them.

    Gradio calls ``new Function`` for its templates, hence ``'unsafe-eval'``. Event handlers in markup do not run, nor
    what a script puts in later.
    """
    inline = " ".join(sorted({_hash(body) for body in _INLINE_SCRIPT.findall(html) if body.strip()}))
    return (
        f"default-src 'self'; script-src 'self' 'unsafe-eval' {inline}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
        "object-src 'none'; frame-ancestors 'self'; base-uri 'self'; form-action 'self'"
    )


def _hash(body: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode()}'"


class Headers:
    """Sets our headers on every answer, and the strictest policy wherever the route set none."""

    def __init__(self, app: App) -> None:
        """Wrap ``app``."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add_headers(message)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _add_headers(start: Message) -> None:
    present = {name.lower(): value for name, value in start["headers"]}
    ours = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
    ours[b"content-security-policy"] = STRICT_POLICY.encode()
    if b"frame-ancestors 'self'; " not in present.get(b"content-security-policy", STRICT_POLICY.encode()):
        del ours[b"x-frame-options"]  # it cannot name other sites, and the policy does
    start["headers"] = [*start["headers"], *((k, v) for k, v in ours.items() if k not in present)]


class PageOnly:
    """Lets through to Gradio what its page loads, and nothing else.

    Being mounted last, it also answers for every address that no route of ours took.
    """

    def __init__(self, app: App, routes: Sequence[BaseRoute] = ()) -> None:
        """Wrap Gradio's ``app``; ``routes`` are ours, which may know the address by another method."""
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if allowed := self._other_methods(scope):
            message = f"This address takes {' and '.join(allowed)} only."
            await refuse(send, 405, "method", message, ((b"allow", ", ".join(allowed).encode()),))
        elif not _PAGE_PATHS.fullmatch(route_path(scope)):
            await refuse(send, 404, "not_found", "There is nothing here. The API is described in /openapi.json.")
        elif scope["method"] not in ("GET", "HEAD"):
            await refuse(send, 405, "method", "This address can only be read.", ((b"allow", b"GET, HEAD"),))
        else:
            await self.app(scope, receive, send)

    def _other_methods(self, scope: Scope) -> list[str]:
        near = (route for route in self.routes if route.matches(scope)[0] is Match.PARTIAL)
        return sorted({method for route in near for method in getattr(route, "methods", None) or ()})


class Gate:
    """Refuses what no page of ours sends: cross-site calls, shut routes, wrong media types, huge bodies."""

    def __init__(self, app: App, max_body: int = MAX_BODY, max_drop: int = MAX_BODY) -> None:
        """Wrap ``app``; a body of more than ``max_body`` bytes, or of ``max_drop`` with files, is answered with 413."""
        self.app, self.max_body, self.max_drop = app, max_body, max_drop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it in one line of JSON."""
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if refusal := self._refusal(scope, headers):
            await refuse(send, *refusal)
            return
        most = self.max_drop if route_path(scope) == DROP else self.max_body
        await self.app(scope, _LimitedBody(receive, most), send)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str, str] | None:
        path, writes = route_path(scope), scope["method"] not in ("GET", "HEAD", "OPTIONS")
        called = path.startswith(("/api/", "/gradio_api/", "/v1/", "/mcp"))
        if (called or writes) and _is_foreign(headers):
            return 403, "cross_site", "This server answers its own pages only; call it from a program or from its page."
        form = path in ("/sign-in", "/plain", "/owner") or path.startswith("/owner/")  # the addresses that take one
        if writes and not form and headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
            return 415, "media_type", "Send JSON with the header Content-Type: application/json."
        said = headers.get("content-length", "0")
        if path != DROP and said.isdigit() and int(said) > self.max_body:  # of files, the desk says it on its page
            return 413, "too_large", _TOO_LARGE.format(self.max_body)
        return None


def _is_foreign(headers: dict[str, str]) -> bool:
    """Tell whether a browser sent this from another site's page.

    A browser says so itself in ``Sec-Fetch-Site``; where it sends only ``Origin``, that must name
    the host it called. Programs send neither and pass.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site == "cross-site":
        return True
    if origin is None or site == "same-origin":
        return False
    return host_of(origin) != headers.get("host", "").lower() or origin == "null"


def client_of(scope: Scope) -> IPv4Address | IPv6Address:
    """Return the address a request comes from; of a socket that speaks both, IPv4 as such. Raises ``ValueError``."""
    address = ip_address((scope.get("client") or ("",))[0])
    return getattr(address, "ipv4_mapped", None) or address


def host_of(address: str) -> str:
    """Return the host and port that an address names, in lower case; "" where it names none or is none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


class _LimitedBody:
    """Receives a body piece by piece and stops at the limit, whatever its length was said to be."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self.receive, self.limit, self.left = receive, limit, limit

    async def __call__(self) -> Message:
        message = await self.receive()
        self.left -= len(message.get("body", b""))
        if self.left < 0:
            raise HTTPException(413, _TOO_LARGE.format(self.limit))
        return message


async def refuse(send: Send, status: int, code: str, message: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
    """Answer with ``status`` and one line of JSON."""
    body = json.dumps(problem(code, message)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers],
        }
    )
    await send({"type": "http.response.body", "body": body})
