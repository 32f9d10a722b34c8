"""Who may ask: a password for the visitors of a private guide, a key for programs. Plain ASGI, as ``security`` is.

Without a password, a page of this server asks without a key: its browser says where the request comes from. A program
can say so too, so the key alone counts who asks and turns strangers away; it keeps nothing secret. A password does:
nothing of the guide is shown before it is given, by its session's cookie or by the key.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import time
from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader
from limits import RateLimitItemPerMinute
from starlette.responses import HTMLResponse, RedirectResponse, Response

from advisor_bot.pages.strings import say
from advisor_bot.settings import Settings
from advisor_bot.web.limits import retry_after, visitor
from advisor_bot.web.security import (
    App,
    Receive,
    Scope,
    Send,
    client_of,
    header,
    host_of,
    refuse,
    route_path,
    sign_in_policy,
)
from advisor_bot.web.tally import Tally

SIGN_IN = "/sign-in"
DESK = "/owner"
_PROGRAMS = ("/v1/", "/mcp")
_PAGES = ("/read/", "/plain")
_NOTHING_OF_THE_GUIDE = (
    "/ui/",
    "/ui-",
    "/health",
    "/ready",
    "/widget.js",
    "/widget-v1.js",
    "/favicon.ico",
    "/robots.txt",
)
_COOKIE = "advisor_session"
_DAYS = 7
_TRIES = RateLimitItemPerMinute(20, 15)  # wrong passwords of one address; a class may sit behind one
_MOST_FORM = 8192  # bytes


class Access:
    """Lets in who has the session or the key, where they are asked for; ``/metrics`` this machine or the key only."""

    def __init__(self, app: App, settings: Settings) -> None:
        """Wrap ``app``."""
        self.app, self.key, self.password = app, settings.api_key, settings.password
        self.origins = settings.origins
        self.sessions = Sessions(settings.password) if settings.password else None
        self.desk = bool(settings.owner_password)  # whose own guard asks for its own password
        self.tries = Tally(settings, "sign-in")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it with 401."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = route_path(scope)
        if self.sessions and path == SIGN_IN and scope["method"] == "POST":
            await self._sign_in(scope, receive, send)
        elif path == "/metrics" and not (from_here(scope) or has_key(scope, self.key)):
            await refuse(send, 403, "metrics", "Only this machine may read this, or a program with the server's key.")
        elif self._let_in(scope, path):
            await self.app(scope, receive, send)
        elif self.sessions and _is_page(scope, path):
            await self._page(scope, receive, send)
        else:
            await refuse(send, 401, "key", self._what_to_send(), ((b"www-authenticate", b"Bearer"),))

    def _let_in(self, scope: Scope, path: str) -> bool:
        if has_key(scope, self.key) or path == "/metrics" or path.startswith(_NOTHING_OF_THE_GUIDE):
            return True
        if self.desk and (path == DESK or path.startswith(f"{DESK}/")):
            return True
        if path.startswith(_PROGRAMS) and (self.key or self.sessions):
            return False
        if self.sessions:
            return self.sessions.has(scope)
        asks = path.startswith("/api/") or (path == "/plain" and scope["method"] == "POST")
        return not self.key or not asks or from_own_page(scope)

    def _what_to_send(self) -> str:
        by_key = "Send the key of this server in the header Authorization: Bearer KEY."
        if not self.sessions:
            return by_key
        if not self.key:
            by_key = "Programs are let in once its owner has set ADVISOR_API_KEY."
        return f"This guide is private. Open its page again and sign in. {by_key}"

    async def _sign_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the password; go back to where it was asked for, or ask again."""
        form = await _form(receive)
        to = form.get("to", "")
        if not await self.tries.hit(_TRIES, key := visitor(scope)):  # counted first, so that many at once help nobody
            wait = await self.tries.wait(_TRIES, key)
            await self._page(scope, receive, send, to, say("sign_in_wait", minutes=math.ceil(wait / 60)), wait=wait)
        elif self.sessions and same(form.get("password", ""), self.password):
            await self.tries.clear(_TRIES, key)
            back: Response = RedirectResponse(_root(scope) + _own_path(to), 303)
            self.sessions.begin(back, scope, framed=bool(self.origins))
            await _respond(back, scope, receive, send)
        else:
            await self._page(scope, receive, send, to, say("sign_in_wrong"))

    async def _page(
        self, scope: Scope, receive: Receive, send: Send, to: str | None = None, problem: str = "", wait: int = 0
    ) -> None:
        if to is None:
            query = scope.get("query_string", b"").decode("latin-1")
            to = route_path(scope).lstrip("/") + (f"?{query}" if query else "")
        template = Environment(loader=PackageLoader("advisor_bot"), autoescape=True).get_template("sign_in.html")
        html = template.render(say=say, root=_root(scope), to=to, problem=problem)
        headers = {"Content-Security-Policy": sign_in_policy(self.origins), "Cache-Control": "no-store"}
        if wait:
            headers |= {name.decode(): value.decode() for name, value in retry_after(wait)}
        await _respond(HTMLResponse(html, 429 if wait else 401, headers), scope, receive, send)


class Sessions:
    """Proofs that a visitor gave the password, kept by the visitor alone; a new password ends them all."""

    def __init__(self, password: str, cookie: str = _COOKIE, days: float = _DAYS) -> None:
        """Derive the key that signs them, slowly, so that a stolen proof does not give the password away."""
        self.cookie, self.seconds = cookie, round(days * 86400)
        self.key = hashlib.scrypt(password.encode(), salt=cookie.replace("_", " ").encode(), n=2**14, r=8, p=1)

    def has(self, scope: Scope) -> bool:
        """Tell whether a request brings a proof that still counts."""
        cookies = (part.strip().partition("=") for part in header(scope, b"cookie").split(";"))
        return any(name == self.cookie and self._counts(value) for name, _, value in cookies)

    def begin(self, response: Response, scope: Scope, *, framed: bool) -> None:
        """Give a proof along with ``response``; ``framed``: the browser shall send it from a frame on another site."""
        until, secure = str(int(time.time()) + self.seconds), scope["scheme"] == "https"
        across = framed and secure  # without TLS no browser does
        response.set_cookie(
            self.cookie,
            f"{until}.{self._sign(until)}",
            max_age=self.seconds,
            path=_root(scope),
            secure=secure,
            httponly=True,
            samesite="none" if across else "lax",
        )
        if across:  # kept apart for each site around the frame, so that no site follows a visitor to another
            response.headers["set-cookie"] += "; Partitioned"

    def _counts(self, proof: str) -> bool:
        until, _, signature = proof.partition(".")
        return until.isascii() and until.isdigit() and same(signature, self._sign(until)) and int(until) > time.time()

    def _sign(self, until: str) -> str:
        return hmac.digest(self.key, until.encode(), "sha256").hex()


def same(given: str, wanted: str) -> bool:
    """Compare in a time that says nothing of how much was right, nor how long it is."""
    ours, theirs = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (wanted, given))
    return hmac.compare_digest(ours, theirs)


def has_key(scope: Scope, key: str) -> bool:
    """Tell whether a request brings ``key``; never where that is empty."""
    scheme, _, given = header(scope, b"authorization").partition(" ")
    return bool(key) and scheme.lower() == "bearer" and same(given.strip(), key)


def from_here(scope: Scope) -> bool:
    """Tell whether a request comes from this machine itself, not through a proxy on it."""
    try:
        return not scope.get("forwarded") and client_of(scope).is_loopback
    except ValueError:
        return False


def from_own_page(scope: Scope) -> bool:
    """Tell whether a browser says that a page of this server sends this.

    It says so in ``Sec-Fetch-Site``; where a server is reached without TLS, in ``Origin`` or ``Referer`` only.
    """
    if site := header(scope, b"sec-fetch-site"):
        return site == "same-origin"
    came_from = header(scope, b"origin") or header(scope, b"referer")
    return bool(came_from) and host_of(came_from) == header(scope, b"host").lower()


def _is_page(scope: Scope, path: str) -> bool:
    return scope["method"] in ("GET", "HEAD") and (path in ("/", "/widget", SIGN_IN) or path.startswith(_PAGES))


def _root(scope: Scope) -> str:
    return f"{scope.get('root_path', '')}/"


def _own_path(to: str) -> str:
    """Return an address of this server, whatever was sent: it stands behind the server's root."""
    path = "".join(sign for sign in to if sign.isprintable()).replace("\\", "/").lstrip("/")
    return "" if path.startswith(SIGN_IN[1:]) else path


async def _form(receive: Receive) -> dict[str, str]:
    body = b""
    while len(body) <= _MOST_FORM:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    fields = parse_qs(body[:_MOST_FORM].decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10_000)
    return {name: values[0] for name, values in fields.items()}


async def _respond(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    await response(scope, receive, send)  # type: ignore[arg-type]  # the same, by starlette's names


def openings(settings: Settings) -> Sequence[str]:
    """Return what an owner should know of a server that others can reach, a line each; nothing where all is well."""
    try:
        if settings.host == "localhost" or ip_address(settings.host).is_loopback or settings.proxies:
            return ()
    except ValueError:
        pass  # a name: it may mean any address
    if not settings.password:
        return (
            f"Anybody who reaches {settings.host}:{settings.port} can read the whole guide and ask: there is no "
            "ADVISOR_PASSWORD, and no proxy with HTTPS in front (ADVISOR_TRUSTED_PROXIES).",
        )
    return (
        "The password travels unencrypted: put a proxy with HTTPS in front and name it in ADVISOR_TRUSTED_PROXIES.",
    )
