"""What is read off a question's words alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor_bot.retrieval.answer_type import looked_for
from advisor_bot.retrieval.question import foreign_language, read_question

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
    assert read_question(asked).chat == chat


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("Compare robotics and vision", "compare"),
        ("what's the difference between A and B?", "compare"),
        ("A or B, whats the diff", "compare"),
        ("can I defer when I am ill", "yes_no"),
        ("applications open when?", "date"),
        ("how much does it cost", "money"),
        ("what percentage of jobs need it", "share"),
        ("when is the deadline", "date"),
        ("who teaches it", "text"),
        ("how old is the founder", "age"),
        ("do you have a phone number for the dean", "contact"),
        ("how late is the library open", "clock"),
        ("how long does it take", "duration"),
        ("how many weeks is that", "duration"),
        ("write how long a letter?", "text"),
        ("which university did she go to", "name"),
        ("name a few bootcamps", "name"),
        ("what % of jobs need it", "share"),
        ("what does the club cost to join", "money"),
        ("whats the maximum i can borrow", "money"),
        ("what is the minimum gpa", "number"),
        ("on which day of the month", "date"),
        ("which insurance company is behind it", "name"),
        ("what do school nurses do all day", "text"),
        ("where is the office", "place"),
        ("where can I find the office hours", "clock"),
        ("which specializations pay best", "list"),
        ("why does that matter", "why"),
        ("is it hard", "yes_no"),
        ("what is federated learning", "definition"),
    ],
)
def test_the_kind_of_thing_asked_for_is_seen(asked: str, wanted: str) -> None:
    assert read_question(asked).wanted == wanted


@pytest.mark.parametrize(
    ("asked", "text", "held"),
    [
        ("how much is the fee", "The fee is €120 a term.", True),
        ("how much is the fee", "The fee is due on 3 May.", False),
        ("how many students get the award", "Forty of 300 students get it.", True),
        ("how many students get the award", "The award pays $2,750 for two years.", False),
        ("how many people share a kitchen", "A shared kitchen is 10 minutes on foot.", False),
        ("what percentage drops out", "Eleven percent left before the end.", True),
        ("what percentage drops out", "In 2023 many left before the end.", False),
        ("what time does it open", "It opens at 9:30.", True),
        ("what time does it open", "It opens on Mondays.", False),
        ("phone number of the office?", "Call 555-0189 before noon.", True),
        ("phone number of the office?", "The office answers 300 calls.", False),
        ("how long does it take", "It takes another two semesters.", True),
        ("when do I hear back", "Answers come in the first week of May.", True),
        ("when do I hear back in 2024", "In 2024 many applied.", False),
        ("which company did she join", "She joined Harrow Labs.", True),
        ("where is the office", "It is on the second floor.", True),
        ("where is the office", "It opens early.", False),
        ("is it hard", "It is hard.", None),
    ],
)
def test_a_text_is_seen_to_hold_the_kind_of_thing_asked_for(asked: str, text: str, held: bool | None) -> None:
    holds = looked_for(asked)
    assert (holds and holds(text)) is held


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_question_can_be_held_against_any_text(asked: str, text: str) -> None:
    holds = looked_for(asked)
    assert holds is None or holds(text) in (True, False)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("ok forget that. do they require the GRE", "do they require the GRE"),
        ("never mind, is it hard to get in?", "is it hard to get in?"),
        ("different question: what does robotics pay", "what does robotics pay"),
        ("On another topic, who can apply?", "who can apply?"),
    ],
)
def test_a_change_of_topic_is_seen_and_is_no_part_of_the_question(asked: str, text: str) -> None:
    question = read_question(asked)
    assert question.changes_topic
    assert question.text == text


def test_a_topic_that_is_only_mentioned_is_no_change_of_topic() -> None:
    assert not read_question("Which topics does robotics cover?").changes_topic


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
    assert len(read_question(asked).parts) == parts


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


@given(st.text(max_size=300))
def test_any_text_is_read_without_an_error(asked: str) -> None:
    question = read_question(asked)
    assert len(question.parts) >= 1
    assert all(part in question.text for part in question.parts)


@pytest.mark.parametrize(
    ("asked", "text", "background"),
    [
        (
            "I am a tech, 29 years old. Which field is connected with medical imaging?",
            "Which field is connected with medical imaging?",
            "I am a tech, 29 years old.",
        ),
        ("My plates were stolen. What can I do?", "My plates were stolen. What can I do?", ""),
        ("Compare NLP and CV. Only pay.", "Compare NLP and CV. Only pay.", ""),
    ],
)
def test_a_story_is_parted_from_a_question_that_can_stand_without_it(asked: str, text: str, background: str) -> None:
    question = read_question(asked)
    assert (question.text, question.background) == (text, background)
