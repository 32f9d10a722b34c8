"""A small guide to answer from, and evidence made by hand: what the reader would say is said by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from advisor_bot.documents.load import parse
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library
from advisor_bot.index.publish import publish
from advisor_bot.models.opening import model_opener
from advisor_bot.retrieval.evidence import Evidence, Sentence
from advisor_bot.retrieval.search import as_passage, make_query
from advisor_bot.settings import Settings

TEXT = """# Studying at Harrow

## Tracks

Three tracks can be chosen:

- **Robotics.** It is taught in the hall. Pay is good.
- **Vision.** It is taught online. A survey of 2024 counted its jobs. They rose by 12%.
- **Ethics.** It is taught in the evening.

## Money

Tuition is 450 euros a term. It is due in October. Grants cover a half of it.

## Getting in

Datawright applicants send two letters. Others send a transcript.
"""


@pytest.fixture(scope="session")
def guide(encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guide]:
    settings = Settings(index=tmp_path_factory.mktemp("small"))
    publish((parse("guide.md", TEXT, markup=True),), settings)
    library = Library(settings.index_folder, model_opener(settings))
    with library.lease() as opened:
        yield opened
    library.close()


Made = Callable[..., Evidence]


@pytest.fixture(scope="session")
def made(guide: Guide) -> Made:
    """Return a function that makes evidence: pairs of a sentence's beginning and its score, and the probabilities."""

    def make(question: str, *scored: tuple[str, float], answered: float = 0.9, helped: float = 0.9) -> Evidence:
        found = []
        for beginning, score in scored:
            (number,) = [n for n in range(len(guide.sentence_rows)) if guide.words_of(n).startswith(beginning)]
            passage = as_passage([guide.chunk_of(number)], 1.0, guide)
            found.append(Sentence(number, passage, *guide.span_of(number), guide.words_of(number), score, score))
        found.sort(key=lambda one: -one.answers)
        return Evidence(make_query(question, guide), (), tuple(found), answered, helped)

    return make
