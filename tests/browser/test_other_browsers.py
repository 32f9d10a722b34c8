"""The main path in Firefox and in WebKit, driven by their own drivers where this machine has them.

Debian: ``apt-get install firefox-esr webkit2gtk-driver``; then ``pip install 'advisor-bot[browsers]'``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from browser.conftest import Server
from browser.test_widget_page import Site, site  # noqa: F401 - a fixture

ENTER = "\ue007"
LONGEST = 60  # seconds until something has happened


class Driver(Protocol):
    """What a test does with a browser."""

    def open(self, url: str, width: int, height: int) -> None: ...
    def run(self, script: str) -> Any: ...
    def write(self, css: str, keys: str) -> None: ...
    def click(self, css: str) -> None: ...
    def enter(self, script: str) -> None: ...
    def leave(self) -> None: ...


class Firefox:
    """Firefox over its own protocol, Marionette: no geckodriver is packaged."""

    def __init__(self, folder: Path) -> None:
        from marionette_driver.marionette import Marionette

        (folder / "user.js").write_text('user_pref("marionette.port", 0);\n')
        command = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
        environ = os.environ | {"HOME": str(folder)}
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.m = Marionette(host="127.0.0.1", port=int(_written(folder / "MarionetteActivePort")))
        self.m.start_session()

    def open(self, url: str, width: int, height: int) -> None:
        self.m.set_window_rect(width=width, height=height)
        self.m.navigate(url)

    def run(self, script: str) -> Any:
        return self.m.execute_script(f"return ({script})", sandbox=None)

    def write(self, css: str, keys: str) -> None:
        self._find(css).send_keys(keys)

    def click(self, css: str) -> None:
        self._find(css).click()

    def enter(self, script: str) -> None:
        self.m.switch_to_frame(self.run(script))

    def leave(self) -> None:
        self.m.switch_to_frame()

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def _find(self, css: str) -> Any:
        from marionette_driver import By

        return self.m.find_element(By.CSS_SELECTOR, css)


class WebKit:
    """WebKitGTK over WebDriver."""

    def __init__(self, _: Path) -> None:
        from selenium import webdriver

        options = webdriver.WebKitGTKOptions()
        options.binary_location = _mini_browser()
        options.add_argument("--automation")
        service = webdriver.WebKitGTKService(shutil.which("WebKitWebDriver"))
        with warnings.catch_warnings(action="ignore"):  # of its own ways
            self.d = webdriver.WebKitGTK(options=options, service=service)

    def open(self, url: str, width: int, height: int) -> None:
        self.d.set_window_size(width, height)
        self.d.get(url)

    def run(self, script: str) -> Any:
        return self.d.execute_script(f"return ({script})")

    def write(self, css: str, keys: str) -> None:
        self.d.find_element("css selector", css).send_keys(keys)

    def click(self, css: str) -> None:
        self.d.find_element("css selector", css).click()

    def enter(self, script: str) -> None:
        self.d.switch_to.frame(self.run(script))

    def leave(self) -> None:
        self.d.switch_to.default_content()

    def close(self) -> None:
        self.d.quit()


def _mini_browser() -> str:
    found = sorted(Path("/usr/lib").glob("*/webkit2gtk-4.*/MiniBrowser"))
    return str(found[-1]) if found else ""


def _written(file: Path) -> str:
    for _ in range(LONGEST * 10):
        if file.exists() and (text := file.read_text().strip()):
            return text
        time.sleep(0.1)
    raise TimeoutError(f"{file.name} was never written")


@contextmanager
def _display() -> Iterator[None]:
    """Lend a screen nobody sees to a browser that has no mode without one."""
    if os.environ.get("DISPLAY"):
        yield
        return
    with subprocess.Popen(
        ["Xvfb", "-displayfd", "1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as screen:
        assert screen.stdout
        os.environ["DISPLAY"] = f":{screen.stdout.readline().strip()}"
        try:
            yield
        finally:
            del os.environ["DISPLAY"]
            screen.terminate()


@pytest.fixture(scope="module", params=["firefox", "webkit"])
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A browser that is not Chromium."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "firefox":
        pytest.importorskip("marionette_driver", reason="the extra `browsers` is not installed")
        if not shutil.which("firefox-esr"):
            pytest.skip("firefox-esr is not installed")
        firefox = Firefox(folder)
        yield firefox
        firefox.close()
        return
    pytest.importorskip("selenium", reason="the extra `browsers` is not installed")
    if not (shutil.which("WebKitWebDriver") and _mini_browser() and shutil.which("Xvfb")):
        pytest.skip("webkit2gtk-driver, its MiniBrowser or Xvfb is not installed")
    with _display():
        webkit = WebKit(folder)
        yield webkit
        webkit.close()


def wait(driver: Driver, script: str) -> Any:
    """Wait until a script is true of the page; return what it says."""
    for _ in range(LONGEST * 10):
        if found := driver.run(script):
            return found
        time.sleep(0.1)
    raise AssertionError(f"never: {script}; the page shows {driver.run('document.body.innerText')!r:.500}")


def ask(driver: Driver, question: str) -> None:
    turns = driver.run("document.querySelectorAll('.turn').length")
    wait(driver, "!document.body.classList.contains('answering')")
    driver.write("#question textarea", question + ENTER)
    wait(driver, f"document.querySelectorAll('.turn .actions').length === {turns + 1}")


@pytest.fixture
def page(driver: Driver, server: Server) -> Driver:
    driver.open(server.url, 1280, 900)
    wait(driver, "document.body.classList.contains('advisor-ready')")
    driver.run("(localStorage.clear(), true)")
    driver.open(server.url, 1280, 900)
    wait(driver, "document.body.classList.contains('advisor-ready')")
    return driver


def test_a_starter_is_answered_and_its_marker_opens_the_exact_sentence(page: Driver) -> None:
    page.click(".starter")
    wait(page, "document.querySelector('.turn .actions')")
    page.click(".turn .marker")
    shown = wait(page, "document.querySelector('mark.now') && document.querySelector('mark.now').textContent")
    assert shown.split()[0] in page.run("document.querySelector('.turn .answer-body').textContent")
    box = page.run(
        "(() => { const b = document.querySelector('mark.now').getBoundingClientRect(); return [b.top, b.bottom]; })()"
    )
    assert 0 <= box[0] < box[1] <= 900, "the sentence is out of sight"


def test_questions_follow_each_other_before_and_after_gradios_controls(page: Driver) -> None:
    ask(page, "Do I need the GRE?")
    ask(page, "What if I'm weak in statistics?")
    page.run("(document.activeElement.blur(), true)")
    wait(page, "!document.querySelector('form#composer')")
    ask(page, "Which specializations pay the most?")
    assert page.run("document.querySelectorAll('.turn').length") == 3
    page.click("#new-chat")
    page.click("#new-dialog button[value=yes]")
    wait(page, "document.querySelectorAll('.turn').length === 0")


def test_dark_mode_and_what_was_written_survive_a_reload(page: Driver, server: Server) -> None:
    page.click("#menu summary")
    page.click("#menu-theme")
    page.write("#question textarea", "is it wor")
    page.open(server.url, 1280, 900)
    wait(page, "document.body.classList.contains('advisor-ready')")
    assert page.run("document.body.classList.contains('dark')")
    assert page.run("getComputedStyle(document.querySelector('#page')).backgroundColor") == "rgb(20, 24, 26)"
    assert page.run("document.querySelector('#question textarea').value") == "is it wor"


def test_on_a_phone_the_guide_opens_over_the_page_and_back_closes_it(page: Driver, server: Server) -> None:
    page.open(server.url, 500, 800)
    wait(page, "document.body.classList.contains('advisor-ready')")
    page.click(".starter")
    wait(page, "document.querySelector('.turn .actions')")
    page.click(".turn .marker")
    wait(page, "document.body.classList.contains('reader-open')")
    page.run("(history.back(), true)")
    wait(page, "!document.body.classList.contains('reader-open')")
    assert page.run("document.querySelectorAll('.turn').length") == 1


def test_the_widget_answers_on_a_strangers_page(driver: Driver, site: Site, published: Path) -> None:  # noqa: F811
    server = Server(["--index", str(published)], {"ADVISOR_ALLOWED_ORIGINS": f"http://127.0.0.1:{site.port}"}).start()
    try:
        path = site.add(f'<script async src="{server.url}widget.js"></script>', "<h1>Fees</h1><p>Welcome.</p>")
        driver.open(f"http://127.0.0.1:{site.port}{path}", 1280, 900)
        wait(
            driver, "window.AdvisorChat && document.querySelector('advisor-chat').shadowRoot.querySelector('.launcher')"
        )
        driver.run("(document.querySelector('advisor-chat').shadowRoot.querySelector('.launcher').click(), true)")
        frame = "document.querySelector('advisor-chat').shadowRoot.querySelector('iframe')"
        wait(driver, f"!!{frame}")
        driver.enter(frame)
        wait(driver, "document.documentElement.classList.contains('advisor-ready')")
        driver.click(".starters button")  # to WebKit's driver no field in a frame is focusable
        wait(driver, "document.querySelector('.turn .actions')")
        driver.click(".turn .marker")
        wait(driver, "document.querySelector('mark, .quote')")
        driver.leave()
    finally:
        server.stop()
