"""The widget for anybody's page: ``/widget.js`` and ``/widget-v1.js`` are its loader, ``/widget`` what that frames."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader
from starlette.routing import BaseRoute, Route

from advisor_bot.pages import look
from advisor_bot.pages.strings import catalogue, languages, say
from advisor_bot.settings import Settings
from advisor_bot.web import assets
from advisor_bot.web.assets import Packed
from advisor_bot.web.security import widget_policy

LOADER_WORDS = ("widget_launch", "widget_opening", "widget_away", "widget_own_page", "widget_close")


@cache
def loader(*, private: bool = False) -> bytes:
    """Return the loader: one script that draws the button and frames the page, or first a password's page."""
    words = {language: {key: catalogue(language)[key] for key in LOADER_WORDS} for language in languages()}
    setup: dict[str, Any] = {
        "words": words,
        "style": assets.style("widget/loader.css"),
        "assets": assets.files().folder,
    }
    if private:
        setup["private"] = True  # a frame that says nothing then asks for the password
    text = assets.script("widget/loader.js")
    return text.replace("SETUP={}", f"SETUP={json.dumps(setup, ensure_ascii=False, separators=(',', ':'))}", 1).encode()


def page(settings: Settings) -> str:
    """Return the page in the frame; it knows the sites it may speak with."""
    environment = Environment(loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True)
    template = environment.get_template("widget.html")
    return template.render(
        title=say("app_name"),
        folder=assets.files().folder,
        scripts=assets.WIDGET_SCRIPTS,
        origins=" ".join(settings.origins),
        colored=bool(settings.color),
        logo=look.logo(settings),
    )


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the widget's routes."""
    script = Packed(
        look.colored(loader(private=bool(settings.password)).decode(), settings).encode(),
        "text/javascript",
        "public, max-age=3600",
    )
    framing = (
        ("Content-Security-Policy", widget_policy(settings.origins)),
        ("Cross-Origin-Embedder-Policy", "require-corp"),  # or pages that isolate themselves could not frame it
    )
    addresses: dict[str, Any] = {
        "/widget.js": script,
        "/widget-v1.js": script,
        "/widget": Packed(page(settings).encode(), "text/html", "no-cache", framing),
    }
    return [Route(path, app, methods=["GET"]) for path, app in addresses.items()]
