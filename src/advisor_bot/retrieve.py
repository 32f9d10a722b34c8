"""Question -> passages: dense and lexical candidates, scored together with their best sentence, joined.

What is added up for a chunk, and how much each part weighs, was measured on dialogues over public
guide pages (docs/quality.md): the cosine of the chunk, the cosine of its best sentence read under its
heading, BM25, and in a conversation the cosine of the stand-alone question and how well the chunk's
document fits what was said before.
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

from advisor_bot.embed import Encoder
from advisor_bot.follow_up import Resolved, resolve
from advisor_bot.glossary import Glossary
from advisor_bot.index import Index
from advisor_bot.text import terms
from advisor_bot.types import Passage, Turn

CANDIDATES = 100  # from each of dense and lexical; the best passage is among them for 0.99 of the questions
ALONE = {"chunk": 0.5, "sentence": 1.0, "lexical": 0.5}
IN_CONVERSATION = {"chunk": 1.0, "sentence": 0.5, "lexical": 0.6, "resolved": 1.0, "document": 1.5}
Vector = NDArray[np.float32]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Query:
    """A question ready to be looked up.

    ``terms`` are its stemmed content words with their idf, slips mended, short forms spelled out, what a
    follow-up leans on included. ``asked`` and ``alone`` are the vectors of the question as asked and of its
    stand-alone form; they are the same where it stands alone.
    """

    resolved: Resolved
    history: tuple[Turn, ...]
    terms: Mapping[str, float]
    asked: Vector
    alone: Vector


def make_query(question: str, history: Sequence[Turn], index: Index, glossary: Glossary, encoder: Encoder) -> Query:
    """Resolve ``question`` against ``history``, mend its slips, and embed it."""
    mended = glossary.mended(question)
    resolved = resolve(mended, history, index.idf)
    asked = encoder.query(mended)
    alone = encoder.query(resolved.text) if resolved.carried else asked
    spoken = terms(glossary.spelled_out(resolved.text))
    return Query(resolved, tuple(history), {term: index.idf(term) or 0.0 for term in spoken}, asked, alone)


def search(query: Query, index: Index, *, k: int = 20, budget: int | None = None) -> list[Passage]:
    """Return at most ``k`` passages, best first, neighbours joined; ``budget`` bounds their characters together.

    Texts that stand in the guide twice are read once.
    """
    rows, scores = score_chunks(query, index)
    order = np.argsort(-scores, kind="stable")
    ranked = [(int(rows[i]), float(scores[i])) for i in order[: 3 * k]]
    return _within(_joined(_folded(ranked, index), index, k), index, k, budget)


def score_chunks(query: Query, index: Index) -> tuple[NDArray[np.int64], Scores]:
    """Return the rows of the candidate chunks and their scores."""
    everything = len(index.chunks)
    lexical = _dense_array(index.lexical(tuple(query.terms), everything), everything)
    found = [row for row, _ in index.dense(query.alone, CANDIDATES)]
    rows = np.union1d(found, np.argsort(-lexical, kind="stable")[:CANDIDATES]).astype(np.int64)
    rows = rows[rows < everything]
    parts = {
        "chunk": index.vectors[index.chunk_rows[rows]] @ query.asked,
        "sentence": best_sentence(rows, query.asked, index),
        "lexical": lexical[rows] / max(float(lexical.max(initial=0.0)), 1e-9),
    }
    weights: Mapping[str, float] = ALONE
    if query.resolved.carried:
        weights = IN_CONVERSATION
        parts["resolved"] = index.vectors[index.chunk_rows[rows]] @ query.alone
        parts["document"] = _document_fit(query.history, index)[rows]
    total: Scores = np.sum([weights[name] * parts[name].astype(np.float64) for name in parts], axis=0)
    return rows, total / sum(weights.values())


def best_sentence(rows: NDArray[np.int64], vector: Vector, index: Index) -> Vector:
    """Return for each chunk the best cosine of one of its sentences, read with its heading."""
    first, last = index.first_sentence[rows], index.first_sentence[rows + 1]
    wanted = np.concatenate([np.arange(a, b) for a, b in zip(first, last, strict=True)] or [np.arange(0)])
    cosines = index.vectors[index.context_rows[wanted]] @ vector
    best = np.full(len(rows), -1.0, np.float32)
    np.maximum.at(best, np.repeat(np.arange(len(rows)), last - first), cosines)
    return best


def _document_fit(history: Sequence[Turn], index: Index) -> Scores:
    """Return for each chunk how well its document fits the conversation: BM25 of its best chunk, 0..1."""
    said = [term for turn in history[-8:] for term in terms(turn.text)]
    scores = _dense_array(index.lexical(said, len(index.chunks)), len(index.chunks))
    names = {name: i for i, name in enumerate(index.documents)}
    place = np.array([names[chunk.document] for chunk in index.chunks], dtype=np.int64)
    best = np.zeros(len(names))
    np.maximum.at(best, place, scores)
    return (best / max(float(best.max(initial=0.0)), 1e-9))[place]


def _dense_array(scored: Sequence[tuple[int, float]], size: int) -> Scores:
    out = np.zeros(size)
    for row, score in scored:
        out[row] = score
    return out


def _folded(ranked: Sequence[tuple[int, float]], index: Index) -> list[tuple[int, float]]:
    """Drop the chunks whose words stand in a better one already."""
    seen: set[str] = set()
    kept = []
    for row, score in ranked:
        key = " ".join(index.chunks[row].text.split()).lower()
        if key not in seen:
            seen.add(key)
            kept.append((row, score))
    return kept


def _joined(ranked: Sequence[tuple[int, float]], index: Index, k: int) -> list[list[tuple[int, float]]]:
    """Group the best chunks: one that directly precedes or follows a chosen one in its section joins it."""
    groups: list[list[tuple[int, float]]] = []
    for row, score in ranked[: 2 * k]:
        near = next((g for g in groups[:4] if _adjoins(row, g, index)), None)
        if near is not None:
            near.append((row, score))
        else:
            groups.append([(row, score)])
    return groups[:k]


MOST_JOINED = 1_200


def _adjoins(row: int, group: Sequence[tuple[int, float]], index: Index) -> bool:
    rows = [member for member, _ in group]
    if row not in (min(rows) - 1, max(rows) + 1):
        return False
    one, other = index.chunks[row], index.chunks[rows[0]]
    size = max(one.end, index.chunks[max(rows)].end) - min(one.start, index.chunks[min(rows)].start)
    return (one.document, one.heading) == (other.document, other.heading) and size <= MOST_JOINED


def _within(groups: Sequence[list[tuple[int, float]]], index: Index, k: int, budget: int | None) -> list[Passage]:
    passages: list[Passage] = []
    read = 0
    for group in groups[:k]:
        passage = as_passage(sorted(row for row, _ in group), group[0][1], index)
        if budget is not None and passages and read + len(passage.text) > budget:
            break
        passages.append(passage)
        read += len(passage.text)
    return passages


def as_passage(rows: Sequence[int], score: float, index: Index) -> Passage:
    """Return neighbouring chunks ``rows`` (in order, of one section) as one passage."""
    first, last = index.chunks[rows[0]], index.chunks[rows[-1]]
    ids = tuple(index.chunks[row].id for row in rows)
    return Passage(
        id=ids[0] if len(ids) == 1 else f"{ids[0]}~{ids[-1]}",
        document=first.document,
        heading=first.heading,
        start=first.start,
        end=last.end,
        text=index.documents[first.document].text[first.start : last.end],
        score=round(score, 6),
        chunk_ids=ids,
    )


class GuideRetriever(BaseRetriever):
    """LangChain's retriever over one opened version of the guide."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    index: Index
    glossary: Glossary
    encoder: Encoder
    k: int = 20
    history: tuple[Turn, ...] = ()

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[LangChainDocument]:
        found = search(make_query(query, self.history, self.index, self.glossary, self.encoder), self.index, k=self.k)
        return [
            LangChainDocument(page_content=p.text, id=p.id, metadata={"passage": p, "source": p.document})
            for p in found
        ]
