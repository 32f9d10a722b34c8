"""Questions that compare: which sides they name, and by what."""

from __future__ import annotations

import pytest

from advisor_bot.answers.comparison import read_comparison
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
