"""What an owner changes of the look: the color of the page and the widget."""

from __future__ import annotations

from advisor_bot.pages.strings import STATIC
from advisor_bot.settings import Settings

_OURS = "#0b6b5d"  # the accent as it comes, in the icon and on the widget's button


def brand(settings: Settings) -> str:
    """Return the style that puts the owner's color in the place of ours; empty without one."""
    return f":root {{ --brand: {settings.color} }}\n" + _read("brand.css") if settings.color else ""


def tokens(settings: Settings) -> str:
    """Return the colors and fonts that every page stands on, as a style sheet."""
    return _read("tokens.css") + brand(settings)


def icon(settings: Settings) -> str:
    """Return the pages' icon, an SVG."""
    return colored(_read("icon.svg"), settings)


def colored(text: str, settings: Settings) -> str:
    """Return a style or a picture with the owner's color in the place of ours."""
    return text.replace(_OURS, settings.color or _OURS)


def _read(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
