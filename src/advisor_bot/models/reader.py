"""The reader: how well each sentence answers a question, how far it helps, and whether any of them does.

A question and a sentence are encoded apart, into token states; a small network holds them against each other
(``training/`` tells how it was trained, ``data/reader/card.json`` on what). So a guide's states are computed once,
when it is published, and only the question's while somebody waits. Runs on onnxruntime and numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from advisor_bot.models.encoder import encodable

WIDTH = 128  # numbers a token state is stored in
QUESTIONS_KEPT = 256
# Most tokens of each part, as the reader was trained on them.
HEADING, SENTENCE, QUESTION, PASSAGE = 16, 72, 112, 254
_OPENING = 40  # tokens of a long question's beginning that are kept; its end says what is asked
_CLS, _SEP = 101, 102
BATCH_CHARS = 1_200  # small batches keep the processor's caches warm

STATE = np.dtype([("values", "i1", (WIDTH,)), ("scale", "<f2")])


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as it is read: under its heading."""

    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A text encoded: ``vector`` of unit length, shape (dimension,), and ``states``, one ``STATE`` a token."""

    vector: NDArray[np.float32]
    states: NDArray[np.void]

    @property
    def values(self) -> NDArray[np.float32]:
        """The token states, shape (tokens, ``WIDTH``)."""
        found: NDArray[np.float32] = self.states["values"] * self.states["scale"].astype(np.float32)[:, None]
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the reader says of a question and some sentences.

    ``answers`` and ``helps`` are logits, one a sentence in the order given; ``answered`` and ``helped`` are the
    calibrated probabilities (0..1) that any of them answers, that any helps.
    """

    answers: NDArray[np.float32]
    helps: NDArray[np.float32]
    answered: float
    helped: float


PERHAPS = 16  # times less sure than where help is offered: enough to keep words to oneself


@dataclass(frozen=True, slots=True)
class About:
    """What a question is, apart from what it asks.

    ``leans`` is the probability that it cannot be understood without what was said before it. ``care``: somebody
    needs help now and no answer; ``perhaps_care``: it may be so, and who is not sure keeps still about it; ``human``: a
    wish to talk to a person.
    """

    leans: float
    care: bool
    human: bool
    perhaps_care: bool = False

    @property
    def for_people(self) -> Literal["care", "human", ""]:
        """What people must see to: a cry for help, a wish for a person; "" where it is neither."""
        return "care" if self.care else "human" if self.human else ""


NOTHING = Verdict(np.zeros(0, np.float32), np.zeros(0, np.float32), 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Heads:
    """Support vector machines over a question's vector, a radial kernel of width ``gamma``; all share the ``points``.

    ``points`` has shape (n, dimension); ``weights`` holds by name n weights and an intercept, of a logit.
    """

    points: NDArray[np.float32]
    gamma: float
    weights: Mapping[str, NDArray[np.float32]]

    def chances(self, vector: NDArray[np.float32]) -> dict[str, float]:
        """Return the probability by name for a vector of unit length."""
        near = np.append(np.exp(-2 * self.gamma * (1 - self.points @ vector)), 1.0)
        return {name: float(1 / (1 + np.exp(-(near @ weights)))) for name, weights in self.weights.items()}


class Reader:
    """Encodes questions, sentences and passages, and reads. Any thread may call any method.

    ``fingerprint`` names weights and recipe: states and vectors of equal fingerprints are interchangeable.
    """

    def __init__(
        self,
        fingerprint: str,
        card: dict[str, Any],
        tokenizer: Any,
        encode: Callable[[dict[str, NDArray[Any]]], tuple[NDArray[np.float32], NDArray[np.float32]]],
        compare: Callable[[dict[str, NDArray[Any]]], Sequence[NDArray[np.float32]]],
        heads: Heads,
        *,
        workers: int = 1,
    ) -> None:
        """Take the weights' card, MiniLM's tokenizer (no truncation, no padding), the two networks, and ``heads``.

        ``encode``: ids, mask, kept (texts, tokens) -> vectors, states. ``compare``: q, p, pm, qv, pv -> logits
        (sentences, 2), numbers of the whole question. ``heads`` read off a question's vector what it is: ``leans``,
        ``care``, ``human``. Sentences are encoded in ``workers`` threads.
        """
        self._workers, self._heads = workers, heads
        self.fingerprint, self.card = fingerprint, card
        self.dimension = int(card["dimension"])
        self._tokenizer, self._encode, self._compare = tokenizer, encode, compare
        self._question = lru_cache(maxsize=QUESTIONS_KEPT)(self._encoded_question)

    def question(self, text: str) -> Encoded:
        """Return a question encoded; the last few hundred are remembered."""
        return self._question(text)

    def sentences(
        self, sentences: Sequence[Sentence], *, progress: Callable[[int], None] = lambda _: None
    ) -> list[Encoded]:
        """Return sentences of a guide encoded; ``progress`` is told how many more are done after every batch."""
        return self._encoded([self._sentence_tokens(one) for one in sentences], progress)

    def passages(
        self, texts: Sequence[str], *, progress: Callable[[int], None] = lambda _: None
    ) -> NDArray[np.float32]:
        """Return the vectors of longer texts, shape (texts, dimension)."""
        found = self._encoded([self._whole(text, PASSAGE) for text in texts], progress)
        return np.array([one.vector for one in found], np.float32)

    def read(self, question: Encoded, sentences: Sequence[Encoded]) -> Verdict:
        """Read ``sentences``, the candidates for an answer to ``question``, all of them together."""
        if not sentences:
            return NOTHING
        longest = max(len(one.states) for one in sentences)
        states = np.zeros((len(sentences), longest, WIDTH), np.float32)
        there = np.zeros((len(sentences), longest), bool)
        for row, one in enumerate(sentences):
            states[row, : len(one.states)], there[row, : len(one.states)] = one.values, True
        vectors = np.array([one.vector for one in sentences], np.float32)
        logits, whole = self._compare(
            {"q": question.values, "p": states, "pm": there, "qv": question.vector, "pv": vectors}
        )
        answered, helped = self._chance("answered", whole), self._chance("helped", whole)
        return Verdict(logits[:, 0], logits[:, 1], answered, max(answered, helped))  # what answers helps

    def about(self, text: str) -> About:
        """Return what kind of question ``text`` is."""
        chance, limits = self._heads.chances(self.question(text).vector), self.card["about"]
        care = chance["care"] >= limits["care"]
        perhaps = chance["care"] >= limits["care"] / PERHAPS
        return About(chance["leans"], care, not care and chance["human"] >= limits["human"], perhaps)

    def _chance(self, name: str, whole: NDArray[np.float32]) -> float:
        fit = self.card["calibration"][name]
        return float(1 / (1 + np.exp(-(np.dot(fit["weights"], whole) + fit["intercept"]))))

    # --- tokens -------------------------------------------------------------------------------------------------

    def _ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(encodable(text), add_special_tokens=False).ids
        return found

    def _whole(self, text: str, most: int) -> list[int]:
        return [_CLS, *self._ids(text)[:most], _SEP]

    def _question_tokens(self, text: str) -> list[int]:
        ids, most = self._ids(text), QUESTION - 2
        if len(ids) > most:
            ids = ids[:_OPENING] + ids[_OPENING - most :]
        return [_CLS, *ids, _SEP]

    def _sentence_tokens(self, one: Sentence) -> list[int]:
        heading = self._ids(one.heading.rstrip(".?! ") + ".")[:HEADING] if one.heading else []
        return [_CLS, *heading, *self._ids(one.text)[:SENTENCE], _SEP]

    # --- encoding -----------------------------------------------------------------------------------------------

    def _encoded_question(self, text: str) -> Encoded:
        return self._encoded([self._question_tokens(text)], lambda _: None)[0]

    def _encoded(self, texts: Sequence[Sequence[int]], progress: Callable[[int], None]) -> list[Encoded]:
        out: dict[int, Encoded] = {}
        batches = _batches(texts)
        with ThreadPoolExecutor(self._workers) as pool:
            spread = pool.map if self._workers > 1 and len(batches) > 1 else map
            made = spread(lambda rows: self._batch([texts[row] for row in rows]), batches)
            for rows, found in zip(batches, made, strict=True):
                out |= zip(rows, found, strict=True)
                progress(len(rows))
        return [out[row] for row in range(len(texts))]

    def _batch(self, texts: Sequence[Sequence[int]]) -> list[Encoded]:
        longest = max(map(len, texts))
        ids = np.zeros((len(texts), longest), np.int64)
        mask = np.zeros((len(texts), longest), bool)
        for row, text in enumerate(texts):
            ids[row, : len(text)], mask[row, : len(text)] = text, True
        vectors, states = self._encode({"ids": ids, "mask": mask, "kept": mask})
        return [Encoded(vectors[row].copy(), _stored(states[row][mask[row]])) for row in range(len(texts))]


def _stored(states: NDArray[np.float32]) -> NDArray[np.void]:
    """Return states of shape (tokens, ``WIDTH``) in eight bits a number, each token with a scale of its own."""
    scale = np.abs(states).max(axis=1) / 127 + 1e-8
    made = np.zeros(len(states), STATE)
    made["values"], made["scale"] = np.round(states / scale[:, None]), scale
    return made


def _batches(texts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return row numbers in batches of texts of about equal length, the longest first."""
    batches: list[list[int]] = []
    for row in sorted(range(len(texts)), key=lambda row: -len(texts[row])):
        room = batches and (len(batches[-1]) + 1) * len(texts[batches[-1][0]]) <= BATCH_CHARS // 4
        if room:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches
