"""The first seconds: the page is there before any script, and Gradio's controls come when a conversation has begun."""

from __future__ import annotations

from browser.conftest import Open, Server
from playwright.sync_api import Browser, Page, Route

MOST_REQUESTS, MOST_BYTES = 25, 250_000


def let_come(page: Page, held: list[Route]) -> None:
    """Let the script come, however long the browser took to ask for it."""
    while not held:
        page.wait_for_timeout(50)
    page.wait_for_timeout(200)
    for route in held:
        route.continue_()


def test_little_is_loaded_before_the_first_question(chromium: Browser, server: Server) -> None:
    context = chromium.new_context()
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    sizes: list[float] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(server.url)
    page.wait_for_selector("body.advisor-ready")
    page.wait_for_timeout(1500)
    assert 1 < len(sizes) < MOST_REQUESTS
    assert sum(sizes) < MOST_BYTES
    context.close()


def test_what_is_asked_before_the_script_is_there_is_answered(chromium: Browser, server: Server) -> None:
    context = chromium.new_context()
    page = context.new_page()
    held: list[Route] = []
    page.route("**/chat.js", lambda route: held.append(route))
    page.goto(server.url, wait_until="commit")
    page.get_by_role("textbox", name="Your question").fill("Do I need the GRE?")
    page.keyboard.press("Enter")
    assert page.url == server.url, "the form left the page"
    let_come(page, held)
    page.wait_for_selector(".turn .actions")
    assert "Do I need the GRE?" in page.locator(".turn .asked").inner_text()
    assert page.get_by_role("textbox", name="Your question").input_value() == ""
    assert page.locator(".turn").count() == 1
    context.close()


def test_a_starter_tapped_before_the_script_is_there_is_answered(chromium: Browser, server: Server) -> None:
    context = chromium.new_context()
    page = context.new_page()
    held: list[Route] = []
    page.route("**/chat.js", lambda route: held.append(route))
    page.goto(server.url, wait_until="commit")
    starter = page.locator(".starter").first
    text = starter.inner_text()
    starter.click()
    let_come(page, held)
    page.wait_for_selector(".turn .actions")
    assert page.locator(".turn .asked").inner_text() == text
    context.close()


def test_where_a_script_does_not_come_the_form_asks_without_it(chromium: Browser, server: Server) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/conversation.js", lambda route: route.abort())
    page.goto(server.url)
    page.get_by_role("textbox", name="Your question").fill("Do I need the GRE?")
    page.keyboard.press("Enter")
    page.wait_for_url("**/plain")
    assert "GRE" in page.locator("blockquote, article, main").first.inner_text()
    context.close()


def test_dark_mode_is_dark_from_the_first_paint(chromium: Browser, server: Server) -> None:
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.route("**/*.js", lambda route: route.abort())
    page.goto(server.url)
    assert page.evaluate("getComputedStyle(document.querySelector('#page')).backgroundColor") == "rgb(20, 24, 26)"
    context.close()


def test_gradios_controls_take_over_with_what_was_written(visit: Open) -> None:
    visited = visit()
    page = visited.page
    assert not any("/assets/" in url for url in visited.requests), "Gradio came before anything was asked"
    visited.ask("Do I need the GRE?")
    page.get_by_role("textbox", name="Your question").fill("and the deadl")
    page.wait_for_selector("gradio-app #question textarea", state="attached")
    page.wait_for_timeout(300)
    assert page.locator("form#composer").count() == 1, "the field was taken from under somebody's hands"
    page.locator(".turn .asked").click()  # nobody writes any more
    page.evaluate("document.activeElement.blur()")
    page.wait_for_selector("form#composer", state="detached")
    field = page.get_by_role("textbox", name="Your question")
    assert field.input_value() == "and the deadl"
    visited.ask("What if I'm weak in statistics?")
    assert page.locator(".turn").count() == 2
    assert field.input_value() == ""


def test_the_page_goes_on_where_gradio_cannot_come(chromium: Browser, server: Server) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/assets/**", lambda route: route.abort())
    page.goto(server.url)
    page.wait_for_selector("body.advisor-ready")
    for count, question in enumerate(["Do I need the GRE?", "What if I'm weak in statistics?"], 1):
        page.get_by_role("textbox", name="Your question").fill(question)
        page.keyboard.press("Enter")
        page.wait_for_function("count => document.querySelectorAll('.turn .actions').length === count", arg=count)
        page.wait_for_timeout(1500)
    context.close()
