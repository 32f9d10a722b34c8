"""The writer without a model: an answer made of the guide's own sentences, each quoted exactly.

Short lead-ins of its own name sections and what is missing; everything else is quotation. A question
for a list gets the guide's items, a comparison a table, any other the sentence that answers it first,
then what belongs to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from advisor_bot.answers.cite import Line, Quote
from advisor_bot.answers.evidence import Evidence
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.answer_type import looked_for
from advisor_bot.retrieval.question import Question
from advisor_bot.retrieval.rank import Sentence
from advisor_bot.text import PRONOUNS, numerals, plain, terms, words
from advisor_bot.types import Chunk, Passage

MOST_WORDS = 106  # of the quotes, the headings above them and their markers; with a lead-in about 120
MOST_SENTENCES = 4
LEAST_SHARE = 0.68  # of the best sentence's score that a further sentence must reach
MOST_ITEMS = 12
NEARLY = 0.94  # of the best score
NEARLY_ANSWERS = 0.8  # of the best score, for a sentence that holds the kind of thing asked for

_LEANS = re.compile(
    rf"^(?:{PRONOUNS}|this|that|these|those|such|both|either|neither|another|others?|"
    r"however|but|also|additionally|moreover|furthermore|therefore|thus|hence|instead|likewise|similarly|conversely|"
    r"consequently|accordingly|nevertheless|nonetheless|otherwise|then|yet|still|so|and|or|for example|for instance|"
    r"in addition|in contrast|by contrast|on the other hand|as a result|in turn|the (?:same|former|latter|other)|"
    r"here|there)\b"
    r"(?!\s+(?:is|are) (?:no|a|an|many|several|some|few)\b)",
    re.I,
)
_SOURCE = re.compile(
    r"\b(?:according to|report(?:s|ed)?|survey|study|studies|statistics|source|bureau|data from|projected by)\b", re.I
)


@dataclass(frozen=True, slots=True)
class Span:
    """A run of whole sentences of one passage to be quoted as one."""

    passage: Passage
    start: int
    end: int
    score: float
    first: bool = False


def write(question: Question, evidence: Evidence, guide: Guide, most_words: int = MOST_WORDS) -> list[Line]:
    """Return the body of an answer to ``question`` without its lead-in; empty where there is no sentence.

    It has about ``most_words`` at most, unless a list was asked for.
    """
    if not evidence.sentences:
        return []
    if question.wanted == "list":
        items = list_items(evidence, guide)
        if items:
            return items
    return grouped(choose(question, evidence, guide, most_words), guide)


def choose(question: Question, evidence: Evidence, guide: Guide, most_words: int = MOST_WORDS) -> list[Span]:
    """Return the spans to quote, the one that answers first; at most about ``most_words`` words together."""
    chosen: list[Span] = []
    said: list[set[str]] = []
    count = 0
    best = evidence.sentences[0].score
    for sentence in _answering_first(question, evidence.sentences):
        if len(chosen) >= MOST_SENTENCES or (chosen and sentence.score < LEAST_SHARE * best):
            break
        held = set(terms(sentence.text))
        if len(words(sentence.text)) < 4 or any(_repeats(held, other) for other in said):
            continue
        span = _leaned_on(sentence, guide)
        size = len(words(guide.documents[span.passage.document].text[span.start : span.end])) + 1
        if all(other.passage.heading != span.passage.heading for other in chosen):
            size += len(words(" ".join(span.passage.heading[-1:])))
        if chosen and count + size > most_words:
            continue
        chosen.append(span)
        said.append(held)
        count += size
    return _merged(chosen, guide)


def _answering_first(question: Question, sentences: Sequence[Sentence]) -> list[Sentence]:
    """Move the best sentence that holds the kind of thing asked for to the front, if it is nearly as good."""
    holds = looked_for(question.text)
    floor = sentences[0].score * NEARLY_ANSWERS
    for place, sentence in enumerate(sentences[:6]):
        if holds and sentence.score >= floor and holds(sentence.text):
            return [sentence, *sentences[:place], *sentences[place + 1 :]]
    return list(sentences)


def _repeats(held: set[str], other: set[str]) -> bool:
    return len(held & other) >= 0.8 * max(1, min(len(held), len(other)))


def _leaned_on(sentence: Sentence, guide: Guide) -> Span:
    """Return the sentence with the one before it where it leans on that, or its figure's source stands there."""
    start = sentence.start
    spans = _neighbors(sentence, guide)
    place = spans.index((sentence.start, sentence.end)) if (sentence.start, sentence.end) in spans else 0
    text = guide.documents[sentence.passage.document].text
    while place > 0:
        here, before = plain(text[slice(*spans[place])]), plain(text[slice(*spans[place - 1])])
        figure = numerals(sentence.text) and _SOURCE.search(before) and not _SOURCE.search(sentence.text)
        if not (_LEANS.match(here) or figure) or sentence.end - spans[place - 1][0] > 700:
            break
        place -= 1
        start = spans[place][0]
    return Span(sentence.passage, start, sentence.end, sentence.score)


def _neighbors(sentence: Sentence, guide: Guide) -> list[tuple[int, int]]:
    """Return the spans of all sentences of the passage the sentence stands in, in order."""
    rows = [guide.row(name) for name in sentence.passage.chunk_ids]
    return [span for row in rows if row is not None for span in guide.chunks[row].sentences]


def _merged(spans: Sequence[Span], guide: Guide) -> list[Span]:
    """Join spans of one passage that touch or overlap.

    Before the best span, which answers, comes only what is nearly as good.
    """
    merged: list[Span] = []
    for span in spans:
        text = guide.documents[span.passage.document].text
        for place, other in enumerate(merged):
            if other.passage.document != span.passage.document or other.passage.heading != span.passage.heading:
                continue
            low, high = sorted((span, other), key=lambda s: s.start)
            between = text[low.end : high.start]
            if place == 0 and span.end <= other.start and span.score < NEARLY * other.score:
                continue
            if high.start <= low.end or (not between.strip() and "\n" not in between):
                joined = Span(other.passage, low.start, max(low.end, high.end), max(span.score, other.score))
                if joined.start < other.passage.start or joined.end > other.passage.end:
                    continue
                merged[place] = joined
                break
        else:
            merged.append(span)
    return merged


def grouped(spans: Sequence[Span], guide: Guide) -> list[Line]:
    """Return ``spans`` as paragraphs, those of one section together, with headings where there are several."""
    sections = list(dict.fromkeys((span.passage.document, span.passage.heading) for span in spans))
    lines: list[Line] = []
    for section in sections:
        if len(sections) > 1:
            lines.append(Line("heading", heading_of(section[1], guide.documents[section[0]].title)))
        inside = [span for span in spans if (span.passage.document, span.passage.heading) == section]
        lines += [Line("paragraph", quotes=(Quote(span.passage, span.start, span.end),)) for span in inside]
    return lines


def heading_of(path: Sequence[str], title: str) -> str:
    """Return the heading a student would know a section by."""
    return path[-1] if path else title


def list_items(evidence: Evidence, guide: Guide) -> list[Line]:
    """Return the items of the list that answers, each by its first sentence; empty where no list does.

    The list is the one that holds the best sentence, or that the section of the best sentence opens.
    """
    best = evidence.sentences[0]
    section = [c for c in guide.chunks if (c.document, c.heading) == (best.passage.document, best.passage.heading)]
    items = [(c, span) for c in section if c.kind == "item" for span in _item_heads(c, guide)]
    spans = {span for _, span in items}
    near = sum((s.start, s.end) in spans for s in evidence.sentences[:8])
    within = any(c.start <= best.start and best.end <= c.end for c, _ in items)
    if len(items) < 3 or (within and near < 3):
        return []
    lines = []
    lead = next((s for s in evidence.sentences[:3] if s.passage.heading == best.passage.heading), best)
    row = guide.row(lead.passage.chunk_ids[0])
    if row is not None and guide.chunks[row].kind != "item":
        span = _leaned_on(lead, guide)
        lines.append(Line("paragraph", quotes=(Quote(span.passage, span.start, span.end),)))
    for chunk, (start, end) in items[:MOST_ITEMS]:
        passage = Passage(chunk.id, chunk.document, chunk.heading, chunk.start, chunk.end, chunk.text, 0.0, (chunk.id,))
        lines.append(Line("item", quotes=(Quote(passage, start, end),)))
    return lines


def _item_heads(chunk: Chunk, guide: Guide) -> Iterator[tuple[int, int]]:
    """Yield the first sentence of each item in the chunk."""
    document = guide.documents[chunk.document]
    for section in document.sections:
        for block in section.blocks:
            if block.kind == "item" and chunk.start <= block.start and block.end <= chunk.end:
                inside = [s for s in chunk.sentences if block.start <= s[0] and s[1] <= block.end]
                if inside:
                    yield inside[0]
