"""Passages -> evidence: each sentence scored, and the probability that the guide answers the question.

The probability is a logistic regression over a few signals. Its coefficients stand in
``data/evidence.json``, with what they were fitted on and when; ``bench/calibrate.py`` makes that file.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from advisor_bot.answers.features import is_everyday, measure, unknown_words
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.question import Question
from advisor_bot.retrieval.rank import Sentence, leant, rank_sentences
from advisor_bot.retrieval.search import Query
from advisor_bot.types import Passage, Status


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read for a question, weighed.

    ``sentences`` are best first. ``missing`` are the words of the question that the guide never uses, everyday
    words left out.
    """

    sentences: tuple[Sentence, ...]
    confidence: float
    status: Status
    missing: tuple[str, ...]
    signals: Mapping[str, float]


def weigh(question: Question, query: Query, passages: Sequence[Passage], guide: Guide) -> Evidence:
    """Score every sentence of ``passages`` and judge whether they answer ``question``."""
    sentences, read = rank_sentences(query, passages, guide)
    unknown = unknown_words(question.text, guide)
    missing = tuple(word for word in unknown if not is_everyday(word, guide))
    asked = guide.encoder.tokens(query.resolved.text)
    signals = measure(question, query, passages, sentences, guide, asked, read)
    confidence = probability(signals)
    if query.leaning is not None:
        sentences = leant(sentences, query.leaning, guide)
    return Evidence(tuple(sentences), confidence, status_of(confidence), missing, signals)


def probability(signals: Mapping[str, float]) -> float:
    """Return the calibrated probability (0..1) that the guide answers the question."""
    model = calibration()
    total = model.intercept + sum(weight * signals.get(name, 0.0) for name, weight in model.weights.items())
    return round(1 / (1 + math.exp(-max(-30.0, min(30.0, total)))), 4)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The coefficients of the probability and the limits that part the statuses."""

    intercept: float
    weights: Mapping[str, float]
    answered: float
    partial: float


@cache
def calibration() -> Calibration:
    """Return ``data/evidence.json``."""
    data = json.loads((files("advisor_bot") / "data" / "evidence.json").read_text(encoding="utf-8"))
    return Calibration(data["intercept"], data["weights"], data["limits"]["answered"], data["limits"]["partial"])


def status_of(confidence: float) -> Status:
    """Return the status that ``confidence`` stands for."""
    limits = calibration()
    if confidence >= limits.answered:
        return "answered"
    return "partial" if confidence >= limits.partial else "not_covered"
