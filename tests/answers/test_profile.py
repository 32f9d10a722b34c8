"""Which option fits me? What the guide says to people like the student, in its own words, and no ranking."""

from __future__ import annotations

import pytest
from small import Made

from advisor_bot.answers.advisor import Advisor
from advisor_bot.answers.cite import violations
from advisor_bot.answers.profile import LEAD, MORE, asks_for_fit, draft
from advisor_bot.index.guide import Guide
from advisor_bot.types import Profile


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Which one fits me?", True),
        ("what should i choose", True),
        ("give me a shortlist", True),
        ("which is best for me with two kids", True),
        ("which specialization pays best", False),
        ("what is reinforcement learning", False),
        ("does my school matter", False),
    ],
)
def test_a_question_of_fit_is_recognized(text: str, asks: bool) -> None:
    assert asks_for_fit(text) is asks


def test_what_helps_for_each_thing_told_is_quoted_once_in_the_guides_order(made: Made, guide: Guide) -> None:
    evening = made("I work days. Which fits me?", ("Ethics", 3.0), answered=0.0)
    money = made("Money is short. Which fits me?", ("Grants", 3.0), ("Ethics", 2.9), answered=0.0)
    profile = Profile(background="I work days", worries="money")
    found = draft({("background", ""): evening, ("worries", ""): money}, profile, guide)
    assert found.status == "partial"
    assert [line.kind for line in found.lines] == ["lead", "heading", "paragraph", "heading", "paragraph", "note"]
    assert found.lines[0].text == LEAD
    assert found.lines[-1].text == MORE.format("what you would like to do and how much time you have")


def test_a_student_who_told_everything_is_asked_nothing(made: Made, guide: Guide) -> None:
    evening = made("I work days. Which fits me?", ("Ethics", 3.0), answered=0.0)
    profile = Profile("days", "ethics", "evenings", "money")
    assert [line.kind for line in draft({("time", ""): evening}, profile, guide).lines] == ["lead", "paragraph"]


def test_where_nothing_bears_on_what_was_told_nothing_is_said(made: Made, guide: Guide) -> None:
    found = draft({("aims", ""): made("?", ("Ethics", -9.0), answered=0.0, helped=0.0)}, Profile(aims="sail"), guide)
    assert (found.status, found.lines) == ("not_covered", ())


def test_on_the_projects_guide_every_word_is_a_quote_and_no_option_is_ranked(advisor: Advisor) -> None:
    profile = Profile("nurse, no programming", "better diagnosis", "part time", "math and cost")
    answer = advisor.ask("Which one fits me?", profile=profile)
    with advisor.versions.lease() as guide:
        assert violations(answer, guide.documents) == []
    assert not any(segment.cells for segment in answer.segments)
    assert answer.segments[0].text == LEAD
    assert answer.citations


def test_without_a_profile_the_student_is_asked_for_one(advisor: Advisor) -> None:
    answer = advisor.ask("Which one fits me?")
    assert answer.status == "not_covered" or any("Tell me what you have done" in s.text for s in answer.segments)
