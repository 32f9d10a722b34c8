"""What visitors see of the published guide: its versions, documents, passages, and the page to read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from pydantic import BaseModel, Field

from advisor_bot.errors import AdvisorError, IndexingError
from advisor_bot.llm.providers import display_name, what_is_sent
from advisor_bot.pages import source_page
from advisor_bot.pages.source_map import Span, heading_id
from advisor_bot.pages.strings import catalogue, say
from advisor_bot.settings import Settings
from advisor_bot.text import plain, quoted_at
from advisor_bot.types import Chunk, Document

if TYPE_CHECKING:
    from advisor_bot.answers.advisor import Advisor
    from advisor_bot.index.library import Library
    from advisor_bot.index.version import Version

_VERSION_NAME = re.compile(r"\d+-[0-9a-f]+")
SURROUNDINGS = 600  # characters shown before and after a passage


class NotInGuideError(AdvisorError):
    """Nothing of that name stands in this version of the guide."""

    code = "not_found"


class GoneError(AdvisorError):
    """That version of the guide was published once and is no longer kept."""

    code = "gone"


class HeadingOut(BaseModel):
    """One heading of a document; ``id`` is its anchor in the source page."""

    level: int
    heading: str
    id: str


class DocumentSummary(BaseModel):
    """A document without its text; dates and sources as its front matter states them."""

    name: str
    title: str
    language: str
    revised: str
    figures: str
    characters: int
    outline: list[HeadingOut]


class DocumentOut(DocumentSummary):
    """A document with its canonical text, in which every offset counts."""

    version: str
    live: bool
    text: str


class ContactOut(BaseModel):
    """The human adviser the owner named."""

    name: str
    link: str


class GuideOut(BaseModel):
    """A version of the guide, and what a page needs to greet a visitor."""

    version: str
    created: str
    live: bool
    title: str
    revised: str
    languages: list[str]
    documents: list[DocumentSummary]
    versions: list[str]
    starters: list[str]
    contact: ContactOut | None
    max_question_chars: int
    writer: str = Field(description='What writes the answers: "quotes" or the name of a language model')
    own_words: bool = Field(description="Whether the language model writes its own sentences, not the guide's")
    kept_days: int = Field(description="How long questions are kept in the owner's journal, days; 0: they are not")
    sent: str = Field(description="What of a question is sent to whom, where a language model writes; else empty")


class PassageOut(BaseModel):
    """A passage with the text around it; ``read`` is its address on the source page."""

    id: str
    document: str
    title: str
    heading: list[str]
    start: int
    end: int
    page: int | None
    text: str
    before: str
    after: str
    version: str
    live: bool
    read: str


@contextmanager
def _opened(library: Library, version: str | None) -> Iterator[Version]:
    """Lease a version; tell a pruned one (``GoneError``) from one that never was (``NotInGuideError``)."""
    if version is not None and version not in library.names():
        if _VERSION_NAME.fullmatch(version):
            raise GoneError(
                f"Version {version} of the guide is no longer kept. Leave the version out for the live one."
            )
        raise NotInGuideError(f"{version[:80]!r} is not a version of the guide. Leave it out for the live one.")
    with library.lease(version) as index:
        yield index


def guide(library: Library, advisor: Advisor, settings: Settings, version: str | None) -> GuideOut:
    """Describe one version, the live one by default."""
    with _opened(library, version) as index:
        documents = [_summary(document) for document in index.documents.values()]
        contact = settings.contact_name_and_link
        return GuideOut(
            version=index.name,
            created=index.created,
            live=index.name == library.live,
            title=documents[0].title if documents else "",
            revised=max((summary.revised for summary in documents), default=""),
            languages=sorted({summary.language for summary in documents if summary.language}),
            documents=documents,
            versions=library.names(),
            starters=advisor.starters(),
            contact=ContactOut(name=contact[0], link=contact[1]) if contact else None,
            max_question_chars=settings.max_question_chars,
            writer=display_name(settings) if settings.model else "quotes",
            own_words=bool(settings.model) and settings.model_style == "own-words",
            kept_days=settings.journal_days if settings.journal else 0,
            sent=what_is_sent(settings) if settings.model else "",
        )


def document(library: Library, name: str, version: str | None) -> DocumentOut:
    """Return one document of one version."""
    with _opened(library, version) as index:
        found = _document(index, name)
        summary = _summary(found).model_dump()
        return DocumentOut(**summary, version=index.name, live=index.name == library.live, text=found.text)


def passage(library: Library, passage_id: str, version: str | None) -> PassageOut:
    """Return the passage ``id`` or ``first~last`` with its surroundings."""
    with _opened(library, version) as index:
        first, last = _ends(index, passage_id)
        found = index.documents[first.document]
        return PassageOut(
            id=passage_id,
            document=found.name,
            title=found.title,
            heading=list(first.heading),
            start=first.start,
            end=last.end,
            page=found.page(first.start),
            text=found.text[first.start : last.end],
            before=found.text[max(first.start - SURROUNDINGS, 0) : first.start],
            after=found.text[last.end : last.end + SURROUNDINGS],
            version=index.name,
            live=index.name == library.live,
            read=read_address(found.name, index.name, [(first.start, last.end)], first.id),
        )


def read_address(name: str, version: str, marks: Sequence[Span] = (), anchor: str = "") -> str:
    """Return the reader's address of a document, relative to the server's root."""
    query = urlencode([("v", version), *((key, str(at)) for mark in marks for key, at in zip("se", mark, strict=True))])
    return f"read/{quote(name)}?{query}" + (f"#{quote(anchor)}" if anchor else "")


def page(
    library: Library, settings: Settings, name: str, version: str | None, marks: Sequence[Span]
) -> tuple[int, str, str]:
    """Return ``(status, HTML, inline style)`` of the reader's page; a missing document is a page as well."""
    try:
        with _opened(library, version) as index:
            found = _document(index, name)
            style = source_page.target_rules(found, index.chunks)
            return 200, _read_page(library, settings, index, found, marks, style), style
    except (NotInGuideError, GoneError, IndexingError) as error:
        status = 410 if isinstance(error, GoneError) else 404 if isinstance(error, NotInGuideError) else 503
        html = _templates().get_template("missing.html").render(message=str(error), root=_root(name), name=name)
        return status, html, ""


def _on_page(found: Document, marks: Sequence[Span]) -> list[str]:
    """Return the address of a document's web page at each of the marked words."""
    address = found.address
    opened = [quoted_at(address, plain(found.text[start:end])) for start, end in marks]
    return [one for one in opened or [quoted_at(address, "")] if one]


def _read_page(
    library: Library, settings: Settings, index: Version, found: Document, marks: Sequence[Span], style: str
) -> str:
    live = library.live
    return (
        _templates()
        .get_template("read.html")
        .render(
            document=found,
            article=Markup(source_page.article(found, index.chunks, marks)),  # noqa: S704 - escaped piece by piece in reader
            on_page=_on_page(found, marks),
            style=Markup(style),  # noqa: S704 - made of escaped ids
            outline=_summary(found).outline,
            others=[d for d in index.documents.values() if d.name != found.name],
            version=index.name,
            created=index.created[:10],
            newer=live if live != index.name else "",
            contact=settings.contact_name_and_link,
            root=_root(found.name),
            read_address=read_address,
        )
    )


def _root(name: str) -> str:
    """Return the way up from ``/read/<name>`` to the server's root, so that a path prefix does not matter."""
    return "../" * (name.count("/") + 1)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("advisor_bot"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(say=say, words=catalogue())
    return environment


def _summary(found: Document) -> DocumentSummary:
    return DocumentSummary(
        name=found.name,
        title=found.title,
        language=found.meta.get("language", ""),
        revised=found.meta.get("revised", ""),
        figures=found.meta.get("figures", ""),
        characters=len(found.text),
        outline=[
            HeadingOut(level=level, heading=text, id=heading_id(at)) for level, text, at in source_page.outline(found)
        ],
    )


def _document(index: Version, name: str) -> Document:
    if (found := index.documents.get(name)) is None:
        raise NotInGuideError(f"{name[:80]!r} is not a document of the guide. GET /api/guide lists them.")
    return found


def first_of(index: Version, passage_id: str) -> Chunk | None:
    """Return the first chunk of the passage ``id`` or ``first~last``, None where there is no such passage."""
    try:
        return _ends(index, passage_id)[0]
    except NotInGuideError:
        return None


def _ends(index: Version, passage_id: str) -> tuple[Chunk, Chunk]:
    rows = [index.row(part) for part in passage_id.split("~")]
    if len(rows) > 2 or any(row is None for row in rows):
        raise NotInGuideError(f"No passage {passage_id[:80]!r} stands in version {index.name} of the guide.")
    first, last = index.chunks[rows[0] or 0], index.chunks[rows[-1] or 0]
    if first.document != last.document or first.start > last.start:
        raise NotInGuideError(f"{passage_id[:80]!r} does not name two passages of one document, in order.")
    return first, last
