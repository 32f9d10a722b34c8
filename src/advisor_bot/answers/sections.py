"""Lists and whole sections as answers, each as the guide has it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from advisor_bot.answers import phrases
from advisor_bot.answers.cite import Line, Quote
from advisor_bot.answers.stages import Draft
from advisor_bot.index.guide import Guide
from advisor_bot.models.opening import card
from advisor_bot.retrieval.evidence import Sentence
from advisor_bot.retrieval.search import as_passage
from advisor_bot.text import words
from advisor_bot.types import Block, Chunk, Section

MOST_ITEMS = 12
NEAR_ITEMS = 3  # items of one list among the sentences that answer, from which the list is the answer
LOOKED_AT = 8
MOST_OF_SECTION = 150  # words of a section that was asked for


def list_items(sentences: Sequence[Sentence], guide: Guide) -> list[Line]:
    """Return the items of the list that answers, each by its first sentence; empty where no list does.

    A list answers where ``NEAR_ITEMS`` of its items are among the sentences that answer best, or where the sentence
    that answers best introduces it.
    """
    best = sentences[0]
    document = best.passage.document
    block = block_at(document, best.start, guide)
    introduces = block is not None and block.kind != "item" and best.text.endswith(":")
    items = _list_of(document, best.end if introduces else best.start, guide) if block else []
    spans = [span for item in items if (span := _first_sentence(document, item, guide))]
    least = best.answers - card()["limits"]["margin"]
    near = sum((one.start, one.end) in spans and one.answers >= least for one in sentences[:LOOKED_AT])
    if len(spans) < NEAR_ITEMS or not (introduces or near >= NEAR_ITEMS):
        return []
    lines = [Line("paragraph", quotes=(Quote(best.passage, best.start, best.end),))] if introduces else []
    for start, end in spans[:MOST_ITEMS]:
        passage = as_passage([guide.row_at(document, start)], 0.0, guide)
        lines.append(Line("item", quotes=(Quote(passage, start, end),)))
    return lines


def _list_of(document: str, offset: int, guide: Guide) -> list[Block]:
    """Return the items of the list that holds ``offset``, or that begins next after it."""
    starts, blocks, sections = guide.once(_blocks_of)[document]
    place = max(bisect_right(starts, offset) - 1, 0)
    here = sections[place]

    def in_list(number: int) -> bool:
        return 0 <= number < len(blocks) and blocks[number].kind == "item" and sections[number] == here

    first = last = place if in_list(place) else place + 1
    while in_list(first - 1):
        first -= 1
    while in_list(last):
        last += 1
    return blocks[first:last]


def _first_sentence(document: str, item: Block, guide: Guide) -> tuple[int, int] | None:
    spans = guide.chunks[guide.row_at(document, item.start)].sentences
    return next(((a, b) for a, b in spans if item.start <= a and b <= item.end), None)


def section(document: str, asked: Section, guide: Guide) -> Draft:
    """Return a section as the answer to a question that asked for it."""
    lines = section_lines(document, asked, guide)
    return Draft("answered", (*phrases.answered(lines), *lines))


def in_section(made: Draft, document: str, headed: Section, guide: Guide) -> Draft:
    """Return ``made`` where it answers out of the section that has the question for its heading, else the section."""
    first = next((quote for line in made.lines for quote in line.quotes), None)
    inside = first and first.passage.document == document and headed.start <= first.start < headed.end
    return made if made.status == "answered" and inside else section(document, headed, guide)


def section_lines(document: str, section: Section, guide: Guide) -> list[Line]:
    """Return a section as it stands, its first ``MOST_OF_SECTION`` words: whole sentences, whole items."""
    lines: list[Line] = []
    count = 0
    for row, chunk in enumerate(guide.chunks):
        if chunk.document != document or not section.start <= chunk.start < section.end:
            continue
        for item, start, end in _pieces(chunk, guide):
            count += len(words(guide.documents[document].text[start:end]))
            if lines and count > MOST_OF_SECTION:
                return lines
            lines.append(
                Line("item" if item else "paragraph", quotes=(Quote(as_passage([row], 0.0, guide), start, end),))
            )
    return lines


def _pieces(chunk: Chunk, guide: Guide) -> Iterator[tuple[bool, int, int]]:
    """Yield the items of a chunk, whole, and its other sentences: whether it is an item, where it starts and ends."""
    last: Block | None = None
    span = (0, 0)
    for start, end in chunk.sentences:
        block = block_at(chunk.document, start, guide)
        item = block is not None and block.kind == "item"
        if last is not None and not (item and block == last):
            yield True, *span
        if not item:
            yield False, start, end
        span = (span[0] if item and block == last else start, end)
        last = block if item else None
    if last is not None:
        yield True, *span


def block_at(document: str, offset: int, guide: Guide) -> Block | None:
    """Return the block of ``document`` that holds ``offset``."""
    starts, blocks, _ = guide.once(_blocks_of)[document]
    place = bisect_right(starts, offset) - 1
    return blocks[place] if place >= 0 and offset < blocks[place].end else None


def _blocks_of(guide: Guide) -> dict[str, tuple[list[int], list[Block], list[int]]]:
    """Return of each document where its blocks start, the blocks, and the number of the section each stands in."""
    found = {}
    for name, document in guide.documents.items():
        placed = sorted(
            ((block, number) for number, section in enumerate(document.sections) for block in section.blocks),
            key=lambda one: one[0].start,
        )
        found[name] = [block.start for block, _ in placed], [block for block, _ in placed], [at for _, at in placed]
    return found
