"""The whole path on the real guide: retrieve, weigh, write, cite; what students see and what proves it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from advisor_bot import evaluate
from advisor_bot.answers import phrases
from advisor_bot.answers.chain import Advisor, clean_question
from advisor_bot.answers.cite import MARKER, violations
from advisor_bot.answers.profile import NOBODY, Profile
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


def test_warming_a_small_guide_tries_what_may_be_offered_and_stops_when_another_version_is_live(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = assembled(Settings(index=published))
    asked: list[str] = []
    monkeypatch.setattr(built.offers, "_answers", lambda question, _: asked.append(question))
    monkeypatch.setattr(type(built.versions), "live", "000099-0123456789ab")
    with built.versions.lease(built.versions.names()[-1]) as index:
        monkeypatch.setattr(built.versions, "lease", lambda: contextlib.nullcontext(index))
        built.warm()
        assert asked == []
        monkeypatch.setattr(type(built.versions), "live", index.name)
        built.warm()
        assert set(phrases.starters(index)) < set(asked)
    built.versions.close()


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
    assert "does not cover" in answer.text
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


def test_a_comparison_by_what_the_guide_never_speaks_of_says_so_and_shows_what_it_does_say(advisor: Advisor) -> None:
    answer = advisor.ask("Compare NLP and computer vision on cafeteria food")
    rows = [[cell.text for cell in segment.cells] for segment in answer.segments if segment.cells]
    assert answer.status == "partial"
    assert rows[1] == ["cafeteria food", "the guide does not say", "the guide does not say"]
    assert answer.citations


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
    answer = advisor.ask("What did Augustus say about projects and how much is the rent in Boston?")
    assert answer.status == "partial"
    assert any(segment.kind == "note" and "rent in Boston" in segment.text for segment in answer.segments)


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


def test_in_a_large_guide_follow_ups_are_offered_once_they_were_tried_in_the_background(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("advisor_bot.index.guide.SENTENCES_KEPT", 1)
    built = assembled(Settings(index=published))
    assert built.ask("How important is the GRE?").suggestions == ()
    end = time.monotonic() + 30
    while not (offered := built.ask("How important is the GRE?").suggestions) and time.monotonic() < end:
        time.sleep(0.05)
    assert offered
    built.versions.close()


def test_search_returns_ranked_passages_without_repeats(advisor: Advisor) -> None:
    passages = advisor.search("what skills do employers want", k=10)
    assert len(passages) == 10 == len({p.id for p in passages})
    assert [p.score for p in passages] == sorted((p.score for p in passages), reverse=True)


def test_langchain_can_use_the_retriever_and_the_chain(advisor: Advisor) -> None:
    from langchain_core.retrievers import BaseRetriever
    from langchain_core.runnables import Runnable

    assert isinstance(advisor.chain, Runnable)
    with advisor.versions.lease() as index:
        retriever = advisor.retriever(index, k=3)
        assert isinstance(retriever, BaseRetriever)
        assert len(retriever.invoke("computer vision")) == 3


def test_asking_imports_no_torch_and_no_transformers(published: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from advisor_bot.assemble import advisor;"
        "from advisor_bot.settings import Settings;"
        f"advisor(Settings(index=Path({str(published)!r}))).ask('compare NLP and computer vision');"
        "print([m for m in ('torch', 'transformers', 'sentence_transformers', 'gradio') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_control_characters_and_white_space_are_folded() -> None:
    assert clean_question("a\x00b\n\n c", 100) == "a b c"


def test_the_case_file_is_sound_and_large_enough() -> None:
    cases = evaluate.read_cases(CASES)
    assert len(cases) >= 160
    assert len({case.id for case in cases}) == len(cases)
    assert 0.4 < sum(case.half == "a" for case in cases) / len(cases) < 0.6
    guide = " ".join(plain(line) for line in (CASES.parent / "guide.md").read_text("utf-8").split("\n")).lower()
    for case in cases:
        assert all(any(" ".join(x.lower().split()) in guide for x in fact) for fact in case.facts), case.id


@pytest.mark.parametrize(
    "line", ["not json", '{"id": 1}', '{"id": "a", "question": "q", "answerable": true, "history": [1]}']
)
def test_a_bad_case_file_is_named_with_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text('{"id": "ok", "question": "q", "answerable": false}\n' + line)
    with pytest.raises(evaluate.LoadError, match=r"cases\.jsonl, line 2"):
        evaluate.read_cases(file)


def test_a_profile_changes_what_is_said_first_but_never_whether_the_guide_answers(advisor: Advisor) -> None:
    nurse = Profile(background="I am a nurse in a hospital")
    banker = Profile(background="I work in finance", time="evenings only, I keep my job", worries="money")
    questions = [case.question for case in evaluate.read_cases(CASES) if not case.history][::12]
    changed = 0
    for question in questions:
        plainly, *told = (advisor.ask(question, (), profile) for profile in (NOBODY, nurse, banker))
        assert {answer.confidence for answer in told} == {plainly.confidence}
        changed += len({answer.text for answer in (plainly, *told)}) > 1
    assert changed >= 3


def test_a_process_may_end_while_suggestions_of_a_large_guide_are_still_tried(published: Path) -> None:
    code = (
        "import sys\n"
        "from advisor_bot.index import guide\n"
        "from advisor_bot.assemble import advisor\n"
        "from advisor_bot.settings import Settings\n"
        "guide.SENTENCES_KEPT = 1\n"
        "print(advisor(Settings(index=sys.argv[1])).ask('Which specializations pay the most?').status)\n"
    )
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code, str(published)], capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.strip() in ("answered", "partial")
