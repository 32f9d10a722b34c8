"""Slips of the pen, put right by the guide's words and a dictionary."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.documents.load import parse
from advisor_bot.retrieval.spelling import Spelling, english


def spelling(text: str) -> Spelling:
    return Spelling((parse("g.md", f"# G\n\n{text}", markup=True),), english)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("reinforcment lerning", "reinforcement learning"),
        ("is tehre a visa rule at stanford", "is tehre a visa rule at stanford"),
        ("wht abuot the tution and acomodation", "wht abuot the tuition and accommodation"),
        ("i couldn't and it doesn’t", "i couldn't and it doesn’t"),
        ("is kubernetes or pytorch asked for", "is kubernetes or pytorch asked for"),
    ],
)
def test_slips_are_corrected_and_strange_words_are_left_alone(typed: str, meant: str) -> None:
    assert spelling("Reinforcement learning pays. Tuition and accommodation come on top.").corrected(typed) == meant


def test_the_beginning_of_a_word_of_the_guide_stands_for_it() -> None:
    assert spelling("Accommodation is dear.").corrected("how dear is accomm") == "how dear is accommodation"


def test_real_words_are_no_slips_of_the_guides_words() -> None:
    found = spelling("It is hard to change. She learned to compute.")
    assert found.corrected("i heard any learner has a chance") == "i heard any learner has a chance"
    assert found.corrected("chnage") == "change"


@given(st.text(max_size=60))
def test_any_text_is_corrected_without_an_error_and_keeps_its_figures(text: str) -> None:
    corrected = spelling("Tuition is 400 euros.").corrected(text)
    assert [c for c in corrected if c.isdigit()] == [c for c in text if c.isdigit()]
