"""The chat in a browser without JavaScript: asked, answered and proved by forms and links alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.conftest import Server
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def page(chromium: Browser, server: Server) -> Iterator[Page]:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_url("**/plain")
    yield page
    context.close()


def test_a_question_is_answered_with_links_to_its_quotes(page: Page) -> None:
    page.get_by_role("textbox", name="Your question").fill("Which specializations pay the most?")
    page.get_by_role("button", name="Ask", exact=True).click()
    answer = page.locator("article.guide-text")
    expect(answer).to_contain_text("highest")
    answer.locator("sup a").first.click()
    expect(page.locator("mark").first).to_be_visible()
    assert "/read/" in page.url


def test_a_starter_is_asked_with_one_tap(page: Page) -> None:
    starter = page.locator(".starters button").first
    question = starter.text_content() or ""
    starter.click()
    expect(page.get_by_role("textbox", name="Your question")).to_have_value(question)
    expect(page.locator("article.guide-text sup a").first).to_be_visible()


def test_what_is_typed_is_shown_as_text(page: Page) -> None:
    page.get_by_role("textbox", name="Your question").fill('"><img src=x onerror=alert(1)> is this <b>safe</b>?')
    page.get_by_role("button", name="Ask", exact=True).click()
    assert page.locator("main img, main b").count() == 0
    expect(page.get_by_role("textbox", name="Your question")).to_have_value(
        '"><img src=x onerror=alert(1)> is this <b>safe</b>?'
    )


def test_an_empty_question_says_what_is_missing(page: Page) -> None:
    page.get_by_role("textbox", name="Your question").fill("   ")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()


def test_the_plain_page_keeps_nobody_out(chromium: Browser, server: Server) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", bypass_csp=True)
    page = context.new_page()
    page.goto(f"{server.url}plain")
    page.get_by_role("textbox", name="Your question").fill("Which specializations pay the most?")
    page.keyboard.press("Enter")
    page.locator("article.guide-text").wait_for()
    assert Axe().run(page).response["violations"] == []
    page.screenshot(path="/tmp/plain.png")
    context.close()
