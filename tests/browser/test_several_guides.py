"""Several guides on one server, in a real browser: the list, each one's page and widget, and what a browser keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.conftest import Open, Server, Visit
from browser.test_access import problems
from browser.test_widget_page import LINE, Site, host
from playwright.sync_api import Browser, expect
from web.test_guides import DUE, FEES, PAGES, THESIS, put


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    served = Site()
    with host.serving(served.find) as served.port:
        yield served


@pytest.fixture(scope="module")
def several(site: Site, encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("several")
    put(folder, "fees", FEES, f"ADVISOR_ALLOWED_ORIGINS=http://127.0.0.1:{site.port}\n")
    put(folder, "thesis", THESIS)
    server = Server(["--guides", str(folder)]).start()
    site.chat = f"{server.url}g/fees/"
    yield server
    server.stop()


def answer(visited: Visit, question: str) -> str:
    visited.ask(question)
    return visited.page.locator(".turn").last.inner_text()


def test_the_list_leads_to_each_guides_page_which_answers_from_its_own_text(chromium: Browser, several: Server) -> None:
    page = chromium.new_page()
    page.goto(several.url)
    assert problems(page) == []
    page.get_by_role("link", name="Theses at Harrow").click()
    page.wait_for_selector("body.advisor-ready")
    assert page.url == f"{several.url}g/thesis/"
    assert "60 to 80 pages" in answer(Visit(page), PAGES)
    page.close()


def test_a_browser_keeps_each_guides_conversation_apart(chromium: Browser, several: Server) -> None:
    visited = Visit(chromium.new_page())
    visited.page.goto(f"{several.url}g/fees/")
    visited.page.wait_for_selector("body.advisor-ready")
    assert "450 euros" in answer(visited, DUE)
    visited.page.goto(f"{several.url}g/thesis/")
    visited.page.wait_for_selector("body.advisor-ready")
    expect(visited.page.locator(".turn")).to_have_count(0)
    visited.page.goto(f"{several.url}g/fees/")
    visited.page.wait_for_selector("body.advisor-ready")
    expect(visited.page.locator(".turn")).to_have_count(1)
    visited.page.close()


def test_a_source_opens_in_its_own_guide(visit: Open, several: Server) -> None:
    visited = visit(f"{several.url}g/fees/")
    answer(visited, DUE)
    visited.page.goto(f"{several.url}g/fees/read/guide.md")
    expect(visited.page.locator("article")).to_contain_text("450 euros")
    visited.page.locator("a.back").click()
    visited.page.wait_for_selector("body.advisor-ready")
    assert visited.page.url == f"{several.url}g/fees/"


def test_a_guides_widget_answers_on_the_site_that_its_owner_allows(
    chromium: Browser, several: Server, site: Site
) -> None:
    page = chromium.new_page()
    page.goto(f"http://127.0.0.1:{site.port}{site.add(LINE.replace('https://HOST/', site.chat).format(''))}")
    page.locator("advisor-chat .launcher").click()
    frame = page.frame_locator("advisor-chat iframe")
    frame.get_by_role("textbox").fill(DUE)
    page.keyboard.press("Enter")
    expect(frame.locator(".turn")).to_contain_text("450 euros", timeout=60_000)
    page.close()
