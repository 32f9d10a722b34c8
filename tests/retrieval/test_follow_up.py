"""The ways a follow-up may be read: after the latest question, after what that leant on, as an item pointed out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.retrieval.follow_up import LONGEST_BEFORE, asks_for_more, pointed_out, reading
from advisor_bot.types import Turn


def said(*texts: str) -> tuple[Turn, ...]:
    return tuple(Turn("assistant" if place % 2 else "user", text) for place, text in enumerate(texts))


def never(_: str) -> float:
    return 0.0


def always(_: str) -> float:
    return 1.0


def test_a_follow_up_is_read_after_what_was_asked_last() -> None:
    history = said("How much is the pottery course?", "90 euros.", "What about sailing?", "120 euros.")
    assert reading("Where is it?", history, never) == "What about sailing? | Where is it?"


def test_where_the_last_question_leant_on_one_before_it_is_read_after_both() -> None:
    history = said("Who are you?", "…", "How much is the pottery course?", "90 euros.", "And sailing?", "120 euros.")
    assert reading("Where is it?", history, always) == ("How much is the pottery course? | And sailing? | Where is it?")


def test_what_leans_on_what_leans_is_read_after_the_question_that_all_lean_on() -> None:
    history = said(
        "Is sailing taught?", "Yes.", "How much is pottery?", "90 euros.", "And where?", "Hall 2.", "When?", "May."
    )
    leaning = {"And where?": 0.9, "When?": 0.9}
    assert reading("And who teaches it?", history, lambda question: leaning.get(question, 0.1)) == (
        "How much is pottery? | When? | And who teaches it?"
    )


def test_small_talk_between_is_no_topic() -> None:
    history = said("How much is pottery?", "90 euros.", "ok thanks", "You are welcome.")
    assert reading("And where?", history, never) == "How much is pottery? | And where?"


def test_without_a_history_there_is_no_other_way() -> None:
    assert reading("And where?", (), always) == ""


@given(st.lists(st.text(max_size=500), max_size=6), st.text(max_size=50))
def test_what_a_follow_up_is_read_after_is_bounded(earlier: list[str], question: str) -> None:
    if way := reading(question, said(*earlier), always):
        assert way.endswith(question)
        assert len(way) <= 2 * LONGEST_BEFORE + 66 + len(question)


@pytest.mark.parametrize(
    ("question", "more"),
    [("tell me more", True), ("and?", True), ("more about it please", True), ("more about pay", False), ("why", True)],
)
def test_a_question_without_a_word_of_its_own_asks_for_more(question: str, more: bool) -> None:
    assert asks_for_more(question) is more


LISTED = """The guide says:

- Robotics (field): machines that move. [1]
- Computer vision: teaching computers to see. [2]
- Language technology – reading and writing. [3]"""
SERIES = "Three fields are paid best: robotics vision (RV), law, and language technology. Demand drives it. [1]"
TABLE = """Side by side, in the guide’s own words:

|  | Robotics | Computer vision |
| --- | --- | --- |
| Pay | more [1] | less [2] |"""


@pytest.mark.parametrize(
    ("question", "answer", "meant"),
    [
        ("How much does the first one cost?", LISTED, "Robotics"),
        ("is the second one technical?", LISTED, "Computer vision"),
        ("and the last of those?", LISTED, "Language technology"),
        ("what about the 2nd?", LISTED, "Computer vision"),
        ("does the latter pay more?", TABLE, "Computer vision"),
        ("why the former", TABLE, "Robotics"),
        ("what does the second one involve", SERIES, "law"),
        ("job titles for the first?", SERIES, "robotics vision"),
    ],
)
def test_an_ordinal_means_the_item_of_the_last_answer(question: str, answer: str, meant: str) -> None:
    history = said("Which fields are there?", "Robotics is one.", "Which career pays?", answer)
    assert pointed_out(question, history) == meant
    assert reading(question, history, never) == f"{meant} | {question}"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the first step?", LISTED),
        ("How is the second year of robotics?", LISTED),
        ("and the fifth one?", LISTED),
        ("and the second one?", "Robotics is applied in many fields."),
    ],
)
def test_an_ordinal_that_means_no_item_is_left_alone(question: str, answer: str) -> None:
    assert pointed_out(question, said("Tell me about robotics", answer)) == ""
