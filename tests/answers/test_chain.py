"""The chain step by step: its names in their order, what passes between them, the kind of answer settled first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler

from advisor_bot.answers.chain import Asked, Planned, Read, Retrieved, Steps, Understood
from advisor_bot.answers.cite import Line, Quote
from advisor_bot.answers.stages import Brief, Ending
from advisor_bot.answers.suggestions import Offers
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.search import as_passage
from advisor_bot.settings import Settings
from advisor_bot.types import NOBODY, Profile, Turn


class NoOffers(Offers):
    """Offers nothing, so that a chain needs no library."""

    def __init__(self) -> None:
        pass

    def answerable(self, questions: Sequence[str], guide: Guide) -> list[str]:
        return []


@pytest.fixture
def steps() -> Steps:
    return Steps(Settings(contact="Ada Byron <ada@school.example>"), NoOffers())


def asked(text: str, guide: Guide, history: tuple[Turn, ...] = (), profile: Profile = NOBODY) -> Asked:
    return Asked(text, history, profile, guide)


class Trace(BaseCallbackHandler):
    """Notes the name of every step as it begins, and what it gives."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.given: list[Any] = []

    def on_chain_start(self, serialized: Any, inputs: Any, *, name: str | None = None, **_: Any) -> None:
        self.names.append(name or "")

    def on_chain_end(self, outputs: Any, **_: Any) -> None:
        self.given.append(outputs)


def test_a_trace_reads_the_steps_by_name_and_what_passed_between_them(steps: Steps, guide: Guide) -> None:
    trace = Trace()
    answer = steps.chain().invoke(asked("How much is tuition?", guide), {"callbacks": [trace]})["answer"]
    assert trace.names == ["advisor", "understand", "retrieve", "read", "plan", "write", "cite"]
    assert [type(one) for one in trace.given[:4]] == [Understood, Retrieved, Read, Planned]
    assert answer.question == "How much is tuition?"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hi there", "small talk"),
        ("How much is tuition?", "quotes"),
        ("compare robotics and vision", "comparison"),
        ("What does the guide say about “Money”?", "section"),
        ("what does the guide say about money", "section"),
        ("¿Cuánto cuesta la matrícula por semestre?", "foreign"),
    ],
)
def test_the_kind_of_answer_is_settled_before_anything_is_looked_up(
    steps: Steps, guide: Guide, text: str, kind: str
) -> None:
    assert steps.understand(asked(text, guide)).kind == kind


def test_which_fits_me_is_answered_from_what_the_student_told(steps: Steps, guide: Guide) -> None:
    nurse = Profile(background="I work evenings")
    assert steps.understand(asked("Which one fits me?", guide, profile=nurse)).kind == "profile"
    assert steps.understand(asked("Which one fits me?", guide)).kind == "quotes"


@pytest.mark.parametrize("text", ["hi there", "What does the guide say about “Money”?"])
def test_nothing_is_looked_up_in_vain(steps: Steps, guide: Guide, text: str) -> None:
    assert steps.retrieve(steps.understand(asked(text, guide))).lookups == ()


def test_two_questions_in_one_breath_are_read_together_and_apart(steps: Steps, guide: Guide) -> None:
    retrieved = steps.retrieve(steps.understand(asked("When is it due and how much is tuition?", guide)))
    assert [name for (name, _), *_ in ((one.name,) for one in retrieved.lookups)] == ["alone", "part 0", "part 1"]


def test_a_section_asked_for_by_its_name_is_returned(steps: Steps, guide: Guide) -> None:
    answer = steps.chain().invoke(asked("What does the guide say about “Money”?", guide))["answer"]
    assert answer.status == "answered"
    assert next(s.text for s in answer.segments if s.kind == "paragraph") == "Tuition is 450 euros a term."


class Choosing:
    """A writer that says one line of the guide and ends."""

    name = "chooser"

    def __init__(self, *made: Any) -> None:
        self.made, self.briefs = made, list[Brief]()

    def write(self, brief: Brief) -> Iterator[Any]:
        self.briefs.append(brief)
        yield from self.made

    def in_english(self, question: str, history: Sequence[Turn]) -> str:
        return "How much is tuition?"


def test_a_writer_gets_the_quoting_answer_in_waiting_and_its_lines_are_streamed_as_they_come(guide: Guide) -> None:
    passage = as_passage([guide.chunk_of(0)], 1.0, guide)
    line = Line("paragraph", quotes=(Quote(passage, *guide.span_of(0)),))
    writer = Choosing("Choosing…", line, Ending("answered", (), "chooser"))
    steps = Steps(Settings(), NoOffers(), writer)
    pieces = list(steps.chain().stream(asked("How much is tuition?", guide)))
    assert [next(iter(piece)) for piece in pieces] == ["passages", "status", "delta", "answer"]
    assert pieces[-1]["answer"].writer == "chooser"
    assert writer.briefs[0].quoted.lines
    assert "".join(piece["delta"] for piece in pieces if "delta" in piece) == pieces[-1]["answer"].text


def test_a_question_in_another_language_is_answered_where_a_writer_can_put_it_into_english(guide: Guide) -> None:
    writer = Choosing(Ending("answered", (), "chooser"))
    steps = Steps(Settings(), NoOffers(), writer)
    found = steps.understand(asked("¿Cuánto cuesta la matrícula por semestre?", guide))
    assert (found.kind, found.text, found.language) == ("quotes", "How much is tuition?", "es")
