"""Restarts, many tabs, a guide swapped under an open page, a very long conversation, a hostile guide."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser.conftest import ROOT, Open, Server, serving
from browser.test_page import QUESTION, quoted, shown_quote
from playwright.sync_api import expect

from advisor_bot.index.publish import publish, read_guide
from advisor_bot.settings import Settings

HOSTILE = """# Guide <script>window.hacked = 1</script> of *bikes*

Steel frames <img src=x onerror="window.hacked = 2"> last long, says the <b>shop</b>. {word}

| Frame | Price |
|---|---|
| <svg onload="window.hacked = 3"> | [cheap](javascript:window.hacked=4) {word} |

## العنوان من اليمين إلى اليسار

الدراجة الفولاذية تدوم طويلا وتكلف أقل من غيرها من الدراجات. Steel frames cost 900.

```html
</code></pre><script>window.hacked = 5</script> {word}
```

## ]]> --> {{{{value}}}} ${{window.hacked = 6}} `tick` [1] [2]

Carbon frames are light but [1] they crack. [99]

{headings}
"""


def publish_text(text: str, index: Path, folder: Path, name: str = "guide.md") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    settings = Settings(corpus=folder, index=index)
    return publish(read_guide([folder], settings).documents, settings, force=True).version


def test_a_restart_under_an_open_page_loses_nothing(visit: Open, published: Path) -> None:
    server = Server(["--index", str(published)]).start()
    try:
        visited = visit(server.url, complain=False)
        page, port = visited.page, server.port
        visited.ask("hello")
        server.stop()
        page.get_by_role("textbox", name="Your question").fill(QUESTION)
        page.keyboard.press("Enter")
        expect(page.locator(".trouble")).to_contain_text("The server does not answer just now. Your question is kept")
        expect(page.locator(".turn:last-child .asked")).to_have_text(QUESTION)
        server.start(port)
        page.wait_for_selector(".turn:last-child .marker", timeout=60_000)
        page.locator(".turn:last-child .marker").first.click()
        assert shown_quote(page) == quoted(page, 0)
    finally:
        server.stop()


def test_a_question_left_unanswered_can_be_asked_after_a_reload(visit: Open, published: Path) -> None:
    server = Server(["--index", str(published)]).start()
    try:
        visited = visit(server.url, complain=False)
        server.stop()
        visited.page.get_by_role("textbox", name="Your question").fill(QUESTION)
        visited.page.keyboard.press("Enter")
        visited.page.wait_for_selector(".trouble")
        server.start(server.port)
        visited.reload()
        visited.page.get_by_role("button", name="Ask again").click()
        visited.page.wait_for_selector(".turn .marker")
    finally:
        server.stop()


def test_ten_tabs_of_one_browser_all_answer(visit: Open) -> None:
    first = visit().page
    tabs = [first]
    for _ in range(9):
        tab = first.context.new_page()
        tab.goto(first.url)
        tab.wait_for_selector("body.advisor-ready")
        tabs.append(tab)
    for number, tab in enumerate(tabs):
        tab.get_by_role("textbox", name="Your question").fill(f"{QUESTION} ({number})")
        tab.keyboard.press("Enter")
    for number, tab in enumerate(tabs):
        turn = tab.locator(".turn", has_text=f"({number})")
        turn.locator(".actions").wait_for()
    expect(first.locator(".turn .actions")).to_have_count(10)  # and every tab shows the one conversation


def test_old_citations_open_marked_older_after_the_guide_changed(visit: Open, published: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    shutil.copytree(published, index)
    text = (ROOT / "corpus" / "guide.md").read_text(encoding="utf-8")
    with serving(index) as server:
        visited = visit(server.url)
        page = visited.page
        visited.ask(QUESTION)
        page.locator(".marker").first.click()
        old = shown_quote(page)
        start = " ".join(old.split()[:3])
        assert start in text
        new = publish_text(text.replace(start, f"{start} now"), index, tmp_path / "corpus")
        while server.live_version() != new:
            page.wait_for_timeout(200)
        visited.ask(QUESTION)
        page.locator(".turn:last-child .marker").first.click()
        expect(page.locator("mark").filter(has_text=f"{start} now").first).to_be_visible()
        expect(page.locator(".reader .older")).to_be_hidden()
        page.locator(".turn:first-child .marker").first.click()
        expect(page.locator(".reader .older")).to_have_text("This is an older version of the guide.")
        assert shown_quote(page) == old
        expect(page.locator(".turn:first-child .older-answer")).to_contain_text("older version")
        expect(page.locator(".turn:last-child .older-answer")).to_have_count(0)
        expect(page.locator("#edition")).to_contain_text(f"version {int(new.split('-')[0])}")
        page.close()  # before the server goes, which Gradio's controls may still be waiting for


def test_three_hundred_turns_are_shown_again_and_the_next_one_costs_no_more_than_itself(visit: Open) -> None:
    visited = visit()
    page = visited.page
    visited.ask(QUESTION)
    page.evaluate(
        """() => {
            const key = Object.keys(localStorage).find((key) => key.startsWith('advisor.turn.'));
            const turn = JSON.parse(localStorage.getItem(key));
            for (let n = 0; n < 299; n++) {
                const id = `00000${String(n).padStart(4, '0')}-copy`;
                localStorage.setItem(`advisor.turn.${id}`, JSON.stringify({...turn, id}));
            }
        }"""
    )
    visited.reload()
    expect(page.locator(".turn")).to_have_count(300)
    page.evaluate(
        """() => { window.writes = [];
            const set = Storage.prototype.setItem;
            Storage.prototype.setItem = function (key, value) { writes.push(key); set.call(this, key, value); };
            window.touched = new Set();
            const note = (change) => touched.add(change.target.closest?.('.turn')?.dataset.id);
            new MutationObserver((changes) => changes.forEach(note))
                .observe(document.getElementById('log'), {subtree: true, childList: true, attributes: true}); }"""
    )
    with page.expect_request("**/api/ask/stream") as request:
        visited.ask("And which have the best growth?")
    assert len(json.loads(request.value.post_data)["history"]) <= 16
    written = set(page.evaluate("writes")) - {"advisor.draft"}
    assert len(written) == 1  # only the new turn
    touched = page.evaluate("[...touched].filter(Boolean)")
    assert len(touched) == 1  # and only it is drawn
    page.locator(".turn:last-child .marker").first.click()
    assert shown_quote(page)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, encoders: Path) -> Iterator[Server]:
    index = tmp_path_factory.mktemp("hostile")
    headings = "\n\n".join(
        f"## Part {n} of many\n\nPart {n} speaks of brakes and bells, number {n}." for n in range(200)
    )
    text = HOSTILE.format(word="w" * 3000, headings=headings)
    publish_text(text, index, tmp_path_factory.mktemp("corpus"), name='a "quoted" <b>&amp;\' name.md')
    with serving(index) as server:
        yield server


@pytest.mark.parametrize("width", [360, 1280])
def test_a_hostile_guide_cannot_break_the_page(visit: Open, hostile: Server, width: int) -> None:
    visited = visit(hostile.url, width=width)
    page = visited.page
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    for question in ("How long do steel frames last?", "Do carbon frames crack?", "compare steel and carbon"):
        visited.ask(question)
        if page.locator(".turn:last-child .marker").count():
            page.locator(".turn:last-child .marker").first.click()
            assert shown_quote(page)
            if width < 900:
                page.get_by_role("button", name="Close the guide").click()
    assert page.evaluate("window.hacked") is None
    assert dialogs == []
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.querySelector('.log-scroll').scrollWidth <= innerWidth")
    page.goto(hostile.url + page.evaluate("document.querySelector('.marker').getAttribute('href')").split("/", 3)[3])
    assert page.evaluate("window.hacked") is None
    assert page.locator(".guide-text script, .guide-text img, .guide-text svg").count() == 0
