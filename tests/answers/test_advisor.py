"""The whole path on the project's own guide: what students see and what proves it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from advisor_bot import evaluate
from advisor_bot.answers.advisor import Advisor
from advisor_bot.answers.cite import MARKER, violations
from advisor_bot.assemble import advisor as assembled
from advisor_bot.errors import QuestionError
from advisor_bot.settings import Settings
from advisor_bot.text import numerals, plain
from advisor_bot.types import Answer, Turn, as_json

CASES = Path(__file__).resolve().parents[2] / "corpus" / "cases.jsonl"


@pytest.fixture(scope="module")
def advisor(published: Path) -> Iterator[Advisor]:
    built = assembled(Settings(index=published, contact="Ada Byron <https://adviser.example/talk>"))
    yield built
    built.versions.close()


@pytest.fixture(scope="module")
def hundred(advisor: Advisor) -> list[tuple[evaluate.Case, Answer]]:
    cases = evaluate.read_cases(CASES)[::4]
    return [(case, advisor.ask(case.question, case.history)) for case in cases]


def body(answer: Answer) -> str:
    return " ".join(s.text for s in answer.segments if s.kind in evaluate.SAID)


def test_a_hundred_answers_quote_exactly_and_every_marker_resolves(
    advisor: Advisor, hundred: list[tuple[evaluate.Case, Answer]]
) -> None:
    assert len(hundred) >= 100
    with advisor.versions.lease() as index:
        for _, answer in hundred:
            assert violations(answer, index.documents) == []
            for citation in answer.citations:
                assert index.documents[citation.document].text[citation.start : citation.end] == citation.quote
                assert citation.passage_id in {passage.id for passage in answer.passages}


def test_under_every_heading_stands_something_it_is_the_heading_of(
    advisor: Advisor, hundred: list[tuple[evaluate.Case, Answer]]
) -> None:
    cut = [
        "How is the job market for reinforcement learning? Is AI ethics a real career or just a buzzword?",
        "What else changes demand for a specialization? List all the top in-demand specializations, please.",
    ]
    seen = 0
    for answer in [answer for _, answer in hundred] + [advisor.ask(question) for question in cut]:
        for segment, below in zip(answer.segments, [*answer.segments[1:], None], strict=True):
            if segment.kind == "heading":
                seen += 1
                assert below is not None, answer.text
                assert below.kind in ("paragraph", "item"), answer.text
    assert seen > 50


def test_a_quoted_segment_says_exactly_what_its_quote_says(hundred: list[tuple[evaluate.Case, Answer]]) -> None:
    checked = 0
    for _, answer in hundred:
        quotes = {c.n: plain(c.quote) for c in answer.citations}
        for segment in answer.segments:
            if segment.kind in ("paragraph", "item"):
                assert segment.text == " ".join(quotes[n] for n in segment.citations)
                checked += 1
    assert checked > 50


def test_every_numeral_of_an_answer_stands_in_its_cited_quote(hundred: list[tuple[evaluate.Case, Answer]]) -> None:
    for _, answer in hundred:
        for segment in answer.segments:
            if segment.kind in evaluate.SAID:
                source = " ".join(c.quote + " ".join(c.heading) for c in answer.citations if c.n in segment.citations)
                assert set(numerals(segment.text)) <= set(numerals(source))


def test_an_answer_names_its_version_its_writer_and_what_was_read(advisor: Advisor) -> None:
    answer = advisor.ask("Which specializations pay the most?")
    assert answer.status == "answered"
    assert answer.guide_version == advisor.versions.live
    assert answer.writer == "quotes"
    assert 0 <= answer.confidence <= 1
    assert answer.passages
    assert "natural language processing" in body(answer)
    assert json.loads(json.dumps(as_json(answer)))["citations"][0]["quote"]


@pytest.mark.parametrize(
    ("question", "fact"),
    [
        ("wat percent of ml roles need data piplining skills", "40%"),
        ("do i still need the GRE", "GRE"),
        ("what did Antonio say about licenses and salary", "leveled off"),
        ("did Antonio's salary go up with licenses?", "leveled off"),
        ("how much faster do AI roles with security grow", "over 20%"),
    ],
)
def test_the_fact_asked_for_stands_in_the_answer_with_its_source(advisor: Advisor, question: str, fact: str) -> None:
    answer = advisor.ask(question)
    assert answer.status in ("answered", "partial")
    assert fact in body(answer)


@pytest.mark.parametrize(
    "question", ["Is there a dormitory at Stanford?", "What's the weather like tomorrow?", "How do I renew my visa?"]
)
def test_what_the_guide_does_not_say_is_not_covered_and_a_human_is_named(advisor: Advisor, question: str) -> None:
    answer = advisor.ask(question)
    assert answer.status == "not_covered"
    assert not answer.citations
    assert not MARKER.search(answer.text)
    assert "says nothing that bears on this" in answer.text
    assert "never mentions" not in answer.text
    assert "Ada Byron" in answer.text


def test_a_comparison_is_a_table_with_cited_cells_and_honest_gaps(advisor: Advisor) -> None:
    answer = advisor.ask("Compare NLP and computer vision")
    rows = [segment for segment in answer.segments if segment.kind == "row"]
    assert len(rows) >= 3
    assert rows[0].cells is not None
    assert [cell.text for cell in rows[0].cells[1:]] == ["Natural language processing (NLP)", "Computer vision"]
    for row in rows[1:]:
        for cell in (row.cells or ())[1:]:
            assert bool(cell.citations) != (cell.text == "the guide does not say")


def test_a_figure_the_guide_gives_is_found_and_one_it_does_not_give_is_refused(advisor: Advisor) -> None:
    given = advisor.ask("where does the 12% enrollment figure come from?")
    assert given.status in ("answered", "partial")
    assert "12%" in given.text
    assert advisor.ask("what was enrollment growth in 1987?").status == "not_covered"


def test_badly_spelled_english_is_not_taken_for_another_language(advisor: Advisor) -> None:
    answer = advisor.ask("what problems do asyncronous clases have")
    assert answer.status in ("answered", "partial")
    assert "asynchronous" in answer.text


def test_two_questions_in_one_are_both_answered_or_the_missing_one_is_named(advisor: Advisor) -> None:
    answer = advisor.ask("Do I need the GRE and how much is the rent in Boston?")
    assert answer.status == "partial"
    assert any(segment.kind == "note" and "rent in Boston" in segment.text for segment in answer.segments)


def test_a_comparison_is_read_as_it_was_asked(advisor: Advisor) -> None:
    answer = advisor.ask("Compare NLP and reinforcement learning")
    assert answer.standalone_question == "Compare NLP and reinforcement learning"


def test_a_follow_up_is_answered_on_the_topic_of_the_conversation(advisor: Advisor) -> None:
    history = (Turn("user", "Tell me about reinforcement learning"), Turn("assistant", "…"))
    answer = advisor.ask("and who has studied it?", history)
    assert "reinforcement" in answer.standalone_question
    assert any("Julian" in passage.text for passage in answer.passages)


@pytest.mark.parametrize(
    ("question", "status"), [("hello!", "chat"), ("thanks a lot", "chat"), ("who are you?", "chat")]
)
def test_small_talk_gets_a_short_reply_without_citations(advisor: Advisor, question: str, status: str) -> None:
    answer = advisor.ask(question)
    assert (answer.status, answer.citations) == (status, ())


def test_a_question_in_another_language_is_told_so_in_that_language(advisor: Advisor) -> None:
    answer = advisor.ask("¿Cuál especialización paga mejor?")
    assert answer.status == "not_covered"
    assert "inglés" in answer.text


@pytest.mark.parametrize("question", ["", "   ", "\x00\x07", "x" * 10_000], ids=["empty", "blank", "control", "long"])
def test_a_question_that_cannot_be_answered_is_one_clear_error(advisor: Advisor, question: str) -> None:
    with pytest.raises(QuestionError) as caught:
        advisor.ask(question)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "question",
    ["<script>alert(1)</script> pay?", "🙂🙂🙂", "[1] [2] which [3] pays?", "'; DROP TABLE chunks; --", "؟؟؟"],
)
def test_odd_questions_get_a_proved_answer_and_no_markup_of_their_own(advisor: Advisor, question: str) -> None:
    answer = advisor.ask(question)
    with advisor.versions.lease() as index:
        assert violations(answer, index.documents) == []
    assert "<script>" not in answer.text


@given(st.text(min_size=1, max_size=120))
@hypothesis_settings(max_examples=40)
def test_any_question_gets_a_proved_answer_or_a_clear_error(advisor: Advisor, question: str) -> None:
    try:
        answer = advisor.ask(question)
    except QuestionError:
        return
    with advisor.versions.lease() as index:
        assert violations(answer, index.documents) == []


def test_the_stream_joins_to_the_answer_and_says_first_what_it_does(advisor: Advisor) -> None:
    events = list(advisor.stream("Which specializations pay the most?"))
    kinds = [event.kind for event in events]
    assert kinds[:2] == ["status", "passages"]
    assert kinds[-1] == "answer"
    assert "".join(e.data["text"] for e in events if e.kind == "delta") == events[-1].data.text
    assert events[-1].data == advisor.ask("Which specializations pay the most?")


def test_starters_and_suggestions_are_questions_the_guide_answers(advisor: Advisor) -> None:
    starters = advisor.starters()
    offered = advisor.ask("How important is the GRE?").suggestions
    assert 3 <= len(starters) <= 8
    for question in (*starters, *offered):
        assert advisor.ask(question).status in ("answered", "partial"), question


def test_every_follow_up_offered_under_a_hundred_answers_is_answered(
    advisor: Advisor, hundred: list[tuple[evaluate.Case, Answer]]
) -> None:
    offered = {question for _, answer in hundred for question in answer.suggestions}
    assert len(offered) >= 10
    assert [q for q in sorted(offered) if advisor.ask(q).status not in ("answered", "partial")] == []


def test_search_returns_ranked_passages_without_repeats(advisor: Advisor) -> None:
    passages = advisor.search("what skills do employers want", k=10)
    assert len(passages) == 10 == len({p.id for p in passages})
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


def test_langchain_can_use_the_chain(advisor: Advisor) -> None:
    from langchain_core.runnables import Runnable

    assert isinstance(advisor.chain, Runnable)


def test_asking_imports_no_torch_and_no_transformers(published: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from advisor_bot.assemble import advisor;"
        "from advisor_bot.settings import Settings;"
        f"advisor(Settings(index=Path({str(published)!r}))).ask('compare NLP and computer vision');"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'gradio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
