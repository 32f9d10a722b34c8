"""Document -> Chunks: pieces of one section each, cut where the author's own blocks begin and end.

The unit is the block, so an edit inside one paragraph leaves the chunks of the others as they are: nothing is
packed across paragraphs. Three joins are made, each decided by the blocks beside it alone: a very short paragraph
goes with the next one, an introduction ending in a colon with what it introduces, a short list stays in one piece.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from statistics import median

from advisor_bot import text as words
from advisor_bot.load_markdown import MARKS
from advisor_bot.outline import shadow
from advisor_bot.types import Block, Chunk, Document, Section

SLACK = 1.25  # a block up to this much longer than the target stays in one piece
SHORT_PARAGRAPH = 80  # characters; shorter ones go with the next paragraph
SHORTS_JOINED = 4
DEEPEST_LIST = 12
_BULLETS = re.compile(r"[ \t]*[•◦▪‣●○■–—](?=\s)\s*|[ \t]*\(?[\da-zA-Z]{1,3}\)\s+")
_FENCE = re.compile(r"(?:`{3,}|~{3,})[^\n]*\n?")
_DELIMITERS = re.compile(r"\s*\|?(?:\s*:?-+:?\s*\|?)+\s*")
_MARKUP = re.compile(r"\n[ \t]*(?:>[ \t]?)+|[*_`\n]")
# Emphasis, code and links: a sentence does not end inside one.
_UNBROKEN = re.compile(
    r"(\*\*\*|\*\*|__|\*|`)(?=[^\s*])[^*`\n]{1,300}?(?<=\S)\1|\[[^\[\]]{1,300}\]\([^()\s]{1,500}[^()]{0,200}\)|<[^<>\s]{1,500}>"
)
_WORD = re.compile(r"[^\W\d_]{2,}|\d+[^\s.)\]]|[^\W_]+\s+[^\W_]+")
_CLAUSE = re.compile(r"[;:,—–](?=\s)")

Span = tuple[int, int]
_Key = tuple[tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class _Page:
    """The text structure is read from, the target length, and the sentences of each block once found."""

    text: str
    target: int
    found: dict[Block, tuple[Span, ...]]

    def sentences(self, block: Block) -> tuple[Span, ...]:
        if block not in self.found:
            self.found[block] = tuple(_sentences(self.text, block, self.target))
        return self.found[block]

    def within(self, block: Block, start: int, end: int) -> tuple[Span, ...]:
        """Return the sentences of ``block`` that begin in ``start:end``."""
        spans = self.sentences(block)
        return spans[bisect_left(spans, (start,)) : bisect_left(spans, (end,))]


@dataclass(frozen=True, slots=True)
class EmbeddedTexts:
    """What goes to the encoder for one chunk: the whole, its sentences, its sentences with their heading."""

    chunk: str
    sentences: tuple[str, ...]
    in_context: tuple[str, ...]


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

    No chunk crosses a heading; headings themselves are in none. Ids depend on the document's name, the heading
    path, the text and how many equal chunks came before, on nothing else.
    """
    twin = shadow(document.text)
    seen = Counter[_Key]()
    made = []
    for section in document.sections:
        page = _Page(twin, target, {})
        made += [_chunk(document, page, section.heading, piece, seen) for piece in _pieces(page, section)]
    return tuple(made)


def embedded_texts(chunk: Chunk, document: Document) -> EmbeddedTexts:
    """Return what is embedded for ``chunk``: its heading path and plain words, and its plain sentences.

    The path opens with the document's title, unless that is the file's name only; the rows of a long table's
    later chunks come with the table's header.
    """
    title = () if document.title == PurePosixPath(document.name).stem else (document.title,)
    path = [part for place, part in enumerate((*title, *chunk.heading)) if part not in (*title, *chunk.heading)[:place]]
    body = words.plain(chunk.text)
    if chunk.kind == "row":
        body = " ".join((*_table_header(chunk, document), body))
    sentences = tuple(words.plain(document.text[start:end]) for start, end in chunk.sentences)
    heading = chunk.heading[-1] + ". " if chunk.heading else ""
    if heading[-3:-2] in "?!.:":
        heading = heading[:-2] + " "
    return EmbeddedTexts("\n".join((" > ".join(path), body)).strip(), sentences, tuple(heading + s for s in sentences))


def _chunk(document: Document, page: _Page, heading: tuple[str, ...], piece: _Piece, seen: Counter[_Key]) -> Chunk:
    text = document.text[piece.start : piece.end]
    parts = [document.name, heading, text, seen[heading, text]]
    seen[heading, text] += 1
    kinds = [block.kind for block in piece.blocks]
    labels = [block.label for block in piece.blocks if block.label]
    return Chunk(
        id=hashlib.blake2b(json.dumps(parts).encode(), digest_size=10).hexdigest(),
        document=document.name,
        heading=heading,
        start=piece.start,
        end=piece.end,
        text=text,
        sentences=tuple(span for block in piece.blocks for span in page.within(block, piece.start, piece.end)),
        kind=next((kind for kind in kinds if kind != "paragraph"), "paragraph"),
        label=labels[0] if len(labels) == 1 else "",
    )


# --- blocks -> pieces ----------------------------------------------------------------------------------------


def _pieces(page: _Page, section: Section) -> list[_Piece]:
    pieces: list[_Piece] = []
    waiting: list[Block] = []  # short paragraphs, or an introduction, that go with what follows
    for run in _runs(page.text, section.blocks):
        own = _run_pieces(page, run)
        if waiting and _fits(waiting, own[0], page.target):
            own[0] = _Piece((*waiting, *own[0].blocks), waiting[0].start, own[0].end)
        elif waiting:
            pieces.append(_whole(waiting))
        waiting = []
        if len(own) == 1 and _waits(page, own[0]):
            waiting = list(own[0].blocks)
        else:
            pieces += own
    return [*pieces, _whole(waiting)] if waiting else pieces


def _runs(text: str, blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Yield what belongs together: a list with all that is nested in it, a table, else one block."""
    run: list[Block] = []
    outer = 0
    for block in blocks:
        if run and not _continues(text, run, block, outer):
            yield run
            run = []
        if not run:
            outer = _column(text, block.start)
        run.append(block)
    if run:
        yield run


def _continues(text: str, run: list[Block], block: Block, outer: int) -> bool:
    if run[0].kind == "item":
        return block.kind == "item" or _column(text, block.start) > outer
    between = text[run[-1].end : block.start]
    return run[0].kind == block.kind == "row" and not re.search(r"\n[ \t]*\n", between)


def _column(text: str, start: int) -> int:
    line = text.rfind("\n", max(0, start - 200), start) + 1
    return len(text[max(line, start - 200) : start].expandtabs(4))


def _whole(blocks: Sequence[Block]) -> _Piece:
    return _Piece(tuple(blocks), blocks[0].start, blocks[-1].end)


def _waits(page: _Page, piece: _Piece) -> bool:
    """Tell whether a paragraph goes with what follows: very short, or an introduction ending in a colon."""
    if any(block.kind != "paragraph" for block in piece.blocks):
        return False
    return piece.size < SHORT_PARAGRAPH or (piece.size <= page.target / 2 and page.text[piece.end - 1] == ":")


def _fits(waiting: list[Block], following: _Piece, target: int) -> bool:
    if following.blocks[0].kind == "paragraph" or following.size < SHORT_PARAGRAPH:
        return len(waiting) <= SHORTS_JOINED
    return following.end - waiting[0].start <= SLACK * target


def _run_pieces(page: _Page, run: list[Block]) -> list[_Piece]:
    if run[0].kind == "row":
        return _grouped(page, [_whole(run[:2]), *(_whole([row]) for row in run[2:])], 0)
    if run[0].kind == "item":
        return _list_pieces(page, run, 0)
    return _split(page, run[0])


def _list_pieces(page: _Page, blocks: list[Block], depth: int) -> list[_Piece]:
    families: list[list[Block]] = []
    outer = _column(page.text, blocks[0].start)
    for block in blocks:
        if not families or _column(page.text, block.start) <= outer:
            families.append([])
        families[-1].append(block)
    return _grouped(page, [_whole(family) for family in families], depth)


def _grouped(page: _Page, units: list[_Piece], depth: int) -> list[_Piece]:
    """Return a list's items or a table's rows in pieces: all, or large ones alone and small ones by count."""
    if units[-1].end - units[0].start <= page.target:
        return [_joined(units)]
    pieces: list[_Piece] = []
    small: list[_Piece] = []
    for unit in [*units, None]:
        if unit is not None and unit.size < page.target / 4:
            small.append(unit)
            continue
        pieces += _by_count(small, page.target)
        small = []
        if unit is not None:
            pieces += _unit_pieces(page, unit, depth)
    return pieces


def _joined(units: Sequence[_Piece]) -> _Piece:
    return _whole([block for unit in units for block in unit.blocks])


def _by_count(units: list[_Piece], target: int) -> list[_Piece]:
    """Group by a count that depends on the usual size only, so that an edit of one item moves no other."""
    if not units:
        return []
    usual = median(unit.size for unit in units)
    most = 4 if usual > target / 8 else 8 if usual > target / 16 else 16
    groups = -(-len(units) // most)
    bounds = [len(units) * group // groups for group in range(groups + 1)]
    return [_joined(units[first:last]) for first, last in pairwise(bounds)]


def _unit_pieces(page: _Page, unit: _Piece, depth: int) -> list[_Piece]:
    """Return one item or row whole, where it is not too long; else its own words, then what is nested in it."""
    if unit.size <= SLACK * page.target or (len(unit.blocks) == 1 and unit.size <= 2 * page.target):
        return [unit]
    own, *nested = unit.blocks
    pieces = _split(page, own, whole=2)
    if not nested or depth >= DEEPEST_LIST:
        return [*pieces, *(piece for block in nested for piece in _split(page, block, whole=2))]
    for run in _runs(page.text, nested):
        pieces += _list_pieces(page, run, depth + 1) if run[0].kind == "item" else _run_pieces(page, run)
    return pieces


# --- long blocks and sentences -------------------------------------------------------------------------------


def _split(page: _Page, block: Block, *, whole: float = SLACK) -> list[_Piece]:
    """Cut a block longer than ``whole`` targets at sentence ends into balanced parts near the target."""
    size = block.end - block.start
    spans = page.sentences(block)
    if size <= page.target * (2 if block.kind == "quote" else whole) or len(spans) < 2:
        return [_whole([block])]
    starts = [span[0] for span in spans]
    parts = max(2, round(size / page.target))
    cuts = {_nearest(starts, block.start + size * part / parts) for part in range(1, parts)}
    bounds = [0, *sorted(cuts - {0}), len(spans)]
    return [
        _Piece(
            (block,), spans[first][0] if first else block.start, spans[last - 1][1] if last < len(spans) else block.end
        )
        for first, last in pairwise(bounds)
    ]


def _nearest(starts: list[int], wanted: float) -> int:
    after = bisect_left(starts, wanted)
    if after == len(starts):
        return after - 1
    return after if after == 0 or starts[after] - wanted <= wanted - starts[after - 1] else after - 1


def _sentences(text: str, block: Block, target: int) -> list[Span]:
    """Return the spans of a block's sentences, list and quotation marks before them left out."""
    start, end = _content(text, block)
    if block.kind in ("row", "code"):
        spans = [(start, end)] if start < end else []
    else:
        spans = _prose_sentences(text, start, end, block.label)
    return [part for span in spans for part in _bounded(text, span, target)]


def _content(text: str, block: Block) -> Span:
    start, end = block.start, block.end
    if block.kind == "code" and (fence := _FENCE.match(text, start, end)):
        last = text.rfind("\n", fence.end(), end) + 1
        end = last if last and text[last:end].lstrip(" >")[:3] in ("```", "~~~") else end
        start = fence.end()
    elif block.kind in ("item", "quote"):
        mark = MARKS.match(text, start, end)
        start = mark.end() if mark and mark.end() > start else start
        mark = _BULLETS.match(text, start, end) if block.kind == "item" and start == block.start else None
        start = mark.end() if mark else start
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _prose_sentences(text: str, start: int, end: int, label: str) -> list[Span]:
    piece = text[start:end]
    bare = _MARKUP.sub(lambda found: " " * len(found[0]), piece)
    unbroken = [found.span() for found in _UNBROKEN.finditer(piece)]
    opens = [span[0] for span in unbroken]
    spans: list[Span] = []
    for first, last in words.sentences(bare):
        cut = _boundary(piece, spans[-1][1], first) if spans else 0
        inside = bisect_left(opens, cut) - 1
        broken = inside >= 0 and cut < unbroken[inside][1]
        if spans and (cut < 0 or broken or not _stands(bare[slice(*spans[-1])], label)):
            spans[-1] = (spans[-1][0], last)
        else:
            if spans:
                spans[-1] = (spans[-1][0], _right(piece, spans[-1][0], cut))
            spans.append((_left(piece, cut), last))
    if spans:
        spans[-1] = (spans[-1][0], len(piece))
    if len(spans) > 1 and not _WORD.search(bare[slice(*spans[-1])]):
        spans[-2:] = [(spans[-2][0], spans[-1][1])]
    return [(start + first, start + last) for first, last in spans]


def _boundary(piece: str, last: int, first: int) -> int:
    """Return where white space parts two sentences, -1 where only markup stands between them."""
    return next((at for at in range(first - 1, last - 1, -1) if piece[at].isspace()), -1) if first > last else -1


def _left(piece: str, cut: int) -> int:
    found = re.compile(r"\s*(?:>[ \t]*)*").match(piece, cut)
    return found.end() if found else cut


def _right(piece: str, start: int, cut: int) -> int:
    return start + len(piece[start:cut].rstrip(" \t\n>"))


def _stands(sentence: str, label: str) -> bool:
    """Tell whether a sentence says something by itself: not a bare number or letter, not an item's label."""
    bare = " ".join(sentence.split()).rstrip(" .:!?–—-")
    return bool(_WORD.search(bare)) and bare != label


def _bounded(text: str, span: Span, target: int) -> Iterator[Span]:
    """Cut a sentence of more than twice the target at a clause, else between words, else anywhere."""
    start, end = span
    while end - start > 2 * target:
        window = text[start + target // 2 : start + target]
        clauses = [found.end() for found in _CLAUSE.finditer(window)]
        space = window.rfind(" ") if not clauses else -1
        cut = start + target // 2 + (clauses[-1] if clauses else space if space > 0 else len(window))
        yield start, start + len(text[start:cut].rstrip())
        start = cut + len(text[cut : cut + target]) - len(text[cut : cut + target].lstrip())
    if start < end:
        yield start, end


def _table_header(chunk: Chunk, document: Document) -> tuple[str, ...]:
    """Return the plain header of the table that the rows of ``chunk`` stand in, () where they hold it."""
    above = document.text[max(0, chunk.start - 20_000) : chunk.start]
    table = above[above.rfind("\n\n") + 2 :] if "\n\n" in above else above
    lines = table.lstrip("\n").split("\n", 2)
    if len(lines) > 2 and _DELIMITERS.fullmatch(lines[1]) and "-" in lines[1]:
        return (words.plain(lines[0]),)
    return ()
