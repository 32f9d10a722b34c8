"""Tables: a row is read with the names of its columns beside its values."""

from __future__ import annotations

import re
from itertools import zip_longest

from advisor_bot.text import plain

LONGEST_TABLE = 60_000  # characters above a row within which its table's header is looked for

_DELIMITERS = re.compile(r"(?m)^[ \t>|:-]+$")
_BAR = re.compile(r"(?<!\\)\|")
Span = tuple[int, int]


def header_of(text: str, start: int) -> Span | None:
    """Return the span of the header of the table whose row begins at ``start``, None where there is no table."""
    top = max(0, start - LONGEST_TABLE)
    line = text.rfind("\n", top, start) + 1
    blank = text.rfind("\n\n", top, max(line - 1, top))
    first = blank + 2 if blank >= 0 else top
    if not line or "|" not in text[start : (text.find("\n", start) + 1 or len(text) + 1) - 1]:
        return None
    rules = (found for found in _DELIMITERS.finditer(text, first, line - 1) if "-" in found[0] and "|" in found[0])
    rule = next((found.start() for found in rules if found.start() > first), None)
    if rule is None:
        return None
    begin = max(first, text.rfind("\n", first, rule - 1) + 1)
    row = text[begin : rule - 1]
    return (begin + len(row) - len(row.lstrip(" \t>")), begin + len(row.rstrip())) if row.strip(" \t>") else None


def words_at(text: str, start: int, end: int) -> str:
    """Return the plain words of ``text[start:end]``; a table's row as ``Name: value; Name: value``."""
    header = row_header(text, start, end)
    return plain(text[start:end]) if header is None else named(text[slice(*header)], text[start:end])


def row_header(text: str, start: int, end: int) -> Span | None:
    """Return the span of the header above the row ``text[start:end]``, None where that is not one row."""
    return header_of(text, start) if "|" in text[start:end] and "\n" not in text[start:end] else None


def named(header: str, row: str) -> str:
    """Return ``Name: value; Name: value`` for a row under its header."""
    names, values = cells(header), cells(row)
    if len(values) > len(names):
        names = [*names, *[""] * (len(values) - len(names))]
    pairs = [(name, value) for name, value in zip(names, values, strict=False) if value]
    return "; ".join(f"{name.rstrip(' :')}: {value}" if name and name != value else value for name, value in pairs)


def spoken_at(text: str, start: int, end: int) -> str:
    """Return the plain words of ``text[start:end]``; a row as a sentence: "For KEY, the NAME is VALUE, ..."."""
    header = row_header(text, start, end)
    if header is None:
        return plain(text[start:end])
    names, (key, *values) = cells(text[slice(*header)])[1:], cells(text[start:end])
    pairs = [(name, value) for name, value in zip_longest(names, values, fillvalue="") if value]
    return (
        f"For {key}, " + ", ".join(f"the {name.lower()} is {value}" if name else value for name, value in pairs) + "."
    )


def cells(row: str) -> list[str]:
    """Return the plain words of each cell of a row."""
    inner = row.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [plain(cell.strip().replace("\\|", "|")) for cell in _BAR.split(inner)]
