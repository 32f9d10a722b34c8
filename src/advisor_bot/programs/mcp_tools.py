"""The guide's tools at ``/mcp``, for assistants that speak the Model Context Protocol (streamable HTTP).

Every request stands for itself, so nothing is kept between two of them and a restart breaks no client.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel, Field

from advisor_bot import __version__
from advisor_bot.errors import AdvisorError
from advisor_bot.index.version import Version
from advisor_bot.pages import guide_view
from advisor_bot.programs.asking import Asking
from advisor_bot.types import Answer, Document, Role, Status, Turn

PATH = "/mcp"
_ABOUT = (
    "This server answers from one guide and from nothing else. ask_guide answers with the guide's own sentences; keep "
    "their numbers and show the sources with their links. read_passage opens what was quoted, list_sections tells what "
    "there is. Where the status is not_covered, say that the guide does not cover it."
)


class Before(BaseModel):
    """One earlier turn of the conversation."""

    role: Role
    text: str = Field(max_length=20_000)


class Source(BaseModel):
    """A quote of the guide, word for word, and where it stands."""

    n: int = Field(description="The number that marks it in the answer, as [1]")
    quote: str
    document: str
    heading: list[str]
    page: int | None
    passage_id: str = Field(description="Opens its surroundings with read_passage")
    link: str = Field(description="A page that shows it in its place")


class GuideAnswer(BaseModel):
    """An answer; everything in ``text`` but its lead is quoted from the guide."""

    status: Status
    text: str = Field(description="Markdown; [1], [2]… number the sources")
    sources: list[Source]
    confidence: float = Field(description="Probability, 0 to 1, that the guide answers the question")
    guide_version: str
    suggestions: list[str] = Field(description="Questions that the guide can answer, to go on with")


class PassageText(BaseModel):
    """A passage of the guide with what stands around it."""

    passage_id: str
    document: str
    heading: list[str]
    text: str
    before: str
    after: str
    link: str


class SectionOut(BaseModel):
    """One section: its heading, and the passage that read_passage opens; none where only other sections stand in it."""

    heading: list[str]
    passage_id: str | None


class DocumentSections(BaseModel):
    """One document of the guide and its sections, in their order."""

    document: str
    title: str
    sections: list[SectionOut]


class Sections(BaseModel):
    """What stands in the guide."""

    guide_version: str
    documents: list[DocumentSections]


class McpTools:
    """An ASGI application with the tools; it answers while ``running``."""

    def __init__(self, asking: Asking) -> None:
        """Offer the guide that ``asking`` answers from."""
        self.server = _server(asking)
        self._app: Any = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer for as long as the context lasts, which may be once only."""
        # Whose page calls is looked at before (web.security), and the server may go by any name behind a proxy.
        anybody = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._app = self.server.streamable_http_app(stateless_http=True, json_response=True, transport_security=anybody)
        async with self.server.session_manager.run():
            yield
        self._app = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request."""
        if self._app is None:
            raise AdvisorError("The tools are not running; the server is starting or stopping. Try again.")
        await self._app(dict(scope), receive, send)


def _server(asking: Asking) -> MCPServer:
    with _logging_left_alone():
        server: MCPServer = MCPServer("advisor", title="Guide", instructions=_ABOUT, version=__version__)
    library = asking.advisor.versions

    @server.tool()
    def ask_guide(
        question: Annotated[str, Field(max_length=20_000, description="The question, in the student's own words")],
        context: Context,
        history: Annotated[list[Before] | None, Field(max_length=50, description="Earlier turns, oldest first")] = None,
    ) -> GuideAnswer:
        """Answer a question from the guide, every statement an exact quote with its source."""
        with _told():
            answer = asking.ask(question, [Turn(turn.role, turn.text) for turn in history or ()])
        return _answer(answer, _root(context))

    @server.tool()
    def read_passage(
        passage_id: Annotated[str, Field(max_length=200, description="From a source or from list_sections")],
        context: Context,
    ) -> PassageText:
        """Return a passage of the guide, word for word, with the text around it."""
        with _told():
            found = guide_view.passage(library, passage_id, None)
        shown = {name: getattr(found, name) for name in ("document", "heading", "text", "before", "after")}
        return PassageText(passage_id=found.id, link=_root(context) + found.read, **shown)

    @server.tool()
    def list_sections() -> Sections:
        """List the guide's documents and their sections."""
        with _told(), library.lease() as guide:
            documents = [_sections(document, guide) for document in guide.documents.values()]
            return Sections(guide_version=guide.name, documents=documents)

    return server


@contextlib.contextmanager
def _logging_left_alone() -> Iterator[None]:
    """Undo what the package does to the logging of the whole process when a server is made."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Tell the assistant of our own errors; any other says nothing of itself."""
    try:
        yield
    except AdvisorError as error:
        raise ToolError(str(error)) from error


def _root(context: Any) -> str:
    """Return the server's address as the client called it."""
    request = context.request_context.request
    return str(request.base_url) if request is not None else ""


def _answer(answer: Answer, root: str) -> GuideAnswer:
    sources = []
    for c in answer.citations:
        anchor = c.passage_id.partition("~")[0]
        link = root + guide_view.read_address(c.document, answer.guide_version, [(c.start, c.end)], anchor)
        place = {"document": c.document, "heading": list(c.heading), "page": c.page}
        sources.append(Source(n=c.n, quote=c.quote, passage_id=c.passage_id, link=link, **place))
    kept = {name: getattr(answer, name) for name in ("status", "text", "confidence", "guide_version")}
    return GuideAnswer(sources=sources, suggestions=list(answer.suggestions), **kept)


def _sections(document: Document, guide: Version) -> DocumentSections:
    chunks = [chunk for chunk in guide.chunks if chunk.document == document.name]
    listed = []
    for section in document.sections:
        ids = [chunk.id for chunk in chunks if section.start <= chunk.start < section.end]
        whole = "~".join(dict.fromkeys((ids[0], ids[-1]))) if ids else None
        listed.append(SectionOut(heading=list(section.heading), passage_id=whole))
    return DocumentSections(document=document.name, title=document.title, sections=listed)
