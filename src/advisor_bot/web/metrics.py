"""Counts of what happened, as ``/metrics`` shows them, and a line a request. Names of ours, never a visitor's text."""

from __future__ import annotations

import datetime
import json
import logging
import secrets
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from itertools import chain
from typing import Any, Protocol
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from advisor_bot.answers.advisor import Advisor
from advisor_bot.types import Answer, Turn
from advisor_bot.web.security import App, Message, Receive, Scope, Send, route_path

# The request that is being served: its id, and what its line in the log says besides.
_NOW: ContextVar[dict[str, Any]] = ContextVar("request")
_PAGES = ("/", "/widget", "/mcp")  # whose routes have no description
_lines = logging.getLogger("advisor_bot.requests")
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

    def __init__(self, *others: Collector, guide: str = "") -> None:
        """Start at zero; ``others`` are collected as well. ``guide`` is its name, where a server has several."""
        self.guide = guide
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
        self._stages = Histogram(
            "advisor_stage_seconds",
            "Time of each step of an answer",
            ["stage"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._cited = Counter("advisor_citations", "Quotes shown", registry=self._registry)
        self._under_way = Gauge("advisor_answers_under_way", "Answers being made", registry=self._registry)
        self._guide = Gauge("advisor_guide", "Passages of the live version", ["version"], registry=self._registry)

    def watch(self, advisor: Advisor) -> None:
        """Take the time of each step of ``advisor``'s chain."""
        advisor.chain = advisor.chain.with_config(callbacks=[Stages(self._stages)])

    def began(self) -> None:
        """Count an answer that is being made."""
        self._under_way.inc()

    def ended(self) -> None:
        """Count it no longer, however it ended."""
        self._under_way.dec()

    def answered(self, answer: Answer, history: Sequence[Turn], seconds: float) -> None:  # noqa: ARG002 - a listener's
        """Count an answer and how long it took."""
        self._answers.labels(answer.status, answer.writer).inc()
        self._cited.inc(len(answer.citations))
        self._seconds.observe(seconds)
        _NOW.get({}).update(answer=answer.status, writer=answer.writer, guide=answer.guide_version)

    def refused(self, field: str) -> None:
        """Count a question that could not be answered as it was sent; ``field`` was at fault."""
        self._refused.labels(field).inc()

    def judged(self, thumb: Thumb, version: str, passages: list[str]) -> None:
        """Count a thumb, for the answer and for each passage it cited."""
        self._thumbs.labels(thumb.verdict, thumb.status, version, thumb.reason).inc()
        for name in passages:
            self._passages.labels(thumb.verdict, version, name).inc()

    def serving(self, version: str, passages: int) -> Metrics:
        """Note the live ``version`` and how many ``passages`` it has; return these metrics."""
        self._guide.clear()
        self._guide.labels(version).set(passages)
        return self

    def text(self, version: str, passages: int) -> str:
        """Return everything in Prometheus' text format, with the live ``version`` and how many ``passages`` it has."""
        self.serving(version, passages)
        return together([self]) if self.guide else generate_latest(self._registry).decode()

    def collect(self) -> Iterator[Metric]:
        """Yield everything, under the guide's name."""
        for family in self._registry.collect():
            named = Metric(family.name, family.documentation, family.type)
            named.samples = [s._replace(labels={"guide": self.guide, **s.labels}) for s in family.samples]
            yield named

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self._registry)


class _Together(Collector):
    def __init__(self, all_of: Sequence[Metrics], more: Sequence[Metric]) -> None:
        self.all_of, self.more = all_of, more

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for family in chain.from_iterable(metrics.collect() for metrics in self.all_of):
            families.setdefault(family.name, family)
            if families[family.name] is not family:
                families[family.name].samples.extend(family.samples)
        yield from (*families.values(), *self.more)


def together(all_of: Sequence[Metrics], more: Sequence[Metric] = ()) -> str:
    """Return the metrics of several guides, each under its name, and ``more``, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Together(all_of, more))
    return generate_latest(registry).decode()


class Stages(BaseCallbackHandler):
    """LangChain's callbacks as times of the chain's steps: from the end of the one before to its own."""

    run_inline = True

    def __init__(self, seconds: Histogram) -> None:
        """Observe them in ``seconds``, by the step's name."""
        self._seconds = seconds
        self._steps: dict[UUID, tuple[str, UUID]] = {}
        self._last: dict[UUID, float] = {}

    def on_chain_start(self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **more: Any) -> None:
        """Remember what began."""
        if parent_run_id is None:
            self._last[run_id] = time.perf_counter()
        elif parent_run_id in self._last:
            self._steps[run_id] = (more.get("name") or "", parent_run_id)

    def on_chain_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Observe what ended."""
        self._last.pop(run_id, None)
        name, parent = self._steps.pop(run_id, ("", run_id))
        if parent in self._last:
            now = time.perf_counter()
            self._seconds.labels(name).observe(now - self._last[parent])
            self._last[parent] = now

    def on_chain_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Forget what failed."""
        self._last.pop(run_id, None)
        self._steps.pop(run_id, None)


def request_id() -> str:
    """Return the id of the request that is being served, "" outside one."""
    found: str = _NOW.get({}).get("id", "")
    return found


class RequestLog:
    """Gives every request an id, and the log one line of JSON for it: what was asked for, never what was asked.

    The files of the pages have no line. A route stands as it is described: no address tells what was read.
    """

    def __init__(self, app: App, guide: str = "") -> None:
        """Wrap ``app``; ``guide`` is the name of the guide it serves, where the server has several."""
        self.app, self.name = app, {"name": guide} if guide else {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        said: dict[str, Any] = {"id": secrets.token_hex(8), **self.name}
        status, began = 0, time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", said["id"].encode())]
            await send(message)

        token = _NOW.set(said)
        try:
            await self.app(scope, receive, send_with_id)
        finally:
            _NOW.reset(token)
            if (route := _route(scope, status)) and _lines.isEnabledFor(logging.INFO):
                at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
                took = {"status": status, "ms": round(1000 * (time.perf_counter() - began), 1)}
                line = {"at": at, "method": scope["method"], "route": route, **took, **said}
                _lines.info("%s", json.dumps(line))


def _route(scope: Scope, status: int) -> str:
    """Return the path of the route that was taken, as it is described, or "refused"; "" for the files of the pages."""
    path: str = getattr(scope.get("route"), "path", "")
    if not path and (own := route_path(scope)) in _PAGES:
        path = own
    return path or ("refused" if status >= 400 else "")
