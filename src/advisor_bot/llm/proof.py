"""A model's sentence + the passages it read -> a cited line, or nothing. The model's word counts for nothing here.

The passages a sentence names are tried first, then the nearest others: a marker is ours to give. What the student
said of themselves may be repeated in a clause of its own; everything else must be in the guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from advisor_bot.answers.cite import Line, Quote, unproved
from advisor_bot.index.guide import Guide
from advisor_bot.llm.relations import light, read
from advisor_bot.llm.support import Verdict, check
from advisor_bot.llm.tidy import Said
from advisor_bot.text import numerals, plain, stem, words
from advisor_bot.types import Passage

OTHERS = 3  # passages a sentence did not name that are tried as well
LONGEST_QUESTION = 30  # words
LONGEST_TOPIC = 8  # words of the student's that may be called missing

_PREMISE = re.compile(
    r"^(?:since|because|as|given that|if|considering that|with|for someone who)\b(?=[^,]*\b(?:you|your|who|with)\b)"
    r"[^,]{3,160},\s*(?=\S)",
    re.I,
)
_SPLIT = re.compile(r"(?:,\s*)?\b(?:while|whereas|but|although)\b\s+|;\s+", re.I)
_PERCENT = re.compile(r"(\d+(?:\.\d+)?) ?(?:percent|per cent)\b", re.I)
_ASKS = re.compile(
    r"(?:what|which|how|when|where|who|why|do|did|are|is|were|have|has|would|will)\b"
    r"|(?:to|for|at|in|about) (?:what|which|how)\b|(?:can|could) you (?:say|tell)\b",
    re.I,
)
_ASKING = frozenset(
    stem(word)
    for word in """interest interested prefer background experience career plan plans time budget priority strengths
    math mathematics programming coding job degree worry enjoy like want tell more field industry work hours week full
    part year semester goal goals matters choose exactly mean hope hoping looking study studied finish already currently
    important specific option options specialization specializations program cost money""".split()
)


@dataclass(frozen=True, slots=True)
class Source:
    """A passage as the proof reads it: paragraphs of sentences, each with its span in the document."""

    passage: Passage
    heading: str
    spans: tuple[tuple[tuple[int, int], ...], ...]
    texts: tuple[tuple[str, ...], ...]


def source_of(passage: Passage, guide: Guide) -> Source:
    """Return the sentences of ``passage``, a list item or a paragraph together."""
    document = guide.documents[passage.document]
    rows = [guide.row(name) for name in passage.chunk_ids]
    chunks = [guide.chunks[row] for row in rows if row is not None]
    paragraphs: list[list[tuple[int, int]]] = []
    labelled = False
    for chunk in chunks:
        labelled = labelled or bool(chunk.label)
        for start, end in chunk.sentences:
            if paragraphs and "\n" not in document.text[paragraphs[-1][-1][1] : start]:
                paragraphs[-1].append((start, end))
            else:
                paragraphs.append([(start, end)])
    heading = passage.heading[-1] if passage.heading and not labelled else ""
    texts = tuple(tuple(plain(document.text[a:b]) for a, b in paragraph) for paragraph in paragraphs)
    return Source(passage, heading, tuple(tuple(paragraph) for paragraph in paragraphs), texts)


def prove(said: Said, sources: Sequence[Source], guide: Guide, own: str) -> Line | Verdict:
    """Return ``said`` as a line with the quotes that prove it, or the verdict that it is not supported.

    ``own`` is what the student said; numbers in ``said`` count ``sources`` from 1, unknown ones are dropped.
    """
    claims = [part for part in said.parts if part[0]]
    if len(claims) > 1 and all(len(words(text)) >= 4 for text, _ in claims):
        found = [_one(_without_premise(text, own), numbers, sources, guide) for text, numbers in claims]
    else:
        claim = _without_premise(said.text, own)
        found = [_one(claim, said.numbers, sources, guide)]
        halves = [half for half in _SPLIT.split(claim) if len(words(half)) >= 4]
        if not found[0][0].ok and len(halves) == 2:
            found = [_one(half, said.numbers, sources, guide) for half in halves]
    refused = next((verdict for verdict, _ in found if not verdict.ok), None)
    if refused:
        return refused
    quotes = tuple(dict.fromkeys(_quote(verdict, source) for verdict, source in found if source))
    text = _as_the_guide_writes_figures(said.text, quotes, guide)
    parts = [(guide.documents[q.passage.document].text[q.start : q.end], q.passage.heading) for q in quotes]
    if unproved(text, parts):
        return Verdict("name", found[0][0].score)
    return Line("item" if said.kind == "item" else "paragraph", text, quotes)


def _one(claim: str, numbers: Sequence[int], sources: Sequence[Source], guide: Guide) -> tuple[Verdict, Source | None]:
    """Return the verdict of the first source that supports ``claim``, else of the one that comes nearest."""
    named = [sources[n - 1] for n in numbers if 0 < n <= len(sources)]
    vector = guide.encoder.query(claim)
    rest = sorted(
        (source for source in sources if source not in named),
        key=lambda source: (
            -max(
                (float(guide.tokens([text])[0].vector @ vector) for paragraph in source.texts for text in paragraph),
                default=-1.0,
            )
        ),
    )
    best: tuple[Verdict, Source | None] = (Verdict("wording", 0.0), None)
    for source in [*named, *rest[:OTHERS]]:
        verdict = check(claim, source.texts, guide, source.heading)
        if verdict.ok:
            return verdict, source
        if verdict.score > best[0].score:
            best = verdict, source
    return best


def _quote(verdict: Verdict, source: Source) -> Quote:
    paragraph = source.spans[verdict.paragraph]
    return Quote(source.passage, paragraph[verdict.sentences[0]][0], paragraph[verdict.sentences[-1]][1])


def _without_premise(text: str, own: str) -> str:
    """Leave out an opening clause that only repeats what the student said."""
    found = _PREMISE.match(text)
    if not found or not _is_known(found[0], own, ()):
        return text
    rest = text[found.end() :]
    return rest[:1].upper() + rest[1:]


def _is_known(text: str, own: str, more: Iterable[str]) -> bool:
    known = {stem(word) for word in words(own)} | light() | set(more)
    return set(numerals(text)) <= set(numerals(own)) and all(word.stem in known for word in read(text).content)


def asks_back(text: str, own: str, sources: Sequence[Source]) -> bool:
    """Tell whether ``text`` is one short question to the student that brings nothing new with it.

    Its words must come from the student, from what was read, or from the few such questions are made of.
    """
    if not text.endswith("?") or text.count("?") > 1 or len(words(text)) > LONGEST_QUESTION:
        return False
    if not _ASKS.match(text) or not re.search(r"\b(?:you|your)\b", text, re.I) or re.search(r"[.!:;]\s", text):
        return False
    if any(" ".join(words(text)) in " ".join(words(s.passage.text)) for s in sources):
        return False  # read out from a page, not asked
    known = {w.stem for s in sources for paragraph in s.texts for t in paragraph for w in read(t).content}
    known |= {stem(word) for s in sources for name in s.passage.heading for word in words(name)}
    return _is_known(text, own, known | _ASKING)


def says_nothing_of(topic: str, own: str, sources: Sequence[Source]) -> bool:
    """Tell whether the student named ``topic`` and the passages lack a word of it, so that it may be called missing."""
    held = read(topic).content
    if not held or len(words(topic)) > LONGEST_TOPIC or not _is_known(topic, own, ()):
        return False
    said = {w.stem for s in sources for paragraph in s.texts for text in paragraph for w in read(text).content}
    return any(word.stem not in said for word in held)


def _as_the_guide_writes_figures(text: str, quotes: Sequence[Quote], guide: Guide) -> str:
    """Write "40 percent" as the "40%" that is quoted, so that the figure stands in the quote letter by letter."""
    quoted = " ".join(guide.documents[q.passage.document].text[q.start : q.end] for q in quotes)
    return _PERCENT.sub(lambda m: f"{m[1]}%" if f"{m[1]}%" in quoted else m[0], text)
