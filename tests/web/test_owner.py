"""The owner's desk: not there without a password, shut without it, and a rollback is the command's own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from advisor_bot.answers.advisor import Advisor
from advisor_bot.documents.load import parse
from advisor_bot.errors import SettingsError
from advisor_bot.index import versions
from advisor_bot.index.publish import publish
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve

PASSWORD = "the owner's long one"
HERE = {"Origin": "http://advice.example"}
TEXTS = ["# Fees\n\nTuition is 450 euros a term.\n", "# Fees\n\nTuition is 500 euros a term. It is due in May.\n"]


@pytest.fixture
def index(encoders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # no .env of the developer's
    folder = tmp_path / "index"
    for text in TEXTS:
        publish((parse("guide.md", text, markup=True),), Settings(index=folder))
    return folder


def client(advisor: Advisor, index: Path, owner_password: str = PASSWORD, **settings: Any) -> TestClient:
    made = Settings(index=index, rate=0, owner_password=owner_password, **settings)
    app = serve.create_app(advisor, made)
    return TestClient(app, base_url="http://advice.example", client=("192.0.2.1", 5000), follow_redirects=False)


def sign_in(desk: TestClient, password: str = PASSWORD) -> Any:
    return desk.post("/owner/sign-in", data={"password": password}, headers=HERE)


def finished(desk: TestClient) -> str:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        told = desk.get("/owner/progress").json()
        if not told["running"]:
            return str(told["line"])
        time.sleep(0.1)
    raise AssertionError("the command did not end")


def test_there_is_no_desk_without_its_password(advisor: Advisor, published: Path) -> None:
    without = client(advisor, published, "")
    assert without.get("/owner").status_code == 404
    assert without.post("/owner/sign-in", data={"password": ""}, headers=HERE).status_code in (404, 405)


def test_the_desk_shows_nothing_before_its_own_password(advisor: Advisor, published: Path) -> None:
    desk = client(advisor, published, password="for the students")
    assert desk.post("/sign-in", data={"password": "for the students"}).status_code == 303
    live = versions.live(published)
    for path in ("/owner", "/owner/progress"):
        shown = desk.get(path)
        assert (shown.status_code, live in shown.text) == (401, False)
    assert sign_in(desk, "for the students").status_code == 401
    student = desk.cookies["advisor_session"]
    desk.cookies.set("advisor_owner", student)
    assert desk.get("/owner").status_code == 401
    desk.cookies.clear()
    assert sign_in(desk).status_code == 303
    assert live in desk.get("/owner").text
    assert desk.get("/api/guide").status_code == 401  # the owner's session is no student's


def test_guessing_ends_after_ten_tries(advisor: Advisor, published: Path) -> None:
    desk = client(advisor, published)
    assert {sign_in(desk, "guessed").status_code for _ in range(10)} == {401}
    assert sign_in(desk).status_code == 429


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}])
def test_only_the_desks_own_page_changes_anything(advisor: Advisor, published: Path, headers: dict[str, str]) -> None:
    desk, live = client(advisor, published), versions.live(published)
    sign_in(desk)
    sent = desk.post("/owner/roll-back", data={"version": live, "live": live}, headers=headers)
    assert sent.status_code == 403
    assert desk.get("/owner/progress").json() == {"running": False, "line": ""}


def test_an_older_version_is_made_live_again(advisor: Advisor, index: Path) -> None:
    desk, (old, new) = client(advisor, index), versions.published(index)
    sign_in(desk)
    assert desk.post("/owner/roll-back", data={"version": old, "live": new}, headers=HERE).status_code == 303
    assert "live again" in finished(desk) or versions.live(index) == old
    assert versions.live(index) == old
    late = desk.post("/owner/roll-back", data={"version": new, "live": new}, headers=HERE)
    assert (late.status_code, f"{old} became live since you looked" in late.text) == (409, True)


def test_what_fails_is_said_in_one_line_and_changes_nothing(advisor: Advisor, index: Path) -> None:
    desk, live = client(advisor, index), versions.live(index)
    sign_in(desk)
    assert desk.post("/owner/roll-back", data={"version": "../x", "live": live}, headers=HERE).status_code == 422
    desk.post("/owner/roll-back", data={"version": "000099-0123456789ab", "live": live}, headers=HERE)
    assert "keeps no version 000099-0123456789ab" in finished(desk)
    assert "Nothing changed" in desk.get("/owner").text
    assert versions.live(index) == live


def test_the_two_passwords_differ_and_are_not_repeated() -> None:
    with pytest.raises(SettingsError, match="must differ"):
        Settings.read({"ADVISOR_PASSWORD": PASSWORD, "ADVISOR_OWNER_PASSWORD": PASSWORD})
    with pytest.raises(SettingsError, match="ADVISOR_OWNER_PASSWORD=… cannot be used"):
        Settings.read({"ADVISOR_OWNER_PASSWORD": "short"})
