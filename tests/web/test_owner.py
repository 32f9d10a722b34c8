"""The owner's desk: not there without a password, shut without it, and a rollback is the command's own."""

from __future__ import annotations

import datetime
import html
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from served import served
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from advisor_bot.answers.advisor import Advisor
from advisor_bot.documents.load import parse
from advisor_bot.errors import SettingsError
from advisor_bot.index import versions
from advisor_bot.index.publish import publish
from advisor_bot.journal.tables import open_engine, prepare, questions
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve
from advisor_bot.web.draft import Draft
from advisor_bot.web.worker import Worker

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


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """The folder that the live version was made of, with a text besides."""
    folder = tmp_path / "corpus"
    (folder / "more").mkdir(parents=True)
    (folder / "guide.md").write_text(TEXTS[1], "utf-8")
    return folder


def client(advisor: Advisor, index: Path, owner_password: str = PASSWORD, **settings: Any) -> TestClient:
    made = Settings(index=index, rate=0, owner_password=owner_password, **settings)
    app = serve.create_app(advisor, made)
    return TestClient(app, base_url="http://advice.example", client=("192.0.2.1", 5000), follow_redirects=False)


def sign_in(desk: TestClient, password: str = PASSWORD) -> Any:
    return desk.post("/owner/sign-in", data={"password": password}, headers=HERE)


def drop(desk: TestClient, files: dict[str, bytes | str], headers: dict[str, str] = HERE, **fields: Any) -> Any:
    sent = [("files", (name, text if isinstance(text, bytes) else text.encode())) for name, text in files.items()]
    return desk.post("/owner/draft", data=fields, files=sent or None, headers=headers)


def draft_of(desk: TestClient) -> str:
    found = re.search(r'name="draft" value="(\w+)"', desk.get("/owner").text)
    assert found, desk.get("/owner").text
    return found[1]


def send(desk: TestClient, to: str, **fields: str) -> Any:
    return desk.post(f"/owner/{to}", data={"draft": draft_of(desk), **fields}, headers=HERE)


def desk_folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("advisor-desk-*"))


def finished(desk: TestClient) -> str:
    until = time.monotonic() + 240
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
    for path in ("/owner", "/owner/progress", "/owner/report", "/owner/report/page", "/owner/widget"):
        shown = desk.get(path)
        assert (shown.status_code, live in shown.text, "<h1>The owner's desk" in shown.text) == (401, False, True)
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
    assert desk.get("/owner/progress").json()["line"] == ""


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


def test_a_dropped_text_is_previewed_then_live_then_in_the_folder(
    advisor: Advisor, index: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (corpus / "more" / "aid.md").write_text("# Aid\n\nGrants cover a half of it.\n", "utf-8")
    desk, before = client(advisor, index, corpus=corpus), versions.live(index)
    sign_in(desk)
    texts = {"C:\\texts\\guide.md": TEXTS[1].replace("500", "650"), "aid.md": "# Aid\n\nGrants cover all of it.\n"}
    assert drop(desk, texts).status_code == 303
    finished(desk)
    page = desk.get("/owner").text
    assert "<del>500 </del><ins>650 </ins>" in page
    assert "<b>more/aid.md</b> takes the place" in page
    assert (versions.live(index), (corpus / "guide.md").read_text("utf-8")) == (before, TEXTS[1])
    assert send(desk, "publish").status_code == 303
    assert "Published" in finished(desk)
    live = versions.live(index)
    assert live != before
    assert "650" in (corpus / "guide.md").read_text("utf-8")
    assert (corpus / "more" / "aid.md").read_text("utf-8") == texts["aid.md"]
    assert (index / "replaced" / before / "guide.md").read_text("utf-8") == TEXTS[1]
    assert desk_folders() == []
    assert f'<b>{live}</b> <span class="now">live' in desk.get("/owner").text


def test_a_broken_file_is_one_clear_line_and_the_good_one_stays(advisor: Advisor, index: Path, corpus: Path) -> None:
    desk, live = client(advisor, index, corpus=corpus), versions.live(index)
    sign_in(desk)
    drop(desk, {"fees.docx": b"PK\x03\x04 no Word at all"})
    line = finished(desk)
    assert line.startswith("fees.docx ")
    assert "Nothing changed: what was live stays live." in desk.get("/owner").text
    drop(desk, {"guide.md": " \n", "dates.md": "# Dates\n\nThe term begins in May.\n"})
    finished(desk)
    page = desk.get("/owner").text
    assert "guide.md is empty" in page
    assert "<b>1</b> passage added, <b>0</b> changed, <b>0</b> removed" in page
    assert send(desk, "discard").status_code == 303
    assert versions.live(index) == live
    assert sorted(file.name for file in corpus.iterdir()) == ["guide.md", "more"]


def test_what_would_lose_most_of_the_guide_needs_a_yes(advisor: Advisor, index: Path, corpus: Path) -> None:
    desk, live = client(advisor, index, corpus=corpus), versions.live(index)
    sign_in(desk)
    drop(desk, {"other.txt": "Rowing\n\nThe club rows on the lake.\n"}, out="guide.md")
    finished(desk)
    page = desk.get("/owner").text
    assert "Careful: the guide lost 100% of its text" in page
    send(desk, "publish")
    assert "nothing was published" in finished(desk)
    assert versions.live(index) == live
    send(desk, "publish", force="yes")
    finished(desk)
    assert versions.live(index) != live
    assert sorted(file.name for file in corpus.iterdir()) == ["more", "other.txt"]


@pytest.mark.parametrize("name", ["../../etc/passwd", ".env", "a\u202e.md", "run.sh", "", "x" * 250 + ".md"])
def test_a_file_name_is_never_trusted(advisor: Advisor, index: Path, corpus: Path, name: str) -> None:
    desk = client(advisor, index, corpus=corpus)
    sign_in(desk)
    assert drop(desk, {name: "# Text\n\nOne sentence.\n"}).status_code in (400, 422)
    assert desk.get("/owner/progress").json()["line"] == ""


def test_a_second_owner_is_told_and_loses_nothing(advisor: Advisor, index: Path, corpus: Path) -> None:
    desk = client(advisor, index, corpus=corpus)
    sign_in(desk)
    drop(desk, {"dates.md": "# Dates\n\nThe term begins in May.\n"})
    second = drop(desk, {"guide.md": "# Fees\n\nNothing is asked.\n"})
    assert (second.status_code, "Another owner is at it" in second.text) == (409, True)
    finished(desk)
    third = drop(desk, {"guide.md": "# Fees\n\nNothing is asked.\n"})
    assert (third.status_code, "waits here already" in third.text) == (409, True)
    old = draft_of(desk)
    publish((parse("guide.md", TEXTS[0], markup=True),), Settings(index=index))  # somebody at the command line
    late = send(desk, "publish")
    assert (late.status_code, "became live since this preview" in late.text) == (409, True)
    send(desk, "discard")
    gone = desk.post("/owner/publish", data={"draft": old}, headers=HERE)
    assert (gone.status_code, "That preview is gone" in gone.text) == (409, True)


def test_nothing_is_taken_from_strangers_other_pages_or_too_much(advisor: Advisor, index: Path, corpus: Path) -> None:
    desk = client(advisor, index, corpus=corpus, max_file_mb=1)
    text = {"dates.md": "# Dates\n\nThe term begins in May.\n"}
    assert drop(desk, text).status_code == 401
    sign_in(desk)
    assert drop(desk, text, headers={"Origin": "https://evil.example"}).status_code == 403
    large = drop(desk, {"large.md": "a" * 1_100_000})
    assert (large.status_code, "more than 1 MB" in large.text) == (413, True)
    assert drop(desk, {}).status_code == 422
    assert desk.get("/owner/progress").json()["line"] == ""
    assert drop(desk, {"large.md": "# Large\n\n" + "It is large. " * 40_000}).status_code == 303  # over other limits
    assert "more than" not in finished(desk)


def test_no_page_of_this_machine_or_network_is_fetched(advisor: Advisor, index: Path, corpus: Path) -> None:
    desk = client(advisor, index, corpus=corpus)
    sign_in(desk)
    for address in ("file:///etc/passwd", "--private", "https://a.example/ --private"):
        assert drop(desk, {}, address=address).status_code == 422
    assert drop(desk, {}, address="http://127.0.0.1:9/fees").status_code == 303
    line = finished(desk)
    assert "http://127.0.0.1:9/fees" in line
    assert "--private" not in line
    assert "Nothing changed: what was live stays live." in desk.get("/owner").text


def test_a_fetched_page_is_a_text_of_the_draft(index: Path, corpus: Path) -> None:
    page = HTMLResponse("<title>Rent</title><main><h1>Rent</h1><p>A room costs 300 euros.</p></main>")
    draft, worker = Draft(corpus), Worker(Settings(index=index))
    with served(Starlette(routes=[Route("/rent", lambda _: page)])) as site:

        def work(run: Any) -> None:
            draft.fetch(f"{site}/rent", lambda *arguments: run(*arguments, "--private"))
            draft.look(run)

        worker.start("fetching", work)
        while worker.busy:
            time.sleep(0.1)
    (name,) = draft.new
    assert (name.endswith("/rent.md"), draft.preview["added"], draft.preview["unchanged"]) == (True, 1, 1)
    draft.close()


def test_without_a_journal_the_report_says_so(advisor: Advisor, index: Path) -> None:
    desk = client(advisor, index)
    sign_in(desk)
    page = desk.get("/owner/report").text
    assert "Nothing that students ask is kept here" in page
    assert "<iframe" not in page
    made = desk.get("/owner/report/page")
    assert (made.status_code, "There is no journal" in made.text) == (503, True)


def test_the_report_is_the_commands_own(
    advisor: Advisor, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = f"sqlite:///{tmp_path / 'journal.db'}"
    monkeypatch.setenv("ADVISOR_JOURNAL", journal)
    engine = open_engine(journal)
    prepare(engine)
    row = {"id": "1", "at": datetime.datetime.now(datetime.UTC), "question": "May I bring my <b>cat?"}
    row |= {"status": "not_covered", "confidence": 0.1, "writer": "quotes", "version": "000001-0123456789ab"}
    row |= {"milliseconds": 9, "passages": [], "sections": []}
    with engine.begin() as connection:
        connection.execute(questions.insert().values(**row))
    engine.dispose()
    desk = client(advisor, index, journal=journal)
    sign_in(desk)
    assert '<iframe class="report" src="/owner/report/page?since=7d"' in desk.get("/owner/report?since=7d").text
    made = desk.get("/owner/report/page?since=7d;--cases")
    assert "May I bring my &lt;b&gt;cat?" in made.text
    assert "script-src" not in made.headers["content-security-policy"]
    assert desk.get("/owner/report/cases").json()["question"] == row["question"]


def test_the_widgets_line_holds_what_was_chosen_and_nothing_else(advisor: Advisor, index: Path) -> None:
    desk = client(advisor, index)
    sign_in(desk)
    plain = html.unescape(desk.get("/owner/widget").text)
    assert '<script async src="http://advice.example/widget.js"></script>' in plain
    below = client(advisor, index, root_path="/advice", color="#8a1f3d")
    below.post("/advice/owner/sign-in", data={"password": PASSWORD}, headers=HERE)
    page = html.unescape(below.get("/advice/owner/widget").text)
    assert '<script async src="http://advice.example/advice/widget.js"></script>' in page
    assert 'src="/advice/owner/widget/picture?' in page
    assert 'type="color" value="#8a1f3d"' in page
    chosen = {"title": 'Ask "us" <now>', "accent": "#8a1f3d", "position": "left", "theme": "x", "lang": "es"}
    line = (
        'data-title="Ask &#34;us&#34; &lt;now&gt;" data-accent="#8a1f3d" data-position="left" data-lang="es"></script>'
    )
    assert line in html.unescape(desk.get("/owner/widget", params=chosen).text)
    assert f'src="/widget.js" {line}' in desk.get("/owner/widget/picture", params=chosen).text


def test_what_is_live_is_asked_the_questions_that_travel_with_it(advisor: Advisor, index: Path, corpus: Path) -> None:
    desk = client(advisor, index, corpus=corpus)
    sign_in(desk)
    assert desk.post("/owner/cases", headers=HERE).status_code == 422
    asked = {"How much is tuition?": [["500"]], "When is tuition due?": [["June"]]}
    rows = [{"id": q, "question": q, "answerable": True, "facts": facts} for q, facts in asked.items()]
    (corpus / "cases.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert desk.post("/owner/cases", headers=HERE).status_code == 303
    finished(desk)
    page = desk.get("/owner").text
    assert f"{versions.live(index)} was asked 2." in page
    assert "<b>100 %</b> of what it should answer was answered" in page
    assert "<b>50 %</b> of the facts" in page
    assert "nan" not in page
    assert "Q: When is tuition due?" in page
    assert "Q: How much is tuition?" not in page
