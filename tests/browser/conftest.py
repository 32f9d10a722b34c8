"""A real server on the real guide, and a real Chromium."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=20_000)  # milliseconds; five seconds are little on a busy machine
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.browser)


def _finder() -> Any:
    spec = spec_from_file_location("chromium", ROOT / "scripts" / "chromium.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser found on this machine; its absence is a failure that says what to do, never a skip."""
    finder = _finder()
    path = finder.find_chromium()
    if not path:
        pytest.fail(finder.HELP)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Server:
    """The program as a process."""

    settings: list[str]
    more: dict[str, str] = field(default_factory=dict)  # variables of the environment
    process: subprocess.Popen[str] | None = None
    url: str = ""

    def start(self, port: int = 0) -> Server:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("ADVISOR_")}
        environ["ADVISOR_CONTACT"] = "Study office <https://advice.example/hours>"
        environ |= self.more
        command = [sys.executable, "app.py", "--port", str(port), *self.settings]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().split()[2] + "/"
        return self

    @property
    def port(self) -> int:
        return int(self.url.rstrip("/").rsplit(":", 1)[1])

    def live_version(self) -> str:
        with urllib.request.urlopen(f"{self.url}ready") as response:
            return str(json.load(response)["version"])

    def stop(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.communicate(timeout=30)
            self.process = None


@contextmanager
def serving(index: Path) -> Iterator[Server]:
    server = Server(["--index", str(index)]).start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def server(published: Path) -> Iterator[Server]:
    with serving(published) as running:
        yield running


@dataclass
class Visit:
    """A page in a browser of its own, with everything it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def ask(self, question: str) -> None:
        turns = self.page.locator(".turn").count()
        self.page.get_by_role("textbox", name="Your question").fill(question)
        self.page.keyboard.press("Enter")
        self.page.wait_for_function("turns => document.querySelectorAll('.turn').length > turns", arg=turns)
        self.page.wait_for_selector(".turn:last-child .actions")

    def reload(self) -> None:
        self.page.reload()
        self.page.wait_for_selector("body.advisor-ready")


Open = Callable[..., Visit]


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Open]:
    """Opens the chat page; afterwards nothing may have left the server's origin and nothing may be complained of."""
    opened: list[Visit] = []

    def open_page(
        url: str = server.url, complain: bool = True, width: int = 1280, height: int = 800, **more: Any
    ) -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": height}, **more)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url)
        page = context.new_page()
        visited = Visit(page)
        opened.append(visited)
        page.on("request", lambda request: visited.requests.append(_url(request)))
        if complain:
            page.on("console", lambda m: _is_ours(m) and visited.complaints.append(m.text))
        page.on("pageerror", lambda error: visited.complaints.append(str(error)))
        page.goto(url)
        page.wait_for_selector("body.advisor-ready")
        return visited

    yield open_page
    for visited in opened:
        visited.page.context.close()
        assert visited.complaints == []
        origin = visited.requests[0]
        outside = [u for u in visited.requests if not u.startswith((origin, "data:", "blob:"))]
        assert outside == [], "the page asked another server"


def _is_ours(message: ConsoleMessage) -> bool:
    """Tell whether a complaint is about our page; Gradio complains where a page is left while its controls come."""
    return message.type in ("error", "warning") and not message.text.startswith("Unable to preload CSS")


def _url(request: Request) -> str:
    return request.url
