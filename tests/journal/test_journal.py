"""The journal: what it keeps, what it never keeps, and that no trouble of its own reaches a visitor."""

from __future__ import annotations

import datetime
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection, create_engine, event, insert, select

from advisor_bot import assemble
from advisor_bot.errors import SettingsError
from advisor_bot.journal import keeper
from advisor_bot.journal.keeper import Journal
from advisor_bot.journal.masking import masked
from advisor_bot.journal.tables import metadata, open_engine, prepare, questions
from advisor_bot.settings import Settings
from advisor_bot.web.app import create_app
from advisor_bot.web.metrics import Metrics
from advisor_bot.web.serve import journal_of

PAY = "Which specializations pay the most?"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("I am jo.doe+ml@uni-x.example.edu, does it pay?", "I am […], does it pay?"),
        ("call me at +49 (0)30 123 45-67 please", "call me at […] please"),
        ("call 030/1234567 or (212) 555-0123 or 212-555-0123", "call […] or […] or […]"),
        ("my number is s1234567, or 00812345", "my number is […], or […]"),
        ("matriculation AB-1234567?", "matriculation […]?"),
        ("see https://me.example/cv?name=jo", "see […]"),
        ("Is 85,000 to 120,000 dollars usual in 2024-2025?", None),
        ("Does CS 231n need 12 hours a week, 3 days, 50% math?", None),
        ("GPT-4, ISO 27001 and 10 000 papers", None),
    ],
)
def test_what_would_tell_who_asked_is_masked(text: str, kept: str | None) -> None:
    assert masked(text) == (text if kept is None else kept)


Serving = Callable[..., tuple[TestClient, Journal]]


@pytest.fixture
def serving(published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setattr(keeper, "AGAIN", 0.1)
    made: list[Any] = []

    def serve(url: str = "", **settings: Any) -> tuple[TestClient, Journal]:
        chosen = Settings(index=published, journal=url or f"sqlite:///{tmp_path / 'journal.db'}", **settings)
        built = assemble.advisor(chosen)
        journal = journal_of(built, chosen)
        assert journal is not None
        made.extend((journal, built.versions))
        journal.start()
        app = create_app(built, chosen, Metrics(journal), journal)
        return TestClient(app, client=("127.0.0.1", 5000)), journal

    yield serve
    for one in made:
        one.close()


def rows(journal: Journal) -> list[Any]:
    """Return what is kept once nothing waits any more."""
    until = time.monotonic() + 20
    while journal._waiting.qsize() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.1)
    journal.close()
    with journal.engine.connect() as connection:
        return list(connection.execute(select(questions).order_by(questions.c.at)).mappings())


def ask(client: TestClient, question: str, *before: str) -> Any:
    history = [{"role": "user", "text": text} for text in before]
    return client.post("/api/ask", json={"question": question, "history": history})


def test_a_question_is_kept_masked_with_what_became_of_it(serving: Serving) -> None:
    client, journal = serving()
    given = ask(client, "Which specializations pay the most for jo@example.edu?")
    answer = given.json()
    (row,) = rows(journal)
    assert row["question"] == "Which specializations pay the most for […]?"
    assert (row["status"], row["writer"], row["version"]) == (answer["status"], "quotes", answer["guide_version"])
    assert row["id"] == given.headers["x-request-id"]
    assert row["passages"] == list(dict.fromkeys(c["passage_id"] for c in answer["citations"]))
    assert [answer["citations"][0]["document"], *answer["citations"][0]["heading"]] in row["sections"]
    assert row["confidence"] == answer["confidence"]
    assert row["milliseconds"] > 0
    assert set(row) == {column.name for column in questions.columns}


def test_every_way_of_asking_is_kept(serving: Serving) -> None:
    client, journal = serving()
    ask(client, "What does robotics pay?")
    client.post("/api/ask/stream", json={"question": "What does vision pay?"})
    client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": "What does NLP pay?"}]})
    client.post("/api/ask", json={"question": " "})
    assert {row["question"][:14] for row in rows(journal)} == {"What does robo", "What does visi", "What does NLP "}


@pytest.mark.parametrize(
    "question",
    [
        "I want to kill myself",
        "I don't want to live anymore, which specialization should I take?",
        "Which specialization pays? I keep thinking about ending it all.",
        "I can't go on, everything is hopeless and nobody would miss me",
        "Hello!",
        "thanks",
        "Can I talk to a human?",
        "Ich will nicht mehr leben und weiß nicht, was ich studieren soll",
    ],
)
def test_distress_small_talk_and_what_is_not_understood_are_never_kept(serving: Serving, question: str) -> None:
    client, journal = serving()
    ask(client, question)
    ask(client, "And what does it pay?", question)
    kept = rows(journal)
    assert question not in [row["question"] for row in kept]
    if "live" in question or "kill" in question or "ending" in question or "hopeless" in question:
        assert kept == []


def test_what_waits_when_the_server_stops_is_written(serving: Serving) -> None:
    client, journal = serving()
    with client:
        for n in range(5):
            assert ask(client, PAY).status_code == 200, n
    with journal.engine.connect() as connection:
        assert len(connection.execute(select(questions)).all()) == 5


def test_a_thumb_and_its_reason_join_the_question(serving: Serving) -> None:
    client, journal = serving()
    given = ask(client, PAY)
    thumb = {"verdict": "down", "reason": "incomplete", "status": "answered", "guide_version": "x"}
    named = {"request": given.headers["x-request-id"], "words": "Ask jo@example.org about bonuses"}
    assert client.post("/api/feedback", json=thumb | named).json() == {"counted": True}
    assert client.post("/api/feedback", json=thumb | {"request": "somebody-elses"}).json() == {"counted": True}
    (row,) = rows(journal)
    assert (row["thumb"], row["reason"], row["words"]) == ("down", "incomplete", "Ask […] about bonuses")


def test_without_a_journal_nothing_is_kept_and_nothing_is_said(published: Path) -> None:
    chosen = Settings(index=published)
    built = assemble.advisor(chosen)
    assert journal_of(built, chosen) is None
    client = TestClient(create_app(built, chosen))
    assert client.get("/api/guide").json()["kept_days"] == 0
    built.versions.close()


def test_the_page_is_told_how_long_questions_are_kept(serving: Serving) -> None:
    client, _ = serving(journal_days=30)
    assert client.get("/api/guide").json()["kept_days"] == 30


def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    engine = open_engine(f"sqlite:///{file}")
    prepare(engine)
    now = datetime.datetime.now(datetime.UTC)
    row = {"question": "?", "status": "answered", "confidence": 1, "writer": "quotes", "version": "v"}
    row |= {"milliseconds": 1, "passages": [], "sections": []}
    with engine.begin() as connection:
        for days in (1, 29, 31, 400):
            connection.execute(insert(questions).values(id=str(days), at=now - datetime.timedelta(days=days), **row))
    journal = Journal(f"sqlite:///{file}", 30, lambda _: False, lambda: "")
    journal.start()
    assert sorted(one["id"] for one in rows(journal)) == ["1", "29"]
    engine.dispose()


def failing(journal: Journal) -> None:
    until = time.monotonic() + 20
    while not journal.counts["failed"] and time.monotonic() < until:
        time.sleep(0.02)
    assert journal.counts["failed"]


def test_a_database_that_is_away_costs_no_answer_and_gets_all_when_it_is_back(serving: Serving, tmp_path: Path) -> None:
    away = tmp_path / "away"
    client, journal = serving(f"sqlite:///{away / 'journal.db'}")
    assert [ask(client, PAY).status_code for _ in range(3)] == [200] * 3
    failing(journal)
    assert 'advisor_journal_total{fate="failed"}' in client.get("/metrics").text
    away.mkdir()
    assert len(rows(journal)) == 3


def test_a_full_disk_costs_no_answer(serving: Serving) -> None:
    client, journal = serving()
    ask(client, PAY)
    while journal.counts["kept"] < 1:
        time.sleep(0.02)

    @event.listens_for(journal.engine, "connect")
    def _full(connection: Any, _: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")

    journal.engine.dispose()
    for n in range(60):
        assert ask(client, f"{PAY} {n} " + "and why is that so, " * 60).status_code == 200
    failing(journal)
    assert ask(client, PAY).json()["citations"]


def test_what_waits_too_long_is_lost_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "WAITING", 2)
    journal = Journal("sqlite://", 30, lambda _: False, lambda: "")  # never started: a database that hangs
    for _ in range(5):
        journal.judged("r", "up", "", "")
    assert journal.counts["lost"] == 3
    journal.close()


def test_one_row_that_cannot_be_written_takes_no_other_with_it(tmp_path: Path) -> None:
    journal = Journal(f"sqlite:///{tmp_path / 'j.db'}", 30, lambda _: False, lambda: "")
    row = {"at": datetime.datetime.now(datetime.UTC), "question": "?", "status": "answered", "confidence": 1}
    row |= {"writer": "q", "version": "v", "milliseconds": 1, "passages": [], "sections": []}

    def written(name: str) -> Callable[[Connection], object]:
        return lambda connection: connection.execute(insert(questions).values(id=name, **row))

    for name in ("a", "b", "a", "c"):
        journal._put(written(name))
    journal.start()
    assert sorted(one["id"] for one in rows(journal)) == ["a", "b", "c"]
    assert journal.counts["lost"] == 1


def test_the_migrations_make_exactly_the_table_of_the_code(tmp_path: Path) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    file = tmp_path / "journal.db"
    engine = open_engine(f"sqlite:///{file}")
    prepare(engine)
    prepare(engine)
    with engine.connect() as connection:
        options = {"version_table": "journal_version"}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    engine.dispose()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["journal.db", "nosuch:///x", "sqlite:journal.db", "oracle+nosuch://secret@x/y"])
def test_a_url_of_no_use_is_said_at_the_start_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="ADVISOR_JOURNAL") as refused:
        open_engine(url)
    assert "secret" not in str(refused.value)


def test_a_driver_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsError, match="pymysql"):
        open_engine("mysql+pymysql://owner:secret@localhost/journal")


def test_nothing_deleted_can_be_read_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    engine = open_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA secure_delete").scalar() == 1
    engine.dispose()
    create_engine(f"sqlite:///{file}").dispose()
