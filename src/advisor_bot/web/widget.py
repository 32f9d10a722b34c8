"""The widget for anybody's page: its loader, the page in its frame, and the files of both.

``/widget.js`` and ``/widget-v1.js`` are the loader, ``/widget`` is what it frames. All other files stand under
``/ui-<version>/``, where <version> changes with any of them, so that a browser may keep them for good.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader
from rjsmin import jsmin
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from advisor_bot.pages.strings import STATIC, catalogue, languages, say
from advisor_bot.settings import Settings
from advisor_bot.web.security import Receive, Scope, Send, widget_policy

PAGE_SCRIPTS = (
    "widget/frame.js",
    "widget/sheet.js",
    *(f"{name}.js" for name in "answer api conversation dom store turn words".split()),
)
PAGE_STYLES = ("tokens.css", "answer.css", "widget/frame.css")
ON_PAGE = "widget/on_page.js"  # highlights a quote on the owner's own page
LOADER_WORDS = ("widget_launch", "widget_opening", "widget_away", "widget_own_page", "widget_close")
A_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Files:
    """What the widget is made of, comments taken out: ``by_path`` under ``/ui-<version>/``, and the loader."""

    version: str
    by_path: dict[str, tuple[bytes, str]]
    loader: bytes

    @property
    def folder(self) -> str:
        """The files' address, relative to the server's root."""
        return f"ui-{self.version}/"


@cache
def files() -> Files:
    """Read and pack the widget's files, once."""
    packed = {name: (jsmin(_read(name)).encode(), "text/javascript") for name in (*PAGE_SCRIPTS, ON_PAGE)}
    packed["widget/frame.css"] = (_tight("".join(map(_read, PAGE_STYLES))).encode(), "text/css")
    for language in languages():
        words = json.dumps(dict(catalogue(language)), ensure_ascii=False, separators=(",", ":"))
        packed[f"strings.{language}.json"] = (words.encode(), "application/json")
    version = hashlib.sha256(repr(packed).encode()).hexdigest()[:10]
    return Files(version, packed, _loader(f"ui-{version}/").encode())


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")


def _loader(folder: str) -> str:
    words = {language: {key: catalogue(language)[key] for key in LOADER_WORDS} for language in languages()}
    setup = {"words": words, "style": _tight(_read("widget/loader.css")), "assets": folder}
    text: str = jsmin(_read("widget/loader.js"))
    return text.replace("SETUP={}", f"SETUP={json.dumps(setup, ensure_ascii=False, separators=(',', ':'))}", 1)


def _tight(style: str) -> str:
    """Return a style sheet without comments and line breaks."""
    return re.sub(r"/\*.*?\*/|\n\s*", "", style, flags=re.DOTALL)


def page(settings: Settings) -> str:
    """Return the page in the frame; it knows the sites it may speak with."""
    environment = Environment(loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True)
    template = environment.get_template("widget.html")
    return template.render(
        title=say("app_name"), folder=files().folder, scripts=PAGE_SCRIPTS, origins=" ".join(settings.origins)
    )


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


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the widget's routes."""
    loader = Packed(files().loader, "text/javascript", "public, max-age=3600")
    framing = (
        ("Content-Security-Policy", widget_policy(settings.origins)),
        ("Cross-Origin-Embedder-Policy", "require-corp"),  # or pages that isolate themselves could not frame it
    )
    addresses: dict[str, Any] = {
        "/widget.js": loader,
        "/widget-v1.js": loader,
        "/widget": Packed(page(settings).encode(), "text/html", "no-cache", framing),
        "/ui-{version}/{name:path}": PackedFile(),
    }
    return [Route(path, app, methods=["GET"]) for path, app in addresses.items()]
