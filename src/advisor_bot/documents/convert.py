"""HTML, PDF and DOCX -> Markdown, for ``load``: headings kept, menus left out, the pages of a PDF remembered.

The converters are the extra ``formats``. A file that holds no text, is locked, damaged or blown up says so in
one line (``CannotConvertError``) and is left out.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

MOST_UNPACKED = 300_000_000  # bytes of a DOCX file's parts together; a text of a thousand pages has about 10 million
MOST_PAGES = 5_000
LEAST_TEXT = 20  # letters; below this a PDF is a scan
HEADING_SIZE = 1.15  # a line this much larger than the body's letters is a heading
LONGEST_HEADING = 150
DEEPEST = 300  # tags within tags; a page written by people has about 30
_NOT_TEXT = (
    "nav, script, style, noscript, template, iframe, svg, form, button, dialog, aside, img, video, audio, object, "
    "[role=navigation], [role=banner], [role=contentinfo], [role=complementary], [role=search], [role=menu], "
    "[hidden], [aria-hidden=true]"
)
_BULLET = re.compile(r"^[•◦▪‣●○■–—*-]\s+")
_NUMBERED = re.compile(r"^\(?\d{1,3}[.)]\s+\S")
_MARKS = re.compile(r"([*_`\[\]<>\\])")

Pages = tuple[tuple[int, int], ...]


class CannotConvertError(Exception):
    """Why a file cannot be turned into text; follows the file's name in a sentence."""


def to_markdown(suffix: str, data: bytes) -> tuple[str, Pages]:
    """Return a file's text as Markdown, and for a PDF where each page starts in it, as (offset, page number).

    Raises ``CannotConvertError`` for a file that has no text, is locked, damaged or too large unpacked, or where
    the extra ``formats`` is not installed.
    """
    try:
        return _CONVERTERS[suffix](data)
    except CannotConvertError:
        raise
    except ImportError as error:
        raise CannotConvertError(f"needs {error.name}; run `pip install 'advisor-bot[formats]'`") from None
    except Exception as error:  # the converters raise dozens of kinds on damaged files
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CannotConvertError(f"is damaged or not what its name says ({reason}); save it anew") from error


# --- HTML --------------------------------------------------------------------------------------------------------


def _html(data: bytes) -> tuple[str, Pages]:
    from bs4 import BeautifulSoup

    page = BeautifulSoup(data, "html.parser")
    if _depth(page) > DEEPEST:
        raise CannotConvertError("is nested too deeply to be read; save it anew from a word processor")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    main = _main_part(page)
    text = _markdown_of(main)
    if not text.strip():
        raise CannotConvertError("holds no text outside its menus")
    if title and not main.find("h1"):
        text = f"# {title}\n\n{text}"
    return text, ()


def _depth(page: BeautifulSoup) -> int:
    depths = {id(page): 0}
    for part in page.find_all(True):
        depths[id(part)] = depths[id(part.parent)] + 1
    return max(depths.values())


def _main_part(page: BeautifulSoup) -> Tag:
    """Return the part of a page that is read: the one marked as such, else the body without menus."""
    for part in page.select(_NOT_TEXT):
        part.decompose()
    marked = page.select("main, [role=main]") or page.select("article")
    if marked:
        return max(marked, key=lambda part: len(part.get_text()))
    for part in page.select("header, footer"):
        if part.name == "footer" or not part.find("h1"):
            part.decompose()
    for part in page.select("ul, ol"):
        if _is_menu(part):
            part.decompose()
    return page.body or page


def _is_menu(part: Tag) -> bool:
    links = [link.get_text(" ", strip=True) for link in part.find_all("a")]
    said = len(part.get_text("", strip=True))
    return len(links) > 3 and sum(map(len, links)) > 0.8 * said and said / len(links) < 40


def _markdown_of(html: Any) -> str:
    from markdownify import markdownify

    text = str(markdownify(str(html), heading_style="ATX", bullets="-", strip=["img"]))
    text = "\n".join(line.rstrip() for line in text.replace("\r", "").replace("\u00a0", " ").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


# --- DOCX --------------------------------------------------------------------------------------------------------


def _docx(data: bytes) -> tuple[str, Pages]:
    import mammoth

    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise CannotConvertError("is encrypted or an old .doc; save it as .docx without a password")
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        if sum(part.file_size for part in parts.infolist()) > MOST_UNPACKED:
            raise CannotConvertError(f"unpacks to more than {MOST_UNPACKED // 1_000_000} MB; split it")
        if "word/document.xml" not in parts.namelist():
            raise CannotConvertError("is not a Word document; save it as .docx")
    styles = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
    no_pictures = mammoth.images.img_element(lambda _: {"src": ""})
    found = mammoth.convert_to_html(io.BytesIO(data), style_map=styles, convert_image=no_pictures)
    return _markdown_of(found.value), ()


# --- PDF ---------------------------------------------------------------------------------------------------------


@dataclass
class _Line:
    """One printed line: its words, where it stands, how large and whether bold its letters are."""

    page: int
    words: str = ""
    size: float = 0.0
    y: float = 0.0
    bold: bool = False


@dataclass
class _Part:
    """One paragraph, item or heading to be: ``mark`` goes before it, its words come with their pages."""

    mark: str
    pieces: list[tuple[int, str]] = field(default_factory=list)


def _pdf(data: bytes) -> tuple[str, Pages]:
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise CannotConvertError("is encrypted; save it without a password")
    if len(reader.pages) > MOST_PAGES:
        raise CannotConvertError(f"has more than {MOST_PAGES} pages; split it")
    lines = [line for number, page in enumerate(reader.pages, 1) for line in _lines(page, number)]
    if sum(character.isalpha() for line in lines for character in line.words) < LEAST_TEXT:
        raise CannotConvertError("has no text, only pictures (a scan?); run text recognition over it")
    return _joined(_parts(_without_running_titles(lines)))


def _lines(page: Any, number: int) -> Iterator[_Line]:
    line = _Line(number)
    found: list[_Line] = []

    def visit(text: str, cm: Sequence[float], tm: Sequence[float], font: Any, size: float) -> None:
        nonlocal line
        for place, piece in enumerate(text.split("\n")):
            if place:
                found.append(line)
                line = _Line(number)
            if piece.strip():
                scale = abs(tm[3] or tm[1]) * abs(cm[3] or cm[1] or 1)
                if not line.words.strip():
                    line.y = cm[5] + tm[5] * (cm[3] or 1)
                line.size = max(line.size, round(size * scale, 1))
                line.bold = "bold" in str((font or {}).get("/BaseFont", "")).lower()
            line.words += piece

    page.extract_text(visitor_text=visit)
    for one in [*found, line]:
        one.words = " ".join(one.words.split())
        if one.words:
            yield one


def _without_running_titles(lines: list[_Line]) -> list[_Line]:
    """Leave out what stands at the top or bottom of most pages, digits aside, and bare page numbers."""
    edges: Counter[str] = Counter()
    pages: dict[int, list[_Line]] = {}
    for line in lines:
        pages.setdefault(line.page, []).append(line)
    at_edge = {id(line) for page in pages.values() for line in (*page[:2], *page[-2:])}
    for page in pages.values():
        edges.update({_shape(line) for line in (*page[:2], *page[-2:])})
    often = {shape for shape, count in edges.items() if len(pages) > 2 and count > len(pages) / 2}
    return [line for line in lines if id(line) not in at_edge or not (_shape(line) in often or _shape(line) == "#")]


def _shape(line: _Line) -> str:
    return re.sub(r"\d+", "#", line.words.lower().removeprefix("page ").strip(" -–|"))


def _parts(lines: list[_Line]) -> list[_Part]:
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.words)
    body = sizes.most_common(1)[0][0]
    larger = sorted({line.size for line in lines if _is_larger(line, body)}, reverse=True)[:4]
    gaps = [above.y - below.y for above, below in pairwise(lines) if above.page == below.page and above.y > below.y]
    usual = sorted(gaps)[len(gaps) // 2] if gaps else 0.0
    parts: list[_Part] = []
    above: _Line | None = None
    for line in lines:
        level = next((n for n, size in enumerate(larger, 1) if line.size >= size), 0) if _is_larger(line, body) else 0
        if not level and line.bold and len(line.words) < LONGEST_HEADING / 2 and line.words[-1] not in ".,;:":
            level = len(larger) + 1
        mark = "#" * level + " " if level else "- " if _BULLET.match(line.words) else ""
        words = _BULLET.sub("", line.words) if mark == "- " else line.words
        if above is not None and parts and _continues(parts[-1], above, line, mark, usual):
            parts[-1].pieces.append((line.page, words))
        else:
            parts.append(_Part(mark, [(line.page, words)]))
        above = line
    return parts


def _is_larger(line: _Line, body: float) -> bool:
    return line.size >= HEADING_SIZE * body and len(line.words) < LONGEST_HEADING


def _continues(part: _Part, above: _Line, line: _Line, mark: str, usual: float) -> bool:
    """Tell whether a line goes on with the part before it, also over the end of a page."""
    if mark.startswith("#") or part.mark.startswith("#"):
        close = above.page == line.page and above.y - line.y < 2.2 * line.size
        return mark == part.mark and above.size == line.size and close
    if mark or _NUMBERED.match(line.words):
        return False
    if above.page != line.page or line.y >= above.y:
        return above.words[-1] not in ".!?:" and line.words[0].islower()
    return above.y - line.y <= 1.35 * usual


def _joined(parts: list[_Part]) -> tuple[str, Pages]:
    text, pages = "", list[tuple[int, int]]()
    for part in parts:
        text += ("\n" if part.mark == "- " and text.rpartition("\n\n")[2].startswith("- ") else "\n\n") if text else ""
        for place, (page, words) in enumerate(part.pieces):
            if place:
                hyphened = re.search(r"[a-z]-$", text) and words[:1].islower()
                text = text[:-1] if hyphened else text + " "
            if not pages or pages[-1][1] != page:
                pages.append((len(text), page))
            escaped = _MARKS.sub(r"\\\1", words)
            text += escaped if place else part.mark + re.sub(r"^([#+=|~-])", r"\\\1", escaped)
    return text + "\n", tuple(pages)


_CONVERTERS: dict[str, Callable[[bytes], tuple[str, Pages]]] = {
    ".html": _html,
    ".htm": _html,
    ".docx": _docx,
    ".pdf": _pdf,
}
