"""The report: what was asked and what the guide lacks, out of a journal that a server kept."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert
from typer.testing import CliRunner

from advisor_bot import cli
from advisor_bot.answers.advisor import Advisor
from advisor_bot.errors import QuestionError
from advisor_bot.evaluate import read_cases
from advisor_bot.index.guide import Guide
from advisor_bot.journal import report as reporting
from advisor_bot.journal.report import Kept, Report, alike, as_html, beginning
from advisor_bot.journal.tables import open_engine, prepare, questions

NOW = datetime.datetime(2026, 3, 10, 12, tzinfo=datetime.UTC)
PAY = ("guide.md", "Choosing", "Pay")
ASKED = [
    ("Which pays most?", "answered", [PAY], "up", "", ""),
    ("which pays most", "answered", [PAY], "down", "wrong", "That was <b>2019</b>"),
    ("How do I rent a room on campus?", "not_covered", [], "", "", ""),
    ("Is there student housing on the campus?", "not_covered", [], "", "", ""),
    ("Where can I find housing near the campus?", "partial", [PAY], "", "", ""),
    ("where can i find housing near the campus", "not_covered", [], "", "", ""),
    ("Can I bring my dog to lectures?", "not_covered", [], "down", "unclear", ""),
]


def kept(n: int) -> Kept:
    question, status, sections, thumb, reason, words = ASKED[n]
    at = NOW - datetime.timedelta(days=n)
    return Kept(at, question, status, tuple(sections), thumb, reason, words)


@pytest.fixture(scope="module")
def guide_open(advisor: Advisor) -> Iterator[Guide]:
    with advisor.versions.lease() as guide:
        yield guide


@pytest.fixture(scope="module")
def made(guide_open: Guide) -> Report:
    rows = [kept(n) for n in reversed(range(len(ASKED)))]
    return reporting.report(rows, guide_open, NOW - datetime.timedelta(days=30), NOW)


def test_like_questions_are_one_group_the_most_asked_first(made: Report) -> None:
    housing, dog = made.groups
    assert len(housing.questions) == 3
    assert (housing.asked, housing.not_covered) == (4, 3)  # what is asked again counts again
    assert "dog" in dog.questions[0]
    assert housing.nearest is not None
    assert housing.nearest.text


def test_sections_statuses_days_and_thumbs_are_counted(made: Report) -> None:
    assert made.statuses == {"answered": 2, "partial": 1, "not_covered": 4, "clarify": 0}
    assert [(place.heading, place.asked, place.down) for place in made.places] == [(("Choosing", "Pay"), 3, 1)]
    assert len(made.days) == 7
    assert sum(sum(counts.values()) for _, counts in made.days) == made.asked == 7
    assert [row.reason for row in made.disliked] == ["wrong", "unclear"]
    assert made.up == 1


def test_a_quiet_month_is_a_report_too(guide_open: Guide) -> None:
    quiet = reporting.report([], guide_open, NOW - datetime.timedelta(days=30), NOW)
    assert quiet.asked == 0
    assert "every question was answered" in as_html(quiet)


def test_the_page_needs_nothing_else_and_escapes_what_students_write(made: Report) -> None:
    html = as_html(made)
    assert "That was &lt;b&gt;2019&lt;/b&gt;" in html
    assert not re.search(r"<script|<link|<img|url\(|@import|https?://", html)
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    assert html.count("<rect") == 7


@pytest.mark.parametrize(
    ("text", "days"), [("30d", 30), ("2w", 14), ("24h", 1), ("2026-03-01T12:00:00", 9), (" 7d ", 7)]
)
def test_since_is_a_span_or_a_day(text: str, days: int) -> None:
    assert beginning(text, NOW) == NOW - datetime.timedelta(days=days)


@pytest.mark.parametrize("text", ["", "d", "30", "yesterday", "-3d", "2026-13-01"])
def test_a_time_that_is_none_is_said(text: str) -> None:
    with pytest.raises(QuestionError, match="30d"):
        beginning(text, NOW)


def test_groups_hold_every_row_once() -> None:
    vectors = np.random.default_rng(5).normal(size=(40, 8)).astype(np.float32)
    found = alike(vectors, 0.3)
    assert sorted(n for group in found for n in group) == list(range(40))
    assert alike(vectors[:1]) == [[0]]
    assert alike(vectors[:0]) == []


@pytest.fixture
def journal(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'journal.db'}"
    engine = open_engine(url)
    prepare(engine)
    now = datetime.datetime.now(datetime.UTC)
    with engine.begin() as connection:
        for n, (question, status, sections, thumb, reason, words) in enumerate(ASKED):
            row = {"question": question, "status": status, "sections": sections, "thumb": thumb, "reason": reason}
            row |= {"words": words, "confidence": 0.5, "writer": "quotes", "version": "v", "milliseconds": 9}
            at = now - datetime.timedelta(days=10 * n)
            connection.execute(insert(questions).values(id=str(n), at=at, passages=[], **row))
    engine.dispose()
    return url


def test_the_command_prints_and_writes_a_page(
    journal: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_JOURNAL", journal)
    shown = CliRunner().invoke(cli.app, ["report", "--since", "365d", "--index", str(published)])
    assert shown.exit_code == 0, shown.output
    assert "7 questions since" in shown.output
    for title in ("What the guide lacks", "What was asked, by section", "What was not liked"):
        assert title in shown.output
    file = tmp_path / "report.html"
    command = ["report", "--since", "15d", "--html", str(file), "--index", str(published)]
    written = CliRunner().invoke(cli.app, command)
    assert "2 questions since" in written.output
    assert file.read_text().startswith("<!doctype html>")


def test_a_group_becomes_cases_that_evaluate_reads(
    journal: str, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADVISOR_JOURNAL", journal)
    file, more = tmp_path / "cases.jsonl", ["--since", "365d", "--index", str(published)]
    done = CliRunner().invoke(cli.app, ["report", "--cases", str(file), "--group", "1", *more])
    assert done.exit_code == 0, done.output
    cases = read_cases(file)
    assert len(cases) == 3
    assert all("housing" in case.question or "room" in case.question for case in cases)
    assert all(case.answerable for case in cases)
    CliRunner().invoke(cli.app, ["report", "--cases", str(file), *more])
    assert len({case.id for case in read_cases(file)}) == 4
    none = CliRunner().invoke(cli.app, ["report", "--cases", str(file), "--group", "9", *more])
    assert "2 groups" in str(none.exception)


def test_versions_are_told_apart(guide_open: Guide) -> None:
    rows = [dataclasses.replace(kept(n), version=version) for n, version in ((2, "old"), (3, "old"), (0, "new"))]
    made = reporting.report(rows, guide_open, NOW - datetime.timedelta(days=30), NOW)
    assert [(one.version, one.asked, one.statuses["not_covered"]) for one in made.editions] == [
        ("new", 1, 0),
        ("old", 2, 2),
    ]
    assert "What changed since the last version" in as_html(made)


def test_without_a_journal_the_command_says_what_to_set(published: Path) -> None:
    done = CliRunner().invoke(cli.app, ["report", "--index", str(published)])
    assert isinstance(done.exception, QuestionError)
    assert "ADVISOR_JOURNAL" in str(done.exception)
