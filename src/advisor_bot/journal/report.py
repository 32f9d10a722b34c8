"""What students asked, out of the journal: by section, what was not covered, what they did not like."""

from __future__ import annotations

import datetime
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from numpy.typing import NDArray
from sqlalchemy import Engine, select

from advisor_bot.errors import QuestionError
from advisor_bot.index.guide import Guide
from advisor_bot.journal.tables import questions
from advisor_bot.retrieval.search import find, make_query, passages_of
from advisor_bot.text import plain
from advisor_bot.types import Passage, Status

NEAR = 0.5  # cosine, on average, from which questions count as one; measured in docs/journal.md
MOST = 4000  # different questions that are grouped, the newest ones
_SPANS = {"h": "hours", "d": "days", "w": "weeks"}
STATUSES: tuple[Status, ...] = ("answered", "partial", "not_covered", "clarify")


@dataclass(frozen=True, slots=True)
class Kept:
    """One row of the journal."""

    at: datetime.datetime
    question: str
    status: Status
    sections: tuple[tuple[str, ...], ...]  # document, then headings
    thumb: str
    reason: str
    words: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A section that was quoted, how often, and how often the answer was not liked."""

    document: str
    heading: tuple[str, ...]
    asked: int
    down: int


@dataclass(frozen=True, slots=True)
class Group:
    """Questions like each other that the guide does not answer, or only in part; the most typical one first.

    ``nearest`` is the passage that comes nearest to them, None for an empty guide.
    """

    asked: int
    not_covered: int
    questions: tuple[str, ...]
    nearest: Passage | None

    @property
    def heading(self) -> str:
        """A heading for the missing section: the most typical question, which finds that section word for word."""
        words = " ".join(self.questions[0].split())
        return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class Edition:
    """How the questions fared that one version of the guide was asked."""

    version: str
    statuses: dict[str, int]

    @property
    def asked(self) -> int:
        """How many questions there were."""
        return sum(self.statuses.values())


@dataclass(frozen=True, slots=True)
class Report:
    """What was asked since ``since``, and what of it the guide lacks; ``days`` holds (day, status -> how many)."""

    since: datetime.datetime
    until: datetime.datetime
    version: str
    statuses: dict[str, int]
    days: tuple[tuple[datetime.date, dict[str, int]], ...]
    places: tuple[Place, ...]
    groups: tuple[Group, ...]
    disliked: tuple[Kept, ...]
    up: int
    editions: tuple[Edition, ...] = ()  # the version asked last first

    @property
    def asked(self) -> int:
        """How many questions there were."""
        return sum(self.statuses.values())


def beginning(text: str, now: datetime.datetime) -> datetime.datetime:
    """Return when ``text`` was: ``30d``, ``12h``, ``4w`` before ``now``, or a day as ``2026-09-01``."""
    if found := re.fullmatch(r"(\d{1,5})([hdw])", text.strip()):
        return now - datetime.timedelta(**{_SPANS[found[2]]: int(found[1])})
    try:
        return datetime.datetime.fromisoformat(text.strip()).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise QuestionError(f"--since {text} is no time. Write 30d, 4w, 12h or 2026-09-01.", "since") from None


def read(engine: Engine, since: datetime.datetime) -> list[Kept]:
    """Return what was kept since then, oldest first. Raises what the database raises."""
    wanted = select(questions).where(questions.c.at >= since).order_by(questions.c.at, questions.c.id)
    with engine.connect() as connection:
        return [_kept(row) for row in connection.execute(wanted).mappings()]


def _kept(row: Any) -> Kept:
    at = row["at"] if row["at"].tzinfo else row["at"].replace(tzinfo=datetime.UTC)  # SQLite forgets the zone
    sections = tuple(tuple(place) for place in row["sections"])
    return Kept(at, row["question"], row["status"], sections, row["thumb"], row["reason"], row["words"], row["version"])


def report(rows: Sequence[Kept], guide: Guide, since: datetime.datetime, until: datetime.datetime) -> Report:
    """Return the report on ``rows``, with what stands nearest in ``guide`` to each thing it lacks."""
    counted = Counter(row.status for row in rows)
    return Report(
        since,
        until,
        guide.name,
        {status: counted[status] for status in STATUSES},
        _days(rows, since, until),
        _places(rows),
        tuple(groups([row for row in rows if row.status in ("partial", "not_covered")], guide)),
        tuple(row for row in reversed(rows) if row.thumb == "down"),
        sum(row.thumb == "up" for row in rows),
        _editions(rows),
    )


def _editions(rows: Sequence[Kept]) -> tuple[Edition, ...]:
    counted = Counter((row.version, row.status) for row in rows)
    order = dict.fromkeys(row.version for row in reversed(rows) if row.version)
    return tuple(Edition(version, {status: counted[version, status] for status in STATUSES}) for version in order)


def _days(
    rows: Sequence[Kept], since: datetime.datetime, until: datetime.datetime
) -> tuple[tuple[datetime.date, dict[str, int]], ...]:
    counted = Counter((row.at.date(), row.status) for row in rows)
    first = max(since.date(), min((row.at.date() for row in rows), default=until.date()))
    days = [first + datetime.timedelta(days=n) for n in range((until.date() - first).days + 1)]
    return tuple((day, {status: counted[day, status] for status in STATUSES}) for day in days)


def _places(rows: Sequence[Kept]) -> tuple[Place, ...]:
    asked = Counter(place for row in rows for place in row.sections)
    down = Counter(place for row in rows for place in row.sections if row.thumb == "down")
    return tuple(Place(place[0], place[1:], n, down[place]) for place, n in asked.most_common())


def groups(rows: Sequence[Kept], guide: Guide) -> list[Group]:
    """Return ``rows`` as groups of like questions, most often asked first; without an answer counts twice."""
    often = Counter(_folded(row.question) for row in rows)
    newest = list({_folded(row.question): row for row in reversed(rows)}.values())[:MOST][::-1]
    if not newest:
        return []
    vectors = guide.models.encoder.encode([row.question for row in newest])
    made = []
    for members in alike(vectors):
        middle = vectors[members].mean(axis=0)
        ranked = sorted(members, key=lambda n: -float(vectors[n] @ middle))
        texts = {_folded(newest[n].question) for n in members}
        refused = sum(row.status == "not_covered" and _folded(row.question) in texts for row in rows)
        nearest = _nearest(newest[ranked[0]].question, guide)
        asked = sum(often[text] for text in texts)
        made.append(Group(asked, refused, tuple(newest[n].question for n in ranked), nearest))
    return sorted(made, key=lambda group: (-group.asked - group.not_covered, group.questions))


def alike(vectors: NDArray[np.float32], near: float = NEAR) -> list[list[int]]:
    """Return the rows of ``vectors`` in groups whose members have a cosine of ``near`` on average, or more."""
    if len(vectors) < 2:
        return [[n] for n in range(len(vectors))]
    from sklearn.cluster import AgglomerativeClustering

    joined = AgglomerativeClustering(n_clusters=None, distance_threshold=1 - near, metric="cosine", linkage="average")
    labels = joined.fit_predict(vectors)
    return [np.flatnonzero(labels == label).tolist() for label in range(labels.max() + 1)]


def _nearest(question: str, guide: Guide) -> Passage | None:
    return next(iter(passages_of(find(make_query(question, guide), guide), guide, k=1)), None)


def as_cases(found: Sequence[Group], group: int | None = None) -> list[dict[str, Any]]:
    """Return the groups' questions, or those of one group (counted from 1), as rows of a case file.

    Each asks for an answer: that is what the section to be written is for. Facts are the owner's to add. Raises
    ``QuestionError`` where there is no such group.
    """
    if group is not None and not 1 <= group <= len(found):
        raise QuestionError(f"--group {group}: the report has {len(found)} groups, counted from 1.", "group")
    chosen = list(enumerate(found, 1)) if group is None else [(group, found[group - 1])]
    return [
        {
            "id": f"lacking-{hashlib.sha256(_folded(question).encode()).hexdigest()[:10]}",
            "question": question,
            "answerable": True,
            "expected": "answer",
            "facts": [],
            "tags": ["lacking", f"group-{number}"],
        }
        for number, each in chosen
        for question in each.questions
    ]


def _folded(question: str) -> str:
    return re.sub(r"[^\w]+", " ", question).casefold().strip()


def as_html(made: Report) -> str:
    """Return the report as one page that needs nothing else, to be kept or sent."""
    environment = Environment(
        loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["plain"] = plain
    top = max((sum(counts.values()) for _, counts in made.days), default=0) or 1
    return environment.get_template("report.html").render(report=made, statuses=STATUSES, top=top)
