"""Makes the pictures of a language model's answers: ``.venv/bin/python docs/make_model_picture.py``.

The model is a server on this machine that answers always alike; the rest is the real program. ``--index DIR`` names the
index folder; default .advisor beside corpus/.
"""

from __future__ import annotations

import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from make_pictures import ask, chromium, index_folder, opened, save, server

QUESTION = "Two kids and a full-time job. Which formats let me study around that, and what do I risk?"
CHOICE = (
    ("STATUS: answered", ""),
    ("FRAME: two kids and a full-time job", ""),
    ("SAY: ", "asynchronous classes"),
    ("SAY: ", "careful balancing"),
    ("NEXT: How do I judge the quality of a flexible program?", ""),
)
WRITTEN = (
    ("STATUS: answered", ""),
    (
        "WRITE: [{}] You can keep your job in a program with asynchronous classes, online or hybrid.",
        "asynchronous classes",
    ),
    ("WRITE: [{}] A flexible format takes careful balancing of workload and effort to network.", "careful balancing"),
)


def answered(prompt: str) -> str:
    """Return the answer to ``prompt``: a second reading, sentences of its own, or a choice."""
    if "You check sentences against quotes" in prompt:
        return "1 supported\n2 supported\n"
    return written(prompt) if "WRITE:" in prompt else chosen(prompt)


def written(prompt: str) -> str:
    """Return sentences with the numbers that theirs have in ``prompt``."""
    found = {words: re.search(rf"(?m)^\[(\d+)\] [^\n]*{re.escape(words)}", prompt) for _, words in WRITTEN if words}
    return "".join(said.format(found[words][1]) + "\n" if words else said + "\n" for said, words in WRITTEN)


def chosen(prompt: str) -> str:
    """Return the choice, with the numbers that the sentences have in ``prompt``."""
    lines = []
    for said, words in CHOICE:
        found = re.search(rf"(?m)^\[(\d+)\] [^\n]*{re.escape(words)}", prompt) if words else None
        lines.append(said + (found[1] if found else ""))
    return "\n".join(lines) + "\n"


class Model(BaseHTTPRequestHandler):
    """Speaks enough of the OpenAI protocol to stream one answer."""

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = answered("\n".join(str(message["content"]) for message in sent["messages"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in answer.splitlines(keepends=True):
            delta = {"index": 0, "delta": {"content": word}, "finish_reason": None}
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
        for style, name in (("quotes", "chosen"), ("own-words", "written")):
            os.environ["ADVISOR_MODEL_STYLE"] = style
            with server(index) as url:
                for scheme in ("light", "dark"):
                    page = opened(browser, url, 760, 560, scheme)
                    ask(page, QUESTION)
                    save(page, f"{name}-{scheme}")
        model.shutdown()


if __name__ == "__main__":
    main()
