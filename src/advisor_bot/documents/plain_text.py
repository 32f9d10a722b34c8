"""Plain text with no markup -> headings and blocks, told apart by the shape of the lines.

A heading is a short line without a closing full stop, or a question, with text under it. ``Label: text``
lines, bullets and numbers are items, ``Name: "…"`` lines quotations. ``1. Title`` with a paragraph under it
is a sub-heading. A line is a paragraph, unless the text was wrapped by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from advisor_bot.documents.outline import BULLET, Heading, in_title_case, label, line_starts, shadow
from advisor_bot.text import blanked
from advisor_bot.types import Block, BlockKind

LONGEST_HEADING = 120
LONGEST_QUESTION = 200
WIDEST_WRAP = 120
NARROWEST_WRAP = 45
Shape = Literal["text", "title", "question", "item", "number", "label", "maybe label", "quote", "entry", "rule"]

_RULE = re.compile(r"[-=_*~#.•·+|\s]{3,}")
_NUMBER = re.compile(
    r"(?:\(?(?:\d{1,3}|[a-zA-Z])\)|\d{1,3}\.|[IVX]{1,6}\.|(\d{1,3}(?:\.\d{1,3})+)\.?|§+\s?\d{1,3}[a-z]?[.:]?|"
    r"(?:Article|Art\.|Section|Sec\.|Chapter|Part|Rule|Clause)\s\d{1,3}[a-z]?\s?[:.–—-])\s+(?=\S)"
)
_ASKED = re.compile(r"(?:Q|Question)\s?\d{0,3}\s?[:.)]\s*")
_REPLIED = re.compile(r"(?:A|Ans\.?|Answer)\s?\d{0,3}\s?[:.)]\s*(?=\S)")
_ATTRIBUTED = re.compile(r"[\"“«].+[\"”»]\s*[-–—]{1,2}\s*([^\W\d_][^.!?:\"”]{0,60})")
_OPENING = tuple("\"“”«„‘'")
_CONTENTS_ENTRY = re.compile(r"(.{1,150}?)\s*(?:\.[ \t]?){4,}\s*\d{1,4}")
_TWO_SENTENCES = re.compile(r"[^\W\d_]{2,}[.!?][\"”']?\s+[A-Z]")


@dataclass(slots=True)
class _Line:
    """A line of the text, or several that were one paragraph wrapped by hand."""

    start: int
    end: int
    column: int
    words: str
    gap: bool  # a blank line stands before it
    shape: Shape = "text"
    label: str = ""
    level: int = 0  # above 0: it turned out to be a heading
    dropped: bool = False


def read(text: str, start: int = 0) -> tuple[list[Heading], list[Block]]:
    """Return the headings and blocks of the plain ``text[start:]``, positions counted in ``text``."""
    lines = _unwrapped(blanked(shadow(text)), start)
    for line in lines:
        line.shape, line.label = _shape(line.words)
    _strip_replies(lines)
    lines = [line for line in lines if line.shape != "rule"]
    _settle_shapes(lines)
    _find_headings(lines)
    headings = [
        Heading(line.level, _ASKED.sub("", line.words, count=1).rstrip(":"), line.start, min(line.end + 1, len(text)))
        for line in lines
        if line.level
    ]
    blocks = [
        Block(_kind(line), line.start, line.end, line.label) for line in lines if not line.level and not line.dropped
    ]
    return headings, blocks


def _kind(line: _Line) -> BlockKind:
    if line.shape in ("item", "number", "label"):
        return "item"
    return "quote" if line.shape == "quote" else "paragraph"


# --- lines ---------------------------------------------------------------------------------------------------


def _unwrapped(text: str, start: int) -> list[_Line]:
    """Return the lines that hold words; those of a paragraph wrapped by hand as one."""
    found = _filled_lines(text, start)
    width = _wrap_width(found)
    lines: list[_Line] = []
    last = ""
    for line in found:
        if lines and not line.gap and _goes_on(lines[-1], last, line, width):
            lines[-1].end = line.end
        else:
            lines.append(line)
        last = line.words
    for line in lines:
        line.words = " ".join(text[line.start : line.end].split())
    return lines


def _filled_lines(text: str, start: int) -> list[_Line]:
    found: list[_Line] = []
    gap = False
    for begin, stop in pairwise(line_starts(text, start)):
        raw = text[begin:stop]
        words = raw.strip()
        if words:
            left = len(raw) - len(raw.lstrip())
            column = len(raw[:left].expandtabs(4))
            found.append(_Line(begin + left, begin + left + len(words), column, words, gap))
        gap = not words
    return found


def _wrap_width(found: list[_Line]) -> int:
    """Return the width the text was wrapped to by hand, 0 if it was not.

    It was where most lines that have another right under them end where its first word had no more room,
    and many of them in the middle of a sentence.
    """
    if sum(len(line.words) > WIDEST_WRAP for line in found) * 10 > len(found):
        return 0
    pairs = [
        (above.words, below.words) for above, below in pairwise(found) if not below.gap and not _opens(below.words)
    ]
    lengths = sorted(len(above) for above, _ in pairs)
    width = lengths[int(len(lengths) * 0.9)] if lengths else 0
    full = [above for above, below in pairs if _is_full(above, below, width)]
    unfinished = sum(above[-1] not in ".!?:" for above in full)
    wrapped = width >= NARROWEST_WRAP and len(full) >= max(2, 0.6 * len(pairs)) and unfinished * 2 >= len(full)
    return width if wrapped else 0


def _is_full(above: str, below: str, width: int) -> bool:
    """Tell whether the next line's first word had no room any more, give or take 4 characters."""
    return len(above) + 1 + len(below.split(None, 1)[0]) > width - 4


def _opens(words: str) -> bool:
    """Tell whether a line opens an item, or draws a rule."""
    return bool(BULLET.match(words) or _NUMBER.match(words) or _RULE.fullmatch(words))


def _goes_on(line: _Line, last: str, below: _Line, width: int) -> bool:
    """Tell whether the line ``below`` continues the paragraph ``line``, whose last line so far is ``last``."""
    if _opens(below.words):
        return False
    if _opens(line.words) and below.column > line.column:
        return True
    if below.words[0].islower() and last[-1] not in ".!?:":
        return True
    return bool(width) and _is_full(last, below.words, width)


# --- shapes --------------------------------------------------------------------------------------------------


def _shape(words: str) -> tuple[Shape, str]:
    """Return what a line looks like by itself, and the label it opens with."""
    if _RULE.fullmatch(words):
        return "rule", ""
    if len(words) <= LONGEST_QUESTION and _CONTENTS_ENTRY.fullmatch(words):
        return "entry", ""
    if bullet := BULLET.match(words):
        return "item", label(words, bullet.end(), most_words=6)
    if number := _NUMBER.match(words):
        return "number", label(words, number.end(), most_words=6)
    if len(words) < 5000 and (attributed := _ATTRIBUTED.fullmatch(words)):
        return "quote", attributed[1].strip()
    if _is_question(_ASKED.sub("", words[:250], count=1)):
        return "question", ""
    return _labelled(words) or (("title", "") if _is_title(words) else ("text", ""))


def _labelled(words: str) -> tuple[Shape, str] | None:
    name = label(words, 0)
    if not name or name in ("A", "Answer"):
        return None
    few = len(name.split())
    if few <= 6 and words[words.index(":") + 1 :].lstrip().startswith(_OPENING):
        return "quote", name
    if in_title_case(name):
        return "label", name
    return ("maybe label", name) if few <= 5 and name[0].isupper() else None


def _is_title(words: str) -> bool:
    if len(words) > LONGEST_HEADING or words[0].islower() or words[-1] in ".!,;…" or words.startswith(_OPENING):
        return False
    if words.endswith(":") and (len(words.split()) > 4 or not in_title_case(words)):
        return False
    return any(letter.isalpha() for letter in words) and not _TWO_SENTENCES.search(words)


def _is_question(words: str) -> bool:
    asked = words.rstrip("\"”'’ ")
    return asked.endswith("?") and len(words) <= LONGEST_QUESTION and not _TWO_SENTENCES.search(words)


def _is_name(words: str) -> bool:
    """Tell whether a line that has nothing under it says nothing by itself: a title, a name, a question."""
    if any(letter.isdigit() for letter in words):
        return False
    few = len(words.split())
    return words.endswith("?") or words.isupper() or few <= 4 or (few <= 12 and in_title_case(words))


def _strip_replies(lines: list[_Line]) -> None:
    """Take the ``A:`` from the answer under a question."""
    for above, line in pairwise(lines):
        found = _REPLIED.match(line.words) if above.shape == "question" else None
        if found:
            line.start += found.end()
            line.words = line.words[found.end() :]
            line.shape, line.label = "text", ""


def _settle_shapes(lines: list[_Line]) -> None:
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
            entry = _CONTENTS_ENTRY.fullmatch(line.words)
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


def _settle_list(lines: list[_Line], first: int) -> None:
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


def _find_headings(lines: list[_Line]) -> None:
    """Set the level of the lines that are headings, and drop headings with nothing under them."""
    again = Counter(line.words.casefold() for line in lines if _may_head(line))
    place, base, current, parent = 0, 1, 0, False  # current: level of the last heading without a number
    while place < len(lines):
        if _is_numbered_heading(lines, place):
            number = _NUMBER.match(lines[place].words)
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


def _may_head(line: _Line) -> bool:
    return line.shape in ("title", "question")


def _chain(lines: list[_Line], place: int) -> list[_Line]:
    """Return the lines from ``place`` on that look like headings, one right after the other."""
    stop = place
    while stop < len(lines) and _may_head(lines[stop]):
        stop += 1
    return lines[place:stop]


def _is_numbered_heading(lines: list[_Line], place: int) -> bool:
    """Tell whether this is ``1. Title`` with a paragraph under it, not one of several numbered lines in a row."""
    if lines[place].shape != "number" or place + 1 == len(lines):
        return False
    number = _NUMBER.match(lines[place].words)
    title = lines[place].words[number.end() if number else 0 :]
    below = lines[place + 1]
    alone = place == 0 or lines[place - 1].shape != "number"
    body = below.shape in ("text", "label", "quote")
    return alone and body and (_is_question(title) or (_is_title(title) and len(below.words) > len(title)))


def _is_parent(line: _Line, following: list[_Line]) -> bool:
    """Tell whether a heading right before a question is the heading of several questions."""
    if line.shape == "question":
        return False
    later = next((line for line in following if _may_head(line)), None)
    return _is_name(line.words) or bool(later and later.shape == "question")


def _may_end(before: list[_Line], last: _Line) -> bool:
    """Tell whether the last of several short lines in a row heads the text under it, or is one of them."""
    return len(before) < 2 or last.gap or last.shape == "question" or not any(map(str.isdigit, last.words))


def _settle_before(before: list[_Line], base: int) -> bool:
    """Settle lines that look like headings but have another right under them: one of several heads the others."""
    if len(before) > 1:
        before[0].level = base
    elif before and _is_name(before[0].words):
        before[0].dropped = True
    return len(before) > 1


def _settle_last(chain: list[_Line]) -> None:
    """Settle the lines that look like headings at the end of the text."""
    if len(chain) > 1:
        chain[0].level = 1
    elif _is_name(chain[0].words):
        chain[0].dropped = True


def _listed_again(line: _Line, again: Counter[str]) -> bool:
    """Drop a line that stands again elsewhere: an entry of a table of contents."""
    line.dropped = again[line.words.casefold()] > 1
    return line.dropped
