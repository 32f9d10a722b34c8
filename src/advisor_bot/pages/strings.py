"""The words of the interface: one catalogue for the page, the reader and the errors of both."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from types import MappingProxyType

STATIC = files("advisor_bot") / "static"


def languages() -> list[str]:
    """Return the languages there is a catalogue for, English first."""
    names = sorted(path.name.split(".")[1] for path in STATIC.iterdir() if path.name.startswith("strings."))
    return sorted(names, key=lambda name: name != "en")


@cache
def catalogue(language: str = "en") -> MappingProxyType[str, str]:
    """Return the catalogue ``static/strings.<language>.json``, which the browser reads as well."""
    words: dict[str, str] = json.loads((STATIC / f"strings.{language}.json").read_text(encoding="utf-8"))
    return MappingProxyType(words)


def say(key: str, **values: object) -> str:
    """Return the string ``key`` with ``{name}`` filled in from ``values``."""
    return catalogue()[key].format(**values)
