"""What can be done with answers and with the guide beside them."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

from browser.conftest import Open, Server
from browser.test_page import QUESTION, quoted, shown_quote
from playwright.sync_api import Browser, expect


def test_previous_and_next_step_through_the_quotes_of_the_answer(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    page.locator(".marker").first.click()
    first = shown_quote(page)
    expect(page.get_by_role("button", name="Previous quote")).to_be_disabled()
    page.get_by_role("button", name="Next quote").click()
    expect(page.locator(".step-count")).to_have_text(re.compile(r"Quote 2 of [2-9]"))
    second = shown_quote(page)
    assert second == quoted(page, 1) != first
    expect(page.locator("mark.now").first).to_be_in_viewport()
    page.get_by_role("button", name="Previous quote").click()
    expect(page.locator(".step-count")).to_have_text(re.compile(r"Quote 1 of"))
    assert shown_quote(page) == first


def test_the_copied_address_opens_the_same_words_without_javascript(visit: Open, chromium: Browser) -> None:
    visited = visit()
    visited.ask(QUESTION)
    visited.page.locator(".marker").first.click()
    words = shown_quote(visited.page)
    visited.page.get_by_role("button", name="Copy the address of this quote").click()
    expect(visited.page.locator("#announce")).to_contain_text("Address copied")
    address = visited.page.evaluate("navigator.clipboard.readText()")
    plain = chromium.new_context(java_script_enabled=False)
    page = plain.new_page()
    page.goto(address)
    assert " ".join("".join(page.locator("mark").all_text_contents()).split()) == words
    expect(page.locator("mark").first).to_be_in_viewport()
    plain.close()


def test_hovering_or_focusing_a_marker_shows_its_quote_and_place(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    page.locator(".marker").first.hover()
    expect(page.locator("#preview")).to_contain_text(quoted(page, 0)[:60])
    expect(page.locator(".preview-path")).to_contain_text("Which specializations pay the most")
    page.keyboard.press("Escape")
    expect(page.locator("#preview")).to_be_hidden()


def test_tabbing_to_a_marker_out_of_sight_scrolls_to_it_and_still_shows_its_quote(visit: Open) -> None:
    visited = visit(width=360, height=640)
    page = visited.page
    for _ in range(3):
        visited.ask(QUESTION)
    page.locator(".log-scroll").evaluate("log => log.scrollTo(0, 0)")
    page.locator(".turn:last-child .marker").last.focus()
    page.keyboard.press("Shift+Tab")
    page.locator(".log-scroll").evaluate("log => log.scrollTo(0, 0)")
    expect(page.locator("#preview")).to_be_hidden()
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_be_in_viewport()
    page.wait_for_timeout(400)  # until the scrolling that the focus caused is over
    expect(page.locator("#preview")).to_be_visible()
    expect(page.locator("#preview")).to_be_in_viewport()


def test_a_preview_opened_by_the_keyboard_outlives_a_pointer_that_passes_elsewhere(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    page.locator(".asked").last.hover()
    page.locator(".marker").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#preview")).to_be_visible()
    page.locator(".actions button").last.hover()
    page.locator(".asked").last.hover()
    expect(page.locator("#preview")).to_be_visible()


def test_the_guide_can_be_read_by_its_outline_without_asking(visit: Open) -> None:
    page = visit().page
    page.get_by_role("button", name="Outline").click()
    page.get_by_role("navigation", name="Outline").get_by_role("button", name="Computer vision", exact=True).click()
    expect(page.locator(".guide-text").get_by_role("heading", name="Computer vision", exact=True)).to_be_in_viewport()


def test_a_selected_sentence_can_be_asked_about(visit: Open) -> None:
    page = visit().page
    page.locator(".guide-text p").first.click(click_count=3)
    page.get_by_role("button", name="Ask about this").click()
    expect(page.get_by_role("textbox", name="Your question")).to_have_value(
        re.compile(r"^What does the guide say about “This guide is meant")
    )
    expect(page.get_by_role("textbox", name="Your question")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector(".turn .marker")


def test_follow_ups_are_offered_and_the_guide_answers_each(visit: Open) -> None:
    visited = visit()
    visited.ask(QUESTION)
    offered = visited.page.locator(".follow-ups button").all_text_contents()
    assert 2 <= len(offered) <= 3
    for question in offered:
        visited.ask(question)
        assert visited.page.locator(".turn:last-child .marker").count() > 0


def test_copying_takes_the_sources_along(visit: Open) -> None:
    visited = visit()
    visited.ask(QUESTION)
    visited.page.get_by_role("button", name="Copy with sources").click()
    expect(visited.page.locator("#announce")).to_contain_text("Copied")
    text = visited.page.evaluate("navigator.clipboard.readText()")
    assert QUESTION in text
    assert re.search(r"\[1\] .*“.+” <http://.*/read/guide\.md\?v=.*&s=\d+&e=\d+#", text)
    assert "version" in text


def test_retry_asks_the_same_question_again_in_its_place(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    before = page.locator(".answer-body").inner_text()
    with page.expect_response("**/api/ask/stream"):
        page.get_by_role("button", name="Ask again").click()
    page.wait_for_selector(".turn .actions")
    assert page.locator(".turn").count() == 1
    assert page.locator(".answer-body").inner_text() == before


def test_undo_takes_the_last_turn_back_and_keeps_its_words(visit: Open) -> None:
    visited = visit()
    visited.ask("hello")
    visited.ask(QUESTION)
    visited.page.locator(".turn:last-child").get_by_role("button", name="Undo").click()
    expect(visited.page.get_by_role("textbox", name="Your question")).to_have_value(QUESTION)
    visited.reload()
    expect(visited.page.locator(".asked")).to_have_text(["hello"])


def test_a_thumb_down_asks_why_and_is_counted_once(visit: Open, server: Server) -> None:
    def counted() -> int:
        metrics = urllib.request.urlopen(f"{server.url}metrics").read().decode()
        return sum(int(n) for n in re.findall(r'feedback_total\{reason="unclear".*?verdict="down".*\} (\d+)', metrics))

    visited = visit()
    visited.ask(QUESTION)
    before = counted()
    visited.page.get_by_role("button", name="Not helpful").click()
    with visited.page.expect_response("**/api/feedback"):
        visited.page.get_by_role("button", name="Hard to understand").click()
    expect(visited.page.locator(".turn")).to_contain_text("Thank you")
    assert counted() == before + 1
    visited.reload()
    expect(visited.page.get_by_role("button", name="Not helpful")).to_have_attribute("aria-pressed", "true")


def test_confidence_is_said_in_words(visit: Open) -> None:
    visited = visit()
    visited.ask(QUESTION)
    expect(visited.page.locator(".sure")).to_have_text("This seems to answer it. The numbers show where it stands.")


def test_a_comparison_is_a_table_that_can_be_widened_and_narrowed(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask("Compare NLP and computer vision")
    assert page.locator(".compare thead th").count() == 2
    visited.ask("add MLOps")
    assert page.locator(".turn:last-child .compare thead th").count() == 3
    visited.ask("only pay and workload")
    assert page.locator(".turn:last-child .compare tbody tr").count() == 2
    for cell in page.locator(".turn:last-child .compare tbody td").all():
        assert cell.locator(".marker").count() or cell.inner_text() == "the guide does not say"


def test_a_profile_stays_in_the_browser_answers_what_fits_and_is_emptied_by_one_click(visit: Open) -> None:
    visited = visit()
    page = visited.page
    page.get_by_role("button", name="About you").click()
    page.get_by_label("Background").fill("graphic designer")
    page.get_by_label("Aims").fill("make art and music with AI")
    page.get_by_role("button", name="Which fits me?").click()
    answer = page.locator(".turn").last
    expect(answer).to_contain_text("Generative models and AI creativity", timeout=30_000)
    expect(answer).to_contain_text("The guide does not choose for you")
    expect(answer.locator(".marker").first).to_be_visible()
    visited.reload()
    page.get_by_role("button", name="About you").click()
    expect(page.get_by_label("Background")).to_have_value("graphic designer")
    page.get_by_role("button", name="Empty").click()
    expect(page.get_by_label("Background")).to_have_value("")
    assert page.evaluate("localStorage.getItem('advisor.profile')") is None


def test_the_conversation_can_be_saved_as_markdown(visit: Open, tmp_path: Path) -> None:
    visited = visit()
    visited.ask(QUESTION)
    visited.ask("What is the best pizza topping in Naples?")
    visited.page.locator("#menu summary").click()
    with visited.page.expect_download() as download:
        visited.page.get_by_role("button", name="Save as Markdown").click()
    download.value.save_as(tmp_path / "saved.md")
    text = (tmp_path / "saved.md").read_text()
    assert f"## {QUESTION}" in text
    assert "Which specializations pay the most?: “" in text
    assert re.search(r"The guide is at version \d+", text)
    assert "- What is the best pizza topping in Naples?" in text.split("## Questions the guide left open")[1]


def test_the_printed_page_holds_the_quotes_and_the_version_and_no_controls(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    expect(page.locator(".print-sources li").first).to_be_visible()
    expect(page.locator(".print-extra")).to_contain_text("The guide is at version")
    expect(page.locator("#question")).to_be_hidden()
    expect(page.locator("#guide")).to_be_hidden()
    assert page.evaluate("document.querySelector('.turn').getBoundingClientRect().height") < 3000


def test_forgetting_empties_everything_kept_in_the_browser(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Clear everything…").click()
    page.get_by_role("button", name="Clear everything", exact=True).click()
    expect(page.locator(".turn")).to_have_count(0)
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('advisor.'))") == []
    visited.reload()
    expect(page.locator(".welcome")).to_be_visible()


def test_whole_sentences_reach_the_live_region(visit: Open) -> None:
    visited = visit()
    visited.ask(QUESTION)
    said = visited.page.locator("#announce p").all_text_contents()
    assert any(quoted(visited.page, 0)[:80] in line for line in said)
