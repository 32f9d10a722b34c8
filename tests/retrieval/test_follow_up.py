"""Conversation -> stand-alone question."""

from __future__ import annotations

import pytest

from advisor_bot.retrieval.follow_up import leans, pointed_out, resolve
from advisor_bot.text import stem
from advisor_bot.types import Turn

WORDS = (
    "robotics vision computer pay cost tuition workload admission requirements technical language career job".split()
)
KNOWN = {stem(word): 2.0 for word in WORDS}


def said(*texts: str) -> list[Turn]:
    return [Turn("user" if place % 2 == 0 else "assistant", text) for place, text in enumerate(texts)]


@pytest.mark.parametrize(
    "question",
    ["why?", "and what about the cost?", "is it too technical for me?", "which of those pays more?", "cost?"],
)
def test_a_question_that_leans_gets_the_topic_it_leans_on(question: str) -> None:
    history = said("Tell me about robotics", "Robotics is applied in many fields.")
    resolved = resolve(question, history, KNOWN.get)
    assert "robotics" in resolved.text.lower()
    assert resolved.question == question


@pytest.mark.parametrize(
    "question",
    [
        "What are the admission requirements for computer vision?",
        "How heavy is the workload in a language career?",
        "new topic: what does tuition in computer vision cost",
    ],
)
def test_a_question_that_stands_alone_is_not_dragged_off_by_its_history(question: str) -> None:
    history = said("Tell me about robotics", "Robotics is applied in many fields.")
    assert resolve(question, history, KNOWN.get).text == question


def test_the_newest_topic_is_carried_when_the_conversation_moved_on() -> None:
    history = said("Tell me about robotics", "…", "What is computer vision?", "…")
    assert "computer vision" in resolve("and the cost?", history, KNOWN.get).text
    assert "robotics" not in resolve("and the cost?", history, KNOWN.get).text


def test_small_talk_does_not_wipe_the_topic() -> None:
    history = said("Tell me about robotics", "…", "thanks!", "You are welcome.")
    assert "robotics" in resolve("and the cost?", history, KNOWN.get).text


def test_without_a_history_nothing_is_carried() -> None:
    assert resolve("why?", [], KNOWN.get).text == "why?"


def test_existential_there_and_clauses_with_that_point_at_nothing() -> None:
    assert not leans("Is there a tuition cost for robotics?", KNOWN.get)
    assert not leans("Which jobs that need computer vision pay well?", KNOWN.get)


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
    assert f"({meant})" in resolve(question, history, KNOWN.get).text


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


def test_words_that_judge_are_not_carried_as_a_topic() -> None:
    history = said("is robotics a good choice", "…")
    assert resolve("and the cost?", history, KNOWN.get).carried == "robotics"


def test_the_same_at_every_place_points_at_nothing() -> None:
    assert not leans("Is tuition the same at every career school?", KNOWN.get)
    assert leans("Is tuition the same?", KNOWN.get)
