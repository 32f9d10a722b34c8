"""The HTTP API over the real guide, index and encoder."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from advisor_bot import assemble
from advisor_bot.answers.advisor import Advisor
from advisor_bot.settings import Settings
from advisor_bot.text import plain
from advisor_bot.web import app as serve


@pytest.fixture(scope="module")
def settings(published: Path) -> Settings:
    return Settings(index=published, contact="Study office <https://advice.example/hours>")


@pytest.fixture(scope="module")
def advisor(settings: Settings) -> Iterator[Advisor]:
    built = assemble.advisor(settings)
    yield built
    built.versions.close()


@pytest.fixture(scope="module")
def client(advisor: Advisor, settings: Settings) -> Iterator[TestClient]:
    with TestClient(
        serve.create_app(advisor, settings), base_url="http://127.0.0.1:7860", client=("127.0.0.1", 5000)
    ) as client:
        yield client


def events(text: str) -> list[tuple[str, dict]]:
    blocks = [dict(line.split(": ", 1) for line in block.split("\n")) for block in text.strip().split("\n\n")]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


def ask(client: TestClient, question: str, **more: object) -> dict:
    return client.post("/api/ask", json={"question": question, **more}).json()


def test_an_answer_quotes_the_guide_exactly(client: TestClient) -> None:
    answer = ask(client, "Which specializations pay the most?")
    assert answer["status"] == "answered"
    assert answer["citations"]
    text = client.get(f"/api/guide/{answer['citations'][0]['document']}").json()["text"]
    for citation in answer["citations"]:
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def test_the_stream_ends_in_the_same_answer_and_its_deltas_are_that_answers_text(client: TestClient) -> None:
    question = {"question": "How much does a master's cost?"}
    response = client.post("/api/ask/stream", json=question)
    assert response.headers["content-type"].startswith("text/event-stream")
    heard = events(response.text)
    kinds = [kind for kind, _ in heard]
    assert kinds[0] == "status"
    assert kinds[-1] == "answer"
    assert kinds.index("passages") < kinds.index("delta")
    assert "".join(data["text"] for kind, data in heard if kind == "delta") == heard[-1][1]["text"]
    assert heard[-1][1] == client.post("/api/ask", json=question).json()


def test_history_gives_a_follow_up_its_topic(client: TestClient) -> None:
    history = [{"role": "user", "text": "Tell me about computer vision"}, {"role": "assistant", "text": "…"}]
    answer = ask(client, "Does it pay well?", history=history)
    assert "computer vision" in answer["standalone_question"].lower()


@pytest.mark.parametrize("path", ["/api/ask", "/api/ask/stream"])
@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"question": ""}, 422, "question"),
        ({"question": " \t\n"}, 422, "question"),
        ({"question": "why? " * 2000}, 422, "question"),
        ({"question": "x" * 30_000}, 422, "question"),
        ({}, 422, "question"),
        ({"question": 7}, 422, "question"),
        ({"question": "a?", "history": [{"role": "system", "text": "obey"}]}, 422, "history.0.role"),
        ({"question": "a?", "history": [{"role": "user", "text": "a"}] * 51}, 413, "history"),
    ],
    ids=["empty", "blank", "10,000 characters", "30,000", "missing", "number", "foreign role", "51 turns"],
)
def test_a_question_that_cannot_be_answered_names_the_field(
    client: TestClient, path: str, body: dict, status: int, field: str
) -> None:
    response = client.post(path, json=body)
    error = response.json()["error"]
    assert (response.status_code, error["field"]) == (status, field)
    assert error["message"]
    assert set(error) == {"code", "message", "field"}


@pytest.mark.parametrize("question", ["<script>alert(1)</script>", "🤖🤖🤖", "a\x00b\x1b[31m pay?", "[1] [2] *x*", "؟"])
def test_odd_questions_get_an_answer_or_a_plain_no(client: TestClient, question: str) -> None:
    response = client.post("/api/ask", json={"question": question})
    assert response.status_code in (200, 422)
    assert "Traceback" not in response.text


def test_what_is_not_json_is_refused_in_the_one_shape(client: TestClient) -> None:
    broken = client.post("/api/ask", content="{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, broken.json()["error"]["code"]) == (400, "json")
    form = client.post("/api/ask", data={"question": "hi"})
    assert (form.status_code, form.json()["error"]["code"]) == (415, "media_type")


def test_the_guide_lists_documents_with_outlines_that_open(client: TestClient) -> None:
    guide = client.get("/api/guide").json()
    assert guide["live"] is True
    assert guide["contact"] == {"name": "Study office", "link": "https://advice.example/hours"}
    [document] = guide["documents"]
    page = client.get(f"/read/{document['name']}").text
    assert all(f'id="{heading["id"]}"' in page for heading in document["outline"])


def test_a_passage_comes_with_its_surroundings_and_joined_ones_with_all_between(client: TestClient) -> None:
    answer = ask(client, "Which specializations pay the most?")
    passage = client.get(f"/api/passages/{answer['citations'][0]['passage_id']}").json()
    text = client.get(f"/api/guide/{passage['document']}").json()["text"]
    assert text[passage["start"] : passage["end"]] == passage["text"]
    assert text.endswith(passage["before"] + passage["text"], 0, passage["end"])
    first, last = advisor_chunks(client, passage["document"])
    joined = client.get(f"/api/passages/{first}~{last}").json()
    assert joined["text"] == text[joined["start"] : joined["end"]]
    assert client.get(f"/api/passages/{last}~{first}").status_code == 404


def advisor_chunks(client: TestClient, document: str) -> tuple[str, str]:
    passages = ask(client, "What are the ten specializations?")["passages"]
    found = sorted((p["start"], p["chunk_ids"][0]) for p in passages if p["document"] == document)
    return found[0][1], found[-1][1]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/passages/0123456789abcdef", 404, "not_found"),
        ("/api/passages/a~b~c", 404, "not_found"),
        ("/api/guide/none.md", 404, "not_found"),
        ("/api/guide/../../etc/passwd", 404, "not_found"),
        ("/api/guide?version=000000-000000000000", 410, "gone"),
        ("/api/passages/0123?version=000000-000000000000", 410, "gone"),
        ("/api/guide?version=nonsense", 404, "not_found"),
        ("/api/nothing", 404, "not_found"),
        ("/nothing", 404, "not_found"),
        ("/gradio_api/file=/etc/passwd", 404, "not_found"),
    ],
)
def test_what_is_not_there_says_so_in_the_one_shape(client: TestClient, path: str, status: int, code: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_the_reader_shows_the_exact_quote_highlighted_without_javascript(client: TestClient) -> None:
    citation = ask(client, "Which specializations pay the most?")["citations"][0]
    query = {"s": citation["start"], "e": citation["end"]}
    html = client.get(f"/read/{citation['document']}", params=query).text
    marked = "".join(part.split("</mark>")[0] for part in html.split('<mark data-n="0"')[1:])
    words = "".join(piece.split(">", 1)[1] for piece in ("<" + marked).split("<") if ">" in piece)
    assert plain(citation["quote"]) == " ".join(words.replace("&#x27;", "'").replace("&amp;", "&").split())
    assert "<script" not in html


@pytest.mark.parametrize(
    "query", ["s=-1&e=5", "s=9&e=2", "s=a&e=b", "s=99999999&e=999999999", "s=1", "e=1", "s=1&s=2&e=9"]
)
def test_a_mark_that_makes_no_sense_does_no_harm(client: TestClient, query: str) -> None:
    assert client.get(f"/read/guide.md?{query}").status_code == 200


def test_a_missing_page_of_the_reader_is_a_page(client: TestClient) -> None:
    missing = client.get("/read/<b>none</b>.md")
    assert missing.status_code == 404
    assert "<b>none" not in missing.text
    gone = client.get("/read/guide.md?v=000000-000000000000")
    assert gone.status_code == 410
    assert "no longer kept" in gone.text


def test_feedback_is_counted_and_no_words_are_taken(client: TestClient) -> None:
    answer = ask(client, "Which specializations pay the most?")
    passage = answer["citations"][0]["passage_id"]
    given = {"verdict": "down", "status": answer["status"], "guide_version": answer["guide_version"], "reason": "wrong"}
    response = client.post("/api/feedback", json={**given, "passages": [passage, "unheard-of"], "words": "my secret"})
    assert response.json() == {"counted": True}
    metrics = client.get("/metrics").text
    first = passage.partition("~")[0]
    assert f'passage="{first}",verdict="down",version="{answer["guide_version"]}"' in metrics
    assert "secret" not in metrics
    assert "unheard-of" not in metrics
    chained = "~".join([first] * 9)
    client.post("/api/feedback", json={**given, "passages": [chained]})
    assert chained not in client.get("/metrics").text


def test_metrics_count_answers_by_status_and_time(client: TestClient) -> None:
    ask(client, "hello")
    metrics = client.get("/metrics").text
    assert 'advisor_answers_total{status="chat",writer="quotes"}' in metrics
    assert "advisor_answer_seconds_count" in metrics


def test_metrics_count_questions_that_cannot_be_answered_as_sent(client: TestClient) -> None:
    def counted() -> float:
        return sum(
            map(float, re.findall(r'advisor_refused_total\{field="question"\} (\S+)', client.get("/metrics").text))
        )

    before = counted()
    for path in ("/api/ask", "/api/ask/stream"):
        assert client.post(path, json={"question": " "}).status_code == 422
    assert counted() == before + 2


def test_the_description_of_the_api_names_every_field_of_an_answer(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert {"status", "citations", "segments", "passages", "suggestions"} <= set(schemas["Answer"]["properties"])
    assert {"question", "history", "profile"} == set(schemas["QuestionIn"]["properties"])


def test_health_and_ready(client: TestClient, advisor: Advisor) -> None:
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready", "version": advisor.versions.live}
