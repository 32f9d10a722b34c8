"""Words on a printed page -> lines, in the order they are read: columns one after the other, tables as rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

GUTTER = 1.1  # of the letters' size: the least white space between two columns
FEW_WORDS = 4  # in a cell; more is a column of prose
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_UNIT = re.compile(r"(?:^|\W)(?:[kcdm]?m|ft|in|10)$")


@dataclass(frozen=True, slots=True)
class Word:
    """A printed word and where it stands; ``y`` is its lower edge, counted from the top of the page."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Line:
    """Words on one line with no gutter between them, or several such pieces where ``pieces`` has more than one."""

    page: int
    pieces: tuple[tuple[Word, ...], ...]

    @property
    def words(self) -> str:
        """The words, one space between two."""
        return " ".join(" ".join(word.text for word in piece) for piece in self.pieces)

    @property
    def size(self) -> float:
        """The size of its largest letters."""
        return max(word.size for piece in self.pieces for word in piece)

    @property
    def y(self) -> float:
        """Its lower edge."""
        return max(word.y for piece in self.pieces for word in piece)

    @property
    def bold(self) -> bool:
        """Whether all of it is bold."""
        return all(word.bold for piece in self.pieces for word in piece)


@dataclass(frozen=True, slots=True)
class Region:
    """Lines in their order, or the rows of a table."""

    lines: tuple[Line, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def lines_of(page: Any) -> list[Line]:
    """Return the lines of a page of pdfplumber, from the top, each cut at its gutters."""
    found = [
        Word(w["text"], w["x0"], w["x1"], w["bottom"], round(w["size"], 1), "bold" in w["fontname"].lower())
        for w in page.dedupe_chars().extract_words(extra_attrs=["size", "fontname"], x_tolerance_ratio=0.2)
        if w["text"].strip()
    ]
    rows: list[list[Word]] = []
    for word in sorted(found, key=lambda w: (w.y, w.x0)):
        row = next((r for r in reversed(rows[-3:]) if abs(r[-1].y - word.y) < 0.45 * max(word.size, r[-1].size)), None)
        rows.append([word]) if row is None else row.append(word)
    return [Line(page.page_number, _pieces(sorted(row, key=lambda w: w.x0))) for row in rows]


def _pieces(row: Sequence[Word]) -> tuple[tuple[Word, ...], ...]:
    size = max(word.size for word in row)
    pieces: list[list[Word]] = []
    for word in row:
        before = pieces[-1][-1] if pieces else None
        gap = word.x0 - before.x1 if before else 0.0
        if before and gap < 0.12 * size:
            joined = _after(before, word)
            if joined is not None:
                pieces[-1][-1] = joined
                continue
        if before is None or gap > GUTTER * size:
            pieces.append([word])
        else:
            pieces[-1].append(word)
    return tuple(tuple(piece) for piece in pieces)


def _after(before: Word, word: Word) -> Word | None:
    """Return a word with what is set right behind it: a raised figure is a power, or a note's sign and no text."""
    small = word.size < 0.8 * before.size
    text = before.text + word.text
    if small and word.text.isdigit():
        text = before.text + (word.text.translate(_RAISED) if _UNIT.search(before.text) else "")
    elif small and re.fullmatch(r"[*†‡]+", word.text):
        text = before.text
    return Word(text, before.x0, word.x1, before.y, before.size, before.bold and word.bold)


def regions(lines: Sequence[Line]) -> list[Region]:
    """Return a page's lines in reading order, tables apart."""
    made: list[Region] = []
    at = 0
    while at < len(lines):
        stop = _gutter_end(lines, at) if len(lines[at].pieces) > 1 else at
        block = lines[at:stop]
        columns = _columns(block) if len(block) > 1 else []
        if len(columns) < 2:
            made.append(Region((_one(lines[at]),)))
            at += 1
            continue
        made += _set(block, columns)
        at = stop
    return made


def _one(line: Line) -> Line:
    return Line(line.page, (tuple(word for piece in line.pieces for word in piece),))


def _gutter_end(lines: Sequence[Line], first: int) -> int:
    """Return where the lines end that leave at least one common gutter free."""
    free = _gutters(lines[first])
    pitch = 0.0
    at = first + 1
    while at < len(lines):
        line = lines[at]
        step = line.y - lines[at - 1].y
        if len(line.pieces) == 1 and pitch and step > 1.6 * pitch:
            break
        if line.size > 1.15 * lines[first].size or (line.bold > lines[first].bold and len(line.pieces) == 1):
            break
        left = [gap for gap in (_narrowed(gap, line) for gap in free) if gap is not None]
        if not left:
            break
        free, pitch = left, max(pitch, min(step, 3 * line.size))
        at += 1
    while at > first + 1 and len(lines[at - 1].pieces) == 1 and lines[at - 1].pieces[0][0].x0 > free[0][1]:
        break
    return at


def _gutters(line: Line) -> list[tuple[float, float]]:
    return [(a[-1].x1, b[0].x0) for a, b in zip(line.pieces, line.pieces[1:], strict=False)]


def _narrowed(gap: tuple[float, float], line: Line) -> tuple[float, float] | None:
    """Return what of a gutter a line leaves free, None where it does not leave enough."""
    left, right = gap
    for piece in line.pieces:
        x0, x1 = piece[0].x0, piece[-1].x1
        if x0 < right and x1 > left:
            if x0 <= left + 0.01 and x1 < right:
                left = x1
            elif x1 >= right - 0.01 and x0 > left:
                right = x0
            else:
                return None
    return (left, right) if right - left >= 0.7 * line.size else None


def _columns(lines: Sequence[Line]) -> list[tuple[float, float]]:
    """Return the spans from left to right that the pieces of these lines stand in."""
    spans = sorted((piece[0].x0, piece[-1].x1) for line in lines for piece in line.pieces)
    columns: list[tuple[float, float]] = []
    for x0, x1 in spans:
        if columns and x0 < columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], x1))
        else:
            columns.append((x0, x1))
    return columns


def _set(lines: Sequence[Line], columns: Sequence[tuple[float, float]]) -> list[Region]:
    cells = [[_in_column(line, column) for column in columns] for line in lines]
    sizes = [len(cell) for row in cells for cell in row if cell]
    if median(sizes) > FEW_WORDS and len(columns) <= 3:
        ordered = [Line(line.page, (row[n],)) for n in range(len(columns)) for line, row in zip(lines, cells, strict=True) if row[n]]  # fmt: skip  # noqa: E501
        return [Region(tuple(ordered))]
    rows: list[list[str]] = []
    for row in cells:
        words = [" ".join(word.text for word in cell) for cell in row]
        if len(rows) > 1 and not words[0]:  # a cell of several lines goes on
            rows[-1] = [f"{a} {b}".strip() for a, b in zip(rows[-1], words, strict=True)]
        else:
            rows.append(words)
    return [Region(rows=tuple(tuple(row) for row in rows))]


def _in_column(line: Line, column: tuple[float, float]) -> tuple[Word, ...]:
    return tuple(word for piece in line.pieces for word in piece if column[0] <= word.x0 < column[1])
