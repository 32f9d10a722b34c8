"""The owner's desk in a real browser: publish while visitors ask, a broken file, a rollback, two owners, the widget."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import Server
from browser.test_access import problems
from playwright.sync_api import Browser, Page, expect

PASSWORD = "the owner's long one"
FEES = "# Fees\n\n## Tuition\n\nTuition is {} euros a term. It is due in May.\n\n## Aid\n\nGrants cover a half of it.\n"
LONG = 200_000  # milliseconds a command may take on a busy machine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    (folder / "fees.md").write_text(FEES.format(450), "utf-8")
    return folder


@pytest.fixture(scope="module")
def desk(encoders: Path, folder: Path) -> Iterator[Server]:
    server = Server([str(folder)], {"ADVISOR_OWNER_PASSWORD": PASSWORD, "ADVISOR_RATE": "0"}).start()
    yield server
    server.stop()


@pytest.fixture
def owner(chromium: Browser, desk: Server) -> Iterator[Callable[..., Page]]:
    """Signs an owner in, in a browser of their own; afterwards nothing waits on the desk."""
    contexts = []

    def sign_in(**more: Any) -> Page:
        contexts.append(chromium.new_context(**more))
        page: Page = contexts[-1].new_page()
        page.set_default_timeout(LONG)
        page.goto(f"{desk.url}owner")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Versions").wait_for()
        return page

    yield sign_in
    last = sign_in()
    if last.get_by_role("button", name="Discard").count():
        last.get_by_role("button", name="Discard").click()
    for context in contexts:
        context.close()


def drop(page: Page, name: str, text: bytes | str) -> None:
    body = text if isinstance(text, bytes) else text.encode()
    page.get_by_label("Files").set_input_files([{"name": name, "mimeType": "text/plain", "buffer": body}])
    page.get_by_role("button", name="Show what would change").click()


def answer(desk: Server) -> str:
    asked = json.dumps({"question": "How much is tuition?", "history": []}).encode()
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(f"{desk.url}api/ask", asked, headers)) as response:
        return str(json.load(response)["text"])


def test_a_text_goes_live_while_visitors_ask_and_back_again(owner: Callable[..., Page], desk: Server) -> None:
    page, said, ended, failed = owner(), list[str](), threading.Event(), list[Exception]()

    def visit() -> None:
        try:
            while not ended.is_set():
                said.append(answer(desk))
        except Exception as error:
            failed.append(error)

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        assert problems(page) == []
        drop(page, "fees.md", FEES.format(650))
        expect(page.locator(".draft ins")).to_have_text("650 ", timeout=LONG)
        assert problems(page) == []
        page.get_by_role("button", name="Publish").click()
        expect(page.locator("#job")).to_have_text("Done: publishing", timeout=LONG)
        expect(page.locator(".versions li")).to_have_count(2)
        seen(said, "650")
        page.get_by_role("button", name="live again").click()
        expect(page.locator("#job")).to_contain_text("Done: going back", timeout=LONG)
        seen(said, "450", after=len(said))
    finally:
        ended.set()
        visitor.join()
    assert failed == []
    assert all("450 euros" in text or "650 euros" in text for text in said)


def seen(said: list[str], words: str, after: int = 0) -> None:
    """Wait until a visitor was told ``words``."""
    until = threading.Event()
    for _ in range(LONG // 100):
        if any(words in text for text in said[after:]):
            return
        until.wait(0.1)
    raise AssertionError(f"no visitor was told {words}: {said[-1:]}")


def test_a_broken_file_is_said_in_one_line_and_nothing_is_lost(
    owner: Callable[..., Page], desk: Server, folder: Path
) -> None:
    page, live = owner(), desk.live_version()
    before = {file.name: file.read_bytes() for file in folder.glob("*.*") if file.is_file()}
    drop(page, "fees.docx", b"PK\x03\x04 no Word at all")
    expect(page.locator("#job")).to_have_text("Not done: what would change", timeout=LONG)
    expect(page.locator("#job-line")).to_contain_text("fees.docx is damaged")
    expect(page.get_by_text("Nothing changed: what was live stays live.")).to_be_visible()
    assert problems(page) == []
    assert desk.live_version() == live
    assert {file.name: file.read_bytes() for file in folder.glob("*.*") if file.is_file()} == before


def test_of_two_owners_the_second_is_told_and_both_see_the_same(owner: Callable[..., Page]) -> None:
    first, second = owner(), owner()
    drop(first, "dates.md", "# Dates\n\nThe term begins in September.\n")
    first.locator("#job, #preview").wait_for()
    drop(second, "aid.md", "# Aid\n\nGrants cover all of it.\n")
    expect(second.get_by_role("alert")).to_contain_text("Nothing of yours was done")
    expect(first.get_by_role("heading", name="What would change", exact=True)).to_be_visible(timeout=LONG)
    second.goto(second.url.partition("/owner")[0] + "/owner")
    expect(second.locator(".dropped")).to_contain_text("dates.md is new")
    second.get_by_role("button", name="Discard").click()
    first.get_by_role("button", name="Publish").click()
    expect(first.get_by_role("alert")).to_contain_text("That preview is gone")


def test_the_desk_works_without_javascript(owner: Callable[..., Page]) -> None:
    page = owner(java_script_enabled=False)
    drop(page, "dates.md", "# Dates\n\nThe term begins in September.\n")
    expect(page.get_by_role("heading", name="What would change", exact=True)).to_be_visible(timeout=LONG)
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_role("button", name="Show what would change")).to_be_visible()


def test_the_widgets_line_is_made_shown_and_copied(owner: Callable[..., Page], desk: Server) -> None:
    page = owner(permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("link", name="Widget").click()
    launcher = page.frame_locator("#picture").locator("button.launcher")
    expect(launcher).to_be_visible()
    page.get_by_label("Words on the button").fill("Ask Harrow")
    page.get_by_label("Position").select_option("left")
    line = f'<script async src="{desk.url}widget.js" data-label="Ask Harrow" data-position="left"></script>'
    expect(page.get_by_role("textbox", name="The line")).to_have_value(line)
    expect(launcher).to_contain_text("Ask Harrow")
    assert problems(page) == []
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == line
    page.locator("#picture").evaluate("frame => frame.scrollIntoView({block: 'end'})")
    launcher.click()
    expect(page.frame_locator("#picture").frame_locator("iframe").get_by_label("Your question")).to_be_visible()
