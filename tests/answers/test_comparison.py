"""Questions that compare: which sides they name, and by what."""

from __future__ import annotations

import pytest
from small import Made

from advisor_bot.answers.advisor import Advisor
from advisor_bot.answers.comparison import NOTHING, Comparison, continued, lookups, read_comparison, table
from advisor_bot.answers.stages import Draft
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.topics import Topics
from advisor_bot.types import Chunk


@pytest.fixture(scope="module")
def topics() -> Topics:
    """Return topics: two fields, three formats under one heading, and one of these alone."""

    def chunk(heading: str, label: str = "") -> Chunk:
        return Chunk(heading, "guide.md", ("Guide", heading), 0, 1, "x", ((0, 1),), label=label)

    headings = ("Edge AI and embedded systems", "Computer vision", "Online, hybrid, and part-time formats")
    headings = (*headings, "Oncology and palliative care")
    return Topics((), (*map(chunk, headings), chunk(headings[2], "Hybrid")), {})


@pytest.mark.parametrize(
    ("asked", "sides", "facets"),
    [
        ("edge AI or generative AI??? compare pls", ("Edge AI and embedded systems", "generative AI"), ()),
        (
            "computer vision or edge AI, whats the difference for jobs",
            ("Computer vision", "Edge AI and embedded systems"),
            ("jobs",),
        ),
        (
            "who's paid what: law vs computer vision",
            ("law", "Computer vision"),
            ("who's paid what",),
        ),
        ("online or hybrid, pros and cons", ("online", "hybrid"), ()),
        ("difference between oncology and palliative?", ("oncology", "palliative"), ()),
        ("compare online and hybrid on cost and workload", ("online", "hybrid"), ("cost", "workload")),
        ("law vs something like medicine, which lasts longer", ("law", "medicine"), ("which lasts longer",)),
        ("whats the diff between law and medicine in terms of pay", ("law", "medicine"), ("pay",)),
    ],
)
def test_the_sides_and_what_they_are_compared_by_are_read(
    asked: str, sides: tuple[str, ...], facets: tuple[str, ...], topics: Topics
) -> None:
    found = read_comparison(asked, topics)
    assert found is not None
    assert (found.sides, found.facets) == (sides, facets)


@pytest.mark.parametrize("asked", ["should I buy law books or medicine books", "is it 12 or 13", "compare it"])
def test_an_or_alone_makes_no_comparison(asked: str, topics: Topics) -> None:
    assert read_comparison(asked, topics) is None


# --- the table ---------------------------------------------------------------------------------------------------


def rows(draft: Draft) -> list[list[str]]:
    return [["quoted" if cell.quotes else cell.text for cell in line.cells] for line in draft.lines if line.cells]


def test_every_side_asked_for_appears_also_where_the_guide_does_not_speak_of_it(made: Made, guide: Guide) -> None:
    compared = Comparison(("Robotics", "Law"), ("teaching",))
    hall = made("Robotics: teaching?", ("Robotics", 3.0))
    found = table(compared, {("", "Robotics"): hall, ("teaching", "Robotics"): hall}, guide)
    assert rows(found) == [[" ", "Robotics", "Law"], ["teaching", "quoted", NOTHING]]
    assert found.status == "partial"


def test_a_cell_takes_no_sentence_whose_subject_is_another_side(made: Made, guide: Guide) -> None:
    compared = Comparison(("Robotics", "Vision"), ("pay",))
    wrong = made("Vision: pay?", ("Pay is good", 3.0))  # it stands under Robotics
    about = made("What does the guide say about Vision?", ("Vision", 3.0))
    found = table(compared, {("", "Vision"): about, ("pay", "Vision"): wrong}, guide)
    assert found.status == "not_covered"


def test_what_is_read_for_the_question_as_a_whole_is_no_row(made: Made, guide: Guide) -> None:
    compared = Comparison(("Robotics", "Vision"), ("teaching",), doubtful=True)
    hall, online = made("Robotics: teaching?", ("Robotics", 3.0)), made("Vision: teaching?", ("Vision", 3.0))
    about = {("", "Robotics"): hall, ("", "Vision"): online}
    cells = {("teaching", "Robotics"): hall, ("teaching", "Vision"): online}
    found = table(compared, about | cells | {("alone", ""): hall}, guide)
    assert rows(found) == [[" ", "Robotics", "Vision"], ["teaching", "quoted", "quoted"]]
    assert found.status == "answered"


def test_a_side_with_an_item_of_its_own_does_not_speak_by_the_items_beside_it(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        found = {one.name: one for one in lookups(Comparison(("Hybrid", "Part-time"), ()), guide)}
        hybrid = [guide.words_of(number) for number in found["", "Hybrid"].numbers.tolist()]
    assert any(words.startswith("Hybrid.") for words in hybrid)
    assert not any(words.startswith("Part-time") for words in hybrid)


def test_where_no_facet_is_asked_for_the_sections_are_the_rows(guide: Guide) -> None:
    names = [one.name for one in lookups(Comparison(("Robotics", "Vision"), ()), guide)]
    assert names == [("", "Robotics"), ("Tracks", "Robotics"), ("", "Vision"), ("Tracks", "Vision")]


def test_sides_the_guide_never_names_give_no_table(guide: Guide) -> None:
    assert lookups(Comparison(("sailing", "pottery"), ()), guide) == []


def test_a_comparison_is_widened_narrowed_and_left_again(topics: Topics) -> None:
    before = ["compare computer vision and edge AI"]
    wider = continued("add oncology", before, topics)
    assert wider is not None
    assert wider.sides == ("Computer vision", "Edge AI and embedded systems", "Oncology and palliative care")
    facets = continued("only pay and workload", before, topics)
    assert facets is not None
    assert facets.facets == ("pay", "workload")
    assert continued("what about the weather", before, topics) is None
    assert continued("add oncology", ["what does it cost"], topics) is None
