"""Evidence -> a draft: the status and the lines of an answer without a language model, citations not yet numbered.

Small talk, a refusal, a shortlist, a table, or quotes, with each part of a question under its own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from advisor_bot.answers import phrases
from advisor_bot.answers.cite import Line
from advisor_bot.answers.comparison import Comparison, continued, read_comparison, table
from advisor_bot.answers.evidence import Evidence
from advisor_bot.answers.profile import NOBODY, Profile, asks_for_fit, shortlist
from advisor_bot.answers.quote import MOST_WORDS, write
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.question import Question
from advisor_bot.retrieval.search import Query
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.retrieval.topics import topics
from advisor_bot.settings import Settings
from advisor_bot.types import Passage, Status, Turn


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way through the chain, with the version it is answered from.

    ``text`` is what is answered; ``typed`` what the student wrote, in ``language`` where that is not the guide's.
    """

    text: str
    typed: str
    history: tuple[Turn, ...]
    guide: Guide
    question: Question
    language: str = ""
    profile: Profile = NOBODY


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a question with what was read for it."""

    question: Question
    query: Query
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class Weighed:
    """A question with the evidence for each of its parts; no parts where nothing had to be read."""

    asked: Asked
    parts: tuple[Part, ...] = ()
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer's status and lines before its citations are numbered."""

    status: Status
    lines: tuple[Line, ...]


def draft_of(weighed: Weighed, settings: Settings) -> Draft:
    """Return what is answered without a language model, and what stands in for one that gives too little."""
    asked = weighed.asked
    if asked.question.chat:
        return Draft("chat", tuple(phrases.chat(asked.question.chat, asked.guide)))
    if not weighed.parts:
        return Draft("not_covered", tuple(phrases.foreign(asked.language)))
    if asked.profile.given and asks_for_fit(asked.text):
        ranked = shortlist(asked.profile, asked.guide)
        if ranked:
            return Draft("partial", tuple(ranked))
    comparison = _comparison(weighed)
    rows = table(comparison, asked.guide) if comparison else []
    if rows:
        return Draft(_table_status(rows), (Line("lead", phrases.COMPARED), *rows))
    if len(weighed.parts) > 1:
        return _parts_draft(weighed, settings)
    part = weighed.parts[0]
    return Draft(part.evidence.status, tuple(_part_lines(part, asked, settings)))


def _comparison(weighed: Weighed) -> Comparison | None:
    asked = weighed.asked
    if asked.question.wanted == "compare":
        return read_comparison(
            spelling(asked.guide).corrected(weighed.parts[0].query.resolved.text), topics(asked.guide)
        )
    earlier = [turn.text for turn in asked.history if turn.role == "user"]
    return continued(spelling(asked.guide).corrected(asked.text), earlier, topics(asked.guide))


def _part_lines(part: Part, asked: Asked, settings: Settings) -> list[Line]:
    evidence = part.evidence
    if evidence.status == "not_covered":
        near = dict.fromkeys(s.passage for s in evidence.sentences)
        return phrases.not_covered(evidence.missing, phrases.nearest(tuple(near), asked.guide), settings)
    body = write(part.question, evidence, asked.guide)
    return [*phrases.lead(part.question.text, evidence, body), *body]


def _parts_draft(weighed: Weighed, settings: Settings) -> Draft:
    """Answer each part under its own words; say which part is not covered."""
    covered = [part for part in weighed.parts if part.evidence.status != "not_covered"]
    if not covered:
        return Draft("not_covered", tuple(_part_lines(weighed.parts[0], weighed.asked, settings)))
    lines: list[Line] = []
    for part in weighed.parts:
        if part in covered:
            body = write(part.question, part.evidence, weighed.asked.guide, MOST_WORDS // len(weighed.parts))
            body = [line for line in body if line not in lines][:3]
            while body and body[-1].kind == "heading":  # what stood under it was said before, or is cut
                body.pop()
            lines += [*phrases.lead(part.question.text, part.evidence, body), *body] if body else []
    missed = [part.question.text for part in weighed.parts if part not in covered]
    lines += [Line("note", phrases.part_missed(text)) for text in missed]
    sure = not missed and all(part.evidence.status == "answered" for part in covered)
    return Draft("answered" if sure else "partial", tuple(lines))


def _table_status(rows: Sequence[Line]) -> Status:
    """A table answers when each side and each row has a quote somewhere; it answers in part when one has none."""
    cells = [row.cells[1:] for row in rows[1:] if row.cells]
    full = all(any(cell.quotes for cell in line) for line in [*cells, *zip(*cells, strict=True)])
    return "answered" if full else "partial"
