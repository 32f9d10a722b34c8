"""Lines with their quotes -> a cited answer: markers numbered, Markdown written, every sentence checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from advisor_bot.documents.tables import row_header, words_at
from advisor_bot.text import escape_markdown, numerals, plain, quoted_at
from advisor_bot.types import Answer, Cell, Citation, Document, Passage, Segment, SegmentKind

MARKER = re.compile(r"\[(\d+)\]")
_STATES = ("paragraph", "item", "row")
_NAME = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][^\W_]+")


@dataclass(frozen=True, slots=True)
class Quote:
    """A span of a document to be cited, with the passage it was read in."""

    passage: Passage
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """One piece of an answer before its citations are numbered.

    A line with ``quotes`` and no ``text`` says exactly what its quotes say.
    """

    kind: SegmentKind
    text: str = ""
    quotes: tuple[Quote, ...] = ()
    cells: tuple[Line, ...] | None = None


@dataclass(frozen=True, slots=True)
class Cited:
    """Segments, their citations and the Markdown pieces that join to the answer's text."""

    segments: tuple[Segment, ...]
    citations: tuple[Citation, ...]
    pieces: tuple[str, ...]

    @property
    def text(self) -> str:
        """The answer in Markdown."""
        return "".join(self.pieces)


def cite(lines: Sequence[Line], documents: Mapping[str, Document]) -> Cited:
    """Number the quotes of ``lines`` by first use and write them as segments and Markdown."""
    numbers: dict[tuple[str, int, int], Citation] = {}

    def number(quote: Quote) -> int:
        key = (quote.passage.document, quote.start, quote.end)
        if key not in numbers:
            numbers[key] = _citation(len(numbers) + 1, quote, documents[quote.passage.document])
        return numbers[key].n

    def numbered(line: Line) -> tuple[int, ...]:
        """Number the quotes of a line; a row's column names are its words too, and are cited with it."""
        found = []
        for quote in line.quotes:
            header = row_header(documents[quote.passage.document].text, quote.start, quote.end)
            found += [number(quote)] + ([number(Quote(quote.passage, *header))] if header else [])
        return tuple(dict.fromkeys(found))

    def words_of(line: Line) -> str:
        return line.text or " ".join(words_at(documents[q.passage.document].text, q.start, q.end) for q in line.quotes)

    def segment(line: Line) -> Segment:
        if line.cells is None:
            return Segment(line.kind, words_of(line), numbered(line))
        cells = tuple(Cell(words_of(cell), numbered(cell)) for cell in line.cells)
        used = tuple(dict.fromkeys(n for cell in cells for n in cell.citations))
        return Segment(line.kind, " | ".join(cell.text for cell in cells), used, cells)

    segments = tuple(segment(line) for line in lines)
    return Cited(segments, tuple(numbers.values()), tuple(_markdown(segments)))


def _citation(n: int, quote: Quote, document: Document) -> Citation:
    return Citation(
        n=n,
        passage_id=quote.passage.id,
        document=document.name,
        title=document.title,
        heading=quote.passage.heading,
        start=quote.start,
        end=quote.end,
        page=document.page(quote.start),
        quote=document.text[quote.start : quote.end],
        address=quoted_at(document.address, plain(document.text[quote.start : quote.end])),
    )


def _markdown(segments: Sequence[Segment]) -> Iterator[str]:
    """Yield each segment as Markdown; the pieces join to the whole text."""
    before: Segment | None = None
    for segment in segments:
        yield _gap(before, segment) + _body(segment, first_row=before is None or before.kind != "row")
        before = segment


def _gap(before: Segment | None, segment: Segment) -> str:
    if before is None:
        return ""
    if before.kind == segment.kind and segment.kind in ("item", "row"):
        return "\n"
    if before.kind == segment.kind == "paragraph":
        return " "
    return "\n\n"


def _body(segment: Segment, *, first_row: bool) -> str:
    if segment.cells:
        row = "| " + " | ".join(_marked(cell.text, cell.citations) for cell in segment.cells) + " |"
        return row + "\n|" + " --- |" * len(segment.cells) if first_row else row
    text = _marked(segment.text, segment.citations)
    if segment.kind == "heading":
        return f"**{text}**"
    return f"- {text}" if segment.kind == "item" else text


def _marked(text: str, citations: Sequence[int]) -> str:
    return escape_markdown(text) + "".join(f" [{n}]" for n in citations)


def violations(answer: Answer, documents: Mapping[str, Document], *, names: bool = True) -> list[str]:
    """Return what in ``answer`` is not proved: a quoting answer with any is withheld, of a model's they are logged.

    Checked: each marker resolves and each citation is used, each quote is exact and not empty, each
    segment that states something is cited, and the numerals and proper names of what is stated
    stand in the quotes cited for it (or in their headings). ``names`` is false for a text in German, whose every noun
    has a capital letter.
    """
    found = []
    citations = {c.n: c for c in answer.citations}
    marked = {int(n) for n in MARKER.findall(re.sub(r"\\.", "", answer.text))}
    if marked != set(citations):
        found.append(f"markers {sorted(marked)} do not match citations {sorted(citations)}")
    for c in answer.citations:
        if not c.quote or documents[c.document].text[c.start : c.end] != c.quote:
            found.append(f"citation {c.n} is not an exact quote of {c.document}")
    for segment in answer.segments:
        for text, numbers in _stated(segment):
            proof = [(citations[n].quote, citations[n].heading) for n in numbers if n in citations]
            found += unproved(text, proof, names=names)
    return found


def _stated(segment: Segment) -> Iterator[tuple[str, Sequence[int]]]:
    if segment.kind not in _STATES:
        return
    if segment.cells is None:
        yield segment.text, segment.citations
    else:
        yield from ((cell.text, cell.citations) for cell in segment.cells if cell.citations)


def unproved(text: str, proof: Sequence[tuple[str, Sequence[str]]], *, names: bool = True) -> list[str]:
    """Return the numeral or name of ``text`` that stands in none of the quotes (or their headings) of ``proof``."""
    if not proof:
        return [f"nothing proves: {text[:80]!r}"]
    source = " ".join(" ".join([plain(quote), quote, *heading]) for quote, heading in proof)
    known, held = set(numerals(source)), source.casefold()
    missing = [x for x in numerals(text) if x not in known]
    missing += [name for name in _NAME.findall(text) if names and name.casefold() not in held]
    return [f"{missing[0]!r} does not stand in what is cited for: {text[:80]!r}"] if missing else []
