"""Comparisons: a table with a side a column, a section (or a facet asked for) a row, every cell a quote."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from advisor_bot.answers.cite import Line, Quote
from advisor_bot.answers.stages import Comparison, Draft
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.evidence import Evidence, Lookup
from advisor_bot.retrieval.search import make_query
from advisor_bot.retrieval.topics import Topic, Topics, topics
from advisor_bot.text import STOPWORDS, stem, words

NOTHING = "the guide does not say"
MOST_SIDES, MOST_ROWS = 4, 6
READ_FOR_CELL = 16  # sentences about a side, nearest first, that are read for one cell
LEAST_ABOUT = 0.0  # logit of helping with "what about SIDE", from which a sentence that only names it speaks of it
SUBJECT = "What does the guide say about {}?"
LEAD = "Side by side, in the guide’s own words:"

MOST_SIDE_WORDS = 3  # of a side that the guide has no name for
_ASKED = re.compile(
    r"(?:^(?:(?:can|could|would|will) (?:you|u) |please |pls |i (?:want|need|would like) to |help me |let'?s )*"
    r"compar(?:e|ing)|\bcomparison (?:of|between)|\bdiff(?:erence)?s? between|\bchoos(?:e|ing) between)\s+"
    r"(?P<sides>.+)|"
    r"^how (?:is|are|do|does)\s+(?P<differ>.+?\s(?:differ(?:ent)? from|compare (?:to|with|against))\s.+)",
    re.I,
)
_COMPARES = re.compile(r"\b(?:compar\w+|versus|vs\.?|diff(?:erence|erences|erent|s)?|pros and cons)\b", re.I)
_VERSUS = re.compile(r"^(?P<sides>.+?\s(?:vs\.?|versus|or|compared (?:to|with))\s.+)", re.I)
_COUNTED = re.compile(r"\bhow (?:much|many)\b|\bpercent|%", re.I)
_BETWEEN = re.compile(
    r"\s*(?:,|;|&|\bvs\.?|\bversus\b|\band\b|\bor\b|\bwith\b|\bto\b|\bdiffer(?:ent)? from\b|"
    r"\bcompared? (?:to|with|against)\b)\s*",
    re.I,
)
_OR = re.compile(r"\b(?:or|vs|versus)\b", re.I)
_ARTICLE = re.compile(
    r"^(?:(?:something|sth) like|"
    r"(?:the|a|an|my|doing|studying|is|are|what'?s|what is|should i (?:do|take|pick))\b)\s*",
    re.I,
)
_ASIDE = re.compile(
    r"\s*(?:[?.!]+|\sto (?:choose|decide|find|help|judge|know|pick|see|tell|understand)\b|"
    r",(?=\s+(?:which|what|whats|what's|who|how|pros|advantages)\b))\s*",
    re.I,
)
_COMPARING = frozenset(
    """advantages better best choose compare comparison cons difference differences different diff disadvantages pick
    pros side vs versus worth""".split()
)
_AND = r"^(?:(?:and|please|now|also|then|but)\s+)*"
_ADD = re.compile(
    _AND + r"(?:add|include|plus|with)\s+(?P<what>.+)$|^(?:what|how) about (?P<too>.+?),? (?:too|as well)$", re.I
)
_DROP = re.compile(_AND + r"(?:without|drop|remove|leave out|leaving out)\s+(?P<what>.+)$", re.I)
_ONLY = re.compile(_AND + r"(?:only|just)\s+(?P<what>.+)$", re.I)
_FACETS = re.compile(r"\b(?:on|in terms of|by|regarding|only|when it comes to|for)\s+(?P<facets>(?!me\b)[^?.]+)", re.I)


def read_comparison(text: str, known: Topics) -> Comparison | None:
    """Return what ``text`` asks to be compared, or None where it names fewer than two sides."""
    found = _ASKED.search(text)
    versus = None if found or _COUNTED.search(text) else _VERSUS.search(text)
    if not found and not versus:
        return None
    named = (found["sides"] or found["differ"] if found else versus["sides"] if versus else "").strip(" ?.!()")
    before, named = named.rsplit(":", 1) if ":" in named else ("", named)
    asked = _FACETS.search(named)
    named, facets = (named[: asked.start()], _facets(asked["facets"])) if asked else (named, ())
    if versus and (cut := _ASIDE.search(named)):
        named, facets = named[: cut.start()], facets or _facets(named[cut.end() :])
    doubtful = not found and not _COMPARES.search(text)
    sides = _sides(named.strip(" ,?.!("), known, doubtful=doubtful)
    return Comparison(sides[:MOST_SIDES], (facets or _facets(before))[:MOST_ROWS], doubtful) if sides else None


def _facets(text: str) -> tuple[str, ...]:
    """Return what the sides are to be compared by; nothing where ``text`` only says that they are to be compared."""
    parts = [part.strip(" ?.!(),") for part in _BETWEEN.split(text)]
    return tuple(part for part in parts if any(w not in STOPWORDS | _COMPARING for w in words(part)))


def _sides(named: str, known: Topics, *, doubtful: bool) -> tuple[str, ...]:
    """Return the sides as the guide or else the student names them; nothing where there are fewer than two.

    ``doubtful``: "or" alone joins much that nobody wants compared, so all sides must be topics of the guide.
    """
    parts = [_ARTICLE.sub("", part.strip(" ?.!,")) for part in _BETWEEN.split(named)]
    parts = [part for part in parts if any(word not in STOPWORDS for word in words(part))]
    if doubtful and sum(bool(known.mentioned(part)) for part in _OR.split(named)) < 2:
        return ()
    mentioned = known.mentioned(named)
    if len(mentioned) >= 2 and not any(set(a.names) & set(b.names) for a, b in combinations(mentioned, 2)):
        return tuple(dict.fromkeys(topic.name for topic in mentioned))
    if len(parts) < 2 or doubtful:
        return ()
    found = [_side(part, [other for other in parts if other != part], mentioned, known) for part in parts]
    names = {topic.name for topic in known.all}
    sides = tuple(dict.fromkeys(found))
    fits = all(len(words(side)) <= MOST_SIDE_WORDS for side in sides if side not in names)
    return sides if len(sides) >= 2 and fits else ()


def _side(part: str, others: Sequence[str], mentioned: Sequence[Topic], known: Topics) -> str:
    """Return the name of the topic that ``part`` names, or ``part`` itself where the topic covers another side too."""
    own = known.mentioned(part)
    if len(own) != 1 or any(set(topic.names) & set(own[0].names) for topic in mentioned if topic != own[0]):
        return part
    name = {stem(word) for word in words(own[0].name)}
    both = any({stem(word) for word in words(other) if word not in STOPWORDS} <= name for other in others)
    return part if both else own[0].name


def continued(text: str, earlier: Sequence[str], known: Topics) -> Comparison | None:
    """Return the comparison that ``text`` makes of the one asked before: wider, narrower, or by other facets.

    ``earlier`` are the student's questions before it, oldest first. None where ``text`` says none of
    "add MLOps", "without NLP", "only pay and workload", or no comparison stands directly before it.
    """
    before: Comparison | None = None
    for asked in earlier:
        before = _changed(asked, before, known) or read_comparison(asked, known)
    return _changed(text, before, known)


def _changed(text: str, before: Comparison | None, known: Topics) -> Comparison | None:
    bare = text.strip(" ?.!")
    if before is None:
        return None
    if found := _ADD.match(bare):
        named = found["what"] or found["too"]
        added = [topic.name for topic in known.mentioned(named)] or [named]
        return Comparison(tuple(dict.fromkeys([*before.sides, *added]))[:MOST_SIDES], before.facets)
    if found := _DROP.match(bare):
        gone = {topic.name for topic in known.mentioned(found["what"])}
        kept = tuple(side for side in before.sides if side not in gone)
        return Comparison(kept, before.facets) if 2 <= len(kept) < len(before.sides) else None
    if found := _ONLY.match(bare):
        named_sides = tuple(topic.name for topic in known.mentioned(found["what"]) if topic.name in before.sides)
        if len(named_sides) >= 2:
            return Comparison(named_sides, before.facets)
        facets = tuple(part.strip() for part in _BETWEEN.split(found["what"]) if part.strip())
        return Comparison(before.sides, facets[:MOST_ROWS])
    return None


# --- what is looked up, and the table made of it ---------------------------------------------------------------------


def lookups(comparison: Comparison, guide: Guide) -> list[Lookup]:
    """Return what is to be read for the table: for each side what speaks of it, then each cell.

    Cells are named ``(row, side)``; what speaks of a side ``("", side)``. Empty where the guide names no side.
    """
    everywhere = []
    for name in comparison.sides:
        own = _own(name, guide)
        everywhere.append(np.array(sorted(own | _named(name, own, guide)), np.int64))
    if not any(len(numbers) for numbers in everywhere):
        return []
    sections = [] if comparison.facets else [_by_section(numbers, guide) for numbers in everywhere]
    common = comparison.facets or _common(sections)
    found = []
    for place, (side, numbers) in enumerate(zip(comparison.sides, everywhere, strict=True)):
        found.append(_lookup(("", side), SUBJECT.format(side), numbers, guide))
        for row in common:
            inside = sections[place].get(row) if sections else numbers
            asked = f"{side}: {row}?" if comparison.facets else SUBJECT.format(side)
            if inside is not None:
                found.append(_lookup((row, side), asked, inside, guide))
    return found


def _common(sections: Sequence[Mapping[str, object]]) -> list[str]:
    """Return the sections that speak of most sides, ``MOST_ROWS`` at most, in the order they come."""
    rows = list(dict.fromkeys(row for of_side in sections for row in of_side))
    most = set(sorted(rows, key=lambda row: -sum(row in of_side for of_side in sections))[:MOST_ROWS])
    return [row for row in rows if row in most]


def table(comparison: Comparison, read: Mapping[tuple[str, str], Evidence], guide: Guide) -> Draft:
    """Return the table, every cell a quote about its side; a side or a row without one says so."""
    sides = {name: _own(name, guide) for name in comparison.sides}
    rows = list(dict.fromkeys(row for row, side in read if row and side))
    lines = []
    for row in rows:
        cells = [
            _cell(own, read.get((row, side)), read.get(("", side)), asked=bool(comparison.facets))
            for side, own in sides.items()
        ]
        lines.append(Line("row", cells=(Line("row", row), *cells)))
    lines = [line for line in lines if comparison.facets or any(cell.quotes for cell in line.cells or ())]
    if not any(cell.quotes for line in lines for cell in line.cells or ()):
        return Draft("not_covered", ())
    header = Line("row", cells=(Line("row", " "), *(Line("row", side) for side in sides)))
    cells_of = [line.cells[1:] for line in lines if line.cells]
    full = all(any(cell.quotes for cell in group) for group in [*cells_of, *zip(*cells_of, strict=True)])
    return Draft("answered" if full else "partial", (Line("lead", LEAD), header, *lines))


def _cell(own: frozenset[int], found: Evidence | None, about: Evidence | None, *, asked: bool) -> Line:
    """Return the sentence that fits best as a cell, of those whose subject is the side; else that there is none.

    A side's ``own`` sentences are about it; another sentence is where it helps with "what does the guide say of it".
    """
    speaks = {one.number for one in about.sentences if one.helps >= LEAST_ABOUT} if about else set()
    if found is None or (asked and found.status == "not_covered"):
        return Line("row", NOTHING)
    for one in sorted(found.sentences, key=lambda one: -one.helps):
        if one.number in own or one.number in speaks:
            return Line("row", quotes=(Quote(one.passage, one.start, one.end),))
    return Line("row", NOTHING)


def _lookup(name: tuple[str, str], asked: str, numbers: NDArray[np.int64], guide: Guide) -> Lookup:
    query = make_query(asked, guide)
    near = np.argsort(-(guide.sentence_vectors(numbers) @ query.reading), kind="stable")[:READ_FOR_CELL]
    return Lookup(name, query, (), numbers[near])


def _by_section(numbers: NDArray[np.int64], guide: Guide) -> dict[str, NDArray[np.int64]]:
    """Return the sentences by the section of the second level they stand in."""
    found: dict[str, list[int]] = {}
    for number in numbers.tolist():
        chunk = guide.chunks[guide.chunk_of(number)]
        title = guide.documents[chunk.document].title
        found.setdefault(chunk.heading[min(1, len(chunk.heading) - 1)] if chunk.heading else title, []).append(number)
    return {heading: np.array(inside, np.int64) for heading, inside in found.items()}


def _forms(name: str, guide: Guide) -> list[tuple[str, ...]]:
    """Return the stems of what ``name`` is called: its topic's names, short and long."""
    topic = next((topic for topic in topics(guide).all if topic.name == name), None)
    names = topic.names if topic else (tuple(stem(w) for w in words(name) if w not in STOPWORDS),)
    pairs = [((stem(short),), tuple(stem(w) for w in words(full))) for short, full in topics(guide).initials.items()]
    others = [form for pair in pairs if set(pair) & set(names) for form in pair]
    return [form for form in dict.fromkeys([*names, *others]) if form]


def _own(name: str, guide: Guide) -> frozenset[int]:
    """Return the sentences in sections and items that are called ``name``."""
    forms, stems_of = _forms(name, guide), guide.once(_Stems)
    items = {chunk.heading for chunk in guide.chunks if _names(stems_of[chunk.label], forms)}
    own = set[int]()
    for row, chunk in enumerate(guide.chunks):
        under = " ".join(chunk.heading[-1:]) if chunk.heading not in items else ""
        if _names(stems_of[f"{under} {chunk.label}"], forms):
            own.update(range(int(guide.first_sentence[row]), int(guide.first_sentence[row + 1])))
    return frozenset(own)


def _named(name: str, own: frozenset[int], guide: Guide) -> frozenset[int]:
    """Return the sentences outside ``own`` that speak of ``name``."""
    forms = _forms(name, guide)
    # A name of one word is matched as it is written: "accelerating" does not speak of "Accelerated".
    singles = {w for w in [*words(name), *topics(guide).initials] if (stem(w),) in forms}
    longer = [form for form in forms if len(form) > 1]
    asked = [part for part in {part for form in forms for part in form} if part not in STOPWORDS]
    named = set[int]()
    for row, _ in guide.lexical(asked, len(guide.chunks)):  # no other chunk has a word of a name
        for number in range(int(guide.first_sentence[row]), int(guide.first_sentence[row + 1])):
            if number in own:
                break
            spoken = words(guide.words_of(number))
            if singles & set(spoken) or (longer and _names([stem(w) for w in spoken], longer)):
                named.add(number)
    return frozenset(named)


class _Stems(dict[str, list[str]]):
    """The stems of headings and labels, each made once a guide."""

    def __init__(self, _: Guide) -> None:
        super().__init__()

    def __missing__(self, text: str) -> list[str]:
        self[text] = found = [stem(word) for word in words(text)]
        return found


def _names(spoken: Sequence[str], forms: Sequence[tuple[str, ...]]) -> bool:
    return any(within(form, spoken) for form in forms)


def within(name: tuple[str, ...], spoken: Sequence[str]) -> bool:
    """Tell whether the stems of ``name`` stand in ``spoken``, one after the other."""
    return any(tuple(spoken[at : at + len(name)]) == name for at in range(len(spoken) - len(name) + 1))
