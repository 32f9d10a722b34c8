"""What is quoted: the sentence that answers first, whole; then what belongs to it; lists and sections as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small import Made

from advisor_bot.answers.cite import Line, cite
from advisor_bot.answers.quote import body, spans_of, whole
from advisor_bot.answers.sections import list_items, section_lines
from advisor_bot.documents.load import parse
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library
from advisor_bot.index.publish import publish
from advisor_bot.models.opening import model_opener
from advisor_bot.retrieval.evidence import Sentence
from advisor_bot.retrieval.search import as_passage
from advisor_bot.settings import Settings


def said(lines: list[Line], guide: Guide) -> list[tuple[str, str]]:
    return [(segment.kind, segment.text) for segment in cite(lines, guide.documents).segments]


@pytest.mark.parametrize(
    ("scored", "expected"),
    [
        ([("Tuition", 5.0)], ["Tuition is 450 euros a term."]),
        ([("Grants", 5.0), ("Tuition", 4.8)], ["Grants cover a half of it.", "Tuition is 450 euros a term."]),
        ([("Tuition", 5.0), ("Grants", 4.9)], ["Tuition is 450 euros a term.", "Grants cover a half of it."]),
        ([("Tuition", 5.0), ("Grants", -3.0)], ["Tuition is 450 euros a term."]),
    ],
    ids=["one", "the answer first, though it stands later", "then the guide's order", "no padding"],
)
def test_the_sentence_that_answers_comes_first_and_only_what_belongs_to_it_follows(
    made: Made, guide: Guide, scored: list[tuple[str, float]], expected: list[str]
) -> None:
    assert [text for _, text in said(body(made("How much is it?", *scored), guide), guide)] == expected


def test_a_sentence_brings_along_what_it_leans_on(made: Made, guide: Guide) -> None:
    (due,) = made("When?", ("It is due", 5.0)).sentences
    span = whole(due, guide)
    text = guide.documents["guide.md"].text[span.start : span.end]
    assert text == "Tuition is 450 euros a term. It is due in October."


def test_a_figure_brings_along_its_source_and_the_label_of_its_item(made: Made, guide: Guide) -> None:
    (rose,) = made("How much?", ("They rose", 5.0)).sentences
    span = whole(rose, guide)
    text = guide.documents["guide.md"].text[span.start : span.end]
    assert text == "**Vision.** It is taught online. A survey of 2024 counted its jobs. They rose by 12%."


def test_sentences_that_touch_are_quoted_as_one(made: Made, guide: Guide) -> None:
    spans = spans_of(made("?", ("Tuition", 5.0), ("It is due", 4.9)).sentences, guide)
    assert len(spans) == 1


def test_sections_are_told_apart_by_their_headings(made: Made, guide: Guide) -> None:
    lines = body(made("?", ("Tuition", 5.0), ("Others", 4.9)), guide)
    assert said(lines, guide) == [
        ("heading", "Money"),
        ("paragraph", "Tuition is 450 euros a term."),
        ("heading", "Getting in"),
        ("paragraph", "Datawright applicants send two letters. Others send a transcript."),
    ]


def test_a_list_answers_where_its_introduction_does(made: Made, guide: Guide) -> None:
    lines = said(body(made("Which tracks are there?", ("Three tracks", 5.0)), guide), guide)
    assert lines[0] == ("paragraph", "Three tracks can be chosen:")
    assert [text.split(".")[0] for kind, text in lines if kind == "item"] == ["Robotics", "Vision", "Ethics"]


def test_a_list_answers_where_three_of_its_items_do(made: Made, guide: Guide) -> None:
    evidence = made("How is it taught?", ("Robotics", 5.0), ("Vision", 4.0), ("Ethics", 3.0))
    assert [kind for kind, _ in said(body(evidence, guide), guide)] == ["item", "item", "item"]


def test_nothing_to_show_gives_nothing(made: Made, guide: Guide) -> None:
    assert body(made("?", answered=0.0, helped=0.0), guide) == []


def test_a_section_is_given_as_it_stands(guide: Guide) -> None:
    (section,) = (s for s in guide.documents["guide.md"].sections if s.heading[-1] == "Money")
    texts = [text for _, text in said(section_lines("guide.md", section, guide), guide)]
    assert texts == ["Tuition is 450 euros a term.", "It is due in October.", "Grants cover a half of it."]


@pytest.fixture
def listed(encoders: Path, tmp_path: Path) -> Iterator[Guide]:
    text = (
        "# Guide\n\n## Pros\n\nThese speak for it:\n\n- It pays well.\n- It is done from home.\n- Many need it.\n\n"
        "## Cons\n\n- It is hard.\n- It is long.\n- It is lonely.\n"
    )
    settings = Settings(index=tmp_path)
    publish((parse("guide.md", text, markup=True),), settings)
    library = Library(settings.index_folder, model_opener(settings))
    with library.lease() as opened:
        yield opened
    library.close()


def test_a_list_ends_where_its_section_ends(listed: Guide) -> None:
    number = next(n for n in range(len(listed.sentence_rows)) if listed.words_of(n).startswith("These speak"))
    passage = as_passage([listed.chunk_of(number)], 1.0, listed)
    best = Sentence(number, passage, *listed.span_of(number), listed.words_of(number), 5.0, 5.0)
    assert [text for _, text in said(list_items([best], listed), listed)] == [
        "These speak for it:",
        "It pays well.",
        "It is done from home.",
        "Many need it.",
    ]


def test_in_a_section_each_item_stands_by_itself(listed: Guide) -> None:
    (document,) = listed.documents.values()
    pros = next(section for section in document.sections if section.heading[-1:] == ("Pros",))
    assert [kind for kind, _ in said(section_lines(document.name, pros, listed), listed)] == [
        "paragraph",
        "item",
        "item",
        "item",
    ]
