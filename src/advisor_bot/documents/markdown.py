"""Markdown -> headings and blocks, read from the token positions of markdown-it-py."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token

from advisor_bot.documents.outline import MARKS, Heading, bold_label, label, line_starts, shadow
from advisor_bot.text import blanked, plain
from advisor_bot.types import Block, BlockKind

LONGEST_HEADING = 300
LONGEST_UNDERLINED = 200
_ANCHOR = re.compile(r"\s*\{\s*[#.][^{}\n]*\}\s*#*\s*$")
_NUMBER = re.compile(r"\d{1,3}[.)] ")
_TAG = re.compile(r"<[^<>]{0,2000}>")
_WORD = re.compile(r"\S")
_BOX = re.compile(r"(?m)^(?:!!!|\?\?\?\+?)[ \t]+[\w-]+")
_LEAVES = frozenset(("paragraph_open", "heading_open", "fence", "code_block", "html_block", "tr_open"))
_CONTAINERS = frozenset(("blockquote_open", "list_item_open"))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline", "text_join"])
    return parser


class _Page(NamedTuple):
    """The text, the twin its structure is read from, and where its lines begin."""

    text: str
    shadow: str
    lines: list[int]

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return the span of the words in the lines ``first`` up to ``last``, white space around them left out."""
        start, stop = self.lines[first], self.lines[min(last, len(self.lines) - 1)]
        found = _WORD.search(self.shadow, start, stop)
        if not found:
            return start, start
        return found.start(), found.start() + len(self.shadow[found.start() : stop].rstrip())


def read(text: str, start: int = 0) -> tuple[list[Heading], list[Block]]:
    """Return the headings and blocks of the Markdown ``text[start:]``, positions counted in ``text``."""
    twin = blanked(shadow(text))
    page = _Page(text, twin, line_starts(twin, start))
    tokens = _parser().parse(_unindented(shadow(text), twin, start))
    headings, blocks = [], []
    open_items: list[int | None] = []  # first line of each open list item, None once its first words were seen
    quotes = 0
    for place, token in enumerate(tokens):
        if token.type == "list_item_open":
            open_items.append((token.map or [0])[0])
        elif token.type == "list_item_close":
            open_items.pop()
        elif token.type in ("blockquote_open", "blockquote_close"):
            quotes += token.nesting
        if _is_header_of_rows(tokens, place):
            continue  # a row says its column names itself
        if _is_heading(token, tokens, place):
            headings.append(_heading(page, token, tokens[place + 1]))
        elif token.type in _LEAVES or _too_deep(token, tokens, place):
            blocks += _blocks(page, token, open_items, quotes)
            open_items = [None] * len(open_items)
    return headings, blocks


def _unindented(text: str, twin: str, start: int) -> str:
    """Return what is parsed, line for line as ``twin``: no line is code that was not indented when written."""
    if twin == text and not _BOX.search(text, start):
        return twin[start:]
    lines, inside = [], False
    for was, line in zip(text[start:].split("\n"), twin[start:].split("\n"), strict=False):
        inside = bool(_BOX.match(was)) or (inside and (not line.strip() or line.startswith(("    ", "\t"))))
        moved = line.startswith(" ") and not was.startswith((" ", "\t"))
        lines.append(line.lstrip() if inside or moved else line)
    return "\n".join(lines)


def _is_header_of_rows(tokens: list[Token], place: int) -> bool:
    """Tell whether this is the header row of a table that has rows."""
    if tokens[place].type != "tr_open" or tokens[place - 1].type != "thead_open":
        return False
    after = next((n for n in range(place, len(tokens)) if tokens[n].type == "thead_close"), len(tokens))
    return after + 1 < len(tokens) and tokens[after + 1].type == "tbody_open"


def _is_heading(token: Token, tokens: list[Token], place: int) -> bool:
    if token.type != "heading_open" or token.level:
        return False
    longest = LONGEST_HEADING if token.markup.startswith("#") else LONGEST_UNDERLINED
    return len(tokens[place + 1].content) <= longest


def _too_deep(token: Token, tokens: list[Token], place: int) -> bool:
    """Tell whether the parser stopped at this container: nested deeper than it follows, or empty."""
    return token.type in _CONTAINERS and place + 1 < len(tokens) and tokens[place + 1].nesting < 0


def _heading(page: _Page, token: Token, inline: Token) -> Heading:
    first, last = token.map or (0, 0)
    return Heading(int(token.tag[1:]), heading_words(inline.content), page.lines[first], page.lines[last])


def heading_words(content: str) -> str:
    """Return the words of a heading without markup and explicit anchor; a number before them stays."""
    bare = _ANCHOR.sub("", " ".join(content.split()))
    number = _NUMBER.match(bare)
    at = number.end() if number else 0
    return bare[:at] + plain(bare[at:])


def _blocks(page: _Page, token: Token, open_items: list[int | None], quotes: int) -> list[Block]:
    first, last = token.map or (0, 0)
    waiting = [line for line in open_items if line is not None]
    start, end = page.span(min([first, *waiting]), last)
    words = MARKS.match(page.shadow, start, end) if waiting or quotes else None
    begin = words.end() if words else start
    if begin >= end or not _has_words(token):
        return []
    if waiting:
        return [Block("item", start, end, _item_label(page, begin, end))]
    return [Block(_kind(token, quotes), start, end)]


def _has_words(token: Token) -> bool:
    if token.type == "html_block":
        return bool(re.search(r"\w", _TAG.sub("", _without_comments(token.content))))
    return token.type not in ("fence", "code_block") or bool(token.content.strip())


def _without_comments(html: str) -> str:
    for opening, closing in (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>")):
        kept, at = [], 0
        while (begin := html.find(opening, at)) >= 0 and (stop := html.find(closing, begin)) >= 0:
            kept.append(html[at:begin])
            at = stop + len(closing)
        html = "".join(kept) + html[at:]
    return html


def _kind(token: Token, quotes: int) -> BlockKind:
    if token.type in ("fence", "code_block"):
        return "code"
    if token.type == "tr_open":
        return "row"
    return "quote" if quotes else "paragraph"


def _item_label(page: _Page, begin: int, end: int) -> str:
    opening = page.shadow[begin : min(end, begin + 200)]
    return plain(bold_label(opening, 0)) or plain(label(opening, 0, most_words=6))
