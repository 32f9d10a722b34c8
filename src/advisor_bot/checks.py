"""Checks of single settings: the value as it was written -> the value in its one form.

Each raises ``ValueError`` that says what to write instead.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from pathlib import Path

from advisor_bot.contrast import accent

_HOST = r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:]+\]"
SERVER = re.compile(rf"(https?):/+((?:{_HOST})(?::[0-9]{{1,5}})?)/?", re.I)  # a path has but one of two slashes


def parts(value: str) -> list[str]:
    """Return what stands between commas, without blanks."""
    return [part.strip() for part in value.split(",") if part.strip()]


def contact(value: str) -> str:
    """Check ``Name <link or address>``."""
    if value and not re.fullmatch(r"[^<>]+<(?:https?://[^<>\s]+|(?:mailto:)?[^<>\s@]+@[^<>\s@]+)>", value.strip()):
        raise ValueError("write it as  Name <https://…>  or  Name <mail@…>")
    return value.strip()


def file(value: object) -> object:
    """Refuse an address where a file is wanted."""
    if isinstance(value, str) and re.match(r"(?:https?:)?//|data:", value.strip(), re.IGNORECASE):
        raise ValueError("save the picture as a file and name that, so that visitors ask no other site for it")
    return value


def color(value: str) -> str:
    """Check a color that text can be read on."""
    return accent(value) if value else ""


def origins(value: str) -> str:
    """Check origins, commas between."""
    return ",".join(_origin(part) for part in parts(value))


def folder_or_server(value: Path | None) -> Path | None:
    """Check a folder, or the address of a Chroma server."""
    if value and re.match(r"https?:", str(value)) and not SERVER.fullmatch(str(value)):
        raise ValueError("write a Chroma server as  http://HOST:PORT  without a path, a folder by its name")
    return value


def redis(value: str) -> str:
    """Check the address of a Redis."""
    if value and not re.match(r"rediss?://[^/\s]", value):
        raise ValueError("write it as  redis://HOST:6379  or  rediss://:PASSWORD@HOST:6379")
    return value


def networks(value: str) -> str:
    """Check addresses and networks, commas between."""
    try:
        return ",".join(str(ip_network(part)) for part in parts(value))
    except ValueError as error:
        raise ValueError(f"{error}; write addresses or networks such as 10.0.0.7, 10.1.0.0/16") from None


def root_path(value: str) -> str:
    """Check the path prefix of a proxy."""
    path = value.strip().rstrip("/")
    if path and not re.fullmatch(r"(?:/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])+", path):
        raise ValueError("write it as  /advice  or  /a/b")
    return path


def key(value: str) -> str:
    """Check the key of programs."""
    if value and not re.fullmatch(r"[!-~]{16,}", value):
        raise ValueError("a key has 16 characters or more, letters, digits and signs without blanks")
    return value


def password(value: str) -> str:
    """Check the password of visitors."""
    if 0 < len(value) < 8:
        raise ValueError("a password has 8 characters or more")
    return value


def owner_password(value: str) -> str:
    """Check the password of owners."""
    if 0 < len(value) < 12:
        raise ValueError("the owner's password has 12 characters or more")
    return value


def prices(value: str) -> str:
    """Check two numbers, commas between."""
    if value and not re.fullmatch(r"\s*\d+(?:\.\d+)?\s*,\s*\d+(?:\.\d+)?\s*", value):
        raise ValueError("write it as  IN,OUT  like  0.15,0.60")
    return value


def _origin(text: str) -> str:
    """Return an origin as browsers write it: lower case, without the scheme's own port."""
    found = re.fullmatch(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?", text.lower())
    if not found or (found[3] and not 0 < int(found[3]) < 65536):
        raise ValueError(f"{text!r} is no origin; write  https://www.example.edu  or  http://host:8000, without a path")
    own = {"http": "80", "https": "443"}[found[1]]
    return f"{found[1]}://{found[2]}" + (f":{int(found[3])}" if found[3] and found[3] != own else "")
