"""Asking the advisor on behalf of a route, so that every way of asking is counted and kept alike."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from advisor_bot.answers.advisor import Advisor, Event
from advisor_bot.errors import QuestionError
from advisor_bot.types import NOBODY, Answer, Profile, Turn


class Listener(Protocol):
    """Hears of every answer. It is called in the thread that answers: it must be quick, and may not raise."""

    def began(self) -> None:
        """Hear that somebody asks."""

    def ended(self) -> None:
        """Hear that nothing more comes, however it ended."""

    def answered(self, answer: Answer, history: Sequence[Turn], seconds: float) -> None:
        """Hear of an answer and how long it took; ``history`` is what was said before the question."""

    def refused(self, field: str) -> None:
        """Hear of a question that could not be answered as it was sent; ``field`` was at fault."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The advisor as routes ask it. Raises what the advisor raises."""

    advisor: Advisor
    listeners: tuple[Listener, ...] = ()

    def ask(self, question: str, history: Sequence[Turn] = (), profile: Profile = NOBODY) -> Answer:
        """Return the answer."""
        began = time.perf_counter()
        with self._under_way(), self._refusals_told():
            answer = self.advisor.ask(question, history, profile)
            self._tell(answer, history, began)
            return answer

    def stream(self, question: str, history: Sequence[Turn] = (), profile: Profile = NOBODY) -> Iterator[Event]:
        """Yield the events of an answer. A question that cannot be answered as sent fails at once, not at the first."""
        began = time.perf_counter()
        events = self.advisor.stream(question, history, profile)
        with self._refusals_told():
            first = next(events)
        return self._told(first, events, history, began)

    def _told(self, first: Event, rest: Iterator[Event], history: Sequence[Turn], began: float) -> Iterator[Event]:
        with self._under_way():
            yield first
            for event in rest:
                if isinstance(event.data, Answer):
                    self._tell(event.data, history, began)
                yield event

    def _tell(self, answer: Answer, history: Sequence[Turn], began: float) -> None:
        seconds = time.perf_counter() - began
        for listener in self.listeners:
            listener.answered(answer, history, seconds)

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        for listener in self.listeners:
            listener.began()
        try:
            yield
        finally:
            for listener in self.listeners:
                listener.ended()

    @contextmanager
    def _refusals_told(self) -> Iterator[None]:
        try:
            yield
        except QuestionError as error:
            for listener in self.listeners:
                listener.refused(error.field)
            raise
