"""While an answer is made: Ask is Stop, a slow one says so, a draft survives, the guide follows without a fuss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect
from test_page import QUESTION

Open = Callable[..., Any]


def test_ask_is_stop_while_an_answer_is_made_and_the_question_stays(visit: Open) -> None:
    page = visit().page
    page.route("**/api/ask/stream", lambda route: None)  # never answered
    page.get_by_role("textbox", name="Your question").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    stop = page.locator("#ask")
    expect(stop).to_have_text("Stop")
    stop.click()
    expect(page.locator(".turn .trouble")).to_contain_text("Your question is kept.")
    expect(stop).to_have_text("Ask")
    page.unroute("**/api/ask/stream")
    page.locator(".turn").get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".turn .actions")


def test_an_answer_that_takes_long_says_so_and_can_be_stopped(visit: Open) -> None:
    page = visit().page
    page.route("**/api/ask/stream", lambda route: None)
    page.get_by_role("textbox", name="Your question").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".slow")).to_contain_text("longer than usual", timeout=20_000)
    page.locator(".slow").get_by_role("button", name="Stop").click()
    expect(page.locator(".slow")).to_have_count(0)


def test_what_is_written_and_not_sent_survives_a_reload(visit: Open) -> None:
    visited = visit()
    visited.page.get_by_role("textbox", name="Your question").fill("is it too late for")
    visited.reload()
    expect(visited.page.get_by_role("textbox", name="Your question")).to_have_value("is it too late for")


def test_the_guide_stands_at_the_first_quote_and_the_focus_stays(visit: Open) -> None:
    visited = visit()
    visited.ask(QUESTION)
    expect(visited.page.locator("mark.now").first).to_be_in_viewport()
    assert visited.page.evaluate("document.activeElement.closest('#guide')") is None


def test_a_new_chat_empties_the_conversation_and_keeps_the_profile(visit: Open) -> None:
    visited = visit()
    page = visited.page
    page.evaluate("localStorage.setItem('advisor.profile', JSON.stringify({background: 'nurse'}))")
    visited.ask(QUESTION)
    page.get_by_role("button", name="New chat").first.click()
    page.locator("#new-dialog").get_by_role("button", name="New chat").click()
    expect(page.locator(".turn")).to_have_count(0)
    visited.reload()
    expect(page.locator(".welcome")).to_be_visible()
    assert "nurse" in page.evaluate("localStorage.getItem('advisor.profile')")
