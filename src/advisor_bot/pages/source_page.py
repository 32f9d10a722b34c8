"""A document of the guide as a page to read, with the exact words of a quote highlighted.

``article`` wraps the characters ``start:end`` of ``Document.text`` in ``<mark>``, even where they run
through emphasis, lists or tables. Guide text is hostile input here and escaped throughout.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise

from advisor_bot.pages.source_map import Piece, Run, Span, line_start, pieces
from advisor_bot.types import Chunk, Document


def article(document: Document, chunks: Sequence[Chunk], marks: Sequence[Span] = ()) -> str:
    """Return the whole document as HTML; ``marks`` are wrapped in ``<mark>``, chunks carry their ids.

    The first piece of a chunk has the chunk's id, the others name it in ``data-of``; the first piece
    of mark number i (from 0, in the order given) has the id ``mark-i``.
    """
    spans = sorted((c.start, c.end, c.id) for c in chunks if c.document == document.name)
    return "".join(_painted(pieces(document), spans, marks))


def outline(document: Document) -> list[tuple[int, str, int]]:
    """Return ``(level, heading, offset)`` of every heading; ``source_map.heading_id(offset)`` is its place."""
    return [(s.level, s.heading[-1], line_start(document.text, s.start)) for s in document.sections if s.heading]


def target_rules(document: Document, chunks: Sequence[Chunk]) -> str:
    """Return CSS that shows every piece of the chunk the address names, without JavaScript."""
    own = sorted((c.start, c.end, c.id) for c in chunks if c.document == document.name)
    seen: dict[str, int] = {}
    for piece in pieces(document):
        if isinstance(piece, Run) and (here := _chunk_at(own, piece.start)):
            seen[here] = seen.get(here, 0) + 1
    rule = 'article:has([id="{0}"]:target) [data-of="{0}"]'
    several = [rule.format(_css_string(name)) for name, count in seen.items() if count > 1]
    return ",\n".join(several) + "{background:var(--target)}" if several else ""


# --- painting: pieces to HTML ------------------------------------------------------------------------


def _painted(pieces: Sequence[Piece], chunks: list[tuple[int, int, str]], marks: Sequence[Span]) -> Iterator[str]:
    used: set[str] = set()
    cuts = sorted({edge for start, end, _ in chunks for edge in (start, end)} | {edge for m in marks for edge in m})
    for piece in pieces:
        if isinstance(piece, str):
            yield piece
            continue
        for part in _split(piece, cuts):
            html = _marked(part, marks, used)
            yield _in_chunk(html, _chunk_at(chunks, part.start), used) if part.text.strip() else html


def _split(run: Run, cuts: Sequence[int]) -> Iterator[Run]:
    if not run.exact:
        yield run
        return
    inner = cuts[bisect_right(cuts, run.start) : bisect_right(cuts, run.end - 1)]
    for left, right in pairwise([run.start, *inner, run.end]):
        yield Run(run.text[left - run.start : right - run.start], left, right)


def _marked(run: Run, marks: Sequence[Span], used: set[str]) -> str:
    html = escape(run.text)
    for number, (start, end) in enumerate(marks):
        if run.start < end and run.end > start:
            html = f'<mark data-n="{number}"{_first(f"mark-{number}", used)}>{html}</mark>'
    return html


def _in_chunk(html: str, chunk: str | None, used: set[str]) -> str:
    if chunk is None:
        return html
    return f'<span class="chunk"{_first(chunk, used) or f" data-of={_quoted(chunk)}"}>{html}</span>'


def _first(name: str, used: set[str]) -> str:
    """Return an ``id`` attribute the first time ``name`` is met, "" afterwards."""
    if name in used:
        return ""
    used.add(name)
    return f" id={_quoted(name)}"


def _quoted(value: str) -> str:
    return f'"{escape(value)}"'


def _css_string(value: str) -> str:
    return re.sub(r"[^\w-]", lambda found: f"\\{ord(found[0]):x} ", value)


def _chunk_at(chunks: list[tuple[int, int, str]], offset: int) -> str | None:
    at = bisect_right(chunks, offset, key=lambda chunk: chunk[0]) - 1
    return chunks[at][2] if at >= 0 and offset < chunks[at][1] else None
