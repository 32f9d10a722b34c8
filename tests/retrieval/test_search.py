"""Retrieval over a guide of several documents: what is read, in which order, and what a conversation changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from advisor_bot.answers.advisor import Advisor
from advisor_bot.assemble import advisor as assembled
from advisor_bot.documents.load import parse
from advisor_bot.index.publish import publish
from advisor_bot.retrieval.search import MOST_JOINED
from advisor_bot.settings import Settings
from advisor_bot.types import Passage, Turn

APPEAL = "Whoever disagrees with a decision may appeal in writing within thirty days of receiving the letter."
TEXTS = {
    "housing.md": f"""# Rooms on the campus

## Who may apply

Students in their first two years may apply for a room on the campus. Applications open in April.

## What it costs

A single room costs 410 euros a month. A shared room costs 290 euros a month, heating included.

## If you are refused

{APPEAL}

{APPEAL}
""",
    "grants.md": f"""# Grants for students

## Who may apply

Grants go to students whose parents earn little. Applications open in October.

## What is paid

A grant pays 520 euros a month for ten months of the year. It need not be paid back.

## If you are refused

{APPEAL}
""",
    "parking.md": """# Parking permits

## Who may apply

Staff and students with a disability may apply for a permit. Applications are open all year.

## What it costs

A permit costs 30 euros a year for a car. Bicycles park free of charge in the racks behind the library.
""",
}
ROOMS = (
    Turn("user", "Can I get a room on the campus?"),
    Turn("assistant", "Students in their first two years may apply for a room on the campus."),
)
GRANTS = (
    Turn("user", "Who gets a grant?"),
    Turn("assistant", "Grants go to students whose parents earn little."),
)


@pytest.fixture(scope="module")
def advisor(encoders: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Advisor]:
    folder = tmp_path_factory.mktemp("three")
    settings = Settings(index=folder)
    publish(tuple(parse(name, text, markup=True) for name, text in TEXTS.items()), settings)
    built = assembled(settings)
    yield built
    built.versions.close()


def first(advisor: Advisor, question: str, history: tuple[Turn, ...] = ()) -> Passage:
    return advisor.search(question, history)[0]


@pytest.mark.parametrize(
    ("history", "document", "heading"), [(ROOMS, "housing.md", "What it costs"), (GRANTS, "grants.md", "What is paid")]
)
def test_a_follow_up_is_looked_up_in_the_document_talked_about(
    advisor: Advisor, history: tuple[Turn, ...], document: str, heading: str
) -> None:
    found = first(advisor, "How many euros a month is it?", history)
    assert (found.document, found.heading[-1]) == (document, heading)


def test_the_same_words_are_read_where_the_conversation_is(advisor: Advisor) -> None:
    question = "I was refused, what can I do?"
    assert first(advisor, question, GRANTS).document == "grants.md"
    assert first(advisor, question, ROOMS).document == "housing.md"


@pytest.mark.parametrize("history", [ROOMS, GRANTS])
def test_a_change_of_topic_is_not_dragged_back(advisor: Advisor, history: tuple[Turn, ...]) -> None:
    question = "Where can I park my bicycle?"
    assert first(advisor, question, history).document == "parking.md"
    assert [p.id for p in advisor.search(question, history)][:1] == [p.id for p in advisor.search(question)][:1]


def test_a_text_that_stands_twice_is_read_once_a_document_and_found_in_each(advisor: Advisor) -> None:
    found = [p for p in advisor.search("How can I appeal against a decision?") if APPEAL in p.text]
    assert sorted(p.document for p in found) == ["grants.md", "housing.md"]


def test_passages_are_exact_spans_that_do_not_overlap_and_stay_in_one_section(advisor: Advisor) -> None:
    for question in ("What does it cost?", "Who may apply?", "euros", "appeal", "zebra"):
        found = advisor.search(question)
        assert found == sorted(found, key=lambda p: -p.score)
        with advisor.versions.lease() as index:
            for passage in found:
                assert index.documents[passage.document].text[passage.start : passage.end] == passage.text
                parts = [index.chunks[row] for name in passage.chunk_ids if (row := index.row(name)) is not None]
                assert {chunk.heading for chunk in parts} == {passage.heading}
                assert len(parts) == 1 or passage.end - passage.start <= MOST_JOINED
        for one in found:
            assert not any(
                o is not one
                and o.document == one.document
                and o.start < one.end > one.start > o.start
                and one.start < o.end
                for o in found
            )


def test_no_more_than_asked_for_is_returned(advisor: Advisor) -> None:
    assert len(advisor.search("What does it cost?", k=2)) == 2
