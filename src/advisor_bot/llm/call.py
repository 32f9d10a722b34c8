"""One call of a chat model: heard as it comes, its failures named, and what calls may cost.

A circuit breaker rests a provider that fails; a ledger counts tokens and money by the day.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import BaseMessage

_log = logging.getLogger(__name__)
Why = Literal["", "empty", "stalled", "failed", "limited", "budget", "resting", "busy", "unproved", "far"]
FAILURES = 3  # in a row open the breaker
REST, LONGEST_REST = 30.0, 600.0  # seconds; doubles with each failed try


class Breaker:
    """Tells whether a provider is worth a call: after a few failures in a row it rests, then one call tries."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start closed: calls are allowed."""
        self._clock, self._lock = clock, Lock()
        self._failed, self._rest, self._until, self._trying = 0, REST, 0.0, False

    def allows(self) -> bool:
        """Tell whether a call may be made now; after a rest one caller gets True, the others wait for it."""
        with self._lock:
            if not self._until:
                return True
            if self._trying or self._clock() < self._until:
                return False
            self._trying = True
            return True

    def succeeded(self) -> None:
        """Close: the provider answers."""
        with self._lock:
            self._failed, self._rest, self._until, self._trying = 0, REST, 0.0, False

    def failed(self, rest: float = 0.0) -> None:
        """Count a failure; ``rest`` seconds the provider asked for (429) open the breaker at once."""
        with self._lock:
            self._failed += 1
            if self._trying:
                self._rest = min(2 * self._rest, LONGEST_REST)
            if rest or self._failed >= FAILURES:
                self._until = self._clock() + min(max(rest, self._rest), LONGEST_REST)
            self._trying = False

    def untouched(self) -> None:
        """Take back a call that was allowed but says nothing about the provider (a student who left)."""
        with self._lock:
            self._trying = False


class Ledger(Collector):
    """Tokens and money spent today (UTC) and what became of calls and choices, for the cap and ``/metrics``.

    The day's sums are kept in ``file``, so that a restart does not open the cap again; a file that cannot be
    written is said once, and the sums are kept in memory.
    """

    def __init__(
        self,
        *,
        daily_tokens: int = 0,
        daily_cost: float = 0.0,
        prices: tuple[float, float] = (0.0, 0.0),
        file: Path | None = None,
        today: Callable[[], str] = lambda: datetime.now(UTC).date().isoformat(),
    ) -> None:
        """Take the caps (0: none) and the prices of a million tokens in and out, in one currency."""
        self._tokens_cap, self._cost_cap, self._prices = daily_tokens, daily_cost, prices
        self._file, self._today, self._lock = file, today, Lock()
        self._day, self._in, self._out = self._kept()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._total_in = self._total_out = 0

    @property
    def spent(self) -> tuple[int, int, float]:
        """Tokens in, tokens out and money of today."""
        with self._lock:
            self._turn()
            return self._in, self._out, self._cost(self._in, self._out)

    def affords(self, tokens_in: int, tokens_out: int) -> bool:
        """Tell whether a call of that size still fits under today's caps."""
        with self._lock:
            self._turn()
            after_in, after_out = self._in + tokens_in, self._out + tokens_out
            tokens = not self._tokens_cap or after_in + after_out <= self._tokens_cap
            return tokens and (not self._cost_cap or self._cost(after_in, after_out) <= self._cost_cap)

    def spend(self, tokens_in: int, tokens_out: int) -> None:
        """Book what a call took."""
        with self._lock:
            self._turn()
            self._in += tokens_in
            self._out += tokens_out
            self._total_in += tokens_in
            self._total_out += tokens_out
            self._keep()

    def count(self, name: str, label: str, times: int = 1) -> None:
        """Count a call by its outcome, or a choice by the status it had."""
        with self._lock:
            self._counts[name, label] += times

    def collect(self) -> Iterator[Metric]:
        """Yield everything for Prometheus."""
        day_in, day_out, cost = self.spent
        with self._lock:
            counts = sorted(self._counts.items())
            total = {"in": self._total_in, "out": self._total_out}
        for name, what in (("calls", "Calls to the language model, by outcome"), ("choices", "Choices, by status")):
            counted = CounterMetricFamily(f"advisor_model_{name}", what, labels=["outcome"])
            for (_, label), value in (item for item in counts if item[0][0] == name):
                counted.add_metric([label], value)
            yield counted
        tokens = CounterMetricFamily("advisor_model_tokens", "Tokens since the server started", labels=["direction"])
        today = GaugeMetricFamily("advisor_model_tokens_today", "Tokens today (UTC)", labels=["direction"])
        for way, of_today in (("in", day_in), ("out", day_out)):
            tokens.add_metric([way], total[way])
            today.add_metric([way], of_today)
        yield from (tokens, today)
        what = "Cost today (UTC) at the prices set in ADVISOR_MODEL_PRICE"
        yield GaugeMetricFamily("advisor_model_cost_today", what, value=cost)

    def _cost(self, tokens_in: int, tokens_out: int) -> float:
        return (tokens_in * self._prices[0] + tokens_out * self._prices[1]) / 1_000_000

    def _turn(self) -> None:
        if self._today() != self._day:
            self._day, self._in, self._out = self._today(), 0, 0

    def _kept(self) -> tuple[str, int, int]:
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
            if kept.get("day") == self._today():
                return str(kept["day"]), int(kept["in"]), int(kept["out"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return self._today(), 0, 0

    def _keep(self) -> None:
        if self._file is None:
            return
        partial = self._file.with_name(self._file.name + ".new")
        try:
            partial.write_text(json.dumps({"day": self._day, "in": self._in, "out": self._out}), encoding="utf-8")
            partial.replace(self._file)
        except OSError as error:
            _log.warning(
                "Today's tokens cannot be kept in %s (%s): a restart forgets them.", self._file, error.strerror
            )
            self._file = None


class NoAnswerError(Exception):
    """The model gave nothing to work with; ``why`` is the name of the reason."""

    def __init__(self, why: Why, rest: float = 0.0) -> None:
        """Keep the reason, and the seconds the provider asked to be left alone."""
        super().__init__(why)
        self.why: Why = why
        self.rest = rest


def text_of(chunk: Any) -> str:
    """Return what a piece of a stream says aloud: text blocks only, no thinking."""
    content = chunk.content
    if isinstance(content, str):
        return content
    blocks = (b if isinstance(b, dict) else {"type": "text", "text": str(b)} for b in content)
    return "".join(str(b.get("text", "")) for b in blocks if b.get("type") in ("text", "output_text"))


def reason_of(error: BaseException) -> NoAnswerError:
    """Name what a provider's error means; its words are not looked at, they may hold a key."""
    response = getattr(error, "response", None)
    status = getattr(error, "status_code", None) or getattr(response, "status_code", None)
    if status == 429:
        after = str(getattr(response, "headers", {}).get("retry-after", "")) if response is not None else ""
        return NoAnswerError("limited", float(after) if re.fullmatch(r"\d{1,6}(?:\.\d+)?", after) else 30.0)
    return NoAnswerError("stalled" if "Timeout" in type(error).__name__ else "failed")


class Call:
    """One running stream of a model, in a thread of its own, so that waiting for it can end."""

    def __init__(self, model: BaseChatModel, messages: list[BaseMessage], slots: threading.Semaphore) -> None:
        """Begin; ``slots`` is released when the provider has let go, however long that takes."""
        self._queue: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()
        self._gone = threading.Event()
        self._slots = slots
        self.began = False
        self.usage: tuple[int, int] | None = None
        threading.Thread(target=self._run, args=(model, messages), name="model", daemon=True).start()

    def _run(self, model: BaseChatModel, messages: list[BaseMessage]) -> None:
        taken = given = 0
        try:
            stream = model.stream(messages)
            try:
                for chunk in stream:
                    if self._gone.is_set():
                        break
                    usage = getattr(chunk, "usage_metadata", None)
                    if usage:
                        taken, given = taken + usage["input_tokens"], given + usage["output_tokens"]
                        self.usage = taken, given
                    self._queue.put(text_of(chunk))
            finally:
                close = getattr(stream, "close", None)
                if close:
                    close()
            self._queue.put(None)
        except Exception as error:  # whatever a provider's package raises
            self._queue.put(error)
        finally:
            self._slots.release()

    def next(self, seconds: float) -> str | None:
        """Return the next piece, None at the end. Raises ``NoAnswerError`` after ``seconds`` or on an error."""
        try:
            piece = self._queue.get(timeout=max(0.001, seconds))
        except queue.Empty:
            raise NoAnswerError("stalled") from None
        if isinstance(piece, BaseException):
            _log.warning("The language model failed: %s", type(piece).__name__)
            raise reason_of(piece) from None
        self.began = True
        return piece

    def stop(self) -> None:
        """Stop the model at its next piece."""
        self._gone.set()
