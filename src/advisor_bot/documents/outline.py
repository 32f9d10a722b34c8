"""What the Markdown and plain-text readers share: lines, labels of items, and headings made into sections."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from advisor_bot.types import Block, Section

# The marks a line of a list or a quotation opens with: "> ", "- ", "12. ", "- [x] ".
MARKS = re.compile(r"(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])(?=\s)))+[ \t]*(?:\[[ xX]\](?=\s))?\s*")
# A sign that is no letter, digit, quotation mark, bracket or sum, alone before white space; Word's "o".
BULLET = re.compile(r"(?:[^\w\s\"“”„«»‘’'()\[\]{}<>$€£¥%&@#§/\\!?.,;:=|~^`]|o)(?=\s)\s*")
_ODD_SPACES = re.compile("[\r\x0b\x0c\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]")
_BREAKS = (0x0B, 0x0C, 0x85, 0x2028, 0x2029)
_SPACES = (0x0D, 0x1C, 0x1D, 0x1E, 0x1F, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000)
_PLAIN_SIGNS = {
    **dict.fromkeys(_BREAKS, "\n"),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),  # halves of characters, which no encoder takes
}
_LABEL = re.compile(r"([^\s:][^:\n]{0,80}):\s+(?=\S)")
_BOLD = re.compile(r"(\*\*|__)(?=\S)([^\n]{1,80}?)(?<=\S)\1[ \t]*([:.–—-]?)\s*(?=\S)")
_INSIDE_A_SENTENCE = re.compile(r"[.!?;]\s|[\"“”«»]")
_SMALL_WORDS = frozenset("a an and as at by for from in into nor of on onto or per so the to up vs via with".split())


class Heading(NamedTuple):
    """A heading line of the file: ``start`` where it begins, ``body`` where the text under it begins."""

    level: int
    words: str
    start: int
    body: int


def shadow(text: str) -> str:
    r"""Return ``text`` of the same length in which odd spaces are plain ones and odd line breaks newlines.

    Structure is read from it (``#\u00a0Heading`` is a heading); the canonical text keeps what the file has.
    """
    return text.translate(_PLAIN_SIGNS) if _ODD_SPACES.search(text) else text


def line_starts(text: str, start: int = 0) -> list[int]:
    """Return where each line of ``text[start:]`` begins, and the end of the text as one more."""
    starts = [start, *(found.end() for found in re.compile("\n").finditer(text, start))]
    return starts if starts[-1] == len(text) and len(starts) > 1 else [*starts, len(text)]


def sections(headings: Sequence[Heading], blocks: Iterable[Block], start: int, end: int) -> tuple[Section, ...]:
    """Return the sections between ``start`` and ``end``: each heading with the blocks under it.

    ``headings`` and ``blocks`` come in the order of the text. Text before the first heading is a
    section with the heading () and level 0.
    """
    made, path, waiting = [], list[tuple[int, str]](), sorted(blocks, key=lambda block: block.start)
    at = 0
    for place, heading in enumerate([Heading(0, "", start, start), *headings]):
        stop = headings[place].start if place < len(headings) else end
        until = at
        while until < len(waiting) and waiting[until].start < stop:
            until += 1
        own, at = tuple(waiting[at:until]), until
        while path and path[-1][0] >= heading.level:
            path.pop()
        if heading.level:
            path.append((heading.level, heading.words))
        elif not own:
            continue
        words = tuple(words for _, words in path if words)
        made.append(Section(words, heading.level, heading.start, heading.body, stop, own))
    return tuple(made)


def in_title_case(words: str) -> bool:
    """Tell whether the longer words of ``words`` begin with a capital or a digit, as in a title."""
    longer = [word for word in re.findall(r"[^\W_][\w'’-]*", words) if len(word) > 3 and word not in _SMALL_WORDS]
    capitals = sum(not word[0].islower() for word in longer)
    return words[:1].isupper() if not longer else capitals >= 0.75 * len(longer)


def bold_label(text: str, start: int) -> str:
    """Return the name in bold print an item's words open with (``**Cost.** …``, ``**Cost**: …``), else ""."""
    found = _BOLD.match(text, start)
    if not found or not (found[3] or found[2][-1] in ".:?!–—-"):
        return ""
    return found[2].rstrip(" .:–—-").replace("**", "")


def label(text: str, start: int, *, most_words: int = 12) -> str:
    """Return the name before the colon in ``Name: text`` at ``start``, else ""."""
    found = _LABEL.match(text, start)
    if not found or _INSIDE_A_SENTENCE.search(found[1]) or len(found[1].split()) > most_words:
        return ""
    return " ".join(found[1].split()) if any(letter.isalpha() for letter in found[1]) else ""
