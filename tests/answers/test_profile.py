"""Which option fits: ranked by the guide's own words, every one of them quoted; comparisons widened and narrowed."""

from __future__ import annotations

import pytest

from advisor_bot.answers.chain import Advisor
from advisor_bot.answers.cite import violations
from advisor_bot.answers.comparison import NOTHING
from advisor_bot.answers.profile import Profile, asks_for_fit, options
from advisor_bot.types import Answer, Turn


def table(answer: Answer) -> list[list[str]]:
    return [[cell.text for cell in segment.cells or ()] for segment in answer.segments if segment.kind == "row"]


@pytest.mark.parametrize(
    ("profile", "first"),
    [
        (Profile("graphic designer, artist", "make art and music with AI"), "Generative models"),
        (Profile("robotics hobbyist", "build robots"), "Reinforcement learning"),
        (Profile("database administrator", "big data pipelines"), "Data engineering"),
        (Profile("linguistics and translation", "chatbots and language"), "Natural language processing"),
        (Profile("supply chain planner", "better schedules and routes"), "Optimization"),
    ],
    ids=lambda value: value.background if isinstance(value, Profile) else value,
)
def test_the_option_the_guide_speaks_of_in_the_students_words_comes_first(
    advisor: Advisor, profile: Profile, first: str
) -> None:
    assert table(advisor.ask("Which one fits me?", profile=profile))[1][0].startswith(first)


def test_every_word_about_an_option_is_a_quote_and_a_gap_is_said(advisor: Advisor) -> None:
    answer = advisor.ask(
        "Which one fits me?", profile=Profile("nurse", "better diagnosis", "part time", "math and cost")
    )
    with advisor.versions.lease() as index:
        assert violations(answer, index.documents) == []
    for segment in answer.segments:
        for cell in (segment.cells or ())[1:]:
            assert cell.citations or cell.text in (NOTHING, *table(answer)[0])


def test_the_answer_says_how_it_ranked_and_what_would_change_that(advisor: Advisor) -> None:
    answer = advisor.ask("Which one fits me?", profile=Profile("graphic designer", "big data pipelines"))
    assert answer.segments[0].text.startswith("Ranked by how near the guide’s words")
    assert "would" in answer.segments[-1].text


def test_without_a_profile_the_question_is_answered_like_any_other(advisor: Advisor) -> None:
    assert advisor.ask("Which one fits me?").segments[0].kind == "lead"
    assert table(advisor.ask("Which one fits me?")) == []


def test_the_options_are_the_guides_ten_specializations(advisor: Advisor) -> None:
    with advisor.versions.lease() as index:
        found = [option.name for option in options(index)]
    assert len(found) == 10
    assert "Computer vision" in found


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Which one fits me?", True),
        ("what specialization should I choose", True),
        ("Which is the right one for me?", True),
        ("Make me a shortlist", True),
        ("Which specializations pay the most?", False),
        ("Does computer vision fit into healthcare?", False),
    ],
)
def test_a_question_of_fit_is_recognized(text: str, asks: bool) -> None:
    assert asks_for_fit(text) is asks


def test_a_comparison_is_widened_narrowed_and_left_again(advisor: Advisor) -> None:
    history: list[Turn] = []

    def ask(text: str) -> list[list[str]]:
        answer = advisor.ask(text, history)
        history.extend([Turn("user", text), Turn("assistant", answer.text)])
        return table(answer)

    assert len(ask("Compare NLP and computer vision")[0]) == 3
    assert len(ask("add reinforcement learning")[0]) == 4
    narrowed = ask("only pay and workload")
    assert [row[0] for row in narrowed[1:]] == ["pay", "workload"]
    assert len(ask("without NLP")[0]) == 3
    assert ask("What does a master's cost?") == []


def test_add_means_nothing_where_no_comparison_stands_before(advisor: Advisor) -> None:
    assert table(advisor.ask("add MLOps", [Turn("user", "hello"), Turn("assistant", "Hello!")])) == []
