"""Document -> Chunks: pieces of one section each, cut between paragraphs, items and rows.

Paragraphs are not packed together, so an edit inside one leaves the chunks of the others unchanged. There are three
exceptions, each decided by neighbouring blocks alone: a very short paragraph goes with the next one, an introduction
that ends in a colon with what it introduces, and a short list stays in one piece.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from statistics import median

from advisor_bot.documents.outline import shadow
from advisor_bot.documents.sentences import Span, block_sentences
from advisor_bot.documents.tables import header_of, spoken_at, words_at
from advisor_bot.text import blanked, fold
from advisor_bot.types import Block, Chunk, Document, Section

SLACK = 1.25  # a block up to this many targets long stays in one piece; an item or a quotation up to twice the target
SHORT_PARAGRAPH = 80  # characters; shorter ones go with the next paragraph
SHORTS_JOINED = 4
DEEPEST_LIST = 12
_Key = tuple[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class ReadSentence:
    """A sentence as the reader takes it: its plain words and the heading above it."""

    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class EncodedTexts:
    """The texts to encode for one chunk: one for the whole chunk, one for each sentence."""

    chunk: str
    sentences: tuple[ReadSentence, ...]


@dataclass(frozen=True, slots=True)
class _Page:
    """The text that structure is read from, as written and blanked, the target length, each block's sentences."""

    written: str
    text: str
    target: int
    found: dict[Block, tuple[Span, ...]] = field(default_factory=dict)

    def sentences(self, block: Block) -> tuple[Span, ...]:
        if block not in self.found:
            self.found[block] = block_sentences(self.text, block, 2 * self.target)
        return self.found[block]

    def within(self, block: Block, start: int, end: int) -> tuple[Span, ...]:
        """Return the sentences of ``block`` that begin in ``start:end``."""
        spans = self.sentences(block)
        return spans[bisect_left(spans, (start,)) : bisect_left(spans, (end,))]

    def hidden(self, above: Block, below: Block) -> bool:
        """Tell whether something that is no block stands between two blocks: a comment, a rule, a link's target."""
        if below.kind != "row":
            return bool(self.written[above.end : below.start].strip(" \t\n>"))
        header = header_of(self.text, below.start)
        between = self.written[above.end : header[0] if header and above.end <= header[0] else below.start]
        return bool(between.strip(" \t\n>|:-"))

    def column(self, block: Block) -> int:
        """Return how far ``block`` is indented."""
        line = self.text.rfind("\n", max(0, block.start - 200), block.start) + 1
        return len(self.text[max(line, block.start - 200) : block.start].expandtabs(4))


@dataclass(frozen=True, slots=True)
class _Piece:
    """Blocks, or a part of one, that become one chunk."""

    blocks: tuple[Block, ...]
    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


def chunk(document: Document, *, target: int = 600) -> tuple[Chunk, ...]:
    """Return the chunks of ``document`` in order, each about ``target`` characters or one shorter block.

    No chunk crosses a heading or contains one. A chunk's id depends only on the document's name, the heading path,
    the text and how many equal chunks came before.
    """
    written = shadow(document.text)
    twin = blanked(written)
    seen = Counter[_Key]()
    made: list[Chunk] = []
    for section in document.sections:
        page = _Page(written, twin, target)
        made += [_chunk(document, page, section.heading, piece, seen) for piece in _pieces(page, section)]
    return tuple(made)


def encoded_texts(chunk: Chunk, document: Document) -> EncodedTexts:
    """Return the texts to encode for ``chunk``: its heading path with its plain words, and its sentences in order.

    The path opens with the document's title, unless that is only the file's name. Rows come with their
    column names.
    """
    sentences = tuple(fold(words_at(document.text, start, end)) for start, end in chunk.sentences)
    spoken = tuple(fold(spoken_at(document.text, start, end)) for start, end in chunk.sentences)
    title = () if document.title == PurePosixPath(document.name).stem else (document.title,)
    path = " > ".join(dict.fromkeys((*title, *chunk.heading)))
    heading = fold(chunk.heading[-1]) if chunk.heading else ""
    read = tuple(ReadSentence(text, heading) for text in spoken)
    return EncodedTexts(f"{fold(path)}\n{' '.join(sentences)}".strip(), read)


def _chunk(document: Document, page: _Page, heading: tuple[str, ...], piece: _Piece, seen: Counter[_Key]) -> Chunk:
    begin = _with_header(page, piece)
    text = document.text[begin : piece.end]
    parts = json.dumps([document.name, heading, text, seen[heading, text]])
    seen[heading, text] += 1
    labels = [block.label for block in piece.blocks if block.label]
    return Chunk(
        id=hashlib.blake2b(parts.encode(), digest_size=10).hexdigest(),
        document=document.name,
        heading=heading,
        start=begin,
        end=piece.end,
        text=text,
        sentences=tuple(span for block in piece.blocks for span in page.within(block, piece.start, piece.end)),
        kind=next((block.kind for block in piece.blocks if block.kind != "paragraph"), "paragraph"),
        label=labels[0] if len(labels) == 1 else "",
    )


def _with_header(page: _Page, piece: _Piece) -> int:
    """Return where a piece begins: one that opens with the first row of a table has the table's header too."""
    header = header_of(page.text, piece.start) if piece.blocks[0].kind == "row" else None
    first = header and page.text.count("\n", header[1], piece.start) == 2
    return header[0] if header and first else piece.start


# --- runs of blocks that belong together ---------------------------------------------------------------------


def _pieces(page: _Page, section: Section) -> list[_Piece]:
    pieces: list[_Piece] = []
    waiting: list[Block] = []  # short paragraphs, or an introduction, that go with what follows
    for run in _runs(page, section.blocks):
        own = _run_pieces(page, run)
        joined = bool(waiting) and _fits(page, waiting, own[0]) and not page.hidden(waiting[-1], run[0])
        if waiting and not joined:
            pieces.append(_whole(waiting))
        if _waits(page, run):
            waiting = [*waiting, *run] if joined else run
            continue
        if joined:
            own[0] = _Piece((*waiting, *own[0].blocks), waiting[0].start, own[0].end)
        pieces += own
        waiting = []
    return [*pieces, _whole(waiting)] if waiting else pieces


def _runs(page: _Page, blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Yield what belongs together: a list with all that is nested in it, a table, a quotation, else one block."""
    run: list[Block] = []
    outer = 0
    for block in blocks:
        if run and not _continues(page, run[0], run[-1], block, outer):
            yield run
            run = []
        if not run:
            outer = page.column(block)
        run.append(block)
    if run:
        yield run


def _continues(page: _Page, first: Block, last: Block, block: Block, outer: int) -> bool:
    if first.kind == "item":
        return (block.kind == "item" or page.column(block) > outer) and not page.hidden(last, block)
    between = page.text[last.end : block.start]
    if first.kind == block.kind == "row":
        return not re.search(r"\n[ \t]*\n", between)
    return first.kind == block.kind == "quote" and set(between.split()) == {">"}


def _waits(page: _Page, run: list[Block]) -> bool:
    """Tell whether a paragraph goes with what follows: a very short one, or an introduction ending in a colon."""
    size = run[0].end - run[0].start
    introduces = size <= page.target / 2 and page.text[run[0].end - 1] == ":"
    return run[0].kind == "paragraph" and (size < SHORT_PARAGRAPH or introduces)


def _fits(page: _Page, waiting: list[Block], following: _Piece) -> bool:
    if following.blocks[0].kind == "paragraph":
        return following.size >= SHORT_PARAGRAPH or len(waiting) < SHORTS_JOINED
    return following.end - waiting[0].start <= SLACK * page.target


def _run_pieces(page: _Page, run: list[Block]) -> list[_Piece]:
    if run[0].kind == "row":
        return _grouped(page, [_whole([row]) for row in run], 0)
    if run[0].kind == "item":
        return _list_pieces(page, run, 0)
    if len(run) > 1 and run[-1].end - run[0].start <= page.target:
        return [_whole(run)]
    return [piece for block in run for piece in _split(page, block)]


def _whole(blocks: Sequence[Block]) -> _Piece:
    return _Piece(tuple(blocks), blocks[0].start, blocks[-1].end)


# --- lists, tables, long blocks ------------------------------------------------------------------------------


def _list_pieces(page: _Page, blocks: list[Block], depth: int) -> list[_Piece]:
    families: list[list[Block]] = []  # an item with all that is nested in it
    outer = page.column(blocks[0])
    for block in blocks:
        if not families or page.column(block) <= outer:
            families.append([])
        families[-1].append(block)
    return _grouped(page, [_whole(family) for family in families], depth)


def _grouped(page: _Page, units: list[_Piece], depth: int) -> list[_Piece]:
    """Return a list's items or a table's rows in pieces: all in one, or large ones alone and small ones by count."""
    if units[-1].end - units[0].start <= page.target:
        return [_joined(units)]
    pieces: list[_Piece] = []
    small: list[_Piece] = []
    for unit in units:
        if unit.size < page.target / 4:
            small.append(unit)
            continue
        pieces += [*_by_count(small, page.target), *_unit_pieces(page, unit, depth)]
        small = []
    return [*pieces, *_by_count(small, page.target)]


def _joined(units: Sequence[_Piece]) -> _Piece:
    return _whole([block for unit in units for block in unit.blocks])


def _by_count(units: list[_Piece], target: int) -> list[_Piece]:
    """Group by a count that rests on the usual size alone, so that an edit of one item moves no other."""
    if not units:
        return []
    usual = median(unit.size for unit in units)
    most = 4 if usual > target / 8 else 8 if usual > target / 16 else 16
    groups = -(-len(units) // most)
    bounds = [len(units) * group // groups for group in range(groups + 1)]
    return [_joined(units[first:last]) for first, last in pairwise(bounds)]


def _unit_pieces(page: _Page, unit: _Piece, depth: int) -> list[_Piece]:
    """Return one item or row whole, where it is not too long; else its own words, then what is nested in it."""
    if unit.size <= SLACK * page.target:
        return [unit]
    own, *nested = unit.blocks
    pieces = _split(page, own, whole=2)
    if depth >= DEEPEST_LIST:
        return [*pieces, *(piece for block in nested for piece in _split(page, block, whole=2))]
    for run in _runs(page, nested):
        pieces += _list_pieces(page, run, depth + 1) if run[0].kind == "item" else _run_pieces(page, run)
    return pieces


def _split(page: _Page, block: Block, *, whole: float = SLACK) -> list[_Piece]:
    """Cut a block longer than ``whole`` targets at sentence ends into balanced parts near the target."""
    size = block.end - block.start
    if size <= page.target * (2 if block.kind == "quote" else whole):
        return [_whole([block])]
    spans = page.sentences(block)
    starts = [start for start, _ in spans]
    parts = max(2, round(size / page.target))
    cuts = {_nearest(starts, block.start + size * part / parts) for part in range(1, parts)} if starts else set()
    places = [place for cut in sorted(cuts - {0}) for place in (spans[cut - 1][1], starts[cut])]
    bounds = [block.start, *places, block.end]
    return [_Piece((block,), start, end) for start, end in zip(bounds[::2], bounds[1::2], strict=True)]


def _nearest(starts: list[int], wanted: float) -> int:
    """Return the place of the start that is nearest to ``wanted``."""
    after = min(bisect_left(starts, wanted), len(starts) - 1)
    before = max(after - 1, 0)
    return before if wanted - starts[before] < starts[after] - wanted else after
