"""What is read off a question's words alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.retrieval.question import clean_question, foreign_language, parts_of, small_talk

LANGUAGES = ("es", "fr", "de", "it", "pt", "nl", "zh", "ja", "ru", "ar", "hi", "id", "tr")


@pytest.mark.parametrize(
    ("asked", "chat"),
    [
        ("hi", "greeting"),
        ("heyyy!!", "greeting"),
        ("Good morning", "greeting"),
        ("how are you?", "greeting"),
        ("thx so much you saved me", "thanks"),
        ("ok cool", "thanks"),
        ("ok bye", "bye"),
        ("r u a bot", "who"),
        ("Who are you?", "who"),
        ("what can u help with?", "how"),
        ("hi, which one pays best?", ""),
        ("thanks, but what about the cost?", ""),
        ("thx. is financial aid the same everywhere", ""),
        ("thanks so much for that", "thanks"),
        ("who is Julian", ""),
        ("hello world programs: what are they", ""),
    ],
)
def test_small_talk_is_told_from_questions(asked: str, chat: str) -> None:
    assert small_talk(asked) == chat


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        ("how much does it cost and how long does it take?", 2),
        ("What is it? Is it hard?", 2),
        ("pay and workload of robotics", 1),
        ("research and development jobs", 1),
    ],
)
def test_two_questions_in_one_are_parted(asked: str, parts: int) -> None:
    assert len(parts_of(asked)) == parts


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("¿Cuánto gana un ingeniero?", "es"),
        ("Welche Spezialisierung ist am besten bezahlt?", "de"),
        ("机器学习硕士哪个专业好?", "zh"),
        ("какая специализация лучше", "ru"),
        ("wat is da best specializashun 4 me", ""),
        ("salary?", ""),
        ("12345 !!!", ""),
        ("🙂🙂", ""),
    ],
)
def test_another_language_is_named_and_bad_english_is_not_one(asked: str, code: str) -> None:
    assert foreign_language(asked, lambda term: term in {"best", "salari"}, LANGUAGES) == code


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(asked: str) -> None:
    small_talk(asked)
    foreign_language(asked, lambda _: False, LANGUAGES)
    assert all(part in asked for part in parts_of(asked))


def test_control_characters_and_white_space_are_folded() -> None:
    assert clean_question("a\x00b\n\n c", 100) == "a b c"
