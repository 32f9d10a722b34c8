"""From a question to a proved answer, step by step: understand -> retrieve -> read -> plan -> write -> cite.

Each step takes what the one before made and returns a value of its own; LangChain's callbacks show them by these
names. What kind of answer it will be (quotes, a table, a section, small talk…) is settled in the first step, so that
nothing is looked up in vain.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda
from langchain_core.runnables.utils import AddableDict

from advisor_bot.answers import comparison as comparing
from advisor_bot.answers import phrases, profile, quote, sections, suggestions
from advisor_bot.answers.cite import Cited, Line, cite, violations
from advisor_bot.answers.stages import (
    Asked,
    Draft,
    Ending,
    Planned,
    Read,
    Retrieved,
    Understood,
    Writer,
    Written,
)
from advisor_bot.answers.suggestions import Offers
from advisor_bot.index.guide import Guide
from advisor_bot.models.reranker import RERANKED, Reranker
from advisor_bot.retrieval import follow_up
from advisor_bot.retrieval.cells import with_cell
from advisor_bot.retrieval.evidence import AFTER, ALONE, PART, Evidence, Lookup, read
from advisor_bot.retrieval.question import foreign_language, parts_of, small_talk
from advisor_bot.retrieval.search import find, make_query, passages_of, sentences_to_read, within
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.retrieval.topics import topics
from advisor_bot.settings import Settings
from advisor_bot.text import plain
from advisor_bot.types import Answer, Passage, Status

_log = logging.getLogger(__name__)
MOST_PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of the chain with what they need besides the question."""

    settings: Settings
    offers: Offers
    writer: Writer | None = None
    reranker: Reranker | None = None

    def chain(self) -> Runnable[Asked, AddableDict]:
        """Return the steps joined; it yields ``passages``, ``status``, ``delta`` pieces and last the ``answer``."""
        return (
            RunnableLambda(self.understand, name="understand")
            | RunnableLambda(self.retrieve, name="retrieve")
            | RunnableLambda(self.read, name="read")
            | RunnableLambda(self.plan, name="plan")
            | RunnableGenerator(self.write, name="write")
            | RunnableGenerator(self.cite, name="cite")
        ).with_config(run_name="advisor")

    # --- understand ---------------------------------------------------------------------------------------------

    def understand(self, asked: Asked) -> Understood:
        """Settle what kind of answer the question gets."""
        guide, text, language = asked.guide, asked.text, ""
        chat = small_talk(text)
        if chat:
            return Understood(asked, "small talk", text, chat=chat)
        about = guide.models.reader.about(text)
        if kind := about.for_people:
            return Understood(asked, kind, text)
        corrected = spelling(guide).corrected(text)
        language = foreign_language(corrected, lambda term: guide.idf(term) is not None, tuple(phrases.languages()))
        if language:
            text = self.writer.in_english(text, asked.history) if self.writer else ""
            if not text:
                return Understood(asked, "foreign", asked.text, language=language)
            if kind := guide.models.reader.about(text).for_people:
                return Understood(asked, kind, text, language=language)
        alone = 1.0 if language or suggestions.is_ours(text, guide) else 1 - about.leans
        found = Understood(asked, "quotes", text, alone, language)
        if section := suggestions.section_asked_for(text, guide):
            return replace(found, kind="section", section=section)
        if asked.profile.given and profile.asks_for_fit(text):
            return replace(found, kind="profile")
        earlier = [turn.text for turn in asked.history if turn.role == "user"]
        known, corrected = topics(guide), spelling(guide).corrected(text)
        compared = comparing.continued(corrected, earlier, known) or comparing.read_comparison(corrected, known)
        return replace(found, kind="comparison", comparison=compared) if compared else found

    # --- retrieve -----------------------------------------------------------------------------------------------

    def retrieve(self, understood: Understood) -> Retrieved:
        """Find what is to be read."""
        asked, guide, text = understood.asked, understood.guide, understood.text
        if understood.comparison:
            lookups = comparing.lookups(understood.comparison, guide)
            if lookups and understood.comparison.doubtful:
                lookups.append(self._lookup(ALONE, text, asked))
            if lookups:
                return Retrieved(understood, tuple(lookups))
            understood = replace(understood, kind="quotes", comparison=None)
        if understood.kind == "profile":
            return Retrieved(understood, tuple(profile.lookups(text, asked.profile, guide)))
        if understood.kind != "quotes":
            return Retrieved(understood)
        leans = 1 - understood.alone >= follow_up.LEANS or follow_up.points_back(text, asked.history)
        if leans and not understood.language:
            after = follow_up.reading(text, asked.history, lambda earlier: guide.models.reader.about(earlier).leans)
            if after:
                return Retrieved(understood, (self._lookup(AFTER, after, asked),))
        ways = [(ALONE, text), *((f"{PART} {n}", part) for n, part in enumerate(parts_of(text)) if part != text)]
        return Retrieved(understood, tuple(self._lookup(name, way, asked) for name, way in ways))

    def _lookup(self, name: str, text: str, asked: Asked) -> Lookup:
        guide = asked.guide
        after = name.startswith(AFTER)
        query = make_query(text, guide, asked.history if after else ())
        found = find(query, guide)
        if self.reranker is None:
            passages = passages_of(found, guide, k=MOST_PASSAGES, budget=self.settings.read_chars)
        else:
            ranked = self.reranker.reorder(query.text, passages_of(found, guide, k=RERANKED))
            passages = within(ranked, MOST_PASSAGES, self.settings.read_chars)
        numbers = sentences_to_read(found, guide)
        if after and follow_up.asks_for_more(asked.text):  # the next best, not the same again
            said = plain(" ".join(turn.text for turn in asked.history if turn.role == "assistant"))
            numbers = numbers[[guide.words_of(number) not in said for number in numbers.tolist()]]
        return Lookup((name, ""), query, tuple(passages), numbers)

    # --- read, plan ---------------------------------------------------------------------------------------------

    def read(self, retrieved: Retrieved) -> Read:
        """Have the reader read it."""
        guide = retrieved.understood.guide
        return Read(retrieved.understood, {one.name: with_cell(read(one, guide), guide) for one in retrieved.lookups})

    def plan(self, found: Read) -> Planned:
        """Make the quoting answer: its status and its lines."""
        draft, rest = self.draft(found)
        if not draft.lines:
            draft = self._refusal(found.understood.guide)
        return Planned(found.understood, rest, draft)

    def draft(self, found: Read) -> tuple[Draft, tuple[Evidence, ...]]:
        """Return the quoting answer, without lines where nothing bears on the question, and what it rests on."""
        understood = found.understood
        guide, evidence = understood.guide, found.evidence
        draft: Draft | None = None
        rest = tuple(evidence.values())
        match understood.kind:
            case "small talk":
                draft = Draft("chat", tuple(phrases.small_talk(understood.chat, guide)))
            case "human":
                draft = Draft("chat", tuple(phrases.human(self.settings)))
            case "care":
                draft = Draft("chat", tuple(phrases.care(self.settings)))
            case "foreign":
                draft = Draft("not_covered", tuple(phrases.foreign(understood.language)))
            case "section" if understood.section:
                draft = sections.section(*understood.section, guide)
            case "comparison" if understood.comparison:
                alone = evidence.get((ALONE, ""))
                if alone and alone.status == "answered":
                    draft, rest = quote.draft(understood.text, {(ALONE, ""): alone}, guide)
                else:
                    draft = comparing.table(understood.comparison, evidence, guide)
            case "profile":
                draft = profile.draft(evidence, understood.asked.profile, guide)
            case _:
                draft, rest = quote.draft(understood.text, evidence, guide)
                if headed := suggestions.section_headed(understood.text, guide):
                    draft = sections.in_section(draft, *headed, guide)
                if draft.lines and profile.asks_for_fit(understood.text):
                    draft = replace(draft, lines=(*draft.lines, Line("note", phrases.ABOUT_YOU)))
        return draft, rest

    def _refusal(self, guide: Guide) -> Draft:
        suggested = self.offers.answerable(suggestions.starters(guide), guide)
        return Draft("not_covered", tuple(phrases.not_covered(guide, suggested, self.settings)))

    # --- write, cite --------------------------------------------------------------------------------------------

    def write(self, inputs: Iterator[Planned]) -> Iterator[list[Written]]:
        """Yield the plan, then the answer's lines as they come: quotes at once, or a language model's.

        In lists, which LangChain can join where nobody listens meanwhile.
        """
        for planned in inputs:
            yield [planned]
            kind, draft = planned.understood.kind, planned.draft
            if self.writer is None or kind in ("small talk", "human", "care", "foreign", "section"):
                yield [Ending(draft.status, draft.lines)]
            else:
                for made in self.writer.write(planned.brief()):
                    yield [made]

    def cite(self, inputs: Iterator[list[Written]]) -> Iterator[AddableDict]:
        """Number the quotes, check that everything stated is proved, and yield the answer piece by piece."""
        planned: Planned | None = None
        lines: list[Line] = []
        sent = 0
        for made in chain.from_iterable(inputs):
            if isinstance(made, Planned):
                planned = made
                yield AddableDict(passages=_passages(planned, ()))
                continue
            if planned is None:
                raise TypeError("A plan comes before its lines")
            if isinstance(made, str):
                yield AddableDict(status=made)
                continue
            lines += [made] if isinstance(made, Line) else made.lines
            cited = cite(lines, planned.understood.guide.documents)
            answer: Answer | None = None
            if isinstance(made, Ending):
                answer, cited = self._answer(planned, cited, made, lines)
            for piece in cited.pieces[sent:]:
                yield AddableDict(delta=piece)
            sent = len(cited.pieces)
            if answer:
                yield AddableDict(answer=answer)

    def _answer(self, planned: Planned, cited: Cited, ending: Ending, lines: Sequence[Line]) -> tuple[Answer, Cited]:
        documents = planned.understood.guide.documents
        answer = self._made(planned, cited, ending, lines)
        problems = violations(answer, documents, names=planned.understood.language != "de")
        if problems and ending.writer == "quotes":
            _log.error("An answer was withheld, its proof failed: %s", problems[0])
            refused = self._refusal(planned.understood.guide)
            cited = cite(refused.lines, documents)
            answer = self._made(planned, cited, Ending("not_covered"), refused.lines)
        elif problems:
            _log.error("An answer of the language model is not proved: %s", problems[0])
        return answer, cited

    def _made(self, planned: Planned, cited: Cited, ending: Ending, lines: Sequence[Line]) -> Answer:
        asked, guide = planned.understood.asked, planned.understood.guide
        passages = _passages(planned, lines)
        said = [asked.text, *(turn.text for turn in asked.history if turn.role == "user")]
        near = [*ending.suggestions, *suggestions.next_questions(guide, _quoted(lines), passages, said)]
        offered = () if ending.status == "chat" else self.offers.answerable(near, guide)[: suggestions.MOST_NEXT]
        found = planned.evidence
        return Answer(
            status=ending.status,
            question=asked.text,
            standalone_question=planned.standalone,
            guide_version=guide.name,
            writer=ending.writer,
            confidence=_confidence(found, ending.status),
            text=cited.text,
            segments=cited.segments,
            citations=cited.citations,
            passages=tuple(passages),
            suggestions=tuple(offered),
        )


def _passages(planned: Planned, lines: Sequence[Line]) -> list[Passage]:
    """Return what was read, best first, and what is quoted besides."""
    found: dict[str, Passage] = {}
    for evidence in planned.evidence:
        for passage in evidence.passages:
            found.setdefault(passage.id, passage)
    ranked = sorted(found.values(), key=lambda passage: -passage.score)
    return list({passage.id: passage for passage in [*ranked, *_quoted(lines)]}.values())


def _quoted(lines: Sequence[Line]) -> list[Passage]:
    return [quote.passage for line in lines for part in (line, *(line.cells or ())) for quote in part.quotes]


def _confidence(read: Sequence[Evidence], status: Status) -> float:
    """Return the mean of the probabilities of what was read; 1 for a section asked for by name, which nobody reads."""
    if not read:
        return float(status == "answered")
    return round(sum(one.answered for one in read) / len(read), 4)
