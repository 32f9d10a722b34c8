"""Where on the page does each word of a document stand? Document -> pieces of HTML and located text.

Markdown is parsed with HTML disabled: HTML in it is shown as written, images are named but never
loaded, and a link is a link only when it leads to http, https or mail.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from itertools import accumulate
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType

from advisor_bot.types import Document

Span = tuple[int, int]

_FRONT_MATTER = re.compile(r"\A---\n.*?\n(?:---|\.\.\.)(?:\n|\Z)", re.DOTALL)
_TAGS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol li blockquote hr table thead tbody tr th td strong em code br".split())
_MARKED = re.compile(r"\s*(?:#{1,6}\s|.+\n[ \t]*(?:=+|-+)[ \t]*(?:\n|\Z))")
_SAFE_LINK = re.compile(r"(?:https?://|mailto:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Run:
    """Text of the page and the characters ``start:end`` of the document it stands for.

    ``exact``: character by character. Otherwise (an escape, an entity) as a whole.
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
    return document.name.lower().endswith(".txt") and not document.meta and not any(map(_MARKED.match, headings))


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


@lru_cache(maxsize=64)
def _markdown_pieces(text: str) -> tuple[Piece, ...]:
    blanked = _FRONT_MATTER.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    lines = blanked.split("\n")
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    return tuple(_blocks(_parser().parse(blanked), lines, starts))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["text_join", "fragments_join"])
    located = _LocatedInline()
    located.ruler, located.ruler2 = parser.inline.ruler, parser.inline.ruler2
    parser.inline = located
    return parser


def _blocks(tokens: Sequence[Token], lines: list[str], starts: list[int]) -> Iterator[Piece]:
    in_row: dict[int, int] = {}  # line of a table row -> where its next cell is looked for
    for token, before in zip(tokens, [None, *tokens], strict=False):
        if token.type == "inline" and before is not None and before.tag in ("td", "th"):
            yield from _inline(token, _cell_places(token, lines, starts, in_row))
        elif token.type == "inline":
            yield from _inline(token, _places(token, lines, starts))
        elif token.type in ("fence", "code_block"):
            yield from ("<pre><code>", *_code(token, lines, starts), "</code></pre>")
        elif token.tag in _TAGS and not token.hidden:
            yield _tag(token, starts)


def _tag(token: Token, starts: list[int]) -> str:
    if token.nesting < 0:
        return f"</{token.tag}>" + ("</div>" if token.tag == "table" else "")
    if token.type == "heading_open" and token.map:
        return f'<{token.tag} id="{heading_id(starts[token.map[0]])}">'
    if token.tag == "ol" and token.attrGet("start") is not None:
        return f'<ol start="{int(str(token.attrGet("start")))}">'
    if token.tag == "table":
        return '<div class="table" role="region" aria-label="Table" tabindex="0"><table>'
    return f"<{token.tag}>"


def _code(token: Token, lines: list[str], starts: list[int]) -> Iterator[Piece]:
    first = (token.map or [0])[0] + (token.type == "fence")
    for number, line in enumerate(token.content.removesuffix("\n").split("\n"), first):
        source = lines[number] if number < len(lines) else ""
        found = source.rfind(line) if line.strip() else -1
        if found >= 0:
            yield Run(line, starts[number] + found, starts[number] + found + len(line))
        elif line.strip():
            yield escape(line)
        yield "\n"


# --- inline text: where does each word stand? -----------------------------------------------------------


class _Located(StateInline):
    """Keeps in ``token.meta["at"]`` where in the source each token begins."""

    _begun = 0

    def append_pending(self, text: str) -> None:
        if not self.pending:
            self._begun = self.pos
        super().append_pending(text)

    def pushPending(self) -> Token:  # noqa: N802 - the parser's own name
        token = super().pushPending()
        token.meta = {"at": self._begun}
        return token

    def push(self, ttype: str, tag: str, nesting: Literal[-1, 0, 1]) -> Token:
        if self.pending:
            self.pushPending()
        last = self.tokens[-1] if self.tokens else None
        at = self.pos
        if last is not None and last.type == "text" and last.meta.get("at", -1) >= at:
            at = last.meta["at"] + len(last.content)  # a row of emphasis marks, one token each
        token = super().push(ttype, tag, nesting)
        token.meta = {"at": at}
        return token


class _LocatedInline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _Located(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


def _inline(token: Token, places: list[Span]) -> Iterator[Piece]:
    source, children = token.content, token.children or []
    begins = [child.meta.get("at", 0) for child in children] + [len(source)]
    open_links: list[bool] = []
    for child, at, after in zip(children, begins, begins[1:], strict=False):
        if child.type == "link_open":
            open_links.append(_is_safe(child))
            yield from _link(child) if open_links[-1] else ()
        elif child.type == "link_close":
            yield from ("</a>",) if open_links and open_links.pop() else ()
        elif child.type in ("text", "text_special", "code_inline", "image"):
            run = _located(child, source, at, after, places)
            yield from ("<code>", run, "</code>") if child.type == "code_inline" else (run,) * bool(run.text)
        elif child.type == "softbreak":
            yield Run("\n", _place(at, places), _place(at, places) + 1, exact=False)
        elif child.tag in _TAGS:
            yield f"</{child.tag}>" if child.nesting < 0 else f"<{child.tag}>"


def _is_safe(token: Token) -> bool:
    return bool(_SAFE_LINK.match(str(token.attrGet("href") or "")))


def _link(token: Token) -> tuple[str]:
    href = escape(str(token.attrGet("href")))
    return (f'<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">',)


def _places(token: Token, lines: list[str], starts: list[int]) -> list[Span]:
    """Return ``(offset in the token's content, offset in the document)`` for each of its lines."""
    content_at, places = 0, []
    for number, line in enumerate(token.content.split("\n"), (token.map or [0])[0]):
        found = lines[number].rfind(line) if number < len(lines) else -1
        places.append((content_at, starts[min(number, len(lines) - 1)] + max(found, 0)))
        content_at += len(line) + 1
    return places


def _cell_places(token: Token, lines: list[str], starts: list[int], in_row: dict[int, int]) -> list[Span]:
    """Return the same for a table cell, in which each ``|`` stands for two characters of the document."""
    number, written = (token.map or [0])[0], token.content.replace("|", "\\|")
    found = max(lines[number].find(written, in_row.get(number, 0)), 0)
    in_row[number] = found + len(written)
    pipes = [at for at, char in enumerate(token.content) if char == "|"]
    base = starts[number] + found
    return [(0, base), *((at, base + at + count) for count, at in enumerate(pipes, 1))]


def _located(child: Token, source: str, at: int, after: int, places: list[Span]) -> Run:
    """Return the run of ``child``, which begins at ``at`` of ``source`` or, after an opening mark, a little later."""
    text, start = child.content, _place(at, places)
    if child.type == "text_special":
        return Run(text, start, start + len(child.markup), exact=False)
    found = source.find(text, at, at + len(text) + len(child.markup) + 2)
    if found >= 0 and text:
        first, last = _place(found, places), _place(found + len(text) - 1, places)
        return Run(text, first, last + 1, exact=last - first == len(text) - 1)
    return Run(text, start, max(_place(after, places), start + 1), exact=False)


def _place(at: int, places: list[Span]) -> int:
    content, document = places[max(bisect_right(places, at, key=lambda place: place[0]) - 1, 0)]
    return document + at - content


def heading_id(offset: int) -> str:
    """Return the id, in the page, of the heading whose line begins at ``offset``."""
    return f"h-{offset}"
