"""Counts of what happened, as ``/metrics`` shows them. Numbers and names of ours only, never a visitor's text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.registry import Collector

from advisor_bot.types import Answer, Turn

# Upper edges in seconds: quoting answers sit in the first four, a language model's in the last ones.
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)


class Thumb(Protocol):
    """What was thought of an answer."""

    @property
    def verdict(self) -> str:
        """Up or down."""

    @property
    def status(self) -> str:
        """The status of the answer."""

    @property
    def reason(self) -> str:
        """Why, where it was said; else empty."""


class Metrics:
    """Counters and one histogram, in a registry of their own; safe to use from many threads."""

    def __init__(self, *others: Collector) -> None:
        """Start at zero; ``others`` are collected as well."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # when a counter was made says nothing to anybody here
        self._registry = CollectorRegistry()
        for other in others:
            self._registry.register(other)
        self._answers = self._counter("advisor_answers", "Answers given, by status and writer", "status", "writer")
        self._refused = self._counter("advisor_refused", "Questions that cannot be answered as sent, by field", "field")
        self._thumbs = self._counter(
            "advisor_feedback", "Thumbs, by verdict, answer status, guide version and reason",
            "verdict", "status", "version", "reason",
        )  # fmt: skip
        self._passages = self._counter(
            "advisor_passage_feedback", "Thumbs, by verdict, guide version and cited passage",
            "verdict", "version", "passage",
        )  # fmt: skip
        self._seconds = Histogram(
            "advisor_answer_seconds",
            "Time from question to complete answer",
            buckets=BUCKETS,
            registry=self._registry,
        )

    def answered(self, answer: Answer, history: Sequence[Turn], seconds: float) -> None:  # noqa: ARG002 - a listener's
        """Count an answer and how long it took."""
        self._answers.labels(answer.status, answer.writer).inc()
        self._seconds.observe(seconds)

    def refused(self, field: str) -> None:
        """Count a question that could not be answered as it was sent; ``field`` was at fault."""
        self._refused.labels(field).inc()

    def judged(self, thumb: Thumb, version: str, passages: list[str]) -> None:
        """Count a thumb, for the answer and for each passage it cited."""
        self._thumbs.labels(thumb.verdict, thumb.status, version, thumb.reason).inc()
        for name in passages:
            self._passages.labels(thumb.verdict, version, name).inc()

    def text(self) -> str:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry).decode()

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self._registry)
