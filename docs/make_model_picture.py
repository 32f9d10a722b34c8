"""Makes the README's picture of an answer of a language model: ``.venv/bin/python docs/make_model_picture.py``.

The model is a server on this machine that streams a fixed answer, two sentences of it false; the rest is the real
program. ``--index DIR`` names the index folder; default .advisor beside corpus/.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = runpy.run_path(str(ROOT / "docs" / "make_pictures.py"))
QUESTION = "I work full time. Which program features fit around a job?"
ANSWER = (
    "Since you work full time, you are generally better served by asynchronous classes, online or hybrid delivery, and "
    "project work that connects to your current job [1]. "
    "All programs waive the application fee for applicants with a job [1]. "
    "Flexible internship schedules and certifications that go alongside licensure reduce disruption to a career [1]. "
    "Part-time graduates earn 30% more in their first year [2]. "
    "Practical learning with adaptable delivery supports staying employed while you study [1]."
)


class Model(BaseHTTPRequestHandler):
    """Speaks enough of the OpenAI protocol to stream one answer."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in ANSWER.split(" "):
            delta = {"index": 0, "delta": {"content": word + " "}, "finish_reason": None}
            event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [delta]}
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--index", type=Path, help="index folder; default .advisor beside corpus/")
    index = parser.parse_args().index
    chromium = runpy.run_path(str(ROOT / "scripts" / "chromium.py"))
    path = chromium["find_chromium"]()
    if not path:
        sys.exit(chromium["HELP"])
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as model, sync_playwright() as playwright:
        threading.Thread(target=model.serve_forever, daemon=True).start()
        os.environ |= {
            "ADVISOR_MODEL": "openai:your-model",
            "ADVISOR_MODEL_URL": f"http://127.0.0.1:{model.server_port}/v1",
        }
        browser = playwright.chromium.launch(executable_path=path, args=PICTURES["FLAGS"])
        with PICTURES["server"](index) as url:
            for scheme in ("light", "dark"):
                page = PICTURES["opened"](browser, url, 760, 560, scheme)
                PICTURES["ask"](page, QUESTION)
                PICTURES["save"](page, f"left-out-{scheme}")
        browser.close()
        model.shutdown()


if __name__ == "__main__":
    main()
