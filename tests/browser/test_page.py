"""The chat page, driven in Chromium on the real server with the real guide."""

from __future__ import annotations

import re

import pytest
from browser.conftest import Open, Server
from playwright.sync_api import Browser, Page, expect

QUESTION = "Which specializations pay the most?"


def shown_quote(page: Page) -> str:
    page.wait_for_selector("mark.now")
    return " ".join("".join(page.locator("mark.now").all_text_contents()).split())


def quoted(page: Page, marker: int) -> str:
    """The words of the answer that the marker proves."""
    text = page.locator(".turn:last-child .answer-body :is(.paragraph, li)").nth(marker).inner_text()
    return " ".join(re.sub(r"(\s*\d+)+$", "", text).split())


def test_asking_gives_a_cited_answer_and_a_marker_opens_its_exact_words(visit: Open) -> None:
    page = visit().page
    page.get_by_role("textbox", name="Your question").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector(".turn .actions")
    page.locator(".marker").first.click()
    assert shown_quote(page) == quoted(page, 0)
    expect(page.locator("mark.now").first).to_be_in_viewport()


def test_the_page_says_how_it_answers_and_from_which_guide(visit: Open) -> None:
    page = visit().page
    expect(page.locator(".masthead")).to_contain_text("Answers only from this guide, with the exact passage.")
    expect(page.locator("#edition")).to_have_text(re.compile(r"Guide of \w+ \d+, \d{4}, version \d+"))
    expect(page.locator(".page-foot")).to_contain_text("Not professional advice. Guide revised")
    expect(page.locator(".page-foot a")).to_have_attribute("href", "https://advice.example/hours")


def test_a_starter_question_is_asked_by_one_click(visit: Open) -> None:
    page = visit().page
    starter = page.locator(".starter").first
    text = starter.inner_text()
    starter.click()
    page.wait_for_selector(".turn .actions")
    expect(page.locator(".asked")).to_have_text(text)
    assert page.locator(".marker").count() > 0


def test_the_conversation_survives_a_reload_and_still_opens_its_quotes(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    before = page.locator(".turn .answer-body").inner_text()
    visited.reload()
    assert page.locator(".turn .answer-body").inner_text() == before
    page.locator(".marker").first.click()
    assert shown_quote(page) == quoted(page, 0)


def test_nothing_of_the_conversation_is_sent_but_the_question_and_its_history(visit: Open) -> None:
    visited = visit()
    sent: list[str] = []
    visited.page.on(
        "request", lambda request: sent.append(request.post_data or "") if request.method == "POST" else None
    )
    visited.ask(QUESTION)
    visited.ask("And which pay the least?")
    visited.reload()
    assert len(sent) == 2
    assert '"history":[]' in sent[0]


def test_where_the_guide_does_not_answer_the_adviser_is_named(visit: Open) -> None:
    visited = visit()
    visited.ask("What is the best pizza topping in Naples?")
    answer = visited.page.locator(".turn .answer")
    expect(answer).to_contain_text("The guide does not cover this.")
    expect(answer.locator(".contact a")).to_have_attribute("href", "https://advice.example/hours")


def test_the_keyboard_alone_asks_opens_a_quote_and_comes_back(visit: Open) -> None:
    page = visit().page
    page.get_by_role("textbox", name="Your question").focus()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn .actions")
    for _ in range(60):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('.marker')"):
            break
    expect(page.locator("#preview")).to_be_visible()
    page.keyboard.press("Enter")
    assert shown_quote(page)
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-label')") == "Next quote":
            break
    page.keyboard.press("Enter")
    expect(page.locator(".step-count")).to_have_text(re.compile(r"Quote \d+ of \d+"))


def test_every_control_that_has_the_focus_shows_it(visit: Open) -> None:
    visited = visit()
    visited.ask(QUESTION)
    bare = []
    for _ in range(30):
        visited.page.keyboard.press("Tab")
        style = visited.page.evaluate(
            "(() => { const s = getComputedStyle(document.activeElement);"
            " return [document.activeElement.outerHTML.slice(0, 80), s.outlineStyle, parseFloat(s.outlineWidth)]; })()"
        )
        if style[1] == "none" or style[2] < 1:
            bare.append(style)
    assert [style for style in bare if not style[0].startswith("<body")] == []


def test_dark_follows_the_system_and_the_menu_changes_it_for_good(visit: Open) -> None:
    visited = visit(color_scheme="dark")
    page = visited.page

    def lightness() -> float:
        numbers = re.findall(
            r"[\d.]+", page.evaluate("getComputedStyle(document.querySelector('#page')).backgroundColor")
        )
        return sum(map(float, numbers[:3]))

    assert lightness() < 200
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Dark mode").click()
    assert lightness() > 600
    visited.reload()
    assert lightness() > 600


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_nothing_is_cut_off_at_any_width(visit: Open, width: int) -> None:
    visited = visit(width=width)
    visited.ask("Compare NLP and computer vision")
    wide = visited.page.evaluate(
        """() => [...document.querySelectorAll('#chat *')].filter((e) => {
            const box = e.getBoundingClientRect();
            return box.width && box.right > innerWidth + 1 && !e.closest('.compare');
        }).map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert wide == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_jumps_while_the_page_opens_or_an_answer_comes(chromium: Browser, server: Server, width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.add_init_script(
        "window.jumps = 0; new PerformanceObserver((list) => list.getEntries().forEach((e) => (jumps += e.value)))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    page.goto(server.url)
    page.wait_for_selector("body.advisor-ready")
    page.wait_for_timeout(500)
    assert page.evaluate("jumps") < 0.1  # what web.dev calls good
    page.evaluate("jumps = 0; advisor.ask('Compare NLP and computer vision')")
    page.wait_for_selector(".turn .compare")
    page.wait_for_timeout(500)
    assert page.evaluate("jumps") < 0.01
    page.close()


def test_on_a_phone_the_reader_is_a_drawer(visit: Open) -> None:
    visited = visit(width=360, height=740, has_touch=True)
    page = visited.page
    visited.ask(QUESTION)
    expect(page.locator(".reader-scroll")).not_to_be_visible()
    page.locator(".marker").first.tap()
    assert shown_quote(page) == quoted(page, 0)
    expect(page.locator("mark.now").first).to_be_in_viewport()
    page.get_by_role("button", name="Close the guide").tap()
    expect(page.locator(".reader-scroll")).not_to_be_visible()
    expect(page.locator(".marker").first).to_be_focused()
