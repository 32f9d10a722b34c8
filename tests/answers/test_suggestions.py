"""What is offered to go on with, on the packaged guide: every question offered must lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from advisor_bot.answers.advisor import Advisor
from advisor_bot.answers.suggestions import as_question, next_questions, section_asked_for, section_headed, starters
from advisor_bot.documents.load import parse
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library
from advisor_bot.index.publish import publish
from advisor_bot.models.opening import model_opener
from advisor_bot.settings import Settings
from advisor_bot.types import Answer, Passage, Turn

FIRST = (Path(__file__).parent / "first_questions.txt").read_text(encoding="utf-8").splitlines()
TURNS = 3
LONGEST = 110  # characters of a question on a button


def talk(advisor: Advisor, first: str, which: int) -> Iterator[tuple[Answer, list[Turn]]]:
    """Yield ``TURNS`` answers with what was said until then, following one of the questions offered each time."""
    history: list[Turn] = []
    question = first
    for turn in range(TURNS):
        answer = advisor.ask(question, history)
        history = [*history, Turn("user", question), Turn("assistant", answer.text)]
        yield answer, history
        question = answer.suggestions[(which + turn) % len(answer.suggestions)]


@pytest.mark.parametrize("number", range(len(FIRST)))
def test_every_question_offered_in_a_conversation_is_answered(advisor: Advisor, number: int) -> None:
    for answer, history in talk(advisor, FIRST[number], number):
        assert answer.suggestions
        asked = {turn.text for turn in history if turn.role == "user"}
        for offered in answer.suggestions:
            then = advisor.ask(offered, history)
            assert (offered, then.status) == (offered, "answered")
            assert then.citations
            assert offered not in asked
            assert len(offered) <= LONGEST


def test_the_questions_to_begin_with_are_answered_here_and_on_the_example_pages(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        own = starters(guide)
    pages = Path(__file__).parents[2].glob("examples/**/*.html")
    given = [found for page in pages for found in re.findall(r'data-starters="([^"]+)"', page.read_text("utf-8"))]
    assert len(own) == 6
    assert given
    for question in [*own, *(question for found in given for question in found.split("|"))]:
        assert (question, advisor.ask(question).status) == (question, "answered")


def test_a_question_made_of_a_section_returns_that_section(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        document = next(iter(guide.documents.values()))
        asking = {as_question(s.heading[-1], guide): s for s in document.sections if s.heading and s.blocks}
    assert len(asking) > 40
    for question, section in asking.items():
        first = advisor.ask(question).citations[0]
        assert (question, section.start <= first.start < section.end) == (question, True)


GUIDE = """# Programs

## How much is it?

Tuition is 450 euros a term. Books are 40 euros.

## Vision (VI)

Vision finds things in pictures.

## Kepler and the stars

Kepler measured how planets move. Later, Kepler wrote about the stars. We honour Kepler here.

## Part one

### Fees

One pays nothing.

## Part two

### Fees

One pays a little.
"""


@pytest.fixture(scope="module")
def guide(encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guide]:
    settings = Settings(index=tmp_path_factory.mktemp("suggestions"))
    publish((parse("guide.md", GUIDE, markup=True),), settings)
    library = Library(settings.index_folder, model_opener(settings))
    with library.lease() as opened:
        yield opened
    library.close()


def offered(guide: Guide, quoted: list[Passage], *asked: str) -> list[str]:
    return next_questions(guide, quoted, [], asked)


def test_a_heading_becomes_a_short_question_in_plain_words(guide: Guide) -> None:
    assert offered(guide, []) == [
        "How much is it?",
        "What does the guide say about vision?",
        "What does the guide say about Kepler and the stars?",
    ]


def test_what_was_asked_before_is_not_offered_again(guide: Guide) -> None:
    assert offered(guide, [], "how much is it", "What does the guide say about “Vision (VI)”?") == [
        "What does the guide say about Kepler and the stars?"
    ]


@pytest.mark.parametrize("text", ["How much is it?", "how much is it", "What does the guide say about how much is it?"])
def test_a_heading_that_asks_is_known_as_a_question(guide: Guide, text: str) -> None:
    found = section_headed(text, guide) or section_asked_for(text, guide)
    assert found is not None
    assert found[1].heading[-1] == "How much is it?"


@pytest.mark.parametrize("text", ["Fees?", "Vision?", "How much is it in France?"])
def test_other_questions_are_no_headings(guide: Guide, text: str) -> None:
    assert section_headed(text, guide) is None


def test_the_first_questions_are_forty_and_different() -> None:
    assert len(set(islice(FIRST, 41))) == 40
