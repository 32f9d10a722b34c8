"""Passages -> sentences, best first: every sentence scored, the best ones read closely and ranked again.

Reading closely is the late interaction of ColBERT (Khattab and Zaharia, 2020) with the encoder's own token
states: each word of the question is held against its nearest token of the sentence.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advisor_bot.documents.chunk import in_context
from advisor_bot.index.guide import Guide
from advisor_bot.models.encoder import Tokens
from advisor_bot.retrieval.search import Query, Vector
from advisor_bot.text import STOPWORDS, plain, terms
from advisor_bot.types import Passage

READ_CLOSELY = 6  # sentences whose tokens are looked at
# Fitted by listwise regression on half a of the own cases and on encyclopedia questions (docs/quality.md).
LEANING = 0.3  # chosen by hand: enough to order sentences that answer alike, too little to bring in another topic
ASKING = 0.3  # taken from a sentence that asks: a question in the guide repeats the student's and answers nothing
CLOSELY = {"bare": 0.32, "passage": 0.86, "match": 0.79, "whole": 0.39}


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that was read: its span, its words without markup, and how well it supports an answer.

    ``before`` are the words of the sentence before it in its chunk, "" for the first.
    """

    passage: Passage
    row: int
    start: int
    end: int
    text: str
    before: str
    score: float

    @property
    def in_context(self) -> str:
        """The sentence after its innermost heading, and after the sentence it points back to."""
        return in_context(self.passage.heading, self.before, self.text)


def rank_sentences(query: Query, passages: Sequence[Passage], guide: Guide) -> tuple[list[Sentence], list[Tokens]]:
    """Return the sentences of ``passages``, best first, and the tokens of the first ``READ_CLOSELY``."""
    sentences = score_sentences(query, passages, guide)
    near, rest = sentences[:READ_CLOSELY], sentences[READ_CLOSELY:]
    if not near:
        return [], []
    asked = guide.encoder.tokens(query.resolved.text)
    words = content_words(query.resolved.text, asked)
    read = guide.tokens([sentence.in_context for sentence in near])
    again = [
        replace(s, score=_closely(s, tokens, query, asked, words, guide)) for s, tokens in zip(near, read, strict=True)
    ]
    order = sorted(range(len(again)), key=lambda i: -again[i].score)
    scale = min(s.score for s in again) / max(near[-1].score, 1e-9)
    lower = [replace(sentence, score=sentence.score * max(0.0, scale)) for sentence in rest]
    return [again[i] for i in order] + lower, [read[i] for i in order]


def leant(sentences: Sequence[Sentence], leaning: Vector, guide: Guide) -> list[Sentence]:
    """Return ``sentences`` with those read closely put in a new order: nearer to ``leaning`` counts too."""

    def score(sentence: Sentence) -> float:
        return sentence.score + LEANING * float(guide.vectors[guide.sentence_rows[sentence.row]] @ leaning)

    return [*sorted(sentences[:READ_CLOSELY], key=score, reverse=True), *sentences[READ_CLOSELY:]]


def _closely(
    sentence: Sentence, tokens: Tokens, query: Query, asked: Tokens, words: Sequence[Word], guide: Guide
) -> float:
    states = states_of(tokens)
    match, whole = 0.0, 0.0
    if len(states):
        whole = float(np.mean(np.max(states @ states_of(asked).T, axis=0)))
        best = [float(np.max(states @ word.state)) for word in words]
        match = float(np.average(best, weights=[word.rarity for word in words])) if words else whole
    parts = {
        "bare": float(guide.vectors[guide.sentence_rows[sentence.row]] @ query.alone),
        "passage": sentence.passage.score,
        "match": match,
        "whole": whole,
    }
    return sum(weight * parts[name] for name, weight in CLOSELY.items()) - ASKING * sentence.text.endswith("?")


def score_sentences(query: Query, passages: Sequence[Passage], guide: Guide) -> list[Sentence]:
    """Return the sentences of ``passages``, best first.

    The score adds the sentence's cosine, its cosine in context, the share of the question's
    terms it holds, and 0.7 times the score of its passage: a good sentence in a good passage wins. A sentence
    that asks falls behind.
    """
    total = sum(query.terms.values()) or 1.0
    found = []
    for passage in passages:
        heading = set(terms(" ".join(passage.heading)))
        for chunk_id in passage.chunk_ids:
            row = guide.row(chunk_id)
            if row is None:
                continue
            chunk = guide.chunks[row]
            numbers = np.arange(guide.first_sentence[row], guide.first_sentence[row + 1])
            bare = guide.vectors[guide.sentence_rows[numbers]] @ query.alone
            context = guide.vectors[guide.context_rows[numbers]] @ query.alone
            texts = [plain(guide.documents[passage.document].text[start:end]) for start, end in chunk.sentences]
            befores = ("", *texts)
            for place, (text, (start, end)) in enumerate(zip(texts, chunk.sentences, strict=True)):
                held = set(terms(text))
                share = sum(w * (term in held or 0.5 * (term in heading)) for term, w in query.terms.items()) / total
                score = 0.5 * float(bare[place] + context[place]) + 0.4 * share + 0.7 * passage.score
                score -= ASKING * text.endswith("?")
                found.append(Sentence(passage, int(numbers[place]), start, end, text, befores[place], score))
    return sorted(found, key=lambda sentence: -sentence.score)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text (lower case) with its L2-normalized state and its rarity."""

    text: str
    state: NDArray[np.float32]
    rarity: float


def content_words(text: str, tokens: Tokens) -> list[Word]:
    """Return the words of ``text`` that are no function words."""
    rare = rarity(text, tokens)
    return [Word(word, state, rare[word]) for word, state in word_states(text, tokens) if word not in STOPWORDS]


RAREST = math.log(40_000)


def rarity(text: str, tokens: Tokens) -> dict[str, float]:
    """Return for each word a logarithm of its rank in the tokenizer's vocabulary, which is sorted by frequency.

    A word the tokenizer has to break up is rarer than its whole vocabulary.
    """
    return {
        word: math.log(max(numbers[0] - 1000, 1000)) if len(numbers) == 1 else RAREST
        for word, numbers, _ in _grouped(text, tokens)
    }


def word_states(text: str, tokens: Tokens) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the words of ``text`` (lower case) with their L2-normalized states, the mean of their tokens'."""
    found = []
    for word, _, states in _grouped(text, tokens):
        mean = states.mean(axis=0, dtype=np.float32)
        found.append((word, mean / max(float(np.linalg.norm(mean)), 1e-9)))
    return found


def states_of(tokens: Tokens) -> NDArray[np.float32]:
    """Return the states in single precision, shape (tokens, dimension)."""
    return tokens.states.astype(np.float32)


def _grouped(text: str, tokens: Tokens) -> list[tuple[str, list[int], NDArray[np.float16]]]:
    """Group the tokens of each word."""
    found = []
    for match in re.finditer(r"[^\W_]+(?:['’][^\W_]+)*", text):
        inside = [i for i, (a, b) in enumerate(tokens.offsets) if a >= match.start() and b <= match.end()]
        if inside:
            word = match[0].lower().replace("’", "'")
            found.append((word, [tokens.numbers[i] for i in inside], tokens.states[inside]))
    return found
