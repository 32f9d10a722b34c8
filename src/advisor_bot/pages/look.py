"""What an owner changes of the look: the color of the page and the widget, and a logo beside the title."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from markupsafe import Markup

from advisor_bot.errors import SettingsError
from advisor_bot.pages.strings import STATIC
from advisor_bot.settings import Settings

_OURS = "#0b6b5d"  # the accent as it comes, in the icon and on the widget's button
_MOST = 100_000  # bytes of a logo; every visitor waits for them
_PICTURES = ("PNG", "JPEG", "WEBP", "GIF", "AVIF")
_SVG = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<[?!].*?>[\s\]>]*)*(<svg\b[^>]*>)", re.DOTALL)
_VIEW = re.compile(rb"""\bviewBox\s*=\s*["']\s*[-\d.]+[\s,]+[-\d.]+[\s,]+([\d.]+)[\s,]+([\d.]+)""")


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture as it is served; ``size`` is its width and height, where it tells them."""

    body: bytes
    kind: str
    size: tuple[int, int] | None

    @property
    def address(self) -> str:
        """Its address, relative to the server's root; another picture has another one."""
        return f"ui/logo-{hashlib.sha256(self.body).hexdigest()[:10]}"

    @property
    def element(self) -> Markup:
        """The element that shows it, beside a title that says the name."""
        size = Markup(' width="{}" height="{}"').format(*self.size) if self.size else ""
        return Markup('<img class="logo" src="{}" alt=""{}>').format(self.address, size)


def logo(settings: Settings) -> Logo | None:
    """Read the owner's logo, where there is one. Raises ``SettingsError`` where the file cannot be one."""
    if not settings.logo:
        return None
    try:
        body = settings.logo.read_bytes()
    except OSError as error:
        raise _no_logo(settings.logo, f"cannot be read: {error.strerror}") from None
    if len(body) > _MOST:
        raise _no_logo(settings.logo, f"has {len(body) // 1000} KB, and every visitor waits for it; save it smaller")
    return _svg(body) or _picture(body, settings.logo)


def _svg(body: bytes) -> Logo | None:
    root = _SVG.match(body)
    if not root:
        return None
    view = _VIEW.search(root[1])
    return Logo(body, "image/svg+xml", (round(float(view[1])), round(float(view[2]))) if view else None)


def _picture(body: bytes, file: Path) -> Logo:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(BytesIO(body), formats=_PICTURES) as picture:
            return Logo(body, Image.MIME[picture.format or ""], picture.size)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise _no_logo(file, "is no picture that browsers show") from None


def _no_logo(file: Path, why: str) -> SettingsError:
    return SettingsError(f"ADVISOR_LOGO={str(file)!r} {why}. Use PNG, JPEG, WebP, GIF, AVIF or SVG up to 100 KB.")


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
