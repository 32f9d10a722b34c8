"""The widget on pages of another site: a real server of theirs on another port, and a real Chromium."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from browser.conftest import ROOT, Server
from browser.test_access import AXE
from browser.test_robust import HOSTILE, publish_text
from playwright.sync_api import Browser, FrameLocator, Page, Response, expect

sys.path.insert(0, str(ROOT / "examples"))
import host

QUESTION = "Which specializations pay the most?"
LOADER_LIMIT = 4096  # bytes as they are sent, compressed
FRAME_LIMIT = 20_000  # the same, of everything the frame loads but the guide's own data
LINE = '<script async src="https://HOST/widget.js" {}></script>'


@dataclass
class Site:
    """Somebody's web site: the demo's pages, and those a test adds."""

    port: int = 0
    chat: str = ""
    added: dict[str, host.Page] = field(default_factory=dict)

    def find(self, path: str) -> host.Page | None:
        return self.added.get(path) or host.pages(path, self.chat)

    def add(self, body: str, head: str = "", html: str = 'lang="en"', **headers: str) -> str:
        """Add a page and return its path."""
        path = f"/page{len(self.added)}"
        text = f"<!doctype html><html {html}><head><title>A page</title>{head}</head><body>{body}</body></html>"
        given = {
            name.replace("_", "-"): value.replace("CHAT", self.chat.rstrip("/")) for name, value in headers.items()
        }
        self.added[path] = (text.replace(host.PLACE, self.chat).encode(), {"Content-Type": "text/html"} | given)
        return path


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    served = Site()
    with host.serving(served.find) as served.port:
        yield served


@pytest.fixture(scope="module")
def chat(site: Site, published: Path) -> Iterator[Server]:
    """The program, which lets ``site`` show the widget under two names; `localhost` is another site to a browser."""
    allowed = f"http://127.0.0.1:{site.port},http://localhost:{site.port}"
    server = Server(["--index", str(published)], {"ADVISOR_ALLOWED_ORIGINS": allowed, "ADVISOR_RATE": "0"}).start()
    site.chat = server.url
    yield server
    server.stop()


@pytest.fixture(scope="module")
def hostile(site: Site, encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The program under a path prefix, with a guide full of markup."""
    folder = tmp_path_factory.mktemp("hostile")
    text = HOSTILE.format(word="Steel frames cost 900 and last long.", headings="")
    publish_text(text, folder / "index", folder / "guide")
    settings = {"ADVISOR_ALLOWED_ORIGINS": f"http://127.0.0.1:{site.port}", "ADVISOR_ROOT_PATH": "/advice"}
    server = Server(["--index", str(folder / "index")], settings).start()
    yield server
    server.stop()


@dataclass
class Guest:
    """A visitor of the site, and what the browser asked for and complained of."""

    page: Page
    responses: list[Response] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def launcher(self) -> Any:
        return self.page.locator("advisor-chat .launcher")

    @property
    def panel(self) -> Any:
        return self.page.locator("advisor-chat .panel")

    @property
    def frame(self) -> FrameLocator:
        return self.page.frame_locator("advisor-chat iframe")

    def open(self) -> FrameLocator:
        self.launcher.click()
        self.frame.locator("html.advisor-ready").wait_for()
        return self.frame

    def ask(self, question: str) -> None:
        turns = self.frame.locator(".turn").count()
        self.frame.get_by_role("textbox").fill(question)
        self.page.keyboard.press("Enter")
        self.frame.locator(".turn").nth(turns).locator(".actions").wait_for()

    def inside(self, script: str) -> Any:
        """Run a script in the frame."""
        return next(f for f in self.page.frames if "/widget" in f.url).evaluate(script)

    def loaded(self, part: str = "") -> list[str]:
        return [response.url for response in self.responses if part in response.url]


Call = Callable[..., Guest]


@pytest.fixture
def call(chromium: Browser, site: Site, chat: Server) -> Iterator[Call]:
    """Opens a page of the site; afterwards nothing may have been complained of, and nobody else been asked."""
    guests: list[tuple[Guest, bool]] = []

    def visit(path: str, name: str = "127.0.0.1", complain: bool = True, **more: Any) -> Guest:
        context = chromium.new_context(**{"viewport": {"width": 1280, "height": 800}, **more})
        context.set_default_timeout(10_000)
        context.add_init_script(
            "window.shifted = 0;"
            "new PerformanceObserver(list => list.getEntries().forEach(entry => window.shifted += entry.value))"
            ".observe({type: 'layout-shift', buffered: true})"
        )
        page = context.new_page()
        guest = Guest(page)
        guests.append((guest, complain))
        page.on("response", lambda response: guest.responses.append(response))
        page.on("console", lambda m: m.type in ("error", "warning") and guest.complaints.append(m.text))
        page.on("pageerror", lambda error: guest.complaints.append(str(error)))
        page.goto(f"http://{name}:{site.port}{path}")
        page.wait_for_function("window.AdvisorChat")
        return guest

    yield visit
    for guest, complain in guests:
        guest.page.context.close()
        mine = (
            f"http://127.0.0.1:{site.port}/",
            f"http://localhost:{site.port}/",
            site.chat,
            "data:",
            "http://127.0.0.1",
        )
        assert [url for url in guest.loaded() if not url.startswith(mine)] == []
        favicon = [text for text in guest.complaints if "404" not in text]
        assert favicon == [] or not complain


# --- light -----------------------------------------------------------------------------------------------------


def test_until_it_is_opened_the_page_loads_the_loader_alone_and_gains_one_element(call: Call, site: Site) -> None:
    guest = call(site.add("<p>Words</p>", LINE.format("")))
    expect(guest.launcher).to_be_visible()
    assert guest.loaded(site.chat) == [f"{site.chat}widget.js"]
    added = guest.page.evaluate(
        """() => ({
          root: [...document.documentElement.children].map(e => e.localName),
          head: document.head.children.length,
          body: document.body.innerHTML,
          sheets: document.styleSheets.length + document.adoptedStyleSheets.length,
          stored: localStorage.length + sessionStorage.length,
          cookies: document.cookie,
          shifted: window.shifted,
        })"""
    )
    nothing = {"head": 2, "body": "<p>Words</p>", "sheets": 0, "stored": 0, "cookies": "", "shifted": 0}
    assert added == {"root": ["head", "body", "advisor-chat"], **nothing}
    assert guest.page.context.cookies() == []


def test_the_loader_and_the_frame_stay_light(call: Call, site: Site) -> None:
    guest = call("/")
    guest.open()
    guest.ask(QUESTION)
    guest.frame.locator(".marker").first.click()
    guest.frame.locator(".sheet h3").first.wait_for()
    sent = {r.url: r.request.sizes()["responseBodySize"] for r in guest.responses if r.url.startswith(site.chat)}
    frame = {url: size for url, size in sent.items() if "/api/" not in url and not url.endswith("/widget.js")}
    assert len(frame) > 5
    assert 0 < sent[f"{site.chat}widget.js"] <= LOADER_LIMIT
    assert 0 < sum(frame.values()) <= FRAME_LIMIT


def test_the_connection_is_prepared_when_the_pointer_comes_near(call: Call, site: Site) -> None:
    guest = call("/")
    hints = guest.page.locator("advisor-chat link[rel=preconnect]")
    expect(hints).to_have_count(0)
    guest.launcher.hover()
    expect(hints).to_have_attribute("href", site.chat.rstrip("/"))
    assert guest.loaded(site.chat) == [f"{site.chat}widget.js"]


# --- the same answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"], ids=["same site", "another site"])
def test_a_visitor_asks_opens_a_source_and_follows_up(call: Call, site: Site, name: str) -> None:
    guest = call("/", name=name)
    frame = guest.open()
    expect(frame.locator("h1")).to_have_text("Ask the study guide")
    expect(frame.locator(".welcome h2")).to_have_text("Not sure which specialization fits you?")
    expect(frame.locator("body > footer")).to_contain_text("Not professional advice. Guide revised")
    expect(frame.locator("body > footer a")).to_have_attribute("href", "https://advice.example/hours")
    expect(frame.locator("body > header")).to_contain_text("Guide of")
    frame.locator(".starters button", has_text=QUESTION).click()
    marker = frame.locator(".marker").first
    marker.wait_for()
    quote = marker.evaluate("marker => marker.citation.quote")
    marker.click()
    expect(frame.locator(".sheet p")).not_to_have_count(1)  # the surroundings have come
    assert "".join(frame.locator(".sheet mark").all_inner_texts()) == quote
    full = frame.get_by_role("link", name="Read on in the guide").get_attribute("href")
    assert full.startswith(f"{site.chat}read/guide.md?v=")  # type: ignore[union-attr]
    guest.page.keyboard.press("Escape")
    frame.locator(".follow-ups button").first.click()
    frame.locator(".turn:nth-child(2) .actions").wait_for()
    spoken = frame.locator("[aria-live=polite]").inner_text()
    assert frame.locator(".turn:nth-child(2) .paragraph, .turn:nth-child(2) li").first.inner_text()[:40] in spoken
    frame.get_by_role("button", name="Not helpful").last.click()
    with guest.page.expect_response("**/api/feedback") as counted:
        frame.get_by_role("button", name="Something is missing").click()
    assert counted.value.ok


def test_a_source_keeps_its_lists_and_bold_words(call: Call) -> None:
    guest = call("/")
    frame = guest.open()
    guest.ask("Do I need the GRE?")
    frame.locator(".turn .marker").first.click()
    item = frame.locator(".passage ul > li", has=frame.locator("mark"))
    expect(item.first).to_be_visible()
    expect(item.locator("strong").first).to_be_visible()
    assert "**" not in (frame.locator(".passage").text_content() or "")


def test_an_answer_is_copied_with_its_sources(call: Call, site: Site) -> None:
    guest = call("/")
    guest.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    frame = guest.open()
    guest.ask(QUESTION)
    frame.get_by_role("button", name="Copy with sources").click()
    expect(frame.locator("[aria-live=polite]")).to_contain_text("Copied with its sources.")
    copied = guest.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"## {QUESTION}")
    assert f"{site.chat}read/guide.md" in copied


def test_words_are_shown_on_the_hosts_own_page_where_it_carries_the_guide(call: Call, site: Site) -> None:
    guest = call("/guide.html")
    guest.open()
    guest.ask(QUESTION)
    assert guest.loaded("on_page.js") == []
    marker = guest.frame.locator(".marker").first
    quote = marker.evaluate("marker => marker.citation.quote")
    marker.click()
    guest.page.wait_for_function("CSS.highlights.size === 1")
    assert guest.page.evaluate("[...CSS.highlights.get('advisor-chat')].map(String)[0]") == quote
    guest.page.wait_for_function("scrollY > 500")
    guest.page.wait_for_function(
        "(() => { const box = [...CSS.highlights.get('advisor-chat')][0].getBoundingClientRect();"
        " return box.top > 0 && box.bottom < innerHeight })()"
    )


def test_the_conversation_survives_a_reload_until_it_is_forgotten(call: Call) -> None:
    guest = call("/")
    guest.open()
    guest.ask(QUESTION)
    guest.page.reload()
    frame = guest.open()
    expect(frame.locator(".asked")).to_have_text(QUESTION)
    expect(frame.locator(".marker").first).to_be_visible()
    frame.get_by_role("button", name="Clear conversation").click()
    frame.get_by_role("button", name="Clear everything").click()
    expect(frame.locator(".turn")).to_have_count(0)
    expect(frame.locator(".welcome")).to_be_visible()
    assert guest.inside("Object.keys(localStorage)") == []
    guest.page.reload()
    expect(guest.open().locator(".turn")).to_have_count(0)


def test_where_storage_is_denied_the_conversation_stays_in_memory(call: Call, site: Site) -> None:
    guest = call("/")
    deny = """if (top !== window) Object.defineProperty(window, "localStorage", {
        get() { throw new DOMException("", "SecurityError") }})"""
    guest.page.context.add_init_script(deny)
    guest.page.reload()
    frame = guest.open()
    guest.ask(QUESTION)
    guest.ask("And which have the best job growth?")
    expect(frame.locator(".turn")).to_have_count(2)
    frame.get_by_role("button", name="Clear conversation").click()
    frame.get_by_role("button", name="Clear everything").click()
    expect(frame.locator(".turn")).to_have_count(0)


# --- in the page, and driven by it -----------------------------------------------------------------------------


def test_inline_it_stands_in_the_flow_and_moves_nothing(call: Call, site: Site) -> None:
    guest = call("/inline.html", viewport={"width": 1280, "height": 1100})
    frame = guest.frame
    frame.locator("html.advisor-ready").wait_for()
    expect(guest.launcher).to_have_count(0)
    box = guest.page.locator("advisor-chat").bounding_box()
    assert box["height"] == 34 * 16  # type: ignore[index]
    expect(frame.locator(".starters button")).to_have_count(2)
    expect(frame.get_by_role("button", name="Close the chat")).to_have_count(0)
    assert guest.page.evaluate("document.activeElement.localName") == "body"
    before = guest.page.evaluate("scrollY")
    guest.ask(QUESTION)
    guest.ask("How much does a master's cost?")
    assert guest.page.evaluate("scrollY") == before
    assert guest.page.evaluate("window.shifted") == 0


def test_inline_below_the_fold_nothing_is_loaded_until_it_comes_near(call: Call, site: Site) -> None:
    body = '<div style="height: 9000px"></div><advisor-chat mode="inline"></advisor-chat>'
    guest = call(site.add(body, LINE.format("")))
    guest.page.wait_for_timeout(300)
    assert guest.loaded(site.chat) == [f"{site.chat}widget.js"]
    guest.page.locator("advisor-chat").scroll_into_view_if_needed()
    guest.frame.locator("html.advisor-ready").wait_for()


def test_a_page_drives_it(call: Call, site: Site) -> None:
    guest = call("/program.html")
    page = guest.page
    page.evaluate(
        """() => { window.heard = [];
                   for (const t of ["open", "ready", "close", "answer"]) AdvisorChat.on(t, () => heard.push(t)) }"""
    )
    expect(guest.launcher).to_be_hidden()
    with page.expect_request("**/api/ask/stream") as asked:
        page.locator("#cost").click()
    body = asked.value.post_data_json
    assert body["question"] == "How much does a master's cost?"
    assert body["profile"]["background"] == "I studied statistics and work as an analyst"
    expect(page.locator("#heard")).to_contain_text("The guide answered (")
    guest.frame.get_by_role("button", name="Close the chat").click()
    expect(page.locator("#cost")).to_be_focused()
    expect(guest.panel).to_be_hidden()
    page.locator("#help").click()
    expect(guest.frame.get_by_role("textbox")).to_be_focused()
    page.evaluate("AdvisorChat.close()")
    expect(page.locator("#help")).to_be_focused()
    assert page.evaluate("heard") == ["open", "ready", "answer", "close", "open", "close"]
    stop = "() => { const off = AdvisorChat.on('open', () => heard.push('again')); off(); AdvisorChat.open() }"
    page.evaluate(stop)
    assert "again" not in page.evaluate("heard")


@pytest.fixture(scope="module")
def private(site: Site, published: Path) -> Iterator[Server]:
    settings = {"ADVISOR_ALLOWED_ORIGINS": f"http://127.0.0.1:{site.port}", "ADVISOR_PASSWORD": "schöne Aussicht 7"}
    server = Server(["--index", str(published)], settings).start()
    yield server
    server.stop()


def test_a_private_guide_asks_for_its_password_in_the_frame_and_then_answers(
    call: Call, site: Site, private: Server
) -> None:
    guest = call(site.add(f'<script src="{private.url}widget.js" data-title="Fees"></script>'), complain=False)
    guest.launcher.click()
    guest.frame.get_by_label("Password").fill("schöne Aussicht 7")
    guest.page.get_by_role("button", name="Close the chat").click()  # it can be closed meanwhile
    expect(guest.panel).to_be_hidden()
    guest.launcher.click()
    guest.frame.get_by_label("Password").press("Enter")
    guest.frame.locator("html.advisor-ready").wait_for()
    expect(guest.frame.get_by_role("heading", name="Fees")).to_be_visible()
    guest.ask(QUESTION)


def test_the_versioned_address_is_the_same_loader(call: Call, site: Site) -> None:
    guest = call(site.add("", LINE.format("").replace("widget.js", "widget-v1.js")))
    guest.open()


def test_settings_on_the_line_show_and_foreign_text_is_text(call: Call, site: Site) -> None:
    bad = "&lt;img src=x onerror=parent.hacked=1>"
    given = (
        f'data-title="{bad}" data-greeting="{bad}" data-starters="{bad}|Two?" data-label="{bad}" data-accent="red;}}"'
    )
    guest = call(site.add("", LINE.format(f'{given} data-theme="dark" data-position="left" data-lang="es-MX"')))
    assert guest.launcher.bounding_box()["x"] < 40
    expect(guest.launcher).to_have_text("<img src=x onerror=parent.hacked=1>")
    frame = guest.open()
    for place in ("h1", ".welcome h2", ".starters li:first-child"):
        expect(frame.locator(place)).to_have_text("<img src=x onerror=parent.hacked=1>")
    expect(frame.get_by_label("Tu pregunta")).to_be_focused()
    assert guest.inside("document.querySelectorAll('img').length") == 0
    assert guest.inside("getComputedStyle(document.documentElement).colorScheme") == "dark"
    assert guest.page.evaluate("window.hacked") is None


def test_the_browser_itself_refuses_markup_made_of_text(call: Call) -> None:
    guest = call("/", complain=False)
    guest.open()
    refused = "try { document.body.innerHTML = '<b>x</b>'; 'made' } catch (error) { error.name }"
    assert guest.inside(refused) == "TypeError"


def test_a_hostile_guide_stays_text_in_answers_and_sources(call: Call, site: Site, hostile: Server) -> None:
    guest = call(site.add("", LINE.format("").replace(host.PLACE, f"{hostile.url}advice/")))
    frame = guest.open()
    for question in ("Do steel frames last long?", "How much do steel frames cost?", "Do carbon frames crack?"):
        guest.ask(question)
    markers = frame.locator(".marker")
    assert markers.count() > 2
    for number in range(markers.count()):
        markers.nth(number).click()
        frame.locator(".sheet p:nth-child(2), .sheet h3").first.wait_for()
        assert guest.inside("document.querySelectorAll('.sheet :is(img, svg:not(.icon), script, b)').length") == 0
        guest.page.keyboard.press("Escape")
    assert guest.inside("window.hacked") is None


# --- for everybody ---------------------------------------------------------------------------------------------


def test_by_keyboard_alone(call: Call) -> None:
    guest = call("/")
    page, frame = guest.page, guest.frame
    guest.launcher.focus()
    page.keyboard.press("Enter")
    expect(frame.get_by_role("textbox")).to_be_focused()
    dialog = page.get_by_role("dialog", name="Ask the study guide")
    expect(dialog).to_be_visible()
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    marker = frame.locator(".marker").first
    marker.wait_for()
    marker.focus()
    page.keyboard.press("Enter")
    expect(frame.get_by_role("dialog", name="Which specializations pay the most")).to_be_visible()
    page.keyboard.press("Escape")
    expect(frame.locator(".sheet")).to_be_hidden()
    expect(marker).to_be_focused()
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(guest.launcher).to_be_focused()


def test_on_a_right_to_left_page_everything_is_mirrored(call: Call, site: Site) -> None:
    guest = call(site.add("<p>مرحبا</p>", LINE.format(""), 'lang="ar" dir="rtl"'))
    assert guest.launcher.bounding_box()["x"] < 40
    frame = guest.open()
    assert guest.panel.bounding_box()["x"] < 40
    guest.ask(QUESTION)
    assert guest.inside("getComputedStyle(document.body).direction") == "rtl"
    question, width = frame.locator(".asked").bounding_box(), guest.panel.bounding_box()
    assert question["x"] - width["x"] < 40  # type: ignore[index]


@pytest.mark.parametrize(
    ("width", "height", "scale"), [(320, 640, 1), (640, 400, 2), (320, 256, 4)], ids=["320 wide", "200 %", "400 %"]
)
def test_on_small_screens_it_fills_the_screen_and_nothing_runs_out(
    call: Call, width: int, height: int, scale: int
) -> None:
    guest = call("/", viewport={"width": width, "height": height}, device_scale_factor=scale)
    frame = guest.open()
    assert guest.panel.bounding_box() == {"x": 0, "y": 0, "width": width, "height": height}
    guest.ask(QUESTION)
    guest.ask("Compare NLP and computer vision")
    assert guest.inside("document.documentElement.scrollWidth") == width
    assert guest.inside(
        "[...document.querySelectorAll('.turn, header, .composer')].every(e => e.scrollWidth <= innerWidth)"
    )
    frame.get_by_role("textbox").scroll_into_view_if_needed()
    expect(frame.get_by_role("textbox")).to_be_in_viewport()
    frame.get_by_role("button", name="Close the chat").click()
    expect(guest.launcher).to_be_focused()


def test_an_on_screen_keyboard_covers_nothing_that_is_typed(call: Call) -> None:
    """A headless browser has no such keyboard: the visual viewport is made to say what one would make it say."""
    guest = call("/", viewport={"width": 390, "height": 844})
    frame = guest.open()
    guest.page.evaluate(
        """() => {
            Object.defineProperty(visualViewport, "height", { get: () => 420, configurable: true });
            visualViewport.dispatchEvent(new Event("resize"));
        }"""
    )
    expect(guest.panel).to_have_js_property("clientHeight", 420)
    field = frame.get_by_role("textbox").bounding_box()
    assert field
    assert 0 < field["y"] < field["y"] + field["height"] <= 420
    guest.page.evaluate("delete visualViewport.height, visualViewport.dispatchEvent(new Event('resize'))")
    expect(guest.panel).to_have_js_property("clientHeight", 844)


def test_nothing_moves_for_those_who_asked_for_less_motion(call: Call) -> None:
    moving = call("/")
    moving.launcher.click()
    assert moving.panel.evaluate("panel => getComputedStyle(panel).animationName") == "rise"
    calm = call("/", reduced_motion="reduce")
    calm.launcher.click()
    assert calm.panel.evaluate("panel => getComputedStyle(panel).animationName") == "none"


@pytest.mark.parametrize(("scheme", "accent"), [("light", ""), ("dark", "#ffcc00"), ("light", "#ffcc00")])
def test_axe_finds_nothing_in_any_state(call: Call, site: Site, scheme: str, accent: str) -> None:
    line = LINE.format(f'data-accent="{accent}"')
    guest = call(site.add("<main><h1>A page</h1></main>", line), color_scheme=scheme, reduced_motion="reduce")
    frame, found = guest.frame, {}

    def look(state: str) -> None:
        for place in guest.page.frames:
            place.evaluate(AXE)
            issues = place.evaluate("axe.run(document, {iframes: false, resultTypes: ['violations']})")["violations"]
            found.update({f"{state}: {i['id']}": [n["html"][:160] for n in i["nodes"]] for i in issues})

    look("closed")
    guest.open()
    look("empty")
    guest.ask(QUESTION)
    frame.get_by_role("button", name="Not helpful").click()
    look("answer")
    frame.locator(".marker").first.click()
    frame.locator(".sheet h3").first.wait_for()
    look("source")
    guest.page.keyboard.press("Escape")
    guest.ask("Compare NLP and computer vision")
    look("comparison")
    guest.ask("What is the best pizza topping in Naples?")
    look("not covered")
    frame.get_by_role("button", name="Clear conversation").click()
    look("forget?")
    assert found == {}


# --- secure ----------------------------------------------------------------------------------------------------


def test_a_site_that_is_not_allowed_gets_an_empty_frame_and_a_refusal(
    chromium: Browser, site: Site, chat: Server
) -> None:
    with host.serving(site.find) as port:  # another origin, the same pages
        page = chromium.new_page()
        refused: list[int] = []
        page.on("response", lambda r: "/api/" in r.url and refused.append(r.status))
        page.goto(f"http://127.0.0.1:{port}/")
        page.locator("advisor-chat .launcher").click()
        page.get_by_role("link", name="Open it in its own page").wait_for()
        expect(page.locator("advisor-chat .away a")).to_have_attribute("href", chat.url)
        assert not any("guide" in f.url or f.locator("textarea").count() for f in page.frames)
        ask = """(url) => fetch(url + "api/ask", {
            method: "POST", headers: {"Content-Type": "application/json"}, body: '{"question": "a"}'
        }).then(() => "answered", (error) => error.name)"""
        assert page.evaluate(ask, chat.url) == "TypeError"
        blind = """(url) => fetch(url + "api/ask", {
            method: "POST", mode: "no-cors", body: '{"question": "a"}'}).then(() => "sent")"""
        assert page.evaluate(blind, chat.url) == "sent"
        page.wait_for_timeout(100)
        assert set(refused) == {403}
        page.close()


def test_a_page_without_an_origin_is_refused(chromium: Browser, site: Site, chat: Server) -> None:
    inner = f"<script src='{chat.url}widget.js'></script>"
    page = chromium.new_page()
    path = site.add(f'<iframe sandbox="allow-scripts" srcdoc="{inner}"></iframe>')
    page.goto(f"http://127.0.0.1:{site.port}{path}")
    frame = page.frames[1]
    frame.locator("advisor-chat .launcher").click()
    frame.locator("advisor-chat .away").wait_for()
    seen: list[int] = []
    page.on("response", lambda r: "/api/" in r.url and seen.append(r.status))
    script = """(url) => fetch(url + "api/ask", {method: "POST", mode: "no-cors", body: "{}"}).then(() => 1)"""
    frame.evaluate(script, chat.url)
    page.wait_for_timeout(100)
    assert seen == [403]
    page.close()


def test_messages_count_only_from_the_right_window_and_of_the_right_shape(call: Call, site: Site) -> None:
    guest = call(site.add('<iframe id="other" srcdoc="x"></iframe>', LINE.format("")))
    page, frame = guest.page, guest.open()
    other = "document.querySelector('#other').contentWindow"
    for message in ("{advisor: 'close'}", "'close'", "null", "{advisor: 1}", "{advisor: 'cite', value: {}}"):
        page.evaluate(f"postMessage({message}, '*')")  # from the host page itself
        page.evaluate(f"{other}.eval(\"parent.postMessage({message}, '*')\")")  # from another frame of the page
    window = "document.querySelector('advisor-chat').shadowRoot.querySelector('iframe').contentWindow"
    for message in ("'ask'", "null", "{advisor: 'ask', value: {}}", "{advisor: 'context', value: 7}", "{advisor: []}"):
        page.evaluate(f"{window}.postMessage({message}, '*')")
    page.evaluate(f"top.chat = {window}")
    page.evaluate(f"{other}.eval(\"top.chat.postMessage({{advisor: 'ask', value: 'Let me in?'}}, '*')\")")
    guest.ask(QUESTION)
    expect(guest.panel).to_be_visible()
    expect(frame.locator(".turn")).to_have_count(1)


# --- robust ----------------------------------------------------------------------------------------------------


HOSTILE_STYLE = """<style>
* { display: none !important; all: unset !important; position: static !important; opacity: 0 !important;
    color: red !important; transform: rotate(3deg) scale(0.1) !important; filter: blur(9px) !important;
    pointer-events: none !important; float: left !important }
button, iframe, dialog, advisor-chat { display: none !important; visibility: hidden !important; width: 1px !important }
html { font-size: 3px !important } body { transform: scale(0.5); overflow: hidden; display: none !important }
</style>"""


def test_the_host_pages_style_cannot_break_it(call: Call, site: Site) -> None:
    plain = call(site.add("", LINE.format(""))).launcher.bounding_box()
    guest = call(site.add("<p>Words</p>", HOSTILE_STYLE + LINE.format("")))
    assert guest.launcher.bounding_box() == plain
    guest.open()
    guest.ask(QUESTION)
    assert guest.panel.bounding_box()["width"] > 400


@pytest.mark.parametrize("name", ["script-src CHAT; frame-src CHAT; default-src 'none'", "default-src CHAT"])
def test_a_strict_policy_of_the_host_needs_two_sources_only(call: Call, site: Site, name: str) -> None:
    guest = call(site.add("", LINE.format("")), complain=False)
    path = site.add("<article>Words</article>", LINE.format('data-guide="article"'), Content_Security_Policy=name)
    guest = call(path, complain=False)
    guest.open()
    guest.ask(QUESTION)
    guest.frame.locator(".marker").first.click()
    guest.frame.locator(".sheet h3").first.wait_for()
    assert [text for text in guest.complaints if "policy" in text.lower() and "favicon" not in text] == []


def test_where_the_host_forbids_frames_the_launcher_becomes_a_link(call: Call, site: Site) -> None:
    policy = "script-src CHAT; frame-src 'none'"
    guest = call(site.add("", LINE.format(""), Content_Security_Policy=policy), complain=False)
    guest.launcher.click()
    guest.page.get_by_role("link", name="Open it in its own page").wait_for()
    guest.page.get_by_role("button", name="Close the chat").click()
    expect(guest.launcher).to_be_focused()
    expect(guest.launcher).to_have_attribute("href", site.chat)
    with guest.page.expect_popup() as opened:
        guest.launcher.click()
    assert opened.value.url == site.chat


def test_a_page_that_isolates_itself_can_show_it(call: Call, site: Site) -> None:
    policy = {"Cross_Origin_Embedder_Policy": "require-corp", "Cross_Origin_Opener_Policy": "same-origin"}
    guest = call(site.add("", LINE.format(""), **policy))
    assert guest.page.evaluate("crossOriginIsolated")
    guest.open()
    guest.ask(QUESTION)


def test_navigation_within_a_single_page_and_print_do_no_harm(call: Call, site: Site) -> None:
    guest = call("/")
    frame = guest.open()
    guest.ask(QUESTION)
    guest.page.evaluate(
        """() => { history.pushState({}, "", "/elsewhere"); document.body = document.createElement("body");
                   document.head.replaceChildren(); document.body.append("Another page") }"""
    )
    expect(frame.locator(".asked")).to_have_text(QUESTION)
    guest.ask("And which have the best job growth?")
    guest.page.keyboard.press("Escape")
    guest.open()
    guest.page.evaluate("AdvisorChat.close()")
    guest.page.emulate_media(media="print")
    expect(guest.launcher).to_be_hidden()


def test_the_line_twice_makes_one_launcher(call: Call, site: Site) -> None:
    guest = call(site.add("", LINE.format("") * 2 + LINE.format("")))
    guest.page.wait_for_timeout(200)
    expect(guest.launcher).to_have_count(1)


def test_under_a_path_prefix_and_through_an_outage(call: Call, site: Site, hostile: Server) -> None:
    path = site.add("", LINE.format("").replace(host.PLACE, f"{hostile.url}advice/"))
    guest, late = call(path, complain=False), call(path, complain=False)
    frame = guest.open()
    guest.ask("Do steel frames last long?")
    assert guest.loaded(hostile.url)
    assert all(url.startswith(f"{hostile.url}advice/") for url in guest.loaded(hostile.url))
    frame.locator(".marker").first.click()
    full = frame.get_by_role("link", name="Read on in the guide").get_attribute("href")
    assert guest.page.request.get(str(full)).ok
    guest.page.keyboard.press("Escape")
    port = hostile.port
    hostile.stop()
    frame.get_by_role("textbox").fill("How much do steel frames cost?")
    guest.page.keyboard.press("Enter")
    expect(frame.locator(".trouble")).to_contain_text("The server does not answer just now. Your question is kept")
    expect(frame.locator(".turn:last-child .asked")).to_have_text("How much do steel frames cost?")
    late.launcher.click()
    expect(late.panel).to_contain_text("The chat does not open here.")
    late.page.keyboard.press("Escape")
    expect(late.launcher).to_be_focused()
    hostile.start(port)
    frame.locator(".turn:last-child .marker").first.wait_for(timeout=60_000)
    late.open()
    late.ask("Do carbon frames crack?")


def test_twenty_tabs_of_one_browser_work(call: Call) -> None:
    first = call("/")
    pages = [first.page, *(first.page.context.new_page() for _ in range(19))]
    for page in pages[1:]:
        page.goto(first.page.url)
        page.wait_for_function("window.AdvisorChat")
    for page in pages:
        page.evaluate("() => { window.done = new Promise(resolve => AdvisorChat.on('answer', resolve)) }")
        page.evaluate("question => AdvisorChat.ask(question)", QUESTION)
    for page in pages:
        assert page.evaluate("done")["status"] == "answered"
    last = Guest(pages[-1]).frame
    expect(last.locator(".turn")).to_have_count(20)  # the tabs share one conversation
    expect(last.locator(".turn .actions")).to_have_count(20)
