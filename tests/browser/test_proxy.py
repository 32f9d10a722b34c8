"""The page under a path of somebody's site, behind a proxy that takes the path off and tells nobody."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from browser.conftest import Server
from playwright.sync_api import Browser, expect

PREFIX = "/advice"


@pytest.fixture(scope="module")
def proxy(server: Server) -> Iterator[str]:
    """A proxy that passes ``/advice`` and all below it on to the program, without the prefix and without headers."""

    class Stripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(PREFIX):
                self.send_error(404)
                return
            length = int(self.headers.get("Content-Length") or 0)
            passed = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "accept-encoding")}
            path = self.path.removeprefix(PREFIX)
            path = path if path.startswith("/") else f"/{path}"
            with closing(passed):  # also where the browser has gone before all was sent
                self._pass_on(passed, path, length, kept)

        def _pass_on(self, passed: http.client.HTTPConnection, path: str, length: int, kept: dict[str, str]) -> None:
            passed.request(self.command, path, self.rfile.read(length) or None, kept | {"Host": self.headers["Host"]})
            answer = passed.getresponse()
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Stripping) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize("ending", ["", "?q=1#top", "/"])
def test_the_page_works_whether_or_not_its_address_ends_in_a_slash(chromium: Browser, proxy: str, ending: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    missed: list[str] = []
    page.on("response", lambda found: missed.append(found.url) if found.status == 404 and PREFIX in found.url else None)
    page.goto(proxy + PREFIX + ending)
    page.wait_for_selector("body.advisor-ready")
    assert page.url.startswith(f"{proxy}{PREFIX}/")
    page.get_by_role("textbox", name="Your question").fill("Which specializations pay the most?")
    page.keyboard.press("Enter")
    expect(page.locator(".turn .marker").first).to_be_visible(timeout=20_000)
    assert missed == []
    context.close()
