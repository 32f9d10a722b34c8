"""The journal in PostgreSQL: a real server of this machine, which goes away and comes back."""

from __future__ import annotations

import datetime
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from advisor_bot.answers.advisor import Advisor
from advisor_bot.journal import keeper
from advisor_bot.journal.keeper import Journal
from advisor_bot.journal.report import read
from advisor_bot.journal.tables import metadata, questions

PLACES = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"))), os.environ["PATH"]]
PROGRAM = shutil.which("initdb", path=os.pathsep.join(PLACES))
pytestmark = pytest.mark.skipif(not PROGRAM, reason="PostgreSQL is not installed (Debian: postgresql)")


class Server:
    def __init__(self, folder: Path) -> None:
        self.folder, self.bin = folder, Path(PROGRAM or "").parent
        self.user = ["runuser", "-u", "postgres", "--"] if not os.geteuid() else []  # it refuses to run as root
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if self.user:
            shutil.chown(folder, "postgres")
        self.run("initdb", "-D", str(folder), "-A", "trust", "-U", "owner")

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://owner@127.0.0.1:{self.port}/postgres"

    def run(self, name: str, *arguments: str) -> None:
        subprocess.run([*self.user, str(self.bin / name), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self.run("pg_ctl", "-D", str(self.folder), "-o", options, "-l", str(self.folder / "log"), "-w", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-D", str(self.folder), "-m", "immediate", "-w", "stop")


@pytest.fixture
def server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:  # a socket's path must be short
        running = Server(Path(folder))
        running.start()
        yield running
        running.stop()


def until(journal: Journal, fate: str, count: int) -> None:
    end = time.monotonic() + 30
    while journal.counts[fate] < count and time.monotonic() < end:
        time.sleep(0.05)
    assert journal.counts[fate] >= count


def test_it_keeps_judges_migrates_and_outlives_the_server(
    server: Server, advisor: Advisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    monkeypatch.setattr(keeper, "AGAIN", 0.2)
    names = iter("abcdefgh")
    journal = Journal(server.url, 30, lambda _: False, lambda: next(names))
    journal.start()
    answer = advisor.ask("Which specializations pay the most?")
    journal.answered(answer, (), 0.1)
    journal.judged("a", "down", "wrong", "Write to jo@example.edu")
    until(journal, "kept", 2)
    server.stop()
    journal.answered(answer, (), 0.1)
    until(journal, "failed", 1)
    server.start()
    until(journal, "kept", 3)
    rows = read(journal.engine, datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1))
    assert [row.thumb for row in rows] == ["down", ""]
    assert rows[0].words == "Write to […]"
    with journal.engine.connect() as connection:
        options = {"version_table": "journal_version"}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
        assert connection.execute(select(questions.c.sections)).scalars().first()
    journal.close()
