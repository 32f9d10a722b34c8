"""Plain text with no markup -> headings and blocks, told apart by the shape of the lines.

A heading is a short line without a closing full stop, or a question, with text under it. ``Label: text``
lines, bullets and numbers are items, ``Name: "…"`` lines quotations. ``1. Title`` with a paragraph under it
is a sub-heading. A line is a paragraph, unless the text was wrapped by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from advisor_bot.documents.outline import Heading, in_title_case, shadow
from advisor_bot.documents.plain_lines import ASKED, CONTENTS_ENTRY, NUMBER, Line, is_question, is_title, lines_of
from advisor_bot.text import blanked
from advisor_bot.types import Block, BlockKind

_REPLIED = re.compile(r"(?:A|Ans\.?|Answer)\s?\d{0,3}\s?[:.)]\s*(?=\S)")


def read(text: str, start: int = 0) -> tuple[list[Heading], list[Block]]:
    """Return the headings and blocks of the plain ``text[start:]``, positions counted in ``text``."""
    lines = lines_of(blanked(shadow(text)), start)
    _strip_replies(lines)
    lines = [line for line in lines if line.shape != "rule"]
    _settle_shapes(lines)
    _find_headings(lines)
    headings = [
        Heading(line.level, ASKED.sub("", line.words, count=1).rstrip(":"), line.start, min(line.end + 1, len(text)))
        for line in lines
        if line.level
    ]
    blocks = [
        Block(_kind(line), line.start, line.end, line.label) for line in lines if not line.level and not line.dropped
    ]
    return headings, blocks


def _kind(line: Line) -> BlockKind:
    if line.shape in ("item", "number", "label"):
        return "item"
    return "quote" if line.shape == "quote" else "paragraph"


# --- shapes --------------------------------------------------------------------------------------------------


def _is_name(words: str) -> bool:
    """Tell whether a line that has nothing under it says nothing by itself: a title, a name, a question."""
    if any(letter.isdigit() for letter in words):
        return False
    few = len(words.split())
    return words.endswith("?") or words.isupper() or few <= 4 or (few <= 12 and in_title_case(words))


def _strip_replies(lines: list[Line]) -> None:
    """Take the ``A:`` from the answer under a question."""
    for above, line in pairwise(lines):
        found = _REPLIED.match(line.words) if above.shape == "question" else None
        if found:
            line.start += found.end()
            line.words = line.words[found.end() :]
            line.shape, line.label = "text", ""


def _settle_shapes(lines: list[Line]) -> None:
    """Settle the shapes that depend on the lines beside."""
    labelled = [line.shape in ("label", "maybe label") for line in lines]
    heads = {line.words.casefold() for line in lines}
    for place, line in enumerate(lines):
        above = lines[place - 1].shape if place else None
        below = lines[place + 1].shape if place + 1 < len(lines) else None
        if line.shape == "maybe label":
            beside = labelled[max(0, place - 1) : place] + labelled[place + 1 : place + 2]
            line.shape = "label" if any(beside) else "text"
        elif line.shape == "entry":
            entry = CONTENTS_ENTRY.fullmatch(line.words)
            line.shape, line.dropped = "text", bool(entry and entry[1].casefold() in heads)
        elif line.shape == "title" and (line.words.endswith(":") and below not in ("text", "quote")):
            line.shape = "text"
        elif line.shape == "title" and above == "question" and below in ("question", None):
            line.shape = "text"  # a short answer, not a heading
        if line.shape == "text":
            line.label = ""
    for place, line in enumerate(lines):
        if line.shape == "text" and line.words.endswith(":"):
            _settle_list(lines, place + 1)


def _settle_list(lines: list[Line], first: int) -> None:
    """Two or more short lines under a line that ends in a colon are the items it announces."""
    last = first
    while last < len(lines) and lines[last].shape == "title" and not (last > first and lines[last].gap):
        last += 1
    under = last < len(lines) and not lines[last].gap
    if under and in_title_case(lines[last - 1].words) and not all(in_title_case(n.words) for n in lines[first:last]):
        last -= 1  # the next heading, not an item
    if last - first > 1:
        for line in lines[first:last]:
            line.shape = "item"


# --- headings ------------------------------------------------------------------------------------------------


def _find_headings(lines: list[Line]) -> None:
    """Set the level of the lines that are headings, and drop headings with nothing under them."""
    again = Counter(line.words.casefold() for line in lines if _may_head(line))
    place, base, current, parent = 0, 1, 0, False  # current: level of the last heading without a number
    while place < len(lines):
        if _is_numbered_heading(lines, place):
            number = NUMBER.match(lines[place].words)
            depth = len(number[1].split(".")) if number and number[1] else 1
            lines[place].level = (current or base - 1) + depth
        chain = _chain(lines, place)
        place += len(chain) or 1
        if not chain:
            continue
        if place >= len(lines):
            _settle_last(chain)
            return
        *before, last = chain
        before = [line for line in before if not _listed_again(line, again)]
        ends = _may_end(before, last)
        if ends and before and before[0] is lines[0]:
            before.pop(0).level, base = 1, 2
        if ends:
            if last.shape != "question":
                parent = False
            elif before and _is_parent(before[-1], lines[place:]):
                before.pop().level, parent = base, True
            last.level = current = base + parent
        if _settle_before(before, base):
            parent = False


def _may_head(line: Line) -> bool:
    return line.shape in ("title", "question")


def _chain(lines: list[Line], place: int) -> list[Line]:
    """Return the lines from ``place`` on that look like headings, one right after the other."""
    stop = place
    while stop < len(lines) and _may_head(lines[stop]):
        stop += 1
    return lines[place:stop]


def _is_numbered_heading(lines: list[Line], place: int) -> bool:
    """Tell whether this is ``1. Title`` with a paragraph under it, not one of several numbered lines in a row."""
    if lines[place].shape != "number" or place + 1 == len(lines):
        return False
    number = NUMBER.match(lines[place].words)
    title = lines[place].words[number.end() if number else 0 :]
    below = lines[place + 1]
    alone = place == 0 or lines[place - 1].shape != "number"
    body = below.shape in ("text", "label", "quote")
    return alone and body and (is_question(title) or (is_title(title) and len(below.words) > len(title)))


def _is_parent(line: Line, following: list[Line]) -> bool:
    """Tell whether a heading right before a question is the heading of several questions."""
    if line.shape == "question":
        return False
    later = next((line for line in following if _may_head(line)), None)
    return _is_name(line.words) or bool(later and later.shape == "question")


def _may_end(before: list[Line], last: Line) -> bool:
    """Tell whether the last of several short lines in a row heads the text under it, or is one of them."""
    return len(before) < 2 or last.gap or last.shape == "question" or not any(map(str.isdigit, last.words))


def _settle_before(before: list[Line], base: int) -> bool:
    """Settle lines that look like headings but have another right under them: one of several heads the others."""
    if len(before) > 1:
        before[0].level = base
    elif before and _is_name(before[0].words):
        before[0].dropped = True
    return len(before) > 1


def _settle_last(chain: list[Line]) -> None:
    """Settle the lines that look like headings at the end of the text."""
    if len(chain) > 1:
        chain[0].level = 1
    elif _is_name(chain[0].words):
        chain[0].dropped = True


def _listed_again(line: Line, again: Counter[str]) -> bool:
    """Drop a line that stands again elsewhere: an entry of a table of contents."""
    line.dropped = again[line.words.casefold()] > 1
    return line.dropped
