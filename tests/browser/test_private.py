"""A private guide with a journal and a key, in a real browser: sign in, ask, judge; what is kept says so."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.conftest import Server
from browser.test_access import problems
from playwright.sync_api import Browser, Page, expect

PASSWORD = "schöne Aussicht 7"
QUESTION = "Which specializations pay the most?"
KEPT = "Questions are kept for 30 days"


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal") / "journal.db"


@pytest.fixture(scope="module")
def private(published: Path, journal: Path) -> Iterator[Server]:
    more = {"ADVISOR_PASSWORD": PASSWORD, "ADVISOR_API_KEY": "sixteen-letters-at-least"}
    more |= {"ADVISOR_JOURNAL": f"sqlite:///{journal}", "ADVISOR_JOURNAL_DAYS": "30"}
    server = Server(["--index", str(published)], more).start()
    yield server
    server.stop()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def kept(journal: Path, thumb: str) -> list[tuple[str, str]]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with sqlite3.connect(journal) as connection:
            rows = connection.execute("SELECT question, thumb FROM questions").fetchall()
        if (QUESTION, thumb) in rows:
            break
        time.sleep(0.1)
    return rows


def test_a_visitor_signs_in_asks_and_the_thumb_reaches_the_journal(page: Page, private: Server, journal: Path) -> None:
    page.goto(private.url)
    sign_in(page, "a wrong one")
    expect(page.get_by_role("alert")).to_contain_text("not the password")
    sign_in(page)
    page.wait_for_selector("body.advisor-ready")
    expect(page.locator("#revised")).to_contain_text(KEPT)
    page.get_by_role("textbox", name="Your question").fill(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn:last-child .actions")
    page.get_by_role("button", name="Helpful", exact=False).first.click()
    assert (QUESTION, "up") in kept(journal, "up")


def test_the_widgets_page_asks_for_the_password_too_and_says_what_is_kept(page: Page, private: Server) -> None:
    page.goto(f"{private.url}widget")
    sign_in(page)
    page.wait_for_url(f"{private.url}widget")
    expect(page.get_by_role("contentinfo")).to_contain_text(KEPT)


def test_the_page_that_asks_for_the_password_keeps_nobody_out_who_has_it(page: Page, private: Server) -> None:
    page.goto(f"{private.url}read/guide.md")
    assert problems(page) == []
    expect(page.get_by_label("Password")).to_be_focused()
    sign_in(page)
    page.wait_for_url(f"{private.url}read/guide.md")
