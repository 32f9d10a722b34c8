"""Slips of the pen and shorthand, put right by the guide's words and a dictionary."""

from __future__ import annotations

import pytest

from advisor_bot.documents.load import parse
from advisor_bot.retrieval.spelling import Spelling


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("wich one pays best", "which one pays best"),
        ("reinforcment lerning", "reinforcement learning"),
        ("is tehre a visa rule at stanford", "is there a visa rule at stanford"),
    ],
)
def test_slips_are_corrected_and_strange_words_are_left_alone(typed: str, meant: str) -> None:
    document = parse("g.md", "# G\n\nReinforcement learning pays best. One rule is via practice.", markup=True)
    assert Spelling((document,)).corrected(typed) == meant


def test_shorthand_is_written_out_unless_the_guide_uses_it() -> None:
    document = parse("guide.md", "# Study\n\nIt takes ten hrs of reading.", markup=True)
    corrected = Spelling((document,)).corrected("how many hrs a wk do ppl read, what $$$")
    assert corrected == "how many hrs a week do people read, what money"


def test_the_beginning_of_a_word_of_the_guide_stands_for_it() -> None:
    document = parse("guide.md", "# Study\n\nAdministrative skills help you admit students.", markup=True)
    spelling = Spelling((document,), {"students": 1})
    assert spelling.corrected("do admin skills help studnets") == "do administrative skills help students"


def test_real_words_are_no_slips_of_the_guides_words() -> None:
    document = parse("guide.md", "# Study\n\nIt is hard to change. She learned to compute.", markup=True)
    words = {"heard": 1, "chance": 2, "learn": 3, "hard": 4, "change": 5, "classes": 6}
    spelling = Spelling((document,), words)
    assert spelling.corrected("i heard any learner has a chance") == "i heard any learner has a chance"
    assert spelling.corrected("chnage clases") == "change classes"
