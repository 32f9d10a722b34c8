"""What is read and what it amounts to: limits, names and figures that an answer must hold."""

from __future__ import annotations

import numpy as np
import pytest
from small import Made

from advisor_bot.index.guide import Guide
from advisor_bot.models.opening import card
from advisor_bot.retrieval.evidence import Lookup, exact, read
from advisor_bot.retrieval.search import make_query


@pytest.mark.parametrize(
    ("answered", "helped", "status"),
    [(0.99, 0.99, "answered"), (0.0, 0.99, "partial"), (0.0, 0.0, "not_covered")],
)
def test_the_probabilities_give_the_status(made: Made, answered: float, helped: float, status: str) -> None:
    assert made("?", ("Tuition", 1.0), answered=answered, helped=helped).status == status


def test_without_a_sentence_nothing_is_covered_however_sure_the_reader(made: Made) -> None:
    assert made("?", answered=1.0, helped=1.0).status == "not_covered"


def test_at_most_three_sentences_are_shown_and_none_far_below_the_best(made: Made) -> None:
    far = 5.0 - card()["limits"]["margin"] - 0.1
    evidence = made("?", ("Tuition", 5.0), ("It is due", 4.9), ("Grants", 4.8), ("Others", 4.7), ("Datawright", far))
    assert [one.text[:7] for one in evidence.best] == ["Tuition", "It is d", "Grants "]
    assert [one.text[:7] for one in made("?", ("Tuition", 5.0), ("Datawright", far)).best] == ["Tuition"]


def test_a_name_of_the_guide_that_is_asked_for_must_stand_in_the_answer(made: Made, guide: Guide) -> None:
    question = "what do datawright people send"
    first = exact(made(question, ("Robotics", 5.0), ("Datawright", 4.9)), guide)
    assert first.status == "answered"
    assert first.sentences[0].text.startswith("Datawright")
    assert exact(made(question, ("Tuition", 5.0)), guide).status == "partial"


@pytest.mark.parametrize(
    ("question", "status"),
    [("do robotics people move | what do datawright people send", "answered"),
     ("what do datawright people send | and Robotics people", "partial"),
     ("what do datawright people send | and what else", "answered")],
)  # fmt: skip
def test_after_other_questions_the_last_name_counts(made: Made, guide: Guide, question: str, status: str) -> None:
    assert exact(made(question, ("Datawright", 5.0)), guide).status == status


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ("did jobs rise by 12%", "answered"),
        ("did jobs rise by 40%", "partial"),
        ("did jobs rise by 2%", "partial"),
        ("i am 43, did jobs rise", "answered"),
    ],
)
def test_a_figure_that_is_asked_for_must_stand_in_the_answer(
    made: Made, guide: Guide, question: str, status: str
) -> None:
    assert exact(made(question, ("They rose", 5.0)), guide).status == status


def test_every_sentence_is_read_once_with_its_passage(guide: Guide) -> None:
    numbers = np.arange(len(guide.sentence_rows))
    evidence = read(Lookup(("alone", ""), make_query("How much is tuition?", guide), (), numbers), guide)
    assert sorted(one.number for one in evidence.sentences) == numbers.tolist()
    for one in evidence.sentences:
        assert one.passage.start <= one.start < one.end <= one.passage.end
    assert [one.answers for one in evidence.sentences] == sorted(
        (one.answers for one in evidence.sentences), reverse=True
    )
