"""Whether words in a color can be read on the pages' light ground, as WCAG 2.2 measures contrast."""

from __future__ import annotations

import re

GROUND = "#f1f1f1"  # no lighter than the palest tint that static/brand.css makes of an accent, words stand on that too
LEAST = 4.5  # to 1, for words of ordinary size


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors ``#rrggbb``, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def accent(text: str) -> str:
    """Return a color as ``#rrggbb``. Raises ``ValueError`` where it is none, or too pale for words on a light page."""
    found = re.fullmatch(r"#?([0-9a-f]{3}|[0-9a-f]{6})", text.strip().lower())
    if not found:
        raise ValueError("write a color as  #8a1f3d")
    color = "#" + (found[1] if len(found[1]) == 6 else "".join(digit * 2 for digit in found[1]))
    if (reached := contrast(color, GROUND)) < LEAST:
        raise ValueError(
            f"it is too pale for words and buttons: its contrast with the light page is {reached:.1f} to 1, and "
            f"{LEAST} is needed. Its nearest shade that has that is {_darkened(color)}"
        )
    return color


def _darkened(color: str) -> str:
    """Return the lightest shade of ``color`` whose words can be read."""
    scaled = ([channel * part // 256 for channel in _channels(color)] for part in range(256, 0, -1))
    shades = (f"#{bytes(channels).hex()}" for channels in scaled)
    return next(shade for shade in shades if contrast(shade, GROUND) >= LEAST)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def _luminance(color: str) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (n / 255 for n in _channels(color))]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
