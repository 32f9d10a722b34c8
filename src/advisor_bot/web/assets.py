"""The files our pages load, packed: comments taken out, compressed, and kept by the browser for good.

They stand under ``/ui-<version>/``, where <version> changes with any of them.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from rjsmin import jsmin
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from advisor_bot.pages.strings import STATIC, catalogue, languages
from advisor_bot.web.security import App, Receive, Scope, Send, route_path

_BOTH = tuple(f"{name}.js" for name in "answer api conversation dom store turn words".split())
CHAT_SCRIPTS = ("chat.js", *_BOTH, *(f"{name}.js" for name in "back controls export preview profile reader".split()))
WIDGET_SCRIPTS = ("widget/frame.js", "widget/sheet.js", *_BOTH)
LATER = ("widget/on_page.js",)  # loaded when it is needed
CHAT_STYLES = ("tokens.css", "guide.css", "answer.css", "chat.css")
WIDGET_STYLES = ("tokens.css", "answer.css", "widget/frame.css")
_OPEN = re.compile(r"/$|/read/|/ui/|/api/guide")
A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Files:
    """The packed files by their path under ``/ui-<version>/``, each with its media type."""

    version: str
    by_path: dict[str, tuple[bytes, str]]

    @property
    def folder(self) -> str:
        """The files' address, relative to the server's root."""
        return f"ui-{self.version}/"


@cache
def files() -> Files:
    """Read and pack the files, once."""
    scripts = dict.fromkeys((*CHAT_SCRIPTS, *WIDGET_SCRIPTS, *LATER))
    packed = {name: (script(name).encode(), "text/javascript") for name in scripts}
    packed["widget/frame.css"] = (style(*WIDGET_STYLES).encode(), "text/css")
    for language in languages():
        words = json.dumps(dict(catalogue(language)), ensure_ascii=False, separators=(",", ":"))
        packed[f"strings.{language}.json"] = (words.encode(), "application/json")
    return Files(hashlib.sha256(repr(packed).encode()).hexdigest()[:10], packed)


def read(name: str) -> str:
    """Return a file of ``static`` as it is written."""
    return (STATIC / name).read_text(encoding="utf-8")


def script(name: str) -> str:
    """Return a script without comments and needless space."""
    packed: str = jsmin(read(name))
    return packed


def style(*names: str) -> str:
    """Return style sheets as one, without comments and needless space."""
    bare = re.sub(r"/\*.*?\*/|\n\s*", "", "".join(map(read, names)), flags=re.DOTALL)
    return re.sub(r" ?([{};,]) ?|(?<=[\w-])(:) ", r"\1\2", bare)


@dataclass(frozen=True, slots=True)
class Packed:
    """Serves ``body``, compressed where the browser takes that; a new response each time, as compressing alters it."""

    body: bytes
    kind: str
    kept: str
    more: tuple[tuple[str, str], ...] = ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        headers = {"Cache-Control": self.kept, "Cross-Origin-Resource-Policy": "cross-origin", **dict(self.more)}
        response: Any = GZipMiddleware(Response(self.body, media_type=self.kind, headers=headers))
        await response(scope, receive, send)


class PackedFile:
    """Serves one of the packed files; what an older loader or page asks for is the same file of today."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        version, name = scope["path_params"]["version"], scope["path_params"]["name"]
        if name not in files().by_path:
            raise HTTPException(404, f"There is nothing at this address ({name[:80]!r}).")
        body, kind = files().by_path[name]
        await Packed(body, kind, A_YEAR if version == files().version else "no-cache")(scope, receive, send)


class Compressed:
    """Compresses the chat page, the reader and their files where the browser takes that, and nothing else.

    Pages with somebody's secret in them, as the owner's desk, are sent as they are.
    """

    def __init__(self, app: App) -> None:
        """Wrap ``app``."""
        self.app, self.packed = app, GZipMiddleware(app, minimum_size=1_000)  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        app: Any = self.packed if scope["type"] == "http" and _OPEN.match(route_path(scope)) else self.app
        await app(scope, receive, send)


def routes() -> list[BaseRoute]:
    """Return the route of the packed files."""
    return [Route("/ui-{version}/{name:path}", PackedFile(), methods=["GET"])]
