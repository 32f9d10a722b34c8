"""Counts of what happened, as ``/metrics`` shows them. Numbers and names of ours only, never a visitor's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Lock

# Upper edges in seconds: quoting answers sit in the first four, a language model's in the last ones.
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0)

_HELP = {
    "advisor_answers_total": "Answers given, by status",
    "advisor_refused_total": "Questions that could not be answered as sent, by reason",
    "advisor_feedback_total": "Thumbs, by verdict, answer status, guide version and reason",
    "advisor_passage_feedback_total": "Thumbs, by verdict, guide version and cited passage",
}

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """Counters and one histogram, safe to use from many threads."""

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = Lock()
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0
        self._answers = 0

    def count(self, name: str, **labels: str) -> None:
        """Add one to the counter ``name`` with these labels."""
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += 1

    def answered(self, status: str, seconds: float) -> None:
        """Count an answer and how long it took."""
        self.count("advisor_answers_total", status=status)
        with self._lock:
            self._answers += 1
            self._seconds += seconds
            self._buckets.update(edge for edge in BUCKETS if seconds <= edge)

    def text(self) -> str:
        """Return everything in Prometheus' text format."""
        with self._lock:
            return "\n".join([*self._counters(), *self._histogram(), ""])

    def _counters(self) -> Iterator[str]:
        for name, help_line in _HELP.items():
            yield f"# HELP {name} {help_line}"
            yield f"# TYPE {name} counter"
            for (counted, labels), value in sorted(self._counts.items()):
                if counted == name:
                    yield f"{name}{{{','.join(f'{key}={_quoted(word)}' for key, word in labels)}}} {value}"

    def _histogram(self) -> Iterator[str]:
        name = "advisor_answer_seconds"
        yield f"# HELP {name} Time from question to complete answer"
        yield f"# TYPE {name} histogram"
        yield from (f'{name}_bucket{{le="{edge}"}} {self._buckets[edge]}' for edge in BUCKETS)
        yield f'{name}_bucket{{le="+Inf"}} {self._answers}'
        yield f"{name}_sum {self._seconds:.6f}"
        yield f"{name}_count {self._answers}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
