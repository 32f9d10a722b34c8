"""A second stage for owners who have a cross-encoder: it reads question and passage together and reorders them.

Off unless ``ADVISOR_RERANKER`` names a model; then asking loads PyTorch, which it does not need otherwise.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from advisor_bot.errors import EncoderError, SettingsError
from advisor_bot.models.opening import first_line, source_of
from advisor_bot.types import Passage

RERANKED = 20  # passages that are read with the question
LONGEST = 512  # tokens of question and passage together


@dataclass(frozen=True, slots=True)
class Reranker:
    """A cross-encoder by name; ``score`` returns one relevance for each text, higher is better, of any scale."""

    name: str
    score: Callable[[str, Sequence[str]], Sequence[float]]

    def reorder(self, question: str, passages: Sequence[Passage]) -> list[Passage]:
        """Return ``passages``, the most relevant first; each gets the retrieval score of its new place.

        So what is built on scores of the first stage still holds: they fall from first to last as before.
        """
        texts = [" > ".join(passage.heading) + "\n" + passage.text for passage in passages]
        relevance = self.score(question, texts) if passages else []
        order = sorted(range(len(passages)), key=lambda i: -relevance[i])
        scores = sorted((passage.score for passage in passages), reverse=True)
        return [replace(passages[i], score=score) for i, score in zip(order, scores, strict=True)]


def open_reranker(model: str) -> Reranker | None:
    """Return the cross-encoder called ``model`` (a name or a folder), None for "".

    Raises ``SettingsError`` for one that cannot be had, or whose scoring head was never trained: such a
    checkpoint loads without complaint and scores at random.
    """
    if not model:
        return None
    try:
        source = source_of(model, download=True)
    except EncoderError as error:
        raise SettingsError(str(error).replace("ADVISOR_EMBEDDING_MODEL", "ADVISOR_RERANKER")) from None
    return Reranker(model, _scorer(source, model))


def _scorer(source: Path, model: str) -> Callable[[str, Sequence[str]], Sequence[float]]:
    logging.getLogger("transformers").setLevel(logging.ERROR)
    from sentence_transformers import CrossEncoder
    from transformers import AutoModelForSequenceClassification
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        _, loading = AutoModelForSequenceClassification.from_pretrained(
            str(source), local_files_only=True, output_loading_info=True
        )
        cross_encoder = CrossEncoder(str(source), device="cpu", local_files_only=True, max_length=LONGEST)
    except Exception as error:  # a damaged model fails in many ways; all mean the same to the owner
        raise SettingsError(
            f"ADVISOR_RERANKER={model} cannot be loaded as a cross-encoder: {first_line(error)}"
        ) from error
    if loading["missing_keys"]:
        raise SettingsError(
            f"ADVISOR_RERANKER={model} is no cross-encoder: it has no trained scoring head. Name a model that was "
            "trained to rerank."
        )
    if cross_encoder.num_labels != 1:
        raise SettingsError(
            f"ADVISOR_RERANKER={model} gives {cross_encoder.num_labels} scores, not one; it was not trained to rerank."
        )

    def score(question: str, texts: Sequence[str]) -> Sequence[float]:
        found = cross_encoder.predict([(question, text) for text in texts], show_progress_bar=False)
        return [float(one) for one in found]

    return score
