"""Question -> passages and the sentences worth reading: dense and lexical candidates, scored together, joined.

A chunk's score adds its cosine, the cosine of its best sentence, and BM25. In a conversation, chunks of documents
that fit badly what was said before fall behind, unless the question is answered clearly better elsewhere: then the
topic has changed. Weights and limits were measured on dialogues over public guide pages (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.retrieval.topics import topics
from advisor_bot.text import terms
from advisor_bot.types import Passage, Turn

CANDIDATES = 300  # chunks from each of dense and lexical; the best passage is among them for 0.99 of the questions
READ = 24  # sentences that are read for a question
OF_CHUNK = 0.3  # how far the score of a sentence's chunk counts beside the sentence's cosine
OWN = {"chunk": 0.25, "sentence": 0.5, "lexical": 0.25}
CONVERSATION = 0.5  # how far a chunk falls behind whose document does not fit the conversation at all
LONG = 10  # chunks: where documents are shorter on average, a conversation passes from one to the next sooner
FITS = 0.8  # the least fit of a document that counts as the conversation's own
CHANGES, CHANGED = 0.2, 0.3  # lead of a chunk elsewhere over the conversation's own: topic may have, has changed
NEAR_IN_RANK = 2
MOST_JOINED = 1_200
Vector = NDArray[np.float32]
Scores = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Query:
    """A text to be looked up.

    ``terms`` are its stemmed content words with their idf, slips corrected, short forms spelled out. ``vector`` is
    the encoder's, compared with chunks; ``reading`` the reader's, compared with sentences. ``history`` is the
    conversation that passages should fit, () where none counts.
    """

    text: str
    terms: Mapping[str, float]
    vector: Vector
    reading: Vector
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a query: candidate chunks by row with their scores, best first."""

    query: Query
    rows: Rows
    scores: Scores


def make_query(text: str, guide: Guide, history: Sequence[Turn] = ()) -> Query:
    """Correct the slips of ``text`` and embed it."""
    corrected = spelling(guide).corrected(text)
    spoken = terms(topics(guide).spelled_out(corrected))
    weights = {term: guide.idf(term) or 0.0 for term in spoken}
    reading = guide.models.reader.question(corrected).vector
    return Query(corrected, weights, guide.models.encoder.query(corrected), reading, tuple(history))


def blended(alone: Query, after: Query) -> Query:
    """Return ``alone`` looked up half as what it is after what was said before it."""
    return Query(
        after.text, after.terms, _mean(alone.vector, after.vector), _mean(alone.reading, after.reading), after.history
    )


def _mean(one: Vector, other: Vector) -> Vector:
    mean = one + other
    found: Vector = mean / max(float(np.linalg.norm(mean)), 1e-9)
    return found


def find(query: Query, guide: Guide) -> Found:
    """Return the candidate chunks for ``query``, best first."""
    everything = len(guide.chunks)
    lexical = _dense_array(guide.lexical(tuple(query.terms), everything), everything)
    found = [row for row, _ in guide.dense(query.vector, CANDIDATES)]
    rows = np.union1d(found, np.argsort(-lexical, kind="stable")[:CANDIDATES]).astype(np.int64)
    parts = {
        "chunk": guide.vectors[guide.chunk_rows[rows]] @ query.vector,
        "sentence": _best_sentence(rows, query.reading, guide),
        "lexical": lexical[rows] / max(float(lexical.max(initial=0.0)), 1e-9),
    }
    scores: Scores = np.sum([OWN[name] * parts[name].astype(np.float64) for name in parts], axis=0)
    if query.history and len(rows):
        scores = _in_conversation(scores, rows, query.history, guide)
    order = np.argsort(-scores, kind="stable")
    return Found(query, rows[order], scores[order])


def passages_of(found: Found, guide: Guide, *, k: int = 20, budget: int | None = None) -> list[Passage]:
    """Return at most ``k`` passages, best first, neighbours joined; ``budget`` bounds their characters together.

    A text that stands twice in one document is read once; its copies in other documents are kept, since where a
    text stands is part of what it says.
    """
    ranked = list(zip(found.rows[: 3 * k].tolist(), found.scores[: 3 * k].tolist(), strict=True))
    groups = _joined(_folded(ranked, guide), guide, k)
    passages = [as_passage(sorted(row for row, _ in group), group[0][1], guide) for group in groups]
    return within(passages, k, budget)


def sentences_to_read(found: Found, guide: Guide, most: int = READ) -> Rows:
    """Return the numbers of the sentences of the candidate chunks that are nearest to the query, nearest first.

    What a chunk was found by, its words and the conversation, counts for its sentences, too. Numbers count the guide's
    sentences in order, as ``Version.first_sentence`` has it.
    """
    numbers = _sentences_in(found.rows, guide)
    near = guide.sentence_vectors(numbers) @ found.query.reading
    counts = guide.first_sentence[found.rows + 1] - guide.first_sentence[found.rows]
    near = near + OF_CHUNK * np.repeat(found.scores, counts)
    return numbers[np.argsort(-near, kind="stable")[:most]]


def _sentences_in(rows: Rows, guide: Guide) -> Rows:
    first, last = guide.first_sentence[rows], guide.first_sentence[rows + 1]
    spans = [np.arange(a, b) for a, b in zip(first, last, strict=True)]
    return np.concatenate(spans or [np.arange(0)]).astype(np.int64)


def _best_sentence(rows: Rows, vector: Vector, guide: Guide) -> Vector:
    """Return for each chunk the best cosine of one of its sentences."""
    counts = guide.first_sentence[rows + 1] - guide.first_sentence[rows]
    cosines = guide.sentence_vectors(_sentences_in(rows, guide)) @ vector
    best = np.full(len(rows), -1.0, np.float32)
    np.maximum.at(best, np.repeat(np.arange(len(rows)), counts), cosines)
    return best


def _in_conversation(own: Scores, rows: Rows, history: Sequence[Turn], guide: Guide) -> Scores:
    """Take from each score as its chunk's document does not fit ``history``, unless the topic has changed."""
    fit = _document_fit(history, guide)[rows]
    lead = float(own.max() - own.max(where=fit >= FITS, initial=-1.0))
    stays = min(1.0, max(0.0, (CHANGED - lead) / (CHANGED - CHANGES)))
    long = min(1.0, len(guide.chunks) / len(guide.documents) / LONG) ** 2
    return own - CONVERSATION * long * stays * (1 - fit)


def _document_fit(history: Sequence[Turn], guide: Guide) -> Scores:
    """Return for each chunk how well its document fits the conversation: BM25 of its best chunk, 0..1."""
    said = [term for turn in history[-8:] for term in terms(turn.text)]
    scores = _dense_array(guide.lexical(said, len(guide.chunks)), len(guide.chunks))
    names = {name: i for i, name in enumerate(guide.documents)}
    place = np.array([names[chunk.document] for chunk in guide.chunks], dtype=np.int64)
    best = np.zeros(len(names))
    np.maximum.at(best, place, scores)
    return (best / max(float(best.max(initial=0.0)), 1e-9))[place]


def _dense_array(scored: Sequence[tuple[int, float]], size: int) -> Scores:
    out = np.zeros(size)
    for row, score in scored:
        out[row] = score
    return out


def _folded(ranked: Sequence[tuple[int, float]], guide: Guide) -> list[tuple[int, float]]:
    """Drop the chunks whose words stand in a better one of the same document."""
    seen: set[tuple[str, str]] = set()
    kept = []
    for row, score in ranked:
        key = guide.chunks[row].document, " ".join(guide.chunks[row].text.split()).lower()
        if key not in seen:
            seen.add(key)
            kept.append((row, score))
    return kept


def _joined(ranked: Sequence[tuple[int, float]], guide: Guide, k: int) -> list[list[tuple[int, float]]]:
    """Group chunks that follow each other in their section and, nearly, in the ranking.

    A neighbor far down the ranking does not join: it would push better chunks out of what is read.
    """
    groups: list[tuple[int, list[tuple[int, float]]]] = []
    for rank, (row, score) in enumerate(ranked[: 2 * k]):
        for place, (last, group) in enumerate(groups):
            if rank - last <= NEAR_IN_RANK and _adjoins(row, group, guide):
                groups[place] = (rank, [*group, (row, score)])
                break
        else:
            groups.append((rank, [(row, score)]))
    return [group for _, group in groups[:k]]


def _adjoins(row: int, group: Sequence[tuple[int, float]], guide: Guide) -> bool:
    rows = [member for member, _ in group]
    if row not in (min(rows) - 1, max(rows) + 1):
        return False
    one, other = guide.chunks[row], guide.chunks[rows[0]]
    size = max(one.end, guide.chunks[max(rows)].end) - min(one.start, guide.chunks[min(rows)].start)
    return (one.document, one.heading) == (other.document, other.heading) and size <= MOST_JOINED


def within(passages: Sequence[Passage], k: int, budget: int | None) -> list[Passage]:
    """Return the first ``k`` of ``passages``, as many as have ``budget`` characters together, but at least one."""
    kept: list[Passage] = []
    read = 0
    for passage in passages[:k]:
        read += len(passage.text)
        if budget is not None and kept and read > budget:
            break
        kept.append(passage)
    return kept


def as_passage(rows: Sequence[int], score: float, guide: Guide) -> Passage:
    """Return neighbouring chunks ``rows`` (in order, of one section) as one passage."""
    first, last = guide.chunks[rows[0]], guide.chunks[rows[-1]]
    ids = tuple(guide.chunks[row].id for row in rows)
    return Passage(
        id=ids[0] if len(ids) == 1 else f"{ids[0]}~{ids[-1]}",
        document=first.document,
        heading=first.heading,
        start=first.start,
        end=last.end,
        text=guide.documents[first.document].text[first.start : last.end],
        score=round(score, 6),
        chunk_ids=ids,
    )
