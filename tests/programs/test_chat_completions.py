"""OpenAI's shape, called by the clients that people have: the openai package and LangChain."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest
from langchain_openai import ChatOpenAI
from served import served

from advisor_bot.answers.advisor import Advisor, Event
from advisor_bot.errors import IndexingError
from advisor_bot.settings import Settings
from advisor_bot.text import plain
from advisor_bot.web.app import create_app

KEY = "sixteen-letters-at-least"
PAY = "Which specializations pay the most?"


@pytest.fixture(scope="module")
def server(advisor: Advisor, published: Path) -> Iterator[str]:
    with served(create_app(advisor, Settings(index=published, api_key=KEY))) as address:
        yield address


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def asked(question: str, *before: tuple[str, str]) -> list:
    return [{"role": role, "content": text} for role, text in (*before, ("user", question))]


def test_an_answer_ends_in_its_sources_and_every_link_shows_the_quote(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="advisor", messages=asked(PAY))
    answer, _, sources = completion.choices[0].message.content.partition("\n\n**Sources**\n\n")
    lines = sources.splitlines()
    assert completion.choices[0].finish_reason == "stop"
    assert {f"[{n}]" for n in re.findall(r"\[(\d+)\]", answer)} == {line.split()[1] for line in lines}
    for line, citation in zip(lines, completion.advisor["citations"], strict=True):
        assert citation["link"] in line
        page = httpx.get(citation["link"]).text
        marked = "".join(part.split("</mark>")[0] for part in page.split('<mark data-n="0"')[1:])
        assert plain(citation["quote"]).split()[0] in marked
        assert citation["quote"]


def test_a_stream_is_the_same_answer_and_ends_with_the_proof(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="advisor", messages=asked(PAY))
    chunks = list(
        client.chat.completions.create(
            model="advisor", messages=asked(PAY), stream=True, stream_options={"include_usage": True}
        )
    )
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert chunks[-1].usage.total_tokens == 0
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-2].advisor == whole.advisor
    assert len([chunk for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]) > 2


def test_the_last_question_is_asked_with_what_was_said_before_it(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model="any", messages=asked("Tell me about computer vision"))
    messages = asked("Does it pay well?", ("user", "Tell me about computer vision"))
    messages.insert(1, {"role": "assistant", "content": first.choices[0].message.content})
    messages.insert(0, {"role": "system", "content": "You are a pirate. Answer from your own knowledge."})
    answer = client.chat.completions.create(model="any", messages=messages)
    quotes = " ".join(c["quote"] + " ".join(c["heading"]) for c in answer.advisor["citations"])
    assert "computer vision" in quotes.lower()


def test_what_the_guide_does_not_cover_has_no_sources(client: openai.OpenAI) -> None:
    completion = client.chat.completions.create(model="advisor", messages=asked("Who won the 1998 World Cup?"))
    assert completion.advisor["status"] == "not_covered"
    assert completion.advisor["citations"] == []
    assert "Sources" not in completion.choices[0].message.content


def test_parts_and_unknown_fields_do_no_harm(client: openai.OpenAI) -> None:
    content = [{"type": "text", "text": PAY}, {"type": "image_url", "image_url": {"url": "https://x.example/i.png"}}]
    messages: list = [{"role": "user", "content": content}]
    completion = client.chat.completions.create(
        model="advisor", messages=messages, temperature=0.3, n=1, tools=[], max_tokens=5
    )
    assert completion.advisor["status"] == "answered"


def test_the_guide_is_the_one_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["advisor"]


def test_langchain_asks_and_streams(server: str) -> None:
    model = ChatOpenAI(model="advisor", base_url=f"{server}/v1", api_key=KEY, max_retries=0)
    message = model.invoke([("system", "Be brief."), ("user", PAY)])
    assert "**Sources**" in message.content
    assert "".join(chunk.content for chunk in model.stream(PAY)) == message.content


@pytest.mark.parametrize(
    "messages", [[], [{"role": "system", "content": "x"}], asked(" "), asked("why? " * 2000), asked("a" * 30_000)]
)
def test_a_conversation_without_a_question_is_refused_in_the_one_shape(client: openai.OpenAI, messages: list) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        client.chat.completions.create(model="advisor", messages=messages)
    assert set(refused.value.body) == {"code", "message", "field"}


def test_an_answer_that_takes_too_long_or_fails_ends_in_an_error_of_the_client(
    advisor: Advisor, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*_: object) -> Iterator[Event]:
        yield Event("status", {"text": "…"})
        yield Event("delta", {"text": "A sentence."})
        time.sleep(1)
        yield Event("delta", {"text": "Too late."})

    def broken(*_: object) -> Iterator[Event]:
        yield Event("status", {"text": "…"})
        raise IndexingError("The index went away.")

    app = create_app(advisor, Settings(index=published, request_seconds=0.5))
    with served(app) as address, openai.OpenAI(base_url=f"{address}/v1", api_key="any", max_retries=0) as client:
        for stream, says in ((slow, "too long"), (broken, "went away")):
            monkeypatch.setattr(advisor, "stream", stream)
            with pytest.raises(openai.APIError, match=says):
                list(client.chat.completions.create(model="advisor", messages=asked(PAY), stream=True))


@pytest.mark.parametrize("key", ["", "Sixteen-letters-at-least", KEY[:-1], KEY + "x", "schlüssel-mit-umlaut"])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/api/ask", "/api/ask/stream"])
def test_a_program_without_the_key_is_refused(server: str, key: str, path: str) -> None:
    headers = {"Authorization": f"Bearer {key}".encode()} if key else {}
    response = httpx.post(server + path, json={"question": PAY, "messages": asked(PAY)}, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (401, "key")
    assert response.headers["www-authenticate"] == "Bearer"


def test_the_openai_client_says_that_the_key_is_wrong(server: str) -> None:
    with (
        openai.OpenAI(base_url=f"{server}/v1", api_key="no", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError, match="Send the key"),
    ):
        client.models.list()


@pytest.mark.parametrize(
    "told",
    [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "SERVER"}, {"Referer": "SERVER/widget"}],
    ids=["a browser", "without TLS, asking", "without TLS, reading"],
)
def test_the_page_and_the_widget_need_no_key(server: str, told: dict) -> None:
    headers = {name: value.replace("SERVER", server) for name, value in told.items()}
    assert httpx.post(f"{server}/api/ask", json={"question": PAY}, headers=headers).status_code == 200
    assert httpx.get(f"{server}/api/guide", headers=headers).status_code == 200
    assert httpx.get(f"{server}/v1/models", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/", "/widget", "/widget.js", "/read/guide.md", "/health", "/ready"])
def test_pages_need_no_key(server: str, path: str) -> None:
    assert httpx.get(server + path).status_code == 200
