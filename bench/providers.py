"""What each provider's package is made to send: every one that is installed is opened and calls a server here.

python bench/providers.py

The server refuses with 500, so that the line shows the class opened, the path called, how many tries were made, the
limits that were sent, and the error that the breaker gets to see. No other machine is asked, no key is needed.
"""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from advisor_bot.errors import SettingsError
from advisor_bot.llm.providers import PROVIDERS, open_model
from advisor_bot.settings import Settings

MODELS = {"bedrock": "anthropic.claude-3-haiku-20240307-v1:0"}  # this one reads the maker off the name
OTHERS = {
    "OPENAI_API_VERSION": "2024-10-21",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
}
TOKENS, TEMPERATURE = 321, 0.25  # looked for in what is sent


CALLS: list[tuple[str, str]] = []


class Refusing(BaseHTTPRequestHandler):
    """Keeps what it is sent, and refuses."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        CALLS.append((self.path, body.decode("utf-8", "replace")))
        self.send_response(500)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


def tried(name: str, url: str) -> str:
    """Return what became of one provider, in a line."""
    settings = Settings(
        model=f"{name}:{MODELS.get(name, 'some-model')}",
        model_url=url,
        model_answer_tokens=TOKENS,
        model_temperature=TEMPERATURE,
    )
    try:
        model = open_model(settings)
    except SettingsError as error:
        return str(error)
    CALLS.clear()
    try:
        list(model.stream("hello"))
        failure = "no error"
    except Exception as error:  # each package has its own
        failure = type(error).__name__
    if not CALLS:
        return f"{type(model).__name__} called nobody: {failure}"
    path, body = CALLS[0]
    sent = [str(value) for value in (TOKENS, TEMPERATURE) if json.dumps(value) in body]
    return f"{type(model).__name__}, {path.partition('?')[0]}, tries {len(CALLS)}, sent {sent}, {failure}"


def main() -> None:
    os.environ |= {provider.key: "none" for provider in PROVIDERS.values() if provider.key} | OTHERS
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for name in PROVIDERS:
            print(f"{name:13} {tried(name, f'http://127.0.0.1:{server.server_port}')}")
        server.shutdown()


if __name__ == "__main__":
    main()
