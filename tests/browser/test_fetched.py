"""A guide fetched from a web site: the page and the widget lead to the web page, at the quoted words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from browser.conftest import ROOT, Open, Server
from playwright.sync_api import Browser, expect

FEES = "A year of the master costs 4,200 euros, paid in two parts."
AT = "#:~:text=A%20year%20of%20the%20master%20costs%204%2C200%20euros%2C%20paid%20in%20two%20parts."
QUESTION = "How much does a year of the master cost?"
PAGE = f"<!doctype html><title>Studying here</title><h1>Studying here</h1><h2>Fees</h2><p>{FEES}</p>"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """The program with a guide of one page, and that page's address."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "fees.html").write_text(PAGE, encoding="utf-8")
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    Thread(target=site.serve_forever, daemon=True).start()
    address, index = f"http://127.0.0.1:{site.server_port}/fees.html", folder / "index"
    command = [sys.executable, "ingest.py", address, "--private", "--index", str(index)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    server = Server(["--index", str(index)], {"ADVISOR_ALLOWED_ORIGINS": address.rpartition("/")[0]}).start()
    page = '<!doctype html><title>A page</title><link rel="icon" href="data:,"><p>Hello.</p>'
    (folder / "host.html").write_text(f'{page}<script async src="{server.url}widget.js"></script>')
    yield server, address
    server.stop()
    site.shutdown()
    site.server_close()


def test_the_chat_page_opens_the_web_page_at_the_quoted_words(visit: Open, fetched: tuple[Server, str]) -> None:
    server, address = fetched
    visited = visit(server.url)
    visited.ask(QUESTION)
    link = visited.page.locator(".web-pages a").first
    expect(link).to_have_text(f"1 {address.removeprefix('http://')}")
    expect(link).to_have_attribute("href", address + AT)
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener")
    box = link.bounding_box()
    assert box
    assert box["height"] >= 24


def test_the_widget_opens_it_too(chromium: Browser, fetched: tuple[Server, str]) -> None:
    _, address = fetched
    context = chromium.new_context(viewport={"width": 390, "height": 700})
    page = context.new_page()
    page.goto(address.replace("fees.html", "host.html"))
    page.locator("advisor-chat .launcher").click()
    frame = page.frame_locator("advisor-chat iframe")
    frame.get_by_role("textbox").fill(QUESTION)
    page.keyboard.press("Enter")
    expect(frame.locator(".web-pages a").first).to_have_attribute("href", address + AT, timeout=20_000)
    context.close()
