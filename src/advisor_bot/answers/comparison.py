"""Comparisons: a table with a side a column, a section (or a facet asked for) a row, every cell a quote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from advisor_bot.answers.cite import Line, Quote
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.answer_type import wanted
from advisor_bot.retrieval.search import as_passage
from advisor_bot.retrieval.topics import Topic, Topics, topics
from advisor_bot.text import STOPWORDS, plain, stem, words

NOTHING = "the guide does not say"
MOST_SIDES, MOST_ROWS = 4, 6
OWN_SECTION = 0.1  # added to the fit of a sentence under the side's own heading: others often only list its name
LEAST_FIT = 0.25  # cosine of a cell's sentence with its facet, below which the guide does not speak to it

MOST_SIDE_WORDS = 6
_ASKED = re.compile(
    r"(?:^(?:(?:can|could|would|will) (?:you|u) |please |pls |i (?:want|need|would like) to |help me |let'?s )*"
    r"compar(?:e|ing)|\bcomparison (?:of|between)|\bdiff(?:erence)?s? between|\bchoos(?:e|ing) between)\s+"
    r"(?P<sides>.+)|"
    r"^how (?:is|are|do|does)\s+(?P<differ>.+?\s(?:differ(?:ent)? from|compare (?:to|with|against))\s.+)",
    re.I,
)
_VERSUS = re.compile(r"^(?P<sides>.+?\s(?:vs\.?|versus|or|compared (?:to|with))\s.+)", re.I)
_COUNTED = re.compile(r"\bhow (?:much|many)\b|\bpercent|%", re.I)
_BETWEEN = re.compile(
    r"\s*(?:,|;|&|\bvs\.?|\bversus\b|\band\b|\bor\b|\bwith\b|\bto\b|\bdiffer(?:ent)? from\b|"
    r"\bcompared? (?:to|with|against)\b)\s*",
    re.I,
)
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


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be compared: the sides as the guide or the student names them, and the facets asked for."""

    sides: tuple[str, ...]
    facets: tuple[str, ...]


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
    sides = _sides(named.strip(" ,?.!("), known, doubtful=wanted(text) != "compare")
    return Comparison(sides[:MOST_SIDES], (facets or _facets(before))[:MOST_ROWS]) if sides else None


def _facets(text: str) -> tuple[str, ...]:
    """Return what the sides are to be compared by; nothing where ``text`` only says that they are to be compared."""
    parts = [part.strip(" ?.!(),") for part in _BETWEEN.split(text)]
    return tuple(part for part in parts if any(w not in STOPWORDS | _COMPARING for w in words(part)))


def _sides(named: str, known: Topics, *, doubtful: bool) -> tuple[str, ...]:
    """Return the sides as the guide or else the student names them; nothing where there are fewer than two.

    ``doubtful``: "or" alone joins much that nobody wants compared, so one side at least must be a topic.
    """
    parts = [_ARTICLE.sub("", part.strip(" ?.!,")) for part in _BETWEEN.split(named)]
    parts = [part for part in parts if any(word not in STOPWORDS for word in words(part))]
    mentioned = known.mentioned(named)
    if len(mentioned) >= 2 and not any(set(a.names) & set(b.names) for a, b in combinations(mentioned, 2)):
        return tuple(dict.fromkeys(topic.name for topic in mentioned))
    if len(parts) < 2 or (doubtful and not mentioned):
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


@dataclass(frozen=True, slots=True)
class Spot:
    """A sentence: its chunk's row, its number within the chunk, and whether it stands under the side's own heading."""

    row: int
    number: int
    own: bool


def table(comparison: Comparison, guide: Guide) -> list[Line]:
    """Return the rows of the table, the header first; empty where the guide says nothing of any side."""
    sides = [_about(side, guide) for side in comparison.sides]
    if sum(bool(rows) for rows in sides) < 1:
        return []
    rows = [_facet_row(facet, sides, guide) for facet in comparison.facets]
    if not any(cell.quotes for row in rows for cell in (row.cells or ())):  # what it does say follows
        rows += _section_rows(comparison, sides, guide)
    header = Line("row", cells=(Line("row", " "), *(Line("row", side) for side in comparison.sides)))
    return [header, *rows]


def _about(side: str, guide: Guide) -> list[Spot]:
    """Return where the sentences about ``side`` stand, in the guide's order."""
    topic = next((t for t in topics(guide).all if t.name == side), None)
    names = topic.names if topic else (tuple(stem(w) for w in words(side) if w not in STOPWORDS),)
    pairs = [((stem(short),), tuple(stem(w) for w in words(full))) for short, full in topics(guide).initials.items()]
    others = [name for pair in pairs if set(pair) & set(names) for name in pair]
    wanted = [name for name in dict.fromkeys([*names, *others]) if name]
    # A name of one word is matched as it is written: "accelerating" does not speak of "Accelerated".
    singles = {w for w in [*words(side), *topics(guide).initials] if (stem(w),) in wanted}
    found = []
    for row, chunk in enumerate(guide.chunks):
        heading = [stem(w) for w in words(" ".join([*chunk.heading[-1:], chunk.label]))]
        under = any(within(name, heading) for name in wanted)
        said = [name for name in wanted if len(name) > 1]
        for number, (start, end) in enumerate(chunk.sentences):
            spoken = words(plain(guide.documents[chunk.document].text[start:end]))
            stems = [stem(w) for w in spoken]
            if under or singles & set(spoken) or any(within(name, stems) for name in said):
                found.append(Spot(row, number, under))
    return found


def within(name: tuple[str, ...], spoken: Sequence[str]) -> bool:
    """Tell whether the stems of ``name`` stand in ``spoken``, one after the other."""
    return any(tuple(spoken[at : at + len(name)]) == name for at in range(len(spoken) - len(name) + 1))


def _section_rows(comparison: Comparison, sides: Sequence[list[Spot]], guide: Guide) -> list[Line]:
    """One row for each top section that speaks of a side; those that speak of most sides first."""
    sections: dict[tuple[str, str], list[list[Spot]]] = {}
    for place, found in enumerate(sides):
        for spot in found:
            chunk = guide.chunks[spot.row]
            heading = (
                chunk.heading[min(1, len(chunk.heading) - 1)]
                if chunk.heading
                else guide.documents[chunk.document].title
            )
            sections.setdefault((chunk.document, heading), [[] for _ in sides])[place].append(spot)
    ranked = sorted(sections.items(), key=lambda item: -sum(bool(cell) for cell in item[1]))
    vectors = [guide.encoder.query(side) for side in comparison.sides]
    kept = ranked[:MOST_ROWS]
    order = list(sections)
    kept.sort(key=lambda item: order.index(item[0]))
    return [
        Line(
            "row", cells=(Line("row", heading), *(_cell(f, v, guide, 0.0) for f, v in zip(cells, vectors, strict=True)))
        )
        for (_, heading), cells in kept
    ]


def _facet_row(facet: str, sides: Sequence[list[Spot]], guide: Guide) -> Line:
    vector = guide.encoder.query(facet)
    return Line("row", cells=(Line("row", facet), *(_cell(found, vector, guide, LEAST_FIT) for found in sides)))


def _cell(found: Sequence[Spot], vector: NDArray[np.float32], guide: Guide, least: float) -> Line:
    """Return the sentence that fits best as a cell, or the cell that says there is none."""
    if not found:
        return Line("row", NOTHING)
    numbers = np.array([guide.first_sentence[spot.row] + spot.number for spot in found])
    fits = np.maximum(
        guide.vectors[guide.context_rows[numbers]] @ vector, guide.vectors[guide.sentence_rows[numbers]] @ vector
    )
    best = int(np.argmax(fits + OWN_SECTION * np.array([spot.own for spot in found])))
    if float(fits[best]) < least:
        return Line("row", NOTHING)
    spot = found[best]
    start, end = guide.chunks[spot.row].sentences[spot.number]
    return Line("row", quotes=(Quote(as_passage([spot.row], float(fits[best]), guide), start, end),))
