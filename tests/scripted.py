"""Chat models that say what a test wants, and a server that fails in the ways providers do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import PrivateAttr

Piece = str | float | Exception | list[dict[str, Any]]
Reply = str | list[Piece] | Callable[[str], str]


class Scripted(BaseChatModel):
    """Says its replies one after another and keeps the prompts.

    A reply is one text or its pieces; among the pieces a number is a pause in seconds, an exception is raised,
    a list is a message of content blocks; a function is given the prompt. After the last reply it says that one again.
    """

    _replies: list[Reply] = PrivateAttr()
    _prompts: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _stopped: threading.Event = PrivateAttr(default_factory=threading.Event)

    def __init__(self, *replies: Reply) -> None:
        super().__init__()
        self._replies = list(replies)

    @property
    def prompts(self) -> list[list[BaseMessage]]:
        return self._prompts

    @property
    def stopped(self) -> threading.Event:
        return self._stopped

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, messages: list[BaseMessage], *_: Any, **__: Any) -> ChatResult:
        raise AssertionError("the writer streams")

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        self._prompts.append(messages)
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        reply = reply("\n".join(message.text for message in messages)) if callable(reply) else reply
        pieces = [reply[i : i + 7] for i in range(0, len(reply), 7)] if isinstance(reply, str) else reply
        try:
            for piece in pieces:
                if isinstance(piece, Exception):
                    raise piece
                if isinstance(piece, float):
                    time.sleep(piece)
                    continue
                yield ChatGenerationChunk(message=AIMessageChunk(content=piece))
            yield ChatGenerationChunk(message=AIMessageChunk(content=""))  # LangChain refuses a stream of nothing
        finally:
            self._stopped.set()


class Endless(Scripted):
    """Never stops talking."""

    def _stream(self, messages: list[BaseMessage], *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        self._prompts.append(messages)
        try:
            number = 0
            while True:
                number += 1
                text = str(self._replies[0]).replace("#", str(number))
                yield ChatGenerationChunk(message=AIMessageChunk(content=text))
        finally:
            self._stopped.set()


class _Failing(BaseHTTPRequestHandler):
    """Speaks enough of the OpenAI protocol to fail: the first part of the path says how."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.server.calls.append(self.path)  # type: ignore[attr-defined]
        self.rfile.read(int(self.headers["Content-Length"]))
        how = self.path.split("/")[1]
        if how in ("429", "500"):
            body = json.dumps({"error": {"message": "no: key sk-secret-of-the-owner", "type": "x"}}).encode()
            self.send_response(int(how))
            self.send_header("Content-Type", "application/json")
            self.send_header("Retry-After", "7")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        if how == "slow":
            self.server.gone.wait(20)  # type: ignore[attr-defined]
            return
        for word in self.server.words:  # type: ignore[attr-defined]
            event = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
                     "choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]}  # fmt: skip
            self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")
            self.wfile.flush()
        if how == "stall":
            self.server.gone.wait(20)  # type: ignore[attr-defined]
        if how == "good":
            self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True  # "cut": the stream ends in the middle, without its end

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def failing_server(text: str) -> Iterator[ThreadingHTTPServer]:
    """Serve ``text`` on a free port: /good/v1, or /slow/v1, /stall/v1, /cut/v1, /429/v1, /500/v1 to fail so."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Failing) as server:
        server.daemon_threads = True
        server.calls, server.gone = [], threading.Event()  # type: ignore[attr-defined]
        server.words = [word + " " for word in text.split(" ")]  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.gone.set()  # type: ignore[attr-defined]
            server.shutdown()


__all__ = ["AIMessage", "ChatGeneration", "Endless", "Scripted", "failing_server"]
