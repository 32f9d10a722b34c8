"""Evidence -> the body of a quoted answer: the sentence that answers first, then what belongs to it, nothing else.

Every line is quotation; only headings part the sections. Nothing is added to reach a length.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from advisor_bot.answers import phrases
from advisor_bot.answers.cite import Line, Quote
from advisor_bot.answers.sections import block_at, list_items
from advisor_bot.answers.stages import Draft
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.evidence import AFTER, ALONE, PART, Evidence, Name, Sentence, is_row
from advisor_bot.text import leans_back, numerals, plain, terms, words
from advisor_bot.types import Passage, Status

MOST_WORDS = 90  # of an answer that is no list and no single long sentence
WHOLE_ITEM = 60  # words up to which an item is quoted from its label on
LONGEST_BACK = 700  # characters that a sentence may lean back over

_SOURCE = re.compile(
    r"\b(?:according to|report(?:s|ed)?|survey|study|studies|statistics|source|bureau|data from|projected by)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Span:
    """A run of whole sentences of one passage, quoted as one; ``label`` is its item's name where that is not in it."""

    passage: Passage
    start: int
    end: int
    label: str = ""


def draft(question: str, evidence: Mapping[Name, Evidence], guide: Guide) -> tuple[Draft, tuple[Evidence, ...]]:
    """Return the answer to ``question`` in quotes, without lines where nothing bears on it, and what it rests on.

    ``evidence`` holds the ways to read the question by their names: after the talk; or by itself, and its parts.
    """
    chosen = evidence.get((AFTER, "")) or evidence[ALONE, ""]
    parts = [one for (name, _), one in evidence.items() if name.startswith(PART)]
    if _worth_parting(parts):
        return _parts(parts, guide), tuple(parts)
    lines = body(chosen, guide) if chosen.status != "not_covered" else []
    if not lines:
        return Draft("not_covered", ()), (chosen,)
    return Draft(chosen.status, (*_lead(chosen.status, question, lines, guide), *lines)), (chosen,)


def _worth_parting(parts: Sequence[Evidence]) -> bool:
    """Tell whether parts of a question are better answered apart: in different places, or one of them not at all."""
    covered = [part for part in parts if part.status != "not_covered"]
    firsts = {part.best[0].number for part in covered}
    return len(parts) > 1 and bool(covered) and (len(firsts) == len(parts) or len(covered) < len(parts))


def _parts(parts: Sequence[Evidence], guide: Guide) -> Draft:
    """Answer each part under its own words; say which part is not covered."""
    lines: list[Line] = []
    for part in parts:
        mine = [line for line in body(part, guide) if line not in lines] if part.status != "not_covered" else []
        if any(line.quotes for line in mine):
            lines += [*_lead(part.status, part.query.text, mine, guide), *mine]
    missed = [part for part in parts if part.status == "not_covered"]
    lines += [Line("note", phrases.part_missed(part.query.text)) for part in missed]
    sure = all(part.status == "answered" for part in parts)
    return Draft("answered" if sure else "partial", tuple(lines))


def _lead(status: Status, question: str, lines: Sequence[Line], guide: Guide) -> list[Line]:
    return phrases.answered(lines) if status == "answered" else phrases.partly(question, lines, guide)


def body(evidence: Evidence, guide: Guide) -> list[Line]:
    """Return the lines that answer, or that help; empty where there is no sentence to show."""
    best = _without_other_rows(evidence.best, evidence.query.terms, guide)
    if not best:
        return []
    if evidence.status == "answered" and (items := list_items(evidence.sentences, guide)):
        return items
    return grouped(spans_of(best, guide), guide)


def _without_other_rows(best: Sequence[Sentence], asked: Mapping[str, float], guide: Guide) -> Sequence[Sentence]:
    """Leave out the rows of a table that hold less of what was asked than the row that answers best."""
    if not best or not is_row(best[0].passage.document, best[0].start, best[0].end, guide):
        return best
    held = asked.keys() & set(terms(best[0].text))
    return [
        one
        for one in best
        if held <= set(terms(one.text)) or not is_row(one.passage.document, one.start, one.end, guide)
    ]


def spans_of(best: Sequence[Sentence], guide: Guide) -> list[Span]:
    """Return what to quote: the first sentence first, the others in the guide's order, about ``MOST_WORDS`` in all."""
    chosen: list[Span] = []
    count = 0
    for sentence in best:
        span = whole(sentence, guide)
        size = len(words(guide.documents[span.passage.document].text[span.start : span.end]))
        if chosen and count + size > MOST_WORDS:
            continue
        chosen.append(span)
        count += size
    first, *others = chosen
    order = list(guide.documents)
    others.sort(key=lambda span: (order.index(span.passage.document), span.start))
    return merged([first, *others], guide)


def whole(sentence: Sentence, guide: Guide) -> Span:
    """Return a sentence with what it leans on: the one before it, its figure's source, its item's label."""
    row = guide.chunk_of(sentence.number)
    chunk, text = guide.chunks[row], guide.documents[sentence.passage.document].text
    spans = chunk.sentences
    place = spans.index((sentence.start, sentence.end))
    start = sentence.start
    while place > 0:
        here, before = plain(text[slice(*spans[place])]), plain(text[slice(*spans[place - 1])])
        figure = numerals(sentence.text) and _SOURCE.search(before) and not _SOURCE.search(sentence.text)
        if not (leans_back(here) or figure) or sentence.end - spans[place - 1][0] > LONGEST_BACK:
            break
        place -= 1
        start = spans[place][0]
    block = block_at(sentence.passage.document, sentence.start, guide)
    if block and block.label:
        first = next((a for a, b in spans if b > block.start), start)
        if first < start and len(words(text[first : sentence.end])) <= WHOLE_ITEM:
            return Span(sentence.passage, first, sentence.end)
        if first < start:
            return Span(sentence.passage, start, sentence.end, block.label)
    return Span(sentence.passage, start, sentence.end)


def merged(spans: Sequence[Span], guide: Guide) -> list[Span]:
    """Join spans of one passage that touch or overlap; what stands just before the first one does not go before it."""
    merged: list[Span] = []
    for span in spans:
        text = guide.documents[span.passage.document].text
        for place, other in enumerate(merged):
            same = (other.passage.document, other.passage.heading) == (span.passage.document, span.passage.heading)
            low, high = sorted((span, other), key=lambda one: one.start)
            touch = high.start <= low.end or not text[low.end : high.start].strip("\t ")
            row = is_row(high.passage.document, high.start, high.end, guide)
            if row or not same or not touch or (place == 0 and span.end <= other.start):
                continue
            start, end = low.start, max(low.end, high.end)
            holding = [one.passage for one in (other, span) if one.passage.start <= start and end <= one.passage.end]
            if holding:
                merged[place] = Span(holding[0], start, end, low.label)
                break
        else:
            merged.append(span)
    return merged


def grouped(spans: Sequence[Span], guide: Guide) -> list[Line]:
    """Return ``spans`` as paragraphs, those of one section together, with headings where there are several."""
    places = [(span.passage.document, span.passage.heading, span.label) for span in spans]
    sections = list(dict.fromkeys(places))
    lines: list[Line] = []
    for section in sections:
        document, heading, label = section
        if len(sections) > 1 or label:
            lines.append(Line("heading", label or heading_of(heading, guide.documents[document].title)))
        inside = [span for span, place in zip(spans, places, strict=True) if place == section]
        lines += [Line("paragraph", quotes=(Quote(span.passage, span.start, span.end),)) for span in inside]
    return lines


def heading_of(path: Sequence[str], title: str) -> str:
    """Return the heading a student would know a section by."""
    return path[-1] if path else title
