"""axe-core finds nothing serious in any state of the page or of the reader."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pytest
from browser.conftest import Open, Server, Visit
from playwright.sync_api import Browser, Page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
QUESTION = "Which specializations pay the most?"


def problems(page: Page) -> list[str]:
    page.evaluate(AXE)  # not as a script element: the page's policy would not run it
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{issue['id']}: {node['html'][:120]}"
        for issue in found["violations"]
        if issue["impact"] in ("serious", "critical")
        for node in issue["nodes"]
    ]


def states(visited: Visit) -> Iterator[str]:
    """Lead the page through its states, naming each."""
    page = visited.page
    yield "empty"
    page.locator("#menu summary").click()
    yield "menu"
    page.get_by_role("button", name="Clear everything").click()
    yield "forget?"
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="About you").click()
    yield "profile"
    page.keyboard.press("Escape")
    visited.ask(QUESTION)
    yield "answer"
    page.get_by_role("button", name="Not helpful").click()
    yield "thumb down"
    page.locator(".marker").first.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    page.wait_for_selector("#preview:not([hidden])")
    yield "preview"
    page.locator(".marker").first.click()
    page.wait_for_selector("mark.now")
    yield "reader at a quote"
    page.get_by_role("button", name="Outline").click()
    yield "outline"
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    visited.ask("Compare NLP and computer vision")
    yield "comparison"
    visited.ask("What is the best pizza topping in Naples?")
    yield "not covered"


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_in_any_state_of_the_page(visit: Open, scheme: str, width: int) -> None:
    visited = visit(color_scheme=scheme, width=width, reduced_motion="reduce")
    found = {state: problems(visited.page) for state in states(visited)}
    assert {state: issues for state, issues in found.items() if issues} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["read/guide.md?s=2000&e=2300", "read/none.md"])
def test_nothing_serious_in_the_reader(chromium: Browser, server: Server, path: str, scheme: str) -> None:
    page = chromium.new_page(color_scheme=scheme)
    page.goto(server.url + path)
    assert problems(page) == []
    page.close()
