"""A model that writes in its own words: what is borne out is shown with its quotes, the rest leaves no holes."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_writer import GRE, LETTERS, Asked, ask, choose

from advisor_bot.answers import phrases
from advisor_bot.answers.advisor import Advisor
from advisor_bot.llm.own_words import Stated, without_holes
from advisor_bot.text import leans_back

OWN = {"model_style": "own-words"}
TRUE = f"WRITE: [{{{GRE}}}] Many programs no longer want the GRE."
SECOND = f"WRITE: [{{{LETTERS}}}] Letters are read as well."


def judge(*verdicts: str) -> str:
    """Return what a second reading says of sentences in their order."""
    return "\n".join(f"{place}. {verdict}" for place, verdict in enumerate(verdicts, 1))


def paragraphs(asked: Asked) -> list[str]:
    return [segment.text for segment in asked.answer.segments if segment.kind == "paragraph"]


def own(advisor: Advisor, *replies: str | Callable[[str], str]) -> Asked:
    return ask(advisor, *replies, check_words=False, **OWN)


def test_sentences_borne_out_stand_with_their_quotes_and_a_note(advisor: Advisor) -> None:
    asked = own(advisor, choose("STATUS: answered", TRUE, SECOND), judge("supported", "supported"))
    assert asked.answer.status == "answered"
    assert paragraphs(asked) == ["Many programs no longer want the GRE.", "Letters are read as well."]
    assert GRE in asked.quotes[0]
    assert asked.notes == [phrases.OWN_WORDS]


@pytest.mark.parametrize("verdict", ["partly", "not", "I am not sure", ""])
def test_what_is_not_supported_twice_is_left_out(advisor: Advisor, verdict: str) -> None:
    said = choose("STATUS: answered", TRUE, SECOND)
    asked = own(advisor, said, judge("supported", verdict), "1. Letters count.", judge(verdict))
    assert paragraphs(asked) == ["Many programs no longer want the GRE."]


def test_what_is_mended_is_shown_as_mended(advisor: Advisor) -> None:
    said = choose("STATUS: answered", TRUE, SECOND)
    asked = own(advisor, said, judge("supported", "partly"), "1. Letters of recommendation count.", judge("supported"))
    assert paragraphs(asked)[1] == "Letters of recommendation count."


@pytest.mark.parametrize(
    "false", ["About 340 programs want the GRE.", "Programs such as Harvard want it.", "The GRE costs 205 dollars."]
)
def test_figures_and_names_that_the_quotes_lack_need_no_second_reading(advisor: Advisor, false: str) -> None:
    said = choose("STATUS: answered", SECOND, f"WRITE: [{{{GRE}}}] {false}")
    asked = own(advisor, said, judge("supported", "supported"), f"1. {false}", judge("supported", "supported"))
    assert paragraphs(asked) == ["Letters are read as well."]


def test_where_nothing_is_borne_out_the_quotes_take_over(advisor: Advisor) -> None:
    asked = own(advisor, choose("STATUS: answered", TRUE), judge("not"), "1. The GRE is dead.", judge("not"))
    assert asked.answer.writer == "quotes"
    assert "not borne out" in asked.notes[-1]


def test_a_model_that_falls_silent_at_the_second_reading_leaves_the_quotes(advisor: Advisor) -> None:
    asked = own(advisor, choose("STATUS: answered", TRUE), "", "", "")
    assert asked.answer.writer == "quotes"


def test_the_second_reading_sees_no_conversation(advisor: Advisor) -> None:
    seen: list[str] = []

    def reader(prompt: str) -> str:
        seen.append(prompt)
        return judge("supported")

    own(advisor, choose("STATUS: answered", TRUE), reader)
    assert "Do I need the GRE?" not in seen[0]
    assert "Quotes:" in seen[0]


STATED = st.builds(
    Stated,
    st.sampled_from(["Costs are low.", "It is due in May.", "However, it is hard.", "They pay well.", "Vision pays."]),
    st.sampled_from([(1,), (2, 3)]),
) | st.builds(Stated, st.sampled_from(["For it", "Against it"]))


@settings(max_examples=300)
@given(st.lists(STATED, max_size=8), st.integers(0, 2**16))
def test_no_subset_of_sentences_leaves_a_hole(answer: list[Stated], seed: int) -> None:
    chance = random.Random(seed)
    right = {one for one in answer if one.numbers and chance.random() < 0.6}
    shown = without_holes(answer, right)
    assert all(one in right for one in shown if one.numbers)
    for place, one in enumerate(shown):
        before = shown[place - 1] if place else None
        if one.numbers and leans_back(one.text):
            assert before is not None
            assert before.numbers
            assert answer.index(before) < len(answer)
        if not one.numbers:
            assert shown[place + 1].numbers


def test_prose_without_numbers_is_not_shown(advisor: Advisor) -> None:
    asked = own(advisor, "The GRE is required everywhere and costs 205 dollars.")
    assert asked.answer.writer == "quotes"
    assert not re.search("205", asked.answer.text)
