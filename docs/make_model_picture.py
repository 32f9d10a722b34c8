"""Makes the README's picture of an answer of a language model: ``.venv/bin/python docs/make_model_picture.py``.

The model is a server on this machine that streams a fixed answer, two sentences of it false; the rest is the real
program. ``--index DIR`` names the index folder; default .advisor beside corpus/.
"""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from make_pictures import ask, chromium, index_folder, opened, save, server

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
    index = index_folder(__doc__)
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as model, chromium() as browser:
        threading.Thread(target=model.serve_forever, daemon=True).start()
        os.environ |= {
            "ADVISOR_MODEL": "openai:your-model",
            "ADVISOR_MODEL_URL": f"http://127.0.0.1:{model.server_port}/v1",
        }
        with server(index) as url:
            for scheme in ("light", "dark"):
                page = opened(browser, url, 760, 560, scheme)
                ask(page, QUESTION)
                save(page, f"left-out-{scheme}")
        model.shutdown()


if __name__ == "__main__":
    main()
