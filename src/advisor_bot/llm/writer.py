"""The writer with a language model: it is asked once, chooses sentences by their numbers, and the guide speaks.

A call is bounded in time, tokens and money; whatever goes wrong has a name, and the quoting answer takes over.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from advisor_bot.answers import phrases
from advisor_bot.answers.cite import Line
from advisor_bot.answers.stages import Brief, Ending
from advisor_bot.llm.call import Breaker, Call, Ledger, NoAnswerError, Why
from advisor_bot.llm.choice import chosen, vocabulary
from advisor_bot.llm.chosen_answer import ChosenAnswer
from advisor_bot.llm.plausible import Yardstick
from advisor_bot.llm.prompt import AGAIN, build_prompt, prompt_file, tokens_of
from advisor_bot.llm.translate import english_question, lines_prompt, question_prompt, translated
from advisor_bot.settings import Settings
from advisor_bot.types import Turn

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

Clock = Callable[[], float]

QUESTION_TOKENS, QUESTION_SECONDS = 80, 5.0  # of a question put into English


class Converser:
    """Asks one chat model which sentences answer. Any thread may use it."""

    def __init__(
        self,
        model: BaseChatModel,
        name: str,
        settings: Settings,
        ledger: Ledger | None = None,
        breaker: Breaker | None = None,
        clock: Clock = time.monotonic,
        slots: threading.Semaphore | None = None,
    ) -> None:
        """Take the model, what answers call it, and what it may cost. Raises ``SettingsError`` for a bad prompt.

        ``slots`` bounds the calls at once; writers of one local model share them.
        """
        prompt_file(settings.model_prompt, settings.model_style)
        self.model, self.name, self.settings = model, name, settings
        self.ledger, self.breaker = ledger or Ledger(), breaker or Breaker(clock)
        self._clock = clock
        self._slots = slots or threading.Semaphore(settings.model_parallel)

    def write(self, brief: Brief) -> Iterator[str | Line | Ending]:
        """Yield what to say meanwhile, each quote as soon as its number arrives, and last how it ended."""
        own = self.settings.model_style == "own-words"
        yield phrases.WRITING if own else phrases.CHOOSING
        messages, numbers = build_prompt(brief, self.settings)
        answer = ChosenAnswer(brief, Yardstick(brief, numbers.values()), own)
        why = yield from self._choose(messages, numbers, answer)
        if not why and answer.is_empty:
            from langchain_core.messages import HumanMessage

            why = yield from self._choose([*messages, HumanMessage(AGAIN[self.settings.model_style])], numbers, answer)
        if own and answer.written and not why:
            why = yield from self._held(answer)
        ending = answer.ending(why or ("empty" if answer.is_empty else ""), self.name)
        self.ledger.count("choices", ending.status if ending.writer == self.name else "not shown")
        if brief.language:
            shown = list(self._in_language(ending.lines, brief.language, asked=not why))
            ending = replace(ending, lines=tuple(shown))
        yield ending

    def _choose(
        self, messages: list[BaseMessage], numbers: dict[int, int], answer: ChosenAnswer
    ) -> Generator[Line, None, Why]:
        """Yield the quotes that the model chooses; return why it fell silent, "" where it did not."""
        heard = self._heard(messages, self.settings.model_answer_tokens, self.settings.model_seconds)
        try:
            for line in chosen(heard, numbers, vocabulary(answer.brief)):
                yield from answer.take(line)
        except NoAnswerError as silent:
            return silent.why
        finally:
            heard.close()
        return ""

    def _held(self, answer: ChosenAnswer) -> Generator[Line, None, Why]:
        """Yield what is borne out of the sentences in the model's own words; return why nothing is, "" otherwise."""

        def hear(messages: list[BaseMessage]) -> str:
            return "".join(self._heard(messages, self.settings.model_answer_tokens, self.settings.model_seconds))

        try:
            yield from answer.held(hear)
        except NoAnswerError as silent:
            return silent.why
        if answer.quoted:
            return ""
        return "unproved" if answer.plausible else "far"

    def in_english(self, question: str, history: Sequence[Turn]) -> str:
        """Return a question in another language as one in English that stands alone, "" where that fails."""
        history = history if self.settings.model_history == "on" else ()
        heard = self._heard(question_prompt(question, history), QUESTION_TOKENS, QUESTION_SECONDS)
        try:
            return english_question("".join(heard), question, history, tuple(phrases.languages()))
        except NoAnswerError:
            return ""

    def _in_language(self, lines: Sequence[Line], code: str, *, asked: bool) -> Iterator[Line]:
        """Yield ``lines`` with the program's own words in the language ``code``; quotes stay the guide's.

        A note says who translated. Where the model fails, the language's own line says that the guide is in English;
        a model that did not answer before is not ``asked`` again.
        """
        language, codes = phrases.languages()[code], tuple(phrases.languages())
        own = [line.text for line in lines if line.text] + [phrases.TRANSLATED]
        made = [""] * len(own)
        if asked:
            with contextlib.suppress(NoAnswerError):
                most = 2 * self.settings.model_answer_tokens  # other scripts need more tokens than English
                heard = self._heard(lines_prompt(own, language["name"]), most, self.settings.model_seconds)
                made = translated("".join(heard), own, code, codes)
        if not any(made):
            yield Line("lead", language["guide_is_english"])
        words = iter(made)
        for line in lines:
            yield replace(line, text=next(words) or line.text) if line.text else line
        yield Line("note", (next(words) or phrases.TRANSLATED) if any(made) else phrases.UNTRANSLATED)

    # --- one call, bounded

    def _heard(self, messages: list[BaseMessage], most: int, seconds: float) -> Generator[str]:
        """Yield what the model says as it comes. Raises ``NoAnswerError`` with the reason when it does not answer."""
        taken = sum(tokens_of(message.text) for message in messages)
        if not self.ledger.affords(taken, most):
            self._end("budget")
        if not self.breaker.allows():
            self._end("resting")
        if not self._slots.acquire(timeout=min(self.settings.model_first_seconds, seconds)):
            self.breaker.untouched()
            self._end("busy")
        call = Call(self.model, messages, self._slots)
        said_so_far = ""
        outcome: str = "left"
        began = self._clock()
        try:
            while True:
                limit = seconds if call.began else min(self.settings.model_first_seconds, seconds)
                piece = call.next(limit - (self._clock() - began))
                if piece is None:
                    break
                said_so_far += piece
                yield piece
                if tokens_of(said_so_far) > 2 * most:  # a provider that does not keep to its limit
                    break
            outcome = "answered"
        except NoAnswerError as silent:
            outcome = silent.why
            self.breaker.failed(silent.rest)
            raise
        finally:
            call.stop()
            if outcome == "answered":
                self.breaker.succeeded()
            elif outcome == "left":  # by a student who went away, or by us who had heard enough
                self.breaker.succeeded() if call.began else self.breaker.untouched()
            self.ledger.spend(*(call.usage or (taken, tokens_of(said_so_far))))
            self.ledger.count("calls", outcome)

    def _end(self, why: Why) -> None:
        self.ledger.count("calls", why)
        raise NoAnswerError(why)
