"""Plain text with no markup -> headings and blocks, told apart by the shape of the lines.

A heading is a short line without a closing full stop, or a question, with text under it. ``Label: text``
lines, bullets and numbers are items, ``Name: "…"`` lines quotations. ``1. Title`` with a paragraph under it
is a sub-heading. A line is a paragraph, unless the text is wrapped by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from advisor_bot.outline import Heading, in_title_case, label, line_starts, shadow
from advisor_bot.types import Block, BlockKind

LONGEST_HEADING = 120
LONGEST_QUESTION = 200
WIDEST_WRAP = 120
Shape = Literal["text", "title", "question", "bullet", "number", "label", "maybe label", "quote", "rule"]

_RULE = re.compile(r"([-=_*~#.•·]\s*){3,}")
_BULLET = re.compile(r"[-*+•◦▪‣●○■–—](?=\s)\s*")
_NUMBER = re.compile(r"(?:\(?(?:\d{1,3}|[a-zA-Z])\)|\d{1,3}\.|(\d{1,3}(?:\.\d{1,3})+)\.?)\s+(?=\S)")
_ASKED = re.compile(r"(?:Q|Question)\s?\d{0,3}\s?[:.)]\s*")
_ATTRIBUTED = re.compile(r"[\"“«].+[\"”»]\s*[-–—]{1,2}\s*([^\W\d_][^.!?:\"”]{0,60})")
_OPENING = "\"“”«„‘'"
_CONTENTS_ENTRY = re.compile(r".{1,200}?(?:\.\s?){4,}\s*\d{1,4}")
_TWO_SENTENCES = re.compile(r"[^\W\d_]{2,}[.!?][\"”']?\s+[A-Z]")


@dataclass(slots=True)
class _Line:
    """A line of the text, or several that were one paragraph wrapped by hand."""

    start: int
    end: int
    column: int
    words: str
    shape: Shape = "text"
    label: str = ""
    level: int = 0  # > 0: it turned out to be a heading
    dropped: bool = False


def read(text: str, start: int = 0) -> tuple[list[Heading], list[Block]]:
    """Return the headings and blocks of the plain ``text[start:]``, positions counted in ``text``."""
    lines = _unwrapped(shadow(text), start)
    for line in lines:
        line.shape, line.label = _shape(line.words)
    lines = [line for line in lines if line.shape != "rule"]
    _settle_labels(lines)
    _find_headings(lines)
    headings = [
        Heading(line.level, _ASKED.sub("", line.words, count=1), line.start, min(line.end + 1, len(text)))
        for line in lines
        if line.level
    ]
    blocks = [
        Block(_kind(line), line.start, line.end, line.label) for line in lines if not line.level and not line.dropped
    ]
    return headings, blocks


# --- lines ---------------------------------------------------------------------------------------------------


def _unwrapped(text: str, start: int) -> list[_Line]:
    starts = line_starts(text, start)
    found: list[tuple[_Line, bool]] = []  # a line, and whether it stands right under another
    under = False
    for begin, stop in pairwise(starts):
        raw = text[begin:stop]
        words = raw.strip()
        if words:
            left = len(raw) - len(raw.lstrip())
            line = _Line(begin + left, begin + left + len(words), len(raw[:left].expandtabs(4)), words)
            found.append((line, under))
        under = bool(words)
    width = _wrap_width(found)
    lines: list[_Line] = []
    last = ""
    for line, under in found:
        if under and lines and _goes_on(lines[-1], last, line, width):
            lines[-1].end = line.end
        else:
            lines.append(line)
        last = line.words
    for line in lines:
        line.words = " ".join(text[line.start : line.end].split())
    return lines


def _wrap_width(found: list[tuple[_Line, bool]]) -> int:
    """Return the width the text was wrapped to by hand, 0 if it was not."""
    pairs = [
        (above[0].words, below[0].words)
        for above, below in pairwise(found)
        if below[1] and not _BULLET.match(below[0].words)
    ]
    if not pairs or sum(len(line.words) > WIDEST_WRAP for line, _ in found) * 10 > len(found):
        return 0
    width = max((len(above) for above, _ in pairs if len(above) <= WIDEST_WRAP), default=0)
    full = sum(_is_full(above, below, width) for above, below in pairs)
    return width if width >= 40 and full >= 3 and full >= 0.6 * len(pairs) else 0


def _is_full(above: str, below: str, width: int) -> bool:
    """Tell whether the next line's first word would not have fitted any more (12: slack of a ragged margin)."""
    return len(above) + 1 + len(below.split(None, 1)[0]) > width - 4


def _goes_on(line: _Line, last: str, below: _Line, width: int) -> bool:
    if _BULLET.match(below.words) or _NUMBER.match(below.words) or _RULE.fullmatch(below.words):
        return False
    if (_BULLET.match(line.words) or _NUMBER.match(line.words)) and below.column > line.column:
        return True
    if below.words[0].islower() and last[-1] not in ".!?:":
        return True
    return bool(width) and len(last) <= WIDEST_WRAP and _is_full(last, below.words, width)


def _shape(words: str) -> tuple[Shape, str]:
    if _RULE.fullmatch(words[:200]) or _CONTENTS_ENTRY.fullmatch(words[:300]):
        return "rule", ""
    if bullet := _BULLET.match(words):
        return "bullet", label(words, bullet.end(), most_words=6)
    if number := _NUMBER.match(words):
        return "number", label(words, number.end(), most_words=6)
    if attributed := _ATTRIBUTED.fullmatch(words[-3000:]):
        return "quote", attributed[1].strip()
    if _is_question(_ASKED.sub("", words[:250], count=1)):
        return "question", ""
    name = label(words, 0)
    if name and words[len(name) + 1 :].lstrip()[:1] in _OPENING and len(name.split()) <= 6:
        return "quote", name
    if name and name not in ("A", "Answer"):
        if in_title_case(name):
            return "label", name
        if len(name.split()) <= 5 and name[0].isupper():
            return "maybe label", name
    return ("title", "") if _is_title(words) else ("text", "")


def _is_title(words: str) -> bool:
    if len(words) > LONGEST_HEADING or words[0].islower() or words[-1] in ".!,;…" or words.startswith(tuple(_OPENING)):
        return False
    if words.endswith(":") and (len(words.split()) > 4 or not in_title_case(words)):
        return False
    return any(letter.isalpha() for letter in words) and not _TWO_SENTENCES.search(words)


def _is_question(words: str) -> bool:
    asked = words.rstrip("\"”'’ ")
    return asked.endswith("?") and len(words) <= LONGEST_QUESTION and not _TWO_SENTENCES.search(words)


def _settle_labels(lines: list[_Line]) -> None:
    """A short name that is not in title case is a label only beside another label."""
    labelled = [line.shape in ("label", "maybe label") for line in lines]
    for place, line in enumerate(lines):
        if line.shape == "maybe label":
            beside = labelled[max(0, place - 1) : place] + labelled[place + 1 : place + 2]
            line.shape = "label" if any(beside) else "text"
        if line.shape == "text":
            line.label = ""


def _kind(line: _Line) -> BlockKind:
    if line.shape in ("bullet", "number", "label"):
        return "item"
    return "quote" if line.shape == "quote" else "paragraph"


# --- headings ------------------------------------------------------------------------------------------------


def _find_headings(lines: list[_Line]) -> None:
    again = Counter(line.words.casefold() for line in lines if _may_head(line))
    base, parent, place = 1, False, 0
    current = 0  # level of the last heading that is no numbered sub-heading
    while place < len(lines):
        if _is_numbered_heading(lines, place):
            depth = _NUMBER.match(lines[place].words)
            lines[place].level = (current or base - 1) + (len(depth[1].split(".")) if depth and depth[1] else 1)
            place += 1
            continue
        if not _may_head(lines[place]):
            place += 1
            continue
        chain = _chain(lines, place)
        place += len(chain)
        if place == len(lines):
            _settle_last(chain)
            break
        if len(chain) > 1:
            chain = [line for line in chain[:-1] if not _listed_again(line, again)] + chain[-1:]
        if chain[0] is lines[0] and len(chain) > 1:
            chain.pop(0).level, base = 1, 2
        opened = _open_parent(chain, lines, place, base)
        _settle_middle(chain[: -2 if opened else -1], base)
        if lines[place - 1].shape != "question":
            parent = False
        parent = parent or opened
        lines[place - 1].level = current = base + parent


def _may_head(line: _Line) -> bool:
    return line.shape in ("title", "question")


def _chain(lines: list[_Line], place: int) -> list[_Line]:
    stop = place
    while stop < len(lines) and _may_head(lines[stop]):
        if stop > place and lines[stop - 1].words.endswith(":") and not _may_head(lines[stop]):
            break
        stop += 1
    return lines[place:stop]


def _is_numbered_heading(lines: list[_Line], place: int) -> bool:
    """``1. Title`` with a paragraph under it, and not one of several numbered lines in a row."""
    if lines[place].shape != "number" or place + 1 == len(lines):
        return False
    number = _NUMBER.match(lines[place].words)
    title = lines[place].words[number.end() if number else 0 :]
    below = lines[place + 1]
    alone = place == 0 or lines[place - 1].shape != "number" or bool(lines[place - 1].level)
    body = below.shape in ("text", "label", "quote") and len(below.words) > len(title)
    return alone and body and (_is_title(title) or _is_question(title))


def _open_parent(chain: list[_Line], lines: list[_Line], place: int, base: int) -> bool:
    """Make the heading before the chain's last one its parent, where questions follow under it."""
    if len(chain) < 2 or chain[-1].shape != "question" or chain[-2].shape == "question":
        return False
    following = next((line for line in lines[place:] if _may_head(line)), None)
    if not _is_name(chain[-2].words) and not (following and following.shape == "question"):
        return False
    chain[-2].level = base
    return True


def _settle_middle(before: list[_Line], base: int) -> None:
    """Settle the lines that look like headings but have another heading right under them."""
    if len(before) > 1:
        before[0].level = base
    elif before and _is_name(before[0].words):
        before[0].dropped = True


def _settle_last(chain: list[_Line]) -> None:
    """Settle the lines that look like headings at the end of the text."""
    if len(chain) > 1:
        chain[0].level = 1
    elif _is_name(chain[0].words):
        chain[0].dropped = True


def _listed_again(line: _Line, again: Counter[str]) -> bool:
    line.dropped = line.dropped or again[line.words.casefold()] > 1
    return line.dropped


def _is_name(words: str) -> bool:
    """Tell whether a line with nothing under it says nothing by itself: a name, a title, a question."""
    if any(letter.isdigit() for letter in words):
        return False
    few = len(words.split())
    return words.endswith("?") or words.isupper() or few <= 4 or (few <= 12 and in_title_case(words))
