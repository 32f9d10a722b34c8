"""Question -> passages: dense and lexical candidates, scored together with their best sentence, joined.

A chunk's own score adds its cosine, the cosine of its best sentence read under its heading, and BM25. In a
conversation, chunks of documents that fit badly what was said before fall behind, unless the question is
answered clearly better elsewhere: then the topic has changed. Weights and limits were measured on dialogues
over public guide pages (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from numpy.typing import NDArray
from pydantic import ConfigDict

from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.follow_up import Resolved, resolve, still_talked_of
from advisor_bot.retrieval.question import Question, read_question
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.retrieval.topics import topics
from advisor_bot.text import terms
from advisor_bot.types import Passage, Turn

CANDIDATES = 300  # from each of dense and lexical; the best passage is among them for 0.99 of the questions
OWN = {"chunk": 0.25, "sentence": 0.5, "lexical": 0.25}
CONVERSATION = 0.5  # how far a chunk falls behind whose document does not fit the conversation at all
LONG = 10  # chunks: where documents are shorter on average, a conversation passes from one to the next sooner
FITS = 0.8  # the least fit of a document that counts as the conversation's own
CHANGES, CHANGED = 0.2, 0.3  # lead of a chunk elsewhere over the conversation's own: topic may have, has changed
Vector = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Query:
    """A question ready to be looked up.

    ``terms`` are its stemmed content words with their idf, slips mended, short forms spelled out, what a
    follow-up leans on included. ``alone`` is the vector of the stand-alone question, ``vector`` the mean of it
    and the question as asked, of length 1; they are the same where the question stands alone. ``leaning`` is the
    vector of what the student told of themselves: of sentences as good, those nearer to it come first.
    """

    resolved: Resolved
    history: tuple[Turn, ...]
    terms: Mapping[str, float]
    vector: Vector
    alone: Vector
    leaning: Vector | None = None


def make_query(asked: Question, history: Sequence[Turn], guide: Guide) -> Query:
    """Resolve a question against ``history`` and what was told before it, mend its slips, and embed it."""
    history = still_talked_of(asked, history)
    if asked.background:
        history = (*history, Turn("user", asked.background))
    mended = spelling(guide).corrected(asked.text)
    resolved = resolve(mended, history, guide.idf)
    own = guide.encoder.query(mended)
    alone = guide.encoder.query(resolved.text) if resolved.carried else own
    mean = own + alone
    spoken = terms(topics(guide).spelled_out(resolved.text))
    weights = {term: guide.idf(term) or 0.0 for term in spoken}
    return Query(resolved, tuple(history), weights, mean / max(float(np.linalg.norm(mean)), 1e-9), alone)


def search(query: Query, guide: Guide, *, k: int = 20, budget: int | None = None) -> list[Passage]:
    """Return at most ``k`` passages, best first, neighbours joined; ``budget`` bounds their characters together.

    A text that stands twice in one document is read once; its copies in other documents are kept, since where a
    text stands is part of what it says.
    """
    rows, scores = score_chunks(query, guide)
    order = np.argsort(-scores, kind="stable")
    ranked = [(int(rows[i]), float(scores[i])) for i in order[: 3 * k]]
    groups = _joined(_folded(ranked, guide), guide, k)
    passages = [as_passage(sorted(row for row, _ in group), group[0][1], guide) for group in groups]
    return within(passages, k, budget)


def score_chunks(query: Query, guide: Guide) -> tuple[NDArray[np.int64], Scores]:
    """Return the rows of the candidate chunks and their scores."""
    everything = len(guide.chunks)
    lexical = _dense_array(guide.lexical(tuple(query.terms), everything), everything)
    found = [row for row, _ in guide.dense(query.vector, CANDIDATES)]
    rows = np.union1d(found, np.argsort(-lexical, kind="stable")[:CANDIDATES]).astype(np.int64)
    rows = rows[rows < everything]
    parts = {
        "chunk": guide.vectors[guide.chunk_rows[rows]] @ query.vector,
        "sentence": best_sentence(rows, query.vector, guide),
        "lexical": lexical[rows] / max(float(lexical.max(initial=0.0)), 1e-9),
    }
    own: Scores = np.sum([OWN[name] * parts[name].astype(np.float64) for name in parts], axis=0)
    if not query.history or not len(rows):
        return rows, own
    fit = _document_fit(query.history, guide)[rows]
    lead = float(own.max() - own.max(where=fit >= FITS, initial=-1.0))
    stays = min(1.0, max(0.0, (CHANGED - lead) / (CHANGED - CHANGES)))
    long = min(1.0, everything / len(guide.documents) / LONG) ** 2
    return rows, own - CONVERSATION * long * stays * (1 - fit)


def best_sentence(rows: NDArray[np.int64], vector: Vector, guide: Guide) -> Vector:
    """Return for each chunk the best cosine of one of its sentences, read with its heading."""
    first, last = guide.first_sentence[rows], guide.first_sentence[rows + 1]
    wanted = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)] or [np.arange(0)])
    cosines = guide.vectors[guide.context_rows[wanted]] @ vector
    best = np.full(len(rows), -1.0, np.float32)
    np.maximum.at(best, np.repeat(np.arange(len(rows)), last - first), cosines)
    return best


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


NEAR_IN_RANK = 2
MOST_JOINED = 1_200


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


class GuideRetriever(BaseRetriever):
    """LangChain's retriever over one opened version of the guide."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    guide: Guide
    k: int = 20
    history: tuple[Turn, ...] = ()

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[LangChainDocument]:
        asked = make_query(read_question(query), self.history, self.guide)
        found = search(asked, self.guide, k=self.k)
        return [
            LangChainDocument(page_content=p.text, id=p.id, metadata={"passage": p, "source": p.document})
            for p in found
        ]
