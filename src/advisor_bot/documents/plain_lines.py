"""Plain text with no markup -> its lines, each with the shape it has by itself; wrapped paragraphs are one line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from advisor_bot.documents.outline import BULLET, in_title_case, label, line_starts

LONGEST_HEADING = 120
LONGEST_QUESTION = 200
WIDEST_WRAP = 120
NARROWEST_WRAP = 45
Shape = Literal["text", "title", "question", "item", "number", "label", "maybe label", "quote", "entry", "rule"]

_RULE = re.compile(r"[-=_*~#.•·+|\s]{3,}")
NUMBER = re.compile(
    r"(?:\(?(?:\d{1,3}|[a-zA-Z])\)|\d{1,3}\.|[IVX]{1,6}\.|(\d{1,3}(?:\.\d{1,3})+)\.?|§+\s?\d{1,3}[a-z]?[.:]?|"
    r"(?:Article|Art\.|Section|Sec\.|Chapter|Part|Rule|Clause)\s\d{1,3}[a-z]?\s?[:.–—-])\s+(?=\S)"
)
ASKED = re.compile(r"(?:Q|Question)\s?\d{0,3}\s?[:.)]\s*")
_ATTRIBUTED = re.compile(r"[\"“«].+[\"”»]\s*[-–—]{1,2}\s*([^\W\d_][^.!?:\"”]{0,60})")
_OPENING = tuple("\"“”«„‘'")
CONTENTS_ENTRY = re.compile(r"(.{1,150}?)\s*(?:\.[ \t]?){4,}\s*\d{1,4}")
_TWO_SENTENCES = re.compile(r"[^\W\d_]{2,}[.!?][\"”']?\s+[A-Z]")


@dataclass(slots=True)
class Line:
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


def lines_of(text: str, start: int) -> list[Line]:
    """Return the lines of ``text[start:]`` that hold words, those of a paragraph wrapped by hand as one."""
    lines = _unwrapped(text, start)
    for line in lines:
        line.shape, line.label = _shape(line.words)
    return lines


def _unwrapped(text: str, start: int) -> list[Line]:
    """Return the lines that hold words; those of a paragraph wrapped by hand as one."""
    found = _filled_lines(text, start)
    width = _wrap_width(found)
    lines: list[Line] = []
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


def _filled_lines(text: str, start: int) -> list[Line]:
    found: list[Line] = []
    gap = False
    for begin, stop in pairwise(line_starts(text, start)):
        raw = text[begin:stop]
        words = raw.strip()
        if words:
            left = len(raw) - len(raw.lstrip())
            column = len(raw[:left].expandtabs(4))
            found.append(Line(begin + left, begin + left + len(words), column, words, gap))
        gap = not words
    return found


def _wrap_width(found: list[Line]) -> int:
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
    return bool(BULLET.match(words) or NUMBER.match(words) or _RULE.fullmatch(words))


def _goes_on(line: Line, last: str, below: Line, width: int) -> bool:
    """Tell whether the line ``below`` continues the paragraph ``line``, whose last line so far is ``last``."""
    if _opens(below.words):
        return False
    if _opens(line.words) and below.column > line.column:
        return True
    if below.words[0].islower() and last[-1] not in ".!?:":
        return True
    return bool(width) and _is_full(last, below.words, width)


def _shape(words: str) -> tuple[Shape, str]:
    """Return what a line looks like by itself, and the label it opens with."""
    if _RULE.fullmatch(words):
        return "rule", ""
    if len(words) <= LONGEST_QUESTION and CONTENTS_ENTRY.fullmatch(words):
        return "entry", ""
    if bullet := BULLET.match(words):
        return "item", label(words, bullet.end(), most_words=6)
    if number := NUMBER.match(words):
        return "number", label(words, number.end(), most_words=6)
    if len(words) < 5000 and (attributed := _ATTRIBUTED.fullmatch(words)):
        return "quote", attributed[1].strip()
    if is_question(ASKED.sub("", words[:250], count=1)):
        return "question", ""
    return _labelled(words) or (("title", "") if is_title(words) else ("text", ""))


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


def is_title(words: str) -> bool:
    """Tell whether a line may head the text under it: short, without a closing full stop."""
    if len(words) > LONGEST_HEADING or words[0].islower() or words[-1] in ".!,;…" or words.startswith(_OPENING):
        return False
    if words.endswith(":") and (len(words.split()) > 4 or not in_title_case(words)):
        return False
    return any(letter.isalpha() for letter in words) and not _TWO_SENTENCES.search(words)


def is_question(words: str) -> bool:
    """Tell whether a line asks one thing and nothing else."""
    asked = words.rstrip("\"”'’ ")
    return asked.endswith("?") and len(words) <= LONGEST_QUESTION and not _TWO_SENTENCES.search(words)
