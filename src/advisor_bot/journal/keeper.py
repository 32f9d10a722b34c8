"""Keeps what was asked, in a thread of its own: an answer waits for no database, and a dead one costs none."""

from __future__ import annotations

import datetime
import logging
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import Connection, Engine, delete, insert, update
from sqlalchemy.exc import DataError, IntegrityError

from advisor_bot.journal.masking import masked
from advisor_bot.journal.tables import open_engine, prepare, questions
from advisor_bot.types import Answer, Turn

log = logging.getLogger(__name__)
WAITING = 10_000  # rows that wait for the database at most; what comes then is lost, and counted
BATCH = 200
AGAIN = 15.0  # seconds until a database that failed is tried again
TIDY = 3600.0  # seconds between two looks for what has grown too old
Change = Callable[[Connection], object]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way into the journal, before it is masked and looked at."""

    id: str
    at: datetime.datetime
    answer: Answer
    history: tuple[Turn, ...]
    seconds: float


class Journal:
    """Hears every answer and keeps what may be kept. Any thread may call any method; hearing neither raises nor waits.

    Never kept: small talk, calls for help and whatever is said in a conversation with one, a question in a language
    in which a call for help would not be noticed, addresses, who asked.
    """

    def __init__(self, url: str, days: int, hidden: Callable[[str], bool], current: Callable[[], str]) -> None:
        """Keep in the database at ``url`` for so many ``days``; ``start`` begins.

        ``hidden`` tells whether words must not be kept; ``current`` names the request that is being served. Raises
        ``SettingsError`` where the URL cannot be used.
        """
        self.engine: Engine = open_engine(url)
        self.days, self.hidden, self.current = days, hidden, current
        self.counts: Counter[str] = Counter()
        self._waiting: queue.Queue[Asked | Change] = queue.Queue(WAITING)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        """Begin to write, in the background."""
        self._thread.start()

    def close(self, seconds: float = 5) -> None:
        """Write what waits, for so many seconds at most, and end."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self.engine.dispose()

    # --- what it hears ------------------------------------------------------------------------------------------

    def began(self) -> None:
        """Hear that somebody asks: nothing to keep yet."""

    def ended(self) -> None:
        """Hear that nothing more comes."""

    def refused(self, field: str) -> None:
        """Hear of a question that was not answered: it is not kept."""

    def answered(self, answer: Answer, history: Sequence[Turn], seconds: float) -> None:
        """Keep an answer's question, if it may be kept; that is looked into later, in the background."""
        if answer.status != "chat":
            at = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
            self._put(Asked(self.current() or uuid4().hex[:16], at, answer, tuple(history), seconds))

    def judged(self, request: str, thumb: str, reason: str, words: str) -> None:
        """Keep a thumb, why, and what the visitor adds, with the question it is about, if that was kept."""

        def judge(connection: Connection) -> None:
            said = "" if not words or self.hidden(words) else masked(words)
            row = {"thumb": thumb, "reason": reason, "words": said}
            connection.execute(update(questions).where(questions.c.id == request).values(row))

        self._put(judge)

    def collect(self) -> Iterator[Metric]:
        """Yield what happened, for Prometheus."""
        counted = CounterMetricFamily("advisor_journal", "Questions and thumbs, by their fate", labels=["fate"])
        for fate in ("kept", "hidden", "lost", "failed"):
            counted.add_metric([fate], self.counts[fate])
        yield counted
        yield GaugeMetricFamily("advisor_journal_waiting", "Rows that wait for the database", self._waiting.qsize())

    def _put(self, row: Asked | Change) -> None:
        try:
            self._waiting.put_nowait(row)
        except queue.Full:
            self.counts["lost"] += 1

    # --- the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        ready, failing, tidied = False, False, 0.0
        held: list[Change] = []
        while not (self._stop.is_set() and self._waiting.empty() and not held):
            held = held or self._next()
            try:
                if not ready:
                    prepare(self.engine)
                    ready = True
                if not tidied or tidied + TIDY < time.monotonic():
                    self._forget()
                    tidied = time.monotonic()
                self._write(held)
                held = []
                if failing:
                    log.warning("The journal is written again.")
                failing = False
            except Exception as error:  # whatever a database or a disk can do
                self.counts["failed"] += 1
                if not failing:  # said once, however long it lasts
                    log.warning("The journal cannot be written, and is tried again: %s", _first_line(error))
                failing = True
                if self._stop.wait(AGAIN):
                    self.counts["lost"] += len(held) + self._waiting.qsize()
                    return

    def _write(self, changes: Sequence[Change]) -> None:
        """Write all at once; where one of them is to blame that it fails, the others alone."""
        try:
            with self.engine.begin() as connection:
                for change in changes:
                    change(connection)
            self.counts["kept"] += len(changes)
        except (IntegrityError, DataError) as error:
            if len(changes) > 1:
                for change in changes:
                    self._write([change])
            else:
                self.counts["lost"] += 1
                log.warning("A question could not be written, and is lost: %s", _first_line(error))

    def _next(self) -> list[Change]:
        """Return what is to be written next, nothing if for a second nothing came."""
        found: list[Change] = []
        try:
            found += self._looked_at(self._waiting.get(timeout=0.2 if self._stop.is_set() else 1))
            while len(found) < BATCH:
                found += self._looked_at(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return found

    def _looked_at(self, row: Asked | Change) -> list[Change]:
        if not isinstance(row, Asked):
            return [row]
        try:
            said = [row.answer.question, *(turn.text for turn in row.history if turn.role == "user")]
            if any(map(self.hidden, said)):
                self.counts["hidden"] += 1
                return []
        except Exception as error:  # what cannot be looked at is not kept
            self.counts["hidden"] += 1
            log.warning("A question could not be looked at, and is not kept: %s", _first_line(error))
            return []
        values = _row(row)
        return [lambda connection: connection.execute(insert(questions).values(values))]

    def _forget(self) -> None:
        oldest = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=self.days)
        with self.engine.begin() as connection:
            connection.execute(delete(questions).where(questions.c.at < oldest))


def _row(asked: Asked) -> dict[str, Any]:
    answer = asked.answer
    cited = {citation.passage_id: [citation.document, *citation.heading] for citation in answer.citations}
    return {
        "id": asked.id,
        "at": asked.at,
        "question": masked(answer.question),
        "status": answer.status,
        "confidence": answer.confidence,
        "writer": answer.writer,
        "version": answer.guide_version,
        "milliseconds": round(1000 * asked.seconds),
        "passages": list(cited),
        "sections": [list(place) for place in dict.fromkeys(map(tuple, cited.values()))],
    }


def _first_line(error: BaseException) -> str:
    """Return what went wrong without what was to be written: a database says both."""
    told = getattr(error, "orig", None) or error
    return f"{type(told).__name__}: {str(told).splitlines()[0] if str(told) else ''}"
