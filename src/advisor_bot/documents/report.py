"""The line that ingest prints for each file: what was read of it, and what was not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from advisor_bot.documents.chunk import chunk
from advisor_bot.types import Document

_UNREAD = {
    "comment or remark": re.compile(r"<!--|%%[^%\n]+%%"),
    "struck-out text": re.compile(r"~~(?=\S)[^~]{1,2000}~~|<(?:s|del|strike)>"),
    "image": re.compile(r"!\[[^\]\n]*\]\("),
}


@dataclass(frozen=True, slots=True)
class Report:
    """How much of a document is read, and how much of what kind is left out."""

    name: str
    sections: int
    sentences: int
    tables: int
    pages: int
    left: Mapping[str, int]

    def __str__(self) -> str:
        counts = {"section": self.sections, "sentence": self.sentences, "table": self.tables, "page": self.pages}
        read = ", ".join(_counted(number, kind) for kind, number in counts.items() if number)
        left = ", ".join(_counted(number, kind) for kind, number in self.left.items())
        return f"{self.name}: {read}" + (f"; not read: {left}" if left else "")


def report(document: Document) -> Report:
    """Return what was read of ``document``."""
    tables = 0
    for section in document.sections:
        last = None
        for block in section.blocks:
            new = last is None or "\n\n" in document.text[last : block.start]
            tables += block.kind == "row" and new
            last = block.end if block.kind == "row" else None
    left = dict(document.left) or {kind: len(found.findall(document.text)) for kind, found in _UNREAD.items()}
    return Report(
        document.name,
        sum(bool(section.blocks) for section in document.sections),
        sum(len(piece.sentences) for piece in chunk(document)),
        tables,
        len(document.pages),
        {kind: number for kind, number in sorted(left.items()) if number},
    )


def _counted(number: int, kind: str) -> str:
    """Return ``1 table``, ``2 tables``; of a kind with a qualifier ("image without text") its first noun counts."""
    if number == 1 or kind.endswith("text"):
        head, mark, rest = kind.partition(" without ")
        return f"{number} {head + ('s' if mark and number > 1 else '')}{mark}{rest}"
    return f"{number} " + " or ".join(f"{part}s" for part in kind.split(" or "))
