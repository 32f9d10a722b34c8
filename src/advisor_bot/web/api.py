"""HTTP routes: ask, stream, the guide, its passages, the reader's page, feedback, health.

Handlers are plain functions, which FastAPI runs in threads: the advisor is synchronous. Nothing a
visitor sends is kept, unless the owner has a journal; ``/metrics`` counts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Form, Query
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from pydantic import BaseModel, Field

from advisor_bot.answers.advisor import Advisor, Event
from advisor_bot.errors import AdvisorError, QuestionError
from advisor_bot.pages import guide_view, plain_page
from advisor_bot.programs.asking import Asking
from advisor_bot.settings import Settings
from advisor_bot.types import Answer, Profile, Role, Status, Turn, as_json
from advisor_bot.web.metrics import Metrics
from advisor_bot.web.security import plain_policy, problem, read_policy

if TYPE_CHECKING:
    from advisor_bot.journal.keeper import Journal

MAX_TURNS = 50
MAX_TURN_CHARS = 20_000
MAX_PROFILE_CHARS = 300


class TurnIn(BaseModel):
    """One earlier turn of the conversation, oldest first."""

    role: Role
    text: str = Field(max_length=MAX_TURN_CHARS)


class ProfileIn(BaseModel):
    """What a student chose to say of themselves, for "which fits me?"; every part may be empty."""

    background: str = Field(default="", max_length=MAX_PROFILE_CHARS)
    aims: str = Field(default="", max_length=MAX_PROFILE_CHARS)
    time: str = Field(default="", max_length=MAX_PROFILE_CHARS)
    worries: str = Field(default="", max_length=MAX_PROFILE_CHARS)


class QuestionIn(BaseModel):
    """A question, the turns before it and the student's profile; a journal keeps the question alone, masked."""

    question: str = Field(max_length=MAX_TURN_CHARS, examples=["Which specialization pays best?"])
    history: list[TurnIn] = Field(default=[], max_length=MAX_TURNS)
    profile: ProfileIn = ProfileIn()

    def turns(self) -> tuple[Turn, ...]:
        """Return the history as the advisor takes it."""
        return tuple(Turn(turn.role, turn.text) for turn in self.history)

    def about(self) -> Profile:
        """Return the profile as the advisor takes it."""
        return Profile(**self.profile.model_dump())


class FeedbackIn(BaseModel):
    """What a student thought of an answer: counted. Words are kept only where the owner has a journal."""

    verdict: Literal["up", "down"]
    status: Status
    guide_version: str = Field(max_length=100)
    passages: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=50)
    reason: Literal["wrong", "incomplete", "unclear", "other", ""] = ""
    request: str = Field(default="", max_length=32, description="The X-Request-Id that came with the answer")
    words: str = Field(default="", max_length=1000, description="What the student adds")


class Problem(BaseModel):
    """What went wrong: a code for programs, a line for people, the field at fault if there is one."""

    code: str
    message: str
    field: str | None


class ProblemOut(BaseModel):
    """The one shape of every error."""

    error: Problem


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ProblemOut, "description": text}
    for status, text in {
        400: "Not JSON",
        401: "The server asks for its key or password, and the request does not bring it",
        403: "Called from another site's page",
        413: "The body or the history is too large",
        415: "Not application/json",
        422: "A field is missing, empty or too long",
        429: "Too many requests from this address; Retry-After says when to try again",
        503: "No guide is published, or the answer took too long",
    }.items()
}
NOT_THERE: dict[int | str, dict[str, Any]] = {
    404: {"model": ProblemOut, "description": "Not in the guide"},
    410: {"model": ProblemOut, "description": "That version of the guide is no longer kept"},
    **{status: ERRORS[status] for status in (401, 403, 422, 429, 503)},
}
PAGES: dict[int | str, dict[str, Any]] = {
    401: {"description": "The server asks for its password", "content": {"text/html": {}, "application/json": {}}},
    404: {"description": "Not in the guide", "content": {"text/html": {}, "application/json": {}}},
    410: {"description": "That version of the guide is no longer kept", "content": {"text/html": {}}},
    **{status: ERRORS[status] for status in (422, 429)},
    503: {
        "description": "No guide is published, or it took too long",
        "content": {"text/html": {}, "application/json": {}},
    },
}


def routes(asking: Asking, settings: Settings, metrics: Metrics, journal: Journal | None = None) -> APIRouter:
    """Return the routes over ``asking``; ``metrics`` is what they show and count thumbs with."""
    router = APIRouter()
    _ask_routes(router, asking)
    _plain_routes(router, asking, settings)
    _guide_routes(router, asking.advisor, settings)
    _service_routes(router, asking.advisor, metrics, journal)
    return router


def _ask_routes(router: APIRouter, asking: Asking) -> None:
    @router.post("/api/ask", response_model=Answer, responses=ERRORS, tags=["ask"])
    def ask(asked: QuestionIn) -> Response:
        """Answer a question with what the guide says, every sentence cited."""
        return JSONResponse(as_json(asking.ask(asked.question, asked.turns(), asked.about())))

    @router.post("/api/ask/stream", responses=ERRORS | {200: {"content": {"text/event-stream": {}}}}, tags=["ask"])
    def ask_stream(asked: QuestionIn) -> StreamingResponse:
        """Answer as server-sent events: status, passages, delta…, answer; or error."""
        events = asking.stream(asked.question, asked.turns(), asked.about())
        return StreamingResponse(
            _event_lines(events),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )


def _plain_routes(router: APIRouter, asking: Asking, settings: Settings) -> None:
    advisor = asking.advisor

    def page(status: int, question: str = "", answer: Answer | None = None, problem: str = "") -> HTMLResponse:
        html = plain_page.render(guide_view.guide(advisor.versions, advisor, settings, None), question, answer, problem)
        headers = {"Content-Security-Policy": plain_policy(), "Cache-Control": "no-store"}
        return HTMLResponse(html, status, headers)

    @router.get("/plain", response_class=HTMLResponse, include_in_schema=False)
    def plain_form() -> HTMLResponse:
        """Show the chat for a browser without JavaScript."""
        return page(200)

    @router.post("/plain", response_class=HTMLResponse, include_in_schema=False)
    def plain_answer(question: Annotated[str, Form(max_length=MAX_TURN_CHARS)] = "") -> HTMLResponse:
        """Answer on that page."""
        try:
            return page(200, question, asking.ask(question))
        except QuestionError as error:
            return page(422, question, problem=str(error))


def _event_lines(events: Iterator[Event]) -> Iterator[str]:
    try:
        for event in events:
            yield _event(event.kind, event.data)
    except AdvisorError as error:
        yield _event("error", problem(error.code, str(error), getattr(error, "field", None))["error"])


def _event(kind: str, data: Any) -> str:
    if isinstance(data, list):
        data = [as_json(item) for item in data]
    elif not isinstance(data, dict):
        data = as_json(data)
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _guide_routes(router: APIRouter, advisor: Advisor, settings: Settings) -> None:
    library = advisor.versions

    @router.get("/api/guide", responses=NOT_THERE, tags=["guide"])
    def guide(version: str | None = None) -> guide_view.GuideOut:
        """Say which version of the guide is live and what stands in it."""
        return guide_view.guide(library, advisor, settings, version)

    @router.get("/api/guide/{document:path}", responses=NOT_THERE, tags=["guide"])
    def document(document: str, version: str | None = None) -> guide_view.DocumentOut:
        """Return one document: its canonical text and its outline."""
        return guide_view.document(library, document, version)

    @router.get("/api/passages/{passage_id}", responses=NOT_THERE, tags=["guide"])
    def passage(passage_id: str, version: str | None = None) -> guide_view.PassageOut:
        """Return a passage (a chunk's id, or ``first~last``) in its surroundings."""
        return guide_view.passage(library, passage_id, version)

    @router.get("/read/{document:path}", response_class=HTMLResponse, responses=PAGES, tags=["guide"])
    def read(
        document: str,
        v: str | None = None,
        s: Annotated[list[str] | None, Query()] = None,
        e: Annotated[list[str] | None, Query()] = None,
    ) -> HTMLResponse:
        """Show a document as a page, the words s..e highlighted; several s and e mark several quotes."""
        marks = [(int(a), int(b)) for a, b in zip(s or [], e or [], strict=False) if _number(a) and _number(b)]
        status, html, style = guide_view.page(library, settings, document, v, marks[:50])
        headers = {"Content-Security-Policy": read_policy(style), "Cache-Control": "no-cache"}
        return HTMLResponse(html, status, headers)


def _number(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9]{1,9}", text))


def _service_routes(router: APIRouter, advisor: Advisor, metrics: Metrics, journal: Journal | None) -> None:
    @router.post("/api/feedback", responses=ERRORS, tags=["ask"])
    def feedback(given: FeedbackIn) -> dict[str, bool]:
        """Count a thumb by verdict, status, version and cited passages; a journal keeps it with the question."""
        with advisor.versions.lease() as index:
            version = given.guide_version if given.guide_version in advisor.versions.names() else "unknown"
            known = [first.id for name in given.passages if (first := guide_view.first_of(index, name))]
        metrics.judged(given, version, list(dict.fromkeys(known)))
        if journal and given.request:
            journal.judged(given.request, given.verdict, given.reason, given.words)
        return {"counted": True}

    @router.get("/health", tags=["service"])
    def health() -> dict[str, str]:
        """Tell that the process is alive."""
        return {"status": "ok"}

    @router.get("/ready", responses={503: ERRORS[503]}, tags=["service"])
    def ready() -> dict[str, str]:
        """Tell that a version of the guide is live and open."""
        with advisor.versions.lease() as index:
            return {"status": "ready", "version": index.name}

    refused: dict[int | str, dict[str, Any]] = {403: {**ERRORS[403], "description": "Neither this machine nor the key"}}

    @router.get("/metrics", response_class=PlainTextResponse, responses=refused, tags=["service"])
    def show_metrics() -> PlainTextResponse:
        """Show counts in Prometheus' text format; no text of anybody is among them."""
        with advisor.versions.lease() as guide:
            text = metrics.text(guide.name, len(guide.chunks))
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def status_of(error: AdvisorError) -> int:
    """Return the HTTP status of one of the program's own errors."""
    if isinstance(error, guide_view.GoneError):
        return 410
    if isinstance(error, guide_view.NotInGuideError):
        return 404
    return 422 if isinstance(error, QuestionError) else 503
