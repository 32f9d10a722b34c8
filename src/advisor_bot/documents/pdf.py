"""A PDF -> Markdown: columns in reading order, tables as rows, no running titles, sentences joined across pages.

pdfplumber finds the words and their places. ``python -m advisor_bot.documents.pdf`` reads a PDF from stdin and writes
JSON: ``convert`` runs it as a process of its own, within limits of time and memory.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from statistics import median
from typing import Any

from advisor_bot.documents.printed import Line, lines_of, regions
from advisor_bot.errors import UnreadableError

MOST_PAGES = 5_000
MOST_MEMORY = 2_000_000_000
LEAST_TEXT = 20  # letters; below this a PDF is a scan
HEADING_SIZE = 1.15  # a line this much larger than the body's letters is a heading
LONGEST_HEADING = 150
SMALL = 0.9  # of the body's size: a note at the foot
_BULLET = re.compile(r"^(?:[•◦▪‣●○■–—*·➢✓✔\uf0b7\uf0a7\uf0d8\uf0fc-]|o(?=\s{2}))\s+")
_NUMBERED = re.compile(r"^\(?\d{1,3}[.)]\s+\S")
_MARKS = re.compile(r"([*_`\[\]<>\\])")
_NOTE = re.compile(r"^(?:\d{1,2}|[*†‡])\s+\S")
_PAGE_NUMBER = re.compile(r"(?:page |p\. ?)?#(?: ?(?:/|of|\||-) ?#)?")

Pages = tuple[tuple[int, int], ...]


@dataclass
class _Part:
    """One paragraph, item, heading or table to be: ``mark`` goes before it, its words come with their pages."""

    mark: str
    pieces: list[tuple[int, str]] = field(default_factory=list)
    raw: bool = False


def read(data: bytes) -> tuple[str, Pages, Counter[str]]:
    """Return the text as Markdown, the offset of each page, and what is not read. Raises ``UnreadableError``."""
    import pdfplumber
    from pdfplumber.utils.exceptions import PdfminerException

    try:
        opened = pdfplumber.open(io.BytesIO(data))
    except PdfminerException as error:
        if "Password" in repr(error):
            raise UnreadableError("is encrypted; save it without a password") from None
        raise
    with opened as printed:
        if len(printed.pages) > MOST_PAGES:
            raise UnreadableError(f"has more than {MOST_PAGES} pages; split it")
        left: Counter[str] = Counter()
        outline = _outline(printed)
        lines: list[Line] = []
        for page in printed.pages:
            found = lines_of(page)
            left["image"] += len(page.images)
            left["page without text"] += not found
            lines += found
            page.close()
    if sum(letter.isalpha() for line in lines for letter in line.words) < LEAST_TEXT:
        raise UnreadableError("has no text, only pictures (a scan?); run text recognition over it")
    kept = _without_running_titles(lines)
    left["running title or page number"] += len(lines) - len(kept)
    text, pages = _joined(_parts(kept, outline))
    return text, pages, left


def _outline(printed: Any) -> dict[str, int]:
    try:
        return {_shape(str(title)): level for level, title, *_ in printed.doc.get_outlines()}
    except Exception:  # a PDF has no outline, or a broken one
        return {}


def _without_running_titles(lines: Sequence[Line]) -> list[Line]:
    """Leave out what stands at the top or bottom of most pages, digits aside, and bare page numbers."""
    pages: dict[int, list[Line]] = {}
    for line in lines:
        pages.setdefault(line.page, []).append(line)
    edges: Counter[str] = Counter()
    at_edge = {id(line) for page in pages.values() for line in (*page[:2], *page[-2:])}
    for page in pages.values():
        edges.update({_shape(line.words) for line in (*page[:2], *page[-2:])})
    often = {shape for shape, count in edges.items() if count > max(1, len(pages) / 2)}
    return [
        line
        for line in lines
        if id(line) not in at_edge or not (_shape(line.words) in often or _PAGE_NUMBER.fullmatch(_shape(line.words)))
    ]


def _shape(words: str) -> str:
    return re.sub(r"\d+", "#", " ".join(words.lower().split()).strip(" -–|"))


# --- lines -> parts ----------------------------------------------------------------------------------------------


def _parts(lines: Sequence[Line], outline: dict[str, int]) -> list[_Part]:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.words)
    body = sizes.most_common(1)[0][0]
    larger = sorted({line.size for line in lines if _is_larger(line, body)}, reverse=True)[:4]
    gaps = [b.y - a.y for a, b in pairwise(lines) if a.page == b.page and b.y > a.y]
    usual = median(gaps) if gaps else 0.0
    parts: list[_Part] = []
    notes: list[_Part] = []
    above: Line | None = None
    for page in sorted({line.page for line in lines}):
        own = [line for line in lines if line.page == page]
        foot = _foot(own, body)
        for region in regions(own[: len(own) - foot]):
            if region.rows:
                parts += [*notes, _table(page, region.rows)]
                notes, above = [], None
                continue
            for line in region.lines:
                mark, words = _mark(line, body, larger, outline)
                if above is not None and parts and _continues(parts[-1], above, line, mark, usual):
                    parts[-1].pieces.append((line.page, words))
                else:
                    parts += [*notes, _Part(mark, [(line.page, words)])]
                    notes = []
                above = line
        notes += [_Part("", [(line.page, line.words)]) for line in own[len(own) - foot :]]
    return parts + notes


def _foot(lines: Sequence[Line], body: float) -> int:
    """Return how many lines at the foot of a page are notes: smaller, the first opening with its sign."""
    count = 0
    for line in reversed(lines):
        if line.size >= SMALL * body:
            break
        count += 1
    while count and not _NOTE.match(lines[len(lines) - count].words):
        count -= 1
    return count


def _mark(line: Line, body: float, larger: Sequence[float], outline: dict[str, int]) -> tuple[str, str]:
    level = outline.get(_shape(line.words), 0)
    if not level and _is_larger(line, body):
        level = next((n for n, size in enumerate(larger, 1) if line.size >= size), 0)
    if not level and line.bold and len(line.words) < LONGEST_HEADING / 2 and line.words[-1] not in ".,;:":
        level = len(larger) + 1
    if level:
        return "#" * min(level, 6) + " ", line.words
    bullet = _BULLET.match(line.words)
    return ("- ", line.words[bullet.end() :]) if bullet else ("", line.words)


def _is_larger(line: Line, body: float) -> bool:
    return line.size >= HEADING_SIZE * body and len(line.words) < LONGEST_HEADING


def _continues(part: _Part, above: Line, line: Line, mark: str, usual: float) -> bool:
    """Tell whether a line goes on with the part before it, also over the end of a column or page."""
    if part.raw:
        return False
    if mark.startswith("#") or part.mark.startswith("#"):
        close = above.page == line.page and 0 < line.y - above.y < 2.2 * line.size
        return mark == part.mark and above.size == line.size and close
    if mark or _NUMBERED.match(line.words):
        return False
    if above.page != line.page or line.y <= above.y:
        return above.words[-1] not in ".!?:" and (line.words[0].islower() or above.words[-1] in ",-")
    return line.y - above.y <= max(1.35 * usual, 1.4 * line.size)


def _table(page: int, rows: Sequence[Sequence[str]]) -> _Part:
    def row(cells: Sequence[str]) -> str:
        return "| " + " | ".join(_MARKS.sub(r"\\\1", cell).replace("|", "\\|") or " " for cell in cells) + " |"

    lines = [row(rows[0]), "|" + " --- |" * len(rows[0]), *(row(cells) for cells in rows[1:])]
    return _Part("", [(page, "\n".join(lines))], raw=True)


# --- parts -> text -----------------------------------------------------------------------------------------------


def _joined(parts: Sequence[_Part]) -> tuple[str, Pages]:
    text, pages = "", list[tuple[int, int]]()
    for part in parts:
        text += ("\n" if part.mark == "- " and text.rpartition("\n\n")[2].startswith("- ") else "\n\n") if text else ""
        for place, (page, words) in enumerate(part.pieces):
            if place:
                text = _line_end(text, words)
            if not pages or pages[-1][1] != page:
                pages.append((len(text), page))
            escaped = words if part.raw else _MARKS.sub(r"\\\1", words)
            text += escaped if place or part.raw else part.mark + re.sub(r"^([#+=|~-])", r"\\\1", escaped)
    return text + "\n", tuple(pages)


def _line_end(text: str, words: str) -> str:
    """Return ``text`` ready for the words of its next line: a hyphen stays where it belongs to the word."""
    found = re.search(r"([^\W_]+)[-\u00ad\u2010]$", text)
    following = re.match(r"[^\W_]+", words)
    if not found or not following:
        return text + " "
    first, second = found[1], following[0]
    if text[-1] == "\u00ad":
        return text[:-1]
    if not (first.isalpha() and second[0].islower()):
        return text
    known = _english()
    one = (first + second).lower()
    compound = one not in known and first.lower() in known and second.lower() in known
    return text if compound else text[:-1]


@cache
def _english() -> Any:
    from spellchecker import SpellChecker

    return SpellChecker().word_frequency


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # not on Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def main() -> None:
    """Read a PDF from stdin; write its text, pages and what is not read, or why it cannot be read, as JSON."""
    _bound_memory()
    try:
        text, pages, left = read(sys.stdin.buffer.read())
        made: dict[str, Any] = {"text": text, "pages": pages, "left": left}
    except UnreadableError as problem:
        made = {"problem": str(problem)}
    sys.stdout.write(json.dumps(made))


if __name__ == "__main__":
    main()
