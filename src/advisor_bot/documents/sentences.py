"""The sentences of a block: what is quoted, checked and cited one at a time.

``text.sentences`` finds where sentences end; this module keeps Markdown's marks from misleading it. What means
nothing alone stays with its neighbour: a number, an item's label, the time zone after "5 p.m.".
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from advisor_bot.documents.outline import BULLET, MARKS
from advisor_bot.text import sentences
from advisor_bot.types import Block

Span = tuple[int, int]

SHORT = 200  # characters; a longer sentence stands by itself
LONGEST_LOOK = 5000  # characters looked at in one go: the splitter is slower than linear on some hostile lines

_PLAIN_MARKS = re.compile(rf"{BULLET.pattern}|\(?[\da-zA-Z]{{1,3}}\)\s+")
_QUOTED_LINE = re.compile(r"\s*(?:>[ \t]*)*")
_FENCE = re.compile(r"(?:`{3,}|~{3,})[^\n]*(?:\n|$)")
_MARKUP = re.compile(r"\n[ \t]*(?:>[ \t]?)+|[*_`\n]|(?<=[.!?])\)(?=\s)")
_QUOTES = str.maketrans(dict.fromkeys('"“”„«»', " "))
# Emphasis, code and links: a sentence does not end inside one.
_UNBROKEN = re.compile(
    r"(\*\*\*|\*\*|__|\*|`)(?=[^\s*])[^*`\n]{1,300}?(?<=\S)\1"
    r"|\[[^\[\]]{1,300}\]\([^()\s]{1,500}(?:\s[^()]{1,200})?\)|<[^<>\s]{1,500}>"
)
_WORD = re.compile(r"[^\W\d_]{2,}|\d\s?[%€$£°]|[€$£]\s?\d|[^\W_]+\s+[^\W_]+")
_CLAUSE = re.compile(r"[;:,—–](?=\s)")
_TIME = re.compile(r"\b[ap]\.m\.$")
_AFTER_TIME = re.compile(
    r"[A-Z]{2,4}\b|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:Eastern|Central|Mountain|Pacific)"
)
_MONTH = re.compile(
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)\b"
)
_LAST_WORD = re.compile(r"(?:^|[^\w.])((?:\w+\.)*\w+)\.[\s*_]*$")
_MAY = re.compile(r"(?<=\bMay\.)\s+(?=[A-Z])")
_INITIALS = re.compile(r"(?:[A-Z][a-z]{0,2}\.)+[A-Z][a-z]{0,2}")  # B.Sc, U.S
# Short forms of English that a sentence does not end with, and those that none ends with where a figure follows.
_SHORT_FORMS = frozenset(
    """approx appx ca cca circa min max excl incl inc corp ltd co bros rm bldg flr tel ext fax mob dept depts inst univ
    prof assoc asst adj dr mr mrs ms mx messrs st ave blvd rd hwy sq ste apt attn est hon rev gen col capt lt sgt gov
    sen rep pres sr jr esq msc bsc phd mba viz vs cf eg ie etc al hr hrs hrly wk wks mo mos yr yrs yrly cr crs sem qtr
    wkly temp resp ref refs nr rs fr cert dipl lic reg regs admin mgr mgmt intl natl govt jan feb apr jun jul aug sep
    sept oct nov dec tue tues wed thu thur thurs fri chap chaps sect para paras vol vols pt pts pg pgs eq eqn
    misc""".split()
)
_BEFORE_FIGURES = frozenset("no nos art arts fig figs ch tab tabs sec secs p pp ed eds cl fl app mar mon sat sun "
                            "c v r s n ss item ln lot".split())  # fmt: skip
# What begins a new sentence even after a short form that may end one ("… for 24 hrs. The hall …").
_OPENERS = frozenset("the it this that these those we you they he she i a an there your our their please".split())
_FIRST_WORD = re.compile(r"[\W_]*(\w+)(\.?)")
_REMARK = re.compile(r"\([^()]*\)?\.?")


def block_sentences(text: str, block: Block, longest: int) -> tuple[Span, ...]:
    """Return the spans of the sentences of ``block``, absolute, in order.

    Together they hold every word of the block; list marks, quotation marks and fences before the first are left
    out. A row and a code block are one sentence. A sentence longer than ``longest`` characters is cut at a clause.
    """
    start, end = _content(text, block)
    if start >= end:
        return ()
    spans = [(start, end)] if block.kind in ("row", "code") else _prose(text, start, end, block.label)
    return tuple(part for span in spans for part in _bounded(text, span, longest))


def _content(text: str, block: Block) -> Span:
    start, end = block.start, block.end
    if block.kind == "code" and (fence := _FENCE.match(text, start, end)):
        last = text.rfind("\n", start, end) + 1
        closed = last >= fence.end() and text[last:end].lstrip(" \t>").startswith(("```", "~~~"))
        start, end = fence.end(), last if closed else end
    elif block.kind in ("item", "quote"):
        mark = MARKS.match(text, start, end) or (block.kind == "item" and _PLAIN_MARKS.match(text, start, end))
        start = mark.end() if mark else start
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _prose(text: str, start: int, end: int, label: str) -> list[Span]:
    piece = text[start:end]
    bare = _MARKUP.sub(lambda found: " " * len(found[0]), piece)
    unbroken = [found.span() for found in _UNBROKEN.finditer(piece)]
    spans: list[list[int]] = []
    for first, last in _raw(bare):
        cut = _gap(piece, spans[-1][1], first) if spans else 0
        if spans and (cut < 0 or _is_inside(cut, unbroken) or _leans(bare, spans[-1], first, last, label)):
            spans[-1][1] = last
            continue
        if spans:
            spans[-1][1] = spans[-1][0] + len(piece[spans[-1][0] : cut].rstrip(" \t\n>"))
        mark = _QUOTED_LINE.match(piece, cut)
        spans.append([mark.end() if mark else cut, last])
    if not spans:
        return [(start, end)]
    spans[-1][1] = len(piece)
    if len(spans) > 1 and not _WORD.search(bare[spans[-1][0] :]):
        spans[-2:] = [[spans[-2][0], len(piece)]]
    return [(start + first, start + last) for first, last in spans]


def _raw(bare: str) -> Iterator[Span]:
    # A long speech is one sentence to the splitter, unless it does not see the quotation marks.
    silent = bare.translate(_QUOTES) if len(bare) > SHORT else bare
    at = 0
    while at < len(bare):
        stop = len(bare)
        if stop - at > 2 * LONGEST_LOOK:
            stop = bare.rfind(". ", at, at + LONGEST_LOOK) + 1 or bare.rfind(" ", at, at + LONGEST_LOOK) + 1
            stop = stop if stop > at else at + LONGEST_LOOK
        for first, last in sentences(bare, at, stop):
            for span in sentences(silent, first, last) if last - first > SHORT else [(first, last)]:
                yield from _after_may(bare, *span)
        at = stop


def _after_may(bare: str, first: int, last: int) -> Iterator[Span]:
    """Cut after ``May.``: the splitter takes the month for a short form."""
    for found in _MAY.finditer(bare, first, last):
        yield first, found.start()
        first = found.end()
    yield first, last


def _gap(piece: str, last: int, first: int) -> int:
    """Return where white space parts two sentences, -1 where only markup stands between them."""
    return next((at for at in range(first - 1, last - 1, -1) if piece[at].isspace()), -1)


def _is_inside(cut: int, unbroken: list[Span]) -> bool:
    place = bisect_left(unbroken, (cut,)) - 1
    return place >= 0 and cut < unbroken[place][1]


def _leans(bare: str, before: list[int], first: int, last: int, label: str) -> bool:
    """Tell whether two sentences belong together: either says nothing without the other."""
    begin, stop = before
    if stop - begin <= SHORT:
        words = " ".join(bare[begin:stop].split()).rstrip(" .:!?–—-")
        if not _WORD.search(words) or words == label:
            return True
    if _TIME.search(bare[max(begin, stop - 9) : stop].rstrip()) and _AFTER_TIME.match(bare, first, last):
        return True
    if _is_short_form(bare, begin, stop, first):
        return True
    return last - first <= SHORT and bool(_REMARK.fullmatch(bare, first, last))


def _is_short_form(bare: str, begin: int, stop: int, first: int) -> bool:
    """Tell whether the full stop before ``stop`` is that of a short form or an ordinal, not of a sentence."""
    ended = _LAST_WORD.search(bare, max(begin, stop - 40), stop)
    next_word = _FIRST_WORD.match(bare, first)
    if not ended or not next_word:
        return False
    word, following = ended[1], next_word[1]
    if following[0].islower():
        return True
    if word.isdigit():
        return len(word) < 3 and bool(_MONTH.match(bare, first))
    opens = following.lower() in _OPENERS and not next_word[2]
    if _INITIALS.fullmatch(word):
        return not opens
    if word.lower() in _BEFORE_FIGURES:
        return following[0].isdigit()
    return word.lower().replace(".", "") in _SHORT_FORMS and not opens


def _bounded(text: str, span: Span, longest: int) -> Iterator[Span]:
    """Cut a sentence of more than ``longest`` characters at a clause, else between words, else anywhere."""
    start, end = span
    while end - start > longest:
        earliest, latest = start + longest // 4, start + longest // 2
        clauses = [found.end() for found in _CLAUSE.finditer(text, earliest, latest)]
        cut = clauses[-1] if clauses else text.rfind(" ", earliest, latest)
        cut = cut if cut > start else latest
        yield start, start + len(text[start:cut].rstrip())
        start = cut + len(text[cut : min(end, cut + longest)]) - len(text[cut : min(end, cut + longest)].lstrip())
    if start < end:
        yield start, end
