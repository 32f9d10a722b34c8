"""On a phone: Back closes what lies over the page, names of sections lead there, and everything can be touched."""

from __future__ import annotations

import re

import pytest
from browser.conftest import Open, Visit
from playwright.sync_api import expect

QUESTION = "Which specializations pay the most?"
PHONE = {"width": 390, "height": 844}
TOUCHED = """() => [...document.querySelectorAll('.turn a, .turn button, .composer button, #ask, #starters button')]
    .filter(one => one.getClientRects().length)
    .map(one => [one.textContent || one.getAttribute('aria-label'), one.getBoundingClientRect()])
    .filter(([, box]) => box.width < 24 || box.height < 24)
    .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""


@pytest.fixture
def phone(visit: Open) -> Visit:
    visited = visit(**PHONE)
    visited.ask(QUESTION)
    return visited


def is_open(visited: Visit) -> bool:
    return bool(visited.page.evaluate("document.body.classList.contains('reader-open')"))


def test_back_closes_the_guide_and_stays_on_the_page(phone: Visit) -> None:
    phone.page.locator(".turn .marker").first.click()
    expect(phone.page.locator("body")).to_have_class(re.compile("reader-open"))
    phone.page.go_back()
    expect(phone.page.locator(".turn .marker").first).to_be_visible()
    assert not is_open(phone)
    phone.page.evaluate("window.here = true")
    phone.page.locator(".turn .marker").first.click()
    phone.page.go_back()
    assert phone.page.evaluate("window.here")


def test_back_leaves_the_page_when_the_guide_was_closed_by_its_button(phone: Visit) -> None:
    phone.page.locator(".turn .marker").first.click()
    phone.page.get_by_role("button", name="Close the guide").click()
    expect(phone.page.locator("body.reader-open")).to_have_count(0)
    phone.page.go_back()
    assert phone.page.url == "about:blank"


def test_back_closes_a_dialog(phone: Visit) -> None:
    phone.page.locator("#new-chat").click()
    expect(phone.page.locator("#new-dialog[open]")).to_be_visible()
    phone.page.go_back()
    expect(phone.page.locator("#new-dialog[open]")).to_have_count(0)
    expect(phone.page.locator(".turn")).to_have_count(1)


def test_the_name_of_a_section_opens_the_guide_there(phone: Visit) -> None:
    link = phone.page.locator(".turn a.section").first
    name = link.text_content()
    link.click()
    heading = phone.page.locator(".reader-scroll").get_by_role("heading", name=name, exact=True)
    expect(heading).to_be_in_viewport()
    assert is_open(phone)


def test_everything_can_be_touched(phone: Visit) -> None:
    assert phone.page.evaluate(TOUCHED) == []


def test_the_smallest_screen_shows_question_and_answer(visit: Open) -> None:
    visited = visit(width=320, height=256)
    field = visited.page.get_by_role("textbox", name="Your question")
    expect(field).to_be_in_viewport()
    visited.ask(QUESTION)
    answer = visited.page.locator(".turn .answer-body p").first
    answer.scroll_into_view_if_needed()
    expect(answer).to_be_in_viewport()
    expect(field).to_be_in_viewport()
    assert visited.page.evaluate("document.documentElement.scrollWidth") <= 320
    seen = "() => { const box = document.querySelector('.log-scroll').getBoundingClientRect(); return box.height; }"
    assert visited.page.evaluate(seen) >= 80
