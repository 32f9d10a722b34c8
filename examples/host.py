"""Somebody else's web site, to try the widget on.

    python app.py                      the chat, on port 7860; ADVISOR_ALLOWED_ORIGINS must name this site
    python examples/host.py            this site, on http://127.0.0.1:8860

``--chat URL`` names another chat, ``--port N`` another port. The pages stand in ``examples/site/``.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

from markdown_it import MarkdownIt

SITE = Path(__file__).parent / "site"
GUIDE = Path(__file__).parents[1] / "corpus" / "guide.md"
PLACE = "https://HOST/"  # stands in the pages for the chat's address
Page = tuple[bytes, Mapping[str, str]]  # a body and headers


def pages(path: str, chat: str) -> Page | None:
    """Return the page at ``path`` with ``chat`` (an address that ends in a slash) filled in, or None."""
    name = re.fullmatch(r"/([a-z]*)(?:\.(html|css|js))?", path)
    file = SITE / f"{(name and name[1]) or 'index'}.{(name and name[2]) or 'html'}"
    if not name or not file.is_file():
        return None
    text = file.read_text(encoding="utf-8").replace(PLACE, chat)
    if "<!-- the guide -->" in text:
        guide = GUIDE.read_text(encoding="utf-8").split("---\n", 2)[2]
        text = text.replace("<!-- the guide -->", MarkdownIt("commonmark", {"html": False}).render(guide))
    kind = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}[file.suffix]
    return text.encode(), {"Content-Type": f"{kind}; charset=utf-8"}


@contextmanager
def serving(find: Callable[[str], Page | None], port: int = 0) -> Iterator[int]:
    """Serve what ``find(path)`` returns on the loopback address, and lend the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body, headers = find(self.path.partition("?")[0]) or (b"", {})
            self.send_response(200 if headers else 404)
            for name, value in (
                {"Content-Length": str(len(body)), "Cache-Control": "no-store"} | dict(headers)
            ).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chat", default="http://127.0.0.1:7860/", help="address of the chat")
    parser.add_argument("--port", type=int, default=8860)
    args = parser.parse_args()
    with serving(lambda path: pages(path, args.chat.rstrip("/") + "/"), args.port) as port:
        print(f"Serving on http://127.0.0.1:{port} (Ctrl-C stops)")
        with suppress(KeyboardInterrupt):
            Event().wait()


if __name__ == "__main__":
    main()
