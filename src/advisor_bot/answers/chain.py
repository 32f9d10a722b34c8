"""The advisor: one LangChain Runnable from a question to a proved answer. ``ask`` and ``stream`` invoke it.

resolve + read -> weigh -> write -> cite -> check. The version of the guide is leased for the whole of one
answer, so that an answer never mixes two.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda
from langchain_core.runnables.utils import AddableDict

from advisor_bot import heap
from advisor_bot.answers import phrases
from advisor_bot.answers.cite import Cited, Line, cite, violations
from advisor_bot.answers.draft import Asked, Draft, Part, Weighed, draft_of
from advisor_bot.answers.evidence import weigh
from advisor_bot.answers.profile import NOBODY, Profile
from advisor_bot.answers.suggestions import Offers
from advisor_bot.documents.chunk import embedded_texts
from advisor_bot.errors import QuestionError
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library
from advisor_bot.llm.prompt import Brief
from advisor_bot.llm.writer import Converser, ending
from advisor_bot.models.reranker import RERANKED, Reranker
from advisor_bot.retrieval.follow_up import leans, resolve, still_talked_of
from advisor_bot.retrieval.question import foreign_language, read_question
from advisor_bot.retrieval.search import GuideRetriever, Query, make_query, search, within
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.retrieval.topics import topics
from advisor_bot.settings import Settings
from advisor_bot.types import Answer, Passage, Turn

_log = logging.getLogger(__name__)
Kind = Literal["status", "passages", "delta", "answer"]
_KINDS: tuple[Kind, ...] = ("status", "passages", "delta", "answer")
_WITH_TEXT = ("status", "delta")
MOST_PASSAGES = 8
MOST_SUGGESTED = 3


@dataclass(frozen=True, slots=True)
class Event:
    """One piece of a streamed answer: ``status`` and ``delta`` carry text, the others their value."""

    kind: Kind
    data: Any


class Advisor:
    """Answers questions from the live version of a guide. Any thread may call any method."""

    def __init__(
        self,
        versions: Library,
        settings: Settings,
        writer: Converser | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        """Take the published versions, the settings, a model's writer, a reranker."""
        self.versions, self.settings = versions, settings
        self.writer, self.reranker = writer, reranker
        self.offers = Offers(versions, self._answers)
        self.chain: Runnable[Asked, AddableDict] = (
            RunnableLambda(self._weigh) | RunnableGenerator(self._write)
        ).with_config(run_name="advisor")

    def ask(self, question: str, history: Sequence[Turn] = (), profile: Profile = NOBODY) -> Answer:
        """Return the answer to ``question``. Raises ``QuestionError`` for one that is empty or too long.

        ``profile`` is what the student said of themselves; "which fits me?" is answered from it.
        """
        with self.versions.lease() as guide:
            answer: Answer = self.chain.invoke(self._asked(question, history, guide, profile))["answer"]
            return answer

    def stream(self, question: str, history: Sequence[Turn] = (), profile: Profile = NOBODY) -> Iterator[Event]:
        """Yield the answer as it is made: status, passages, checked deltas, then the whole answer."""
        with self.versions.lease() as guide:
            asked = self._asked(question, history, guide, profile)
            yield Event("status", {"text": phrases.READING})
            for piece in self.chain.stream(asked):
                for kind in _KINDS:
                    if kind in piece:
                        yield Event(kind, {"text": piece[kind]} if kind in _WITH_TEXT else piece[kind])

    def search(self, question: str, history: Sequence[Turn] = (), k: int = 20) -> list[Passage]:
        """Return what would be read for ``question``, best first: the retrieval stage alone."""
        with self.versions.lease() as guide:
            asked = self._asked(question, history, guide)
            query = make_query(asked.question, asked.history, guide)
            return self._read(query, guide, k)

    def retriever(self, guide: Guide, history: Sequence[Turn] = (), k: int = 20) -> GuideRetriever:
        """Return LangChain's retriever over ``index``, which the caller has leased."""
        return GuideRetriever(guide=guide, k=k, history=tuple(history))

    def starters(self) -> list[str]:
        """Return questions to begin with, made from the guide's own headings; the guide answers each."""
        with self.versions.lease() as guide:
            return self.offers.answerable(phrases.starters(guide), guide)

    def warm(self) -> None:
        """Read the live version's sentences closely where it is small, so that no question has to wait for that.

        Ends early when another version is live. What a swap left in memory is given back.
        """
        with self.versions.lease() as guide:
            for step in self._warming(guide):
                if guide.name != self.versions.live or not threading.main_thread().is_alive():
                    return
                step()
        heap.give_back()

    def _warming(self, guide: Guide) -> Iterator[Callable[[], object]]:
        yield lambda: (topics(guide).all, topics(guide).initials, spelling(guide).stems)
        if not guide.is_small:
            return
        for chunk in guide.chunks:
            texts = embedded_texts(chunk, guide.documents[chunk.document]).in_context
            yield partial(guide.tokens, texts)
        yield partial(self.offers.answerable, phrases.starters(guide), guide)
        for question in phrases.all_suggestions(guide):
            yield partial(self.offers.answerable, [question], guide)

    def _answers(self, question: str, guide: Guide) -> bool:
        parts = self._weigh(self._asked(question, (), guide)).parts
        return all(part.evidence.status != "not_covered" for part in parts)

    def _asked(self, text: str, history: Sequence[Turn], guide: Guide, profile: Profile = NOBODY) -> Asked:
        clean = clean_question(text, self.settings.max_question_chars)
        question = read_question(clean)
        known = lambda term: guide.idf(term) is not None  # noqa: E731
        language = (
            ""
            if question.chat
            else foreign_language(spelling(guide).corrected(clean), known, tuple(phrases.languages()))
        )
        before = still_talked_of(question, history)
        return Asked(clean, clean, before, guide, question, language, profile)

    def _weigh(self, asked: Asked) -> Weighed:
        asked = self._in_english(asked)
        if asked.question.chat or (asked.language and asked.text == asked.typed):
            return Weighed(asked)
        parts: list[Part] = []
        history = asked.history
        if self.writer is not None and history and leans(asked.text, asked.guide.idf):
            rules = resolve(asked.text, history, asked.guide.idf).text
            asked = replace(asked, question=read_question(self.writer.condense(asked.text, history, rules)))
        for text in asked.question.parts:
            parts.append(self._part(text, history, asked))
            history = (*history, Turn("user", text))
        if len(parts) > 1:
            parts = self._worth_splitting(parts, asked)
        found = {p.id: p for part in parts for p in dict.fromkeys(s.passage for s in part.evidence.sentences)}
        passages = tuple(sorted(found.values(), key=lambda p: -p.score))
        return Weighed(asked, tuple(parts), passages)

    def _in_english(self, asked: Asked) -> Asked:
        """Have a question in another language put into English, where a language model is there to do so."""
        if not asked.language or self.writer is None:
            return asked
        english = self.writer.in_english(asked.typed, asked.history)
        question = read_question(english)
        if not english or question.chat:
            return asked
        return replace(asked, text=english, question=question, history=())

    def _part(self, text: str, history: tuple[Turn, ...], asked: Asked) -> Part:
        question = read_question(text) if len(asked.question.parts) > 1 else asked.question
        query = make_query(question, history, asked.guide)
        if asked.profile.given:
            query = replace(query, leaning=asked.guide.encoder.query(". ".join(asked.profile.given.values())))
        passages = self._read(query, asked.guide, MOST_PASSAGES, self.settings.read_chars)
        return Part(question, query, weigh(question, query, passages, asked.guide))

    def _read(self, query: Query, guide: Guide, k: int, budget: int | None = None) -> list[Passage]:
        if self.reranker is None:
            return search(query, guide, k=k, budget=budget)
        found = search(query, guide, k=max(k, RERANKED))
        return within(self.reranker.reorder(query.resolved.text, found), k, budget)

    def _worth_splitting(self, parts: list[Part], asked: Asked) -> list[Part]:
        """Keep the parts apart where they were read in different places or one is not covered; else take the whole."""
        covered = {part.evidence.status != "not_covered" for part in parts}
        firsts = {part.evidence.sentences[0].row for part in parts if part.evidence.sentences}
        if len(firsts) == len(parts) or len(covered) == 2:
            return parts
        whole = replace(asked, question=replace(asked.question, parts=(asked.question.text,)))
        return [self._part(asked.question.text, asked.history, whole)]

    def _write(self, inputs: Iterator[Weighed]) -> Iterator[AddableDict]:
        for weighed in inputs:
            asked = weighed.asked
            yield AddableDict(passages=list(weighed.passages))
            draft = draft_of(weighed, self.settings)
            if self.writer is not None and weighed.passages:
                yield from self._conversed(self.writer, weighed, draft)
                continue
            cited = cite(draft.lines, asked.guide.documents)
            answer = self._answer(weighed, draft, cited)
            problems = violations(answer, asked.guide.documents)
            if problems:
                _log.error("An answer was withheld, its proof failed: %s", problems[0])
                draft = Draft("not_covered", tuple(phrases.not_covered((), (), self.settings)))
                cited = cite(draft.lines, asked.guide.documents)
                answer = self._answer(weighed, draft, cited)
            for piece in cited.pieces:
                yield AddableDict(delta=piece)
            yield AddableDict(answer=answer)

    def _conversed(self, writer: Converser, weighed: Weighed, draft: Draft) -> Iterator[AddableDict]:
        """Write with the language model; ``draft`` is what is said where it gives too little."""
        documents, language = weighed.asked.guide.documents, weighed.asked.language
        lines: list[Line] = []
        status, sent, name = draft.status, 0, "quotes"
        for made in writer.write(_brief(weighed, draft), weighed.asked.guide):
            if isinstance(made, str):
                yield AddableDict(status=made)
                continue
            if isinstance(made, Line):
                name = writer.name
                near = draft.status == "not_covered" and made.quotes and not lines
                lines += [Line("lead", phrases.NEAREST), made] if near else [made]
            else:
                status, rest = ending(made, draft.status, draft.lines)
                lines += rest
                if language:
                    yield AddableDict(status=phrases.TRANSLATING)
                    lines = writer.in_language(lines, language, made)
            if language and isinstance(made, Line):  # what is said in another language is said at once
                continue
            pieces = cite(lines, documents).pieces
            if len(pieces) > sent:
                yield AddableDict(delta="".join(pieces[sent:]))
                sent = len(pieces)
        whole = Draft(status, tuple(lines))
        answer = replace(self._answer(weighed, whole, cite(lines, documents)), writer=name)
        for problem in violations(answer, documents, names=language != "de"):
            _log.error("An answer of the language model is not proved: %s", problem)
        yield AddableDict(answer=answer)

    def _answer(self, weighed: Weighed, draft: Draft, cited: Cited) -> Answer:
        asked = weighed.asked
        passages = {p.id: p for p in weighed.passages}
        for line in _all_lines(draft.lines):
            for quote in line.quotes:
                passages.setdefault(quote.passage.id, quote.passage)
        return Answer(
            status=draft.status,
            question=asked.typed,
            standalone_question=" ".join(part.query.resolved.text for part in weighed.parts) or asked.text,
            guide_version=asked.guide.name,
            writer="quotes",
            confidence=_confidence(weighed),
            text=cited.text,
            segments=cited.segments,
            citations=cited.citations,
            passages=tuple(passages.values()),
            suggestions=() if draft.status == "chat" else self._suggested(weighed),
        )

    def _suggested(self, weighed: Weighed) -> tuple[str, ...]:
        guide = weighed.asked.guide
        near = phrases.suggestions(guide, weighed.passages, most=2 * MOST_SUGGESTED)
        return tuple(self.offers.answerable(near, guide)[:MOST_SUGGESTED])


def _brief(weighed: Weighed, draft: Draft) -> Brief:
    """Return what the model is asked: what was read, and what the quoting answer would quote, best first."""
    asked = weighed.asked
    read = {p.id: p for p in weighed.passages}
    for line in _all_lines(draft.lines):
        read |= {q.passage.id: q.passage for q in line.quotes if q.passage.id not in read}
    standalone = " ".join(part.query.resolved.text for part in weighed.parts)
    return Brief(asked.text, standalone, tuple(read.values()), asked.history, asked.profile.given)


def _all_lines(lines: Sequence[Line]) -> Iterator[Line]:
    for line in lines:
        yield line
        yield from line.cells or ()


def _confidence(weighed: Weighed) -> float:
    found = [part.evidence.confidence for part in weighed.parts]
    return round(sum(found) / len(found), 4) if found else 0.0


def clean_question(text: str, longest: int) -> str:
    """Return ``text`` without control characters, white space folded. Raises ``QuestionError``."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not clean:
        raise QuestionError("The question is empty. Write what you would like to know.")
    if len(clean) > longest:
        raise QuestionError(
            f"The question has {len(clean):,} characters; {longest:,} are allowed. Shorten it to the point."
        )
    return clean
