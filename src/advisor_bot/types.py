"""The values that travel through the program, in the order they are made.

Document -> Chunk -> Passage -> Citation -> Answer. All are frozen; each carries what proves it: an
``Answer`` its citations, a ``Citation`` the exact span of the ``Document`` it quotes.

Offsets count Unicode code points in ``Document.text`` (the canonical text), end exclusive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

BlockKind = Literal["paragraph", "item", "row", "quote", "code"]
Status = Literal["answered", "partial", "not_covered", "clarify", "chat"]
SegmentKind = Literal["lead", "heading", "paragraph", "item", "row", "note"]
Role = Literal["user", "assistant"]


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a section's body that is never merged with prose of another kind.

    ``start:end`` covers the block's words without the blank lines around it; a list item's span
    includes its marker. ``label`` is the name an item opens with (``Computer Vision`` in
    ``Computer Vision: …`` or ``- **Computer Vision.** …``), else "".
    """

    kind: BlockKind
    start: int
    end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the blocks under it, up to the next heading of any level.

    ``heading`` is the path from the outermost heading to this one, in plain words; it is empty for
    text before the first heading. ``start`` is where the heading line begins, ``body`` where the
    text under it begins, ``end`` where the next section begins.
    """

    heading: tuple[str, ...]
    level: int
    start: int
    body: int
    end: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the guide: its canonical text and its heading tree.

    ``meta`` holds the front matter as strings (``revised``, ``figures``, ``language``…). ``pages``
    lists ``(start, page number)`` for paged formats, in order; empty for the others. ``left`` counts
    what of the file is not read, by kind; it is told when the guide is read, and not kept.
    """

    name: str
    title: str
    text: str
    sections: tuple[Section, ...]
    meta: Mapping[str, str] = field(default_factory=dict)
    pages: tuple[tuple[int, int], ...] = ()
    left: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def address(self) -> str:
        """The address of the web page that the text was fetched from; empty for a file."""
        return self.meta.get("address", "")

    def page(self, offset: int) -> int | None:
        """Return the page on which ``offset`` stands, or None where the format has no pages."""
        found = None
        for start, number in self.pages:
            if start > offset:
                break
            found = number
        return found


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one section, the unit that is embedded and found.

    ``text == document.text[start:end]``; it never crosses a heading. ``sentences`` are the absolute
    spans of its sentences, in order; together they cover every word of the chunk. ``id`` is a hash of
    document name, heading path, text and occurrence number, so unchanged text keeps its id.
    ``kind`` is the kind of the blocks it holds and ``label`` the item label where it has just one.
    """

    id: str
    document: str
    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    sentences: tuple[tuple[int, int], ...]
    kind: BlockKind = "paragraph"
    label: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a conversation, as the student's client sends it."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What a student chose to say of themselves; each part may be empty. Nothing of it is kept."""

    background: str = ""
    aims: str = ""
    time: str = ""
    worries: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The parts that say something."""
        return {name: text for name, text in asdict(self).items() if text.strip()}


NOBODY = Profile()  # a student who said nothing of themselves


@dataclass(frozen=True, slots=True)
class Passage:
    """What was read for a question: one chunk, or neighbouring chunks joined.

    ``text == canonical text of document[start:end]``. ``id`` is the chunk's id, or ``first~last``
    where several chunks were joined. ``score`` is the fused relevance, higher is better, comparable
    within one question only.
    """

    id: str
    document: str
    heading: tuple[str, ...]
    start: int
    end: int
    text: str
    score: float
    chunk_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Citation:
    """The proof of a sentence: ``quote == canonical text of document[start:end]``, never empty.

    ``address`` opens the web page that the document was fetched from at the quoted words; empty for a file.
    """

    n: int
    passage_id: str
    document: str
    title: str
    heading: tuple[str, ...]
    start: int
    end: int
    page: int | None
    quote: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a comparison row; no citations means the guide does not say."""

    text: str
    citations: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of an answer without Markdown, with the numbers of the citations that prove it.

    Leads and notes state nothing about the guide beyond its headings; every other kind but headings
    is proved by ``citations``. A ``row`` has ``cells``.
    """

    kind: SegmentKind
    text: str
    citations: tuple[int, ...] = ()
    cells: tuple[Cell, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a student gets, with everything that proves it.

    ``confidence`` is the calibrated probability (0..1) that the guide answers the question, whatever the status; the
    mean where several things were asked. ``text`` is Markdown in which only our markers match ``[n]``. ``passages``
    are what was found, best first.
    """

    status: Status
    question: str
    standalone_question: str
    guide_version: str
    writer: str
    confidence: float
    text: str
    segments: tuple[Segment, ...]
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    suggestions: tuple[str, ...] = ()


def as_json(value: Any) -> dict[str, Any]:
    """Return a frozen value of this module as plain dicts and lists, ready for ``json.dumps``.

    A segment without cells has no ``cells`` key, a citation of a file no ``address``, as the contract has it.
    """
    return asdict(value, dict_factory=_without_empty)


def _without_empty(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value for key, value in pairs if (key, value) not in (("cells", None), ("address", ""))}
