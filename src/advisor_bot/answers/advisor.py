"""The advisor: answers questions from the live version of a guide, which it leases for the length of one answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from advisor_bot import heap
from advisor_bot.answers import phrases, suggestions
from advisor_bot.answers.chain import Steps
from advisor_bot.answers.stages import Asked, Writer
from advisor_bot.answers.suggestions import Offers
from advisor_bot.errors import AdvisorError
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library
from advisor_bot.models.reranker import RERANKED, Reranker
from advisor_bot.retrieval import follow_up
from advisor_bot.retrieval.question import clean_question
from advisor_bot.retrieval.search import Query, blended, find, make_query, passages_of, within
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.retrieval.topics import topics
from advisor_bot.settings import Settings
from advisor_bot.types import NOBODY, Answer, Passage, Profile, Turn

Kind = Literal["status", "passages", "delta", "answer"]
_KINDS: tuple[Kind, ...] = ("status", "passages", "delta", "answer")
_WITH_TEXT = ("status", "delta")


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
        writer: Writer | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        """Take the published versions, the settings, a language model's writer, a reranker."""
        self.versions, self.settings, self.writer = versions, settings, writer
        self.offers = Offers(versions, self._answers)
        self.steps = Steps(settings, self.offers, writer, reranker)
        self.chain = self.steps.chain()

    def ask(self, question: str, history: Sequence[Turn] = (), profile: Profile = NOBODY) -> Answer:
        """Return the answer to ``question``. Raises ``QuestionError`` for one that is empty or too long.

        ``profile`` is what the student said of themselves; "which fits me?" is answered from it.
        """
        with self.versions.lease() as guide:
            answer: Answer = self.chain.invoke(self._asked(question, history, profile, guide))["answer"]
            return answer

    def stream(self, question: str, history: Sequence[Turn] = (), profile: Profile = NOBODY) -> Iterator[Event]:
        """Yield the answer as it is made: status, passages, checked deltas, then the whole answer."""
        with self.versions.lease() as guide:
            asked = self._asked(question, history, profile, guide)
            yield Event("status", {"text": phrases.READING})
            for piece in self.chain.stream(asked):
                for kind in _KINDS:
                    if kind in piece:
                        yield Event(kind, {"text": piece[kind]} if kind in _WITH_TEXT else piece[kind])

    def search(self, question: str, history: Sequence[Turn] = (), k: int = 20) -> list[Passage]:
        """Return the passages found for ``question`` and the conversation, best first: the retrieval stage alone."""
        with self.versions.lease() as guide:
            text = clean_question(question, self.settings.max_question_chars)
            return self._found(query_in_conversation(text, history, guide), guide, k)

    def title(self) -> str:
        """Return what the live guide calls itself, "" before anything is published."""
        try:
            with self.versions.lease() as guide:
                return phrases.title_of(guide)
        except AdvisorError:
            return ""

    def starters(self) -> list[str]:
        """Return questions to begin with; the guide answers each."""
        with self.versions.lease() as guide:
            return self.offers.answerable(suggestions.starters(guide), guide)

    def warm(self, wait: Callable[[], object] = lambda: None) -> None:
        """Work out now what would keep the first questions waiting; try what may be offered.

        ``wait`` is called before each step: it may hold things up for what is more urgent. Ends early when another
        version is live. What a swap left in memory is given back.
        """
        with self.versions.lease() as guide:
            for step in self._warming(guide):
                wait()
                if guide.name != self.versions.live or not threading.main_thread().is_alive():
                    return
                step()
        heap.give_back()

    def _warming(self, guide: Guide) -> Iterator[Callable[[], object]]:
        yield lambda: (topics(guide).all, topics(guide).initials, spelling(guide).vocabulary)
        yield partial(self._answers, phrases.title_of(guide), guide)
        if len(guide.sentence_rows) > suggestions.TRIED_AT_ONCE:
            return
        for question in [*suggestions.starters(guide), *suggestions.all_questions(guide)]:
            yield partial(self.offers.answerable, [question], guide)

    def _answers(self, question: str, guide: Guide) -> bool:
        steps = self.steps
        found = steps.read(steps.retrieve(steps.understand(Asked(question, (), NOBODY, guide))))
        return steps.draft(found)[0].status == "answered"

    def _found(self, query: Query, guide: Guide, k: int) -> list[Passage]:
        found = find(query, guide)
        reranker = self.steps.reranker
        if reranker is None:
            return passages_of(found, guide, k=k)
        return within(reranker.reorder(query.text, passages_of(found, guide, k=max(k, RERANKED))), k, None)

    def _asked(self, text: str, history: Sequence[Turn], profile: Profile, guide: Guide) -> Asked:
        return Asked(clean_question(text, self.settings.max_question_chars), tuple(history), profile, guide)


def query_in_conversation(text: str, history: Sequence[Turn], guide: Guide) -> Query:
    """Return the query for ``text`` in a conversation: itself, or half itself and half after what it leans on."""
    alone = make_query(text, guide, history)
    about = guide.models.reader.about
    after = follow_up.reading(text, history, lambda earlier: about(earlier).leans)
    if not after or about(text).leans < follow_up.LEANS:
        return alone
    return blended(alone, make_query(after, guide, history))
