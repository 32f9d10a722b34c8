"""The doctor: each thing that can be wrong is said, with what to do, and never ends in a traceback."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import served
from typer.testing import CliRunner

from advisor_bot import cli
from advisor_bot.answers.advisor import Advisor
from advisor_bot.doctor import Finding, examine
from advisor_bot.settings import Settings
from advisor_bot.web.app import create_app


def found(about: str, **settings: Any) -> list[Finding]:
    return [one for one in examine(Settings(**{"port": 1, **settings})) if one.about == about]


def test_a_sound_set_up_has_nothing_wrong(advisor: Advisor, published: Path) -> None:
    with served(create_app(advisor, Settings(index=published))) as address:
        findings = list(examine(Settings(index=published, port=int(address.rpartition(":")[2]))))
    assert [one for one in findings if one.verdict == "wrong"] == []
    words = {one.about: one.words for one in findings}
    assert words["server"].endswith("answers")
    assert "documents 1," in words["guide"]
    assert "answered" in words["answer"]


def test_the_command_prints_a_line_each_and_fails_where_something_is_wrong(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli.app, ["doctor", "--index", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "✗ guide     Nothing is published in" in done.output
    assert "python ingest.py" in done.output
    assert "✓ program" in done.output


def test_a_damaged_live_version_is_wrong_though_an_older_one_answers(tmp_path: Path, encoders: Path) -> None:
    from advisor_bot.documents.load import parse
    from advisor_bot.index.publish import publish

    settings = Settings(index=tmp_path, port=1)
    for text in ("# A\n\nTuition is 450 euros a term.\n", "# A\n\nTuition is 500 euros a term.\n"):
        newest = publish((parse("a.md", text, markup=True),), settings).version
    (tmp_path / "versions" / newest / "manifest.json").write_text("{}")
    (guide,) = [one for one in examine(settings) if one.about == "guide"]
    assert guide.verdict == "wrong"
    assert f"The live version {newest} cannot be opened" in guide.words


def test_secrets_are_not_shown(published: Path) -> None:
    settings = {"api_key": "sixteen-letters-at-least", "password": "long enough", "index": published}
    lines = " ".join(one.words for one in examine(Settings(port=1, **settings)))
    assert "ADVISOR_PASSWORD=…" in lines
    assert "sixteen" not in lines
    assert "long enough" not in lines


def test_an_open_server_and_a_lost_model_are_wrong(published: Path) -> None:
    (access, _) = found("access", host="0.0.0.0", index=published)
    assert access.verdict == "wrong"
    reached = found("model", model="openai:m", model_url="http://127.0.0.1:1/v1", index=published)
    assert reached[-1].verdict == "wrong"
    assert "ADVISOR_MODEL_URL" in reached[-1].words


def test_a_logo_that_is_not_there_is_wrong(published: Path, tmp_path: Path) -> None:
    *_, last = found("settings", index=published, logo=tmp_path / "logo.png")
    assert last.verdict == "wrong"
    assert "logo.png' cannot be read: No such file" in last.words


def test_a_journal_that_cannot_be_written_is_wrong(published: Path, tmp_path: Path) -> None:
    (off,) = found("journal", index=published)
    (sound,) = found("journal", index=published, journal=f"sqlite:///{tmp_path / 'j.db'}")
    (lost,) = found("journal", index=published, journal=f"sqlite:///{tmp_path / 'none' / 'j.db'}")
    assert [off.verdict, sound.verdict, lost.verdict] == ["well", "well", "wrong"]
    assert sound.words.startswith("0 questions")


@pytest.fixture
def somebody() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_port_that_somebody_else_has_is_wrong(published: Path, somebody: int) -> None:
    (server,) = found("server", port=somebody, index=published)
    assert server.verdict == "wrong"
    assert "something else" in server.words
    (nobody,) = found("server", port=1, index=published)
    assert nobody.verdict == "note"
