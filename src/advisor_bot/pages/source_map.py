"""Where on the page does each word of a document stand? Document -> pieces of HTML and located text.

Markdown comes from the parser with the place of everything in it. HTML in it is shown as written, images are named
but never loaded, and a link is a link only when it leads to http, https or mail.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import pyromark

from advisor_bot.documents.load import front_matter
from advisor_bot.types import Document

Span = tuple[int, int]

_OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH
_MARKED = re.compile(r"\s*(?:#{1,6}\s|.+\n[ \t]*(?:=+|-+)[ \t]*(?:\n|\Z))")
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)
_TAGS = {
    "Paragraph": "p",
    "HtmlBlock": "p",
    "BlockQuote": "blockquote",
    "Item": "li",
    "Emphasis": "em",
    "Strong": "strong",
    "Strikethrough": "del",
    "TableRow": "tr",
}
_AROUND = {  # what stands for several tags at once: opening, closing
    "CodeBlock": ("<pre><code>", "</code></pre>"),
    "Table": ('<div class="table" role="region" aria-label="Table" tabindex="0"><table>', "</tbody></table></div>"),
    "TableHead": ("<thead><tr>", "</tr></thead><tbody>"),
}
_BREAKS = {"SoftBreak": "\n", "HardBreak": "<br>", "Rule": "<hr>"}


@dataclass(frozen=True, slots=True)
class Run:
    """Text of the page and the characters ``start:end`` of the document it stands for.

    ``exact``: character by character. Otherwise (an entity) as a whole.
    """

    text: str
    start: int
    end: int
    exact: bool = True


Piece = Run | str


def pieces(document: Document) -> tuple[Piece, ...]:
    """Return the document as HTML tags (``str``, safe) and runs of its text (to be escaped), in order."""
    if _is_plain(document):
        return tuple(_plain_pieces(document))
    return _markdown_pieces(document.text)


def _is_plain(document: Document) -> bool:
    """Tell a text without markup from Markdown that a .txt file may hold as well."""
    headings = (document.text[section.start : section.body] for section in document.sections if section.heading)
    plain = document.name.lower().endswith((".txt", ".text")) and document.meta.keys() <= {"address"}
    return plain and not any(map(_MARKED.match, headings))


def _plain_pieces(document: Document) -> Iterator[Piece]:
    """Text without markup: headings and blocks as the loader found them, nothing left out."""
    text, at, in_list = document.text, 0, False
    for section in document.sections:
        if section.heading:
            level = min(max(section.level, 1), 6)
            yield f'<h{level} id="{heading_id(line_start(text, section.start))}">'
            yield _trimmed(text, section.start, section.body)
            yield f"</h{level}>"
            at = section.body
        for block in section.blocks:
            if text[at : block.start].strip():
                yield from ("<p>", _trimmed(text, at, block.start), "</p>")
            if (block.kind == "item") != in_list:
                in_list = block.kind == "item"
                yield "<ul>" if in_list else "</ul>"
            tag = {"item": "li", "quote": "blockquote", "code": "pre"}.get(block.kind, "p")
            yield from (f"<{tag}>", Run(text[block.start : block.end], block.start, block.end), f"</{tag}>")
            at = block.end
        if in_list:
            in_list = False
            yield "</ul>"
    if text[at:].strip():
        yield from ("<p>", _trimmed(text, at, len(text)), "</p>")


def _trimmed(text: str, start: int, end: int) -> Run:
    piece = text[start:end]
    left, right = start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())
    return Run(text[left:right], left, right)


def line_start(text: str, offset: int) -> int:
    """Return where the line that holds ``offset`` begins."""
    return text.rfind("\n", 0, offset) + 1


# --- Markdown ----------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def _markdown_pieces(text: str) -> tuple[Piece, ...]:
    return tuple(_Page(text).pieces())


class _Page:
    """A Markdown text on its way to pieces; the parser counts bytes, a document characters."""

    def __init__(self, text: str) -> None:
        start = front_matter(text)[1]
        blanked = re.sub(r"[^\n]", " ", text[:start]) + text[start:]
        self.text = blanked.encode("utf-8", "replace").decode("utf-8")  # halves of characters become "?"
        self._characters = array("L")
        for at, character in enumerate(self.text):
            self._characters.extend([at] * len(character.encode()))
        self._characters.append(len(self.text))
        self._links: list[bool] = []
        self._in_head = False

    def pieces(self) -> Iterator[Piece]:
        for event, place in pyromark.events_with_range(self.text, options=_OPTIONS):
            start, end = self._characters[place["start"]], self._characters[place["end"]]
            kind: Any
            value: Any
            kind, value = next(iter(event.items())) if isinstance(event, dict) else (event, None)
            if kind in ("Start", "End"):
                name, details = next(iter(value.items())) if isinstance(value, dict) else (value, None)
                yield self._opened(name, details, start) if kind == "Start" else self._closed(name, details)
            elif kind in _BREAKS:
                yield Run("\n", start, end, exact=False) if kind == "SoftBreak" else _BREAKS[kind]
            elif value:
                run = self._run(value, start, end)
                yield from ("<code>", run, "</code>") if kind == "Code" else (run,)

    def _opened(self, name: str, details: Any, start: int) -> str:
        if name == "Heading":
            return f'<{details["level"].lower()} id="{heading_id(line_start(self.text, start))}">'
        if name == "List":
            return "<ul>" if details is None else f'<ol start="{int(details)}">'
        if name == "Link":
            self._links.append(bool(_SAFE_LINK.match(details["dest_url"])))
            href = escape(details["dest_url"])
            return f'<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">' * self._links[-1]
        if name == "TableHead":
            self._in_head = True
        if name == "TableCell":
            return "<th>" if self._in_head else "<td>"
        return _AROUND[name][0] if name in _AROUND else f"<{_TAGS[name]}>" if name in _TAGS else ""

    def _closed(self, name: str, details: Any) -> str:
        if name == "Heading":
            return f"</{details.lower()}>"
        if name == "List":
            return "</ol>" if details else "</ul>"
        if name == "Link":
            return "</a>" * self._links.pop()
        if name == "TableCell":
            return "</th>" if self._in_head else "</td>"
        if name == "TableHead":
            self._in_head = False
        return _AROUND[name][1] if name in _AROUND else f"</{_TAGS[name]}>" if name in _TAGS else ""

    def _run(self, words: str, start: int, end: int) -> Run:
        """Return ``words`` at their place; code stands between its marks, an entity for something else."""
        found = self.text.find(words, start, end)
        if found < 0:
            return Run(words, start, max(end, start + 1), exact=False)
        return Run(words, found, found + len(words))


def heading_id(offset: int) -> str:
    """Return the id, in the page, of the heading whose line begins at ``offset``."""
    return f"h-{offset}"
