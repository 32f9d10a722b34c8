"""OpenAI's protocol: ``POST /v1/chat/completions`` and ``GET /v1/models``, for chat clients that speak it.

Such a client shows a message's text and nothing else, so the text ends in a list of sources. The citations come
as values too, in the field ``advisor``.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from advisor_bot.answers.advisor import Event
from advisor_bot.errors import AdvisorError, QuestionError
from advisor_bot.pages.guide_view import read_address
from advisor_bot.programs.asking import Asking
from advisor_bot.text import escape_markdown, plain
from advisor_bot.types import Answer, Citation, Turn, as_json

MODEL = "advisor"  # the one name that /v1/models lists; any other is answered as well
SOURCES = "\n\n**Sources**\n\n"  # stands between an answer and the list of what it quotes
MOST_MESSAGES = 1000
MOST_TURNS = 50  # of a conversation, the last ones


class Part(BaseModel):
    """One part of a message; parts that are not text are passed over."""

    type: str = Field(max_length=100)
    text: str = ""


class Message(BaseModel):
    """One message; how long it may be, the body's limit says. What ``system`` and ``tool`` say is passed over."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Annotated[list[Part], Field(max_length=100)] | None = None

    def said(self) -> str:
        """Return the message's words, without the sources that this server put under an answer."""
        parts = self.content if isinstance(self.content, list) else [Part(type="text", text=self.content or "")]
        text = "\n".join(part.text for part in parts if part.type == "text")
        return text.partition(SOURCES)[0] if self.role == "assistant" else text


class StreamOptions(BaseModel):
    """What a stream holds besides the answer."""

    include_usage: bool = False


class CompletionIn(BaseModel):
    """A conversation whose last message of the user is the question. Fields that are not named here change nothing."""

    model: str = Field(default=MODEL, max_length=200)
    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = False
    stream_options: StreamOptions | None = None

    def conversation(self) -> tuple[str, tuple[Turn, ...]]:
        """Return the question and the turns before it. Raises ``QuestionError`` where nobody asks anything."""
        asked = [n for n, message in enumerate(self.messages) if message.role == "user"]
        if not asked:
            raise QuestionError("There is no message with the role user, so there is no question.", "messages")
        before = self.messages[: asked[-1]]
        turns = [Turn(one.role, one.said()) for one in before if one.role == "user" or one.role == "assistant"]
        return self.messages[asked[-1]].said(), tuple(turns[-MOST_TURNS:])


def routes(asking: Asking, refusals: dict[int | str, dict[str, Any]]) -> APIRouter:
    """Return the routes; ``refusals`` describe the errors they share with all others."""
    router = APIRouter(tags=["openai"])
    streams: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}

    @router.post("/v1/chat/completions", responses=refusals | streams)
    def chat_completions(asked: CompletionIn, request: Request) -> Response:
        """Answer in the shape of OpenAI's chat completions, streamed where ``stream`` is true."""
        question, history = asked.conversation()
        made = Completion(str(request.base_url))
        if not asked.stream:
            return JSONResponse(made.whole(asking.ask(question, history)))
        usage = bool(asked.stream_options and asked.stream_options.include_usage)
        lines = made.lines(asking.stream(question, history), usage=usage)
        return StreamingResponse(lines, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    @router.get("/v1/models", responses={status: refusals[status] for status in refusals if status in (401, 403, 429)})
    def models() -> dict[str, Any]:
        """List the one model there is: the guide."""
        return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "guide"}]}

    return router


@dataclass(frozen=True, slots=True)
class Completion:
    """One completion in the making; ``root`` is the server's address as the client called it."""

    root: str

    def whole(self, answer: Answer) -> dict[str, Any]:
        """Return ``answer`` as one completion."""
        message = {"role": "assistant", "content": answer.text + self.sources(answer), "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**_head("chat.completion"), "choices": [choice], "usage": _USAGE, "advisor": self.proof(answer)}

    def lines(self, events: Iterator[Event], *, usage: bool) -> Iterator[str]:
        """Yield an answer as the chunks of a completion, its sources and its proof at the end."""
        head = _head("chat.completion.chunk")

        def chunk(delta: dict[str, str], reason: str | None = None, **more: Any) -> str:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
            return _line({**head, "choices": [choice], **more})

        yield chunk({"role": "assistant", "content": ""})
        try:
            for event in events:
                if event.kind == "delta":
                    yield chunk({"content": event.data["text"]})
                elif event.kind == "answer":
                    if sources := self.sources(event.data):
                        yield chunk({"content": sources})
                    yield chunk({}, "stop", advisor=self.proof(event.data))
        except AdvisorError as error:
            yield "event: error\n" + _line({"error": {"code": error.code, "message": str(error), "field": None}})
            return
        if usage:
            yield _line({**head, "choices": [], "usage": _USAGE})
        yield "data: [DONE]\n\n"

    def sources(self, answer: Answer) -> str:
        """Return the list of what is quoted, in Markdown; empty where nothing is."""
        version = answer.guide_version
        listed = "\n".join(f"- [{c.n}] [{_place(c)}]({self.link(c, version)}): “{_quote(c)}”" for c in answer.citations)
        return SOURCES + listed if listed else ""

    def proof(self, answer: Answer) -> dict[str, Any]:
        """Return what the text does not hold: status, confidence, version, and the citations with their links."""
        found = as_json(answer)
        cited = [
            {**row, "link": self.link(citation, answer.guide_version)}
            for row, citation in zip(found["citations"], answer.citations, strict=True)
        ]
        names = ("status", "confidence", "guide_version", "writer", "suggestions")
        return {name: found[name] for name in names} | {"citations": cited}

    def link(self, citation: Citation, version: str) -> str:
        """Return the address at which the quote is shown in its place."""
        anchor = citation.passage_id.partition("~")[0]
        return self.root + read_address(citation.document, version, [(citation.start, citation.end)], anchor)


_USAGE = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}  # nobody is charged for a quote


def _head(kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": MODEL}


def _line(value: dict[str, Any]) -> str:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n"


def _place(citation: Citation) -> str:
    return escape_markdown(" › ".join(citation.heading) or citation.title or citation.document)


def _quote(citation: Citation) -> str:
    return escape_markdown(plain(citation.quote))
