"""Questions of our own that may be offered: only those that were tried and that the guide answers."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

from advisor_bot.errors import AdvisorError
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library

_log = logging.getLogger(__name__)


class Offers:
    """Remembers by version which questions the guide answers. Any thread may call any method."""

    def __init__(self, library: Library, answers: Callable[[str, Guide], bool]) -> None:
        """Take the versions, and ``answers``, which tells whether a version answers a question."""
        self._library, self._answers = library, answers
        self._known: WeakKeyDictionary[Guide, dict[str, bool]] = WeakKeyDictionary()
        self._trying = threading.Lock()

    def answerable(self, questions: Sequence[str], guide: Guide) -> list[str]:
        """Return those of ``questions`` that were tried and are answered.

        In a small guide they are tried here; the server has mostly done so when it opened the version. In a large
        one they are tried in the background, so that no answer waits for it, and offered from the next answer on.
        """
        known = self._known.setdefault(guide, {})
        new = [question for question in questions if question not in known]
        if new and guide.is_small:
            self._try(new, guide)
        elif new and self._trying.acquire(blocking=False):
            # No daemon: inside native code while the interpreter goes, it would abort it. It ends with the main thread.
            threading.Thread(target=self._try_later, args=(new, guide.name), name="suggestions").start()
        return [question for question in questions if known.get(question)]

    def _try(self, questions: Sequence[str], guide: Guide) -> None:
        known = self._known.setdefault(guide, {})
        for question in questions:
            if not threading.main_thread().is_alive():  # the process is ending
                return
            known[question] = self._answers(question, guide)

    def _try_later(self, questions: Sequence[str], version: str) -> None:
        try:
            with self._library.lease(version) as guide:
                self._try(questions, guide)
        except AdvisorError as error:
            _log.info("Follow-up questions could not be tried: %s", error)
        finally:
            self._trying.release()
