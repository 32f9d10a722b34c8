"""Comparisons: a table with a side a column, a section (or a facet asked for) a row, every cell a quote."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor_bot.cite import Line, Quote
from advisor_bot.embed import Encoder
from advisor_bot.glossary import Glossary
from advisor_bot.index import Index
from advisor_bot.retrieve import as_passage
from advisor_bot.text import STOPWORDS, plain, stem, words

NOTHING = "the guide does not say"
MOST_SIDES, MOST_ROWS = 4, 6
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


def read_comparison(text: str, glossary: Glossary) -> Comparison | None:
    """Return what ``text`` asks to be compared, or None where it names fewer than two sides."""
    found = _ASKED.search(text)
    versus = None if found or _COUNTED.search(text) else _VERSUS.search(text)
    if not found and not versus:
        return None
    named = (found["sides"] or found["differ"] if found else versus["sides"] if versus else "").strip(" ?.!()")
    asked = _FACETS.search(named)
    facets = (
        tuple(part.strip() for part in _BETWEEN.split(asked["facets"].strip(" ?.!()")) if part.strip()) if asked else ()
    )
    named = named[: asked.start()].strip(" ,?.!(") if asked else named
    topics = glossary.mentioned(named)
    sides = tuple(dict.fromkeys(topic.name for topic in topics))
    if versus and len(sides) < 2:
        return None
    if len(sides) < 2:
        parts = [re.sub(r"^(?:the|a|an|my|doing|studying)\s+", "", p.strip(" ?.!,")) for p in _BETWEEN.split(named)]
        sides = tuple(dict.fromkeys(part for part in parts if any(w not in STOPWORDS for w in words(part))))
    named_topics = {topic.name for topic in topics}
    if len(sides) < 2 or any(len(words(side)) > MOST_SIDE_WORDS for side in sides if side not in named_topics):
        return None
    return Comparison(sides[:MOST_SIDES], facets[:MOST_ROWS])


def continued(text: str, earlier: Sequence[str], glossary: Glossary) -> Comparison | None:
    """Return the comparison that ``text`` makes of the one asked before: wider, narrower, or by other facets.

    ``earlier`` are the student's questions before it, oldest first. None where ``text`` says none of
    "add MLOps", "without NLP", "only pay and workload", or no comparison stands directly before it.
    """
    before: Comparison | None = None
    for asked in earlier:
        before = _changed(asked, before, glossary) or read_comparison(asked, glossary)
    return _changed(text, before, glossary)


def _changed(text: str, before: Comparison | None, glossary: Glossary) -> Comparison | None:
    bare = text.strip(" ?.!")
    if before is None:
        return None
    if found := _ADD.match(bare):
        named = found["what"] or found["too"]
        added = [topic.name for topic in glossary.mentioned(named)] or [named]
        return Comparison(tuple(dict.fromkeys([*before.sides, *added]))[:MOST_SIDES], before.facets)
    if found := _DROP.match(bare):
        gone = {topic.name for topic in glossary.mentioned(found["what"])}
        kept = tuple(side for side in before.sides if side not in gone)
        return Comparison(kept, before.facets) if 2 <= len(kept) < len(before.sides) else None
    if found := _ONLY.match(bare):
        named_sides = tuple(topic.name for topic in glossary.mentioned(found["what"]) if topic.name in before.sides)
        if len(named_sides) >= 2:
            return Comparison(named_sides, before.facets)
        facets = tuple(part.strip() for part in _BETWEEN.split(found["what"]) if part.strip())
        return Comparison(before.sides, facets[:MOST_ROWS])
    return None


def table(comparison: Comparison, index: Index, glossary: Glossary, encoder: Encoder) -> list[Line]:
    """Return the rows of the table, the header first; empty where the guide says nothing of any side."""
    sides = [_about(side, index, glossary) for side in comparison.sides]
    if sum(bool(rows) for rows in sides) < 1:
        return []
    if comparison.facets:
        rows = [_facet_row(facet, sides, index, encoder) for facet in comparison.facets]
    else:
        rows = _section_rows(comparison, sides, index, encoder)
    if not any(cell.quotes for row in rows for cell in (row.cells or ())):
        return []
    header = Line("row", cells=(Line("row", " "), *(Line("row", side) for side in comparison.sides)))
    return [header, *rows]


def _about(side: str, index: Index, glossary: Glossary) -> list[tuple[int, int]]:
    """Return the sentences about ``side`` as (chunk row, number within the chunk), in the guide's order."""
    topic = next((t for t in glossary.topics if t.name == side), None)
    names = topic.names if topic else (tuple(stem(w) for w in words(side) if w not in STOPWORDS),)
    pairs = [((stem(short),), tuple(stem(w) for w in words(full))) for short, full in glossary.initials.items()]
    others = [name for pair in pairs if set(pair) & set(names) for name in pair]
    wanted = [name for name in dict.fromkeys([*names, *others]) if name]
    # A name of one word is matched as it is written: "accelerating" does not speak of "Accelerated".
    singles = {w for w in [*words(side), *glossary.initials] if (stem(w),) in wanted}
    found = []
    for row, chunk in enumerate(index.chunks):
        heading = [stem(w) for w in words(" ".join([*chunk.heading[-1:], chunk.label]))]
        under = any(within(name, heading) for name in wanted)
        said = [name for name in wanted if len(name) > 1]
        for number, (start, end) in enumerate(chunk.sentences):
            spoken = words(plain(index.documents[chunk.document].text[start:end]))
            stems = [stem(w) for w in spoken]
            if under or singles & set(spoken) or any(within(name, stems) for name in said):
                found.append((row, number))
    return found


def within(name: tuple[str, ...], spoken: Sequence[str]) -> bool:
    """Tell whether the stems of ``name`` stand in ``spoken``, one after the other."""
    return any(tuple(spoken[at : at + len(name)]) == name for at in range(len(spoken) - len(name) + 1))


def _section_rows(
    comparison: Comparison, sides: Sequence[list[tuple[int, int]]], index: Index, encoder: Encoder
) -> list[Line]:
    """One row for each top section that speaks of a side; those that speak of most sides first."""
    sections: dict[tuple[str, str], list[list[tuple[int, int]]]] = {}
    for place, found in enumerate(sides):
        for row, number in found:
            chunk = index.chunks[row]
            heading = (
                chunk.heading[min(1, len(chunk.heading) - 1)]
                if chunk.heading
                else index.documents[chunk.document].title
            )
            sections.setdefault((chunk.document, heading), [[] for _ in sides])[place].append((row, number))
    ranked = sorted(sections.items(), key=lambda item: -sum(bool(cell) for cell in item[1]))
    vectors = [encoder.query(side) for side in comparison.sides]
    kept = ranked[:MOST_ROWS]
    order = list(sections)
    kept.sort(key=lambda item: order.index(item[0]))
    return [
        Line(
            "row", cells=(Line("row", heading), *(_cell(f, v, index, 0.0) for f, v in zip(cells, vectors, strict=True)))
        )
        for (_, heading), cells in kept
    ]


def _facet_row(facet: str, sides: Sequence[list[tuple[int, int]]], index: Index, encoder: Encoder) -> Line:
    vector = encoder.query(facet)
    return Line("row", cells=(Line("row", facet), *(_cell(found, vector, index, LEAST_FIT) for found in sides)))


def _cell(found: Sequence[tuple[int, int]], vector: NDArray[np.float32], index: Index, least: float) -> Line:
    """Return the sentence that fits best as a cell, or the cell that says there is none."""
    if not found:
        return Line("row", NOTHING)
    numbers = np.array([index.first_sentence[row] + number for row, number in found])
    fits = np.maximum(
        index.vectors[index.context_rows[numbers]] @ vector, index.vectors[index.sentence_rows[numbers]] @ vector
    )
    best = int(np.argmax(fits))
    if float(fits[best]) < least:
        return Line("row", NOTHING)
    row, number = found[best]
    start, end = index.chunks[row].sentences[number]
    return Line("row", quotes=(Quote(as_passage([row], float(fits[best]), index), start, end),))
