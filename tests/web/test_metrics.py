"""What is counted and logged: numbers and names of ours, never a visitor's text."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from advisor_bot import assemble
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve

SECRET = "Does my friend Zebulon Quirk earn enough as a robotics engineer?"
STAGES = ["understand", "retrieve", "read", "plan", "write", "cite"]


@pytest.fixture
def client(published: Path) -> Iterator[TestClient]:
    settings = Settings(index=published)
    built = assemble.advisor(settings)
    with TestClient(serve.create_app(built, settings), client=("127.0.0.1", 5000)) as client:
        yield client
    built.versions.close()


def value(client: TestClient, sample: str) -> float:
    found = re.search(rf"(?m)^{re.escape(sample)} (\S+)$", client.get("/metrics").text)
    assert found, sample
    return float(found[1])


@pytest.mark.parametrize("path", ["/api/ask", "/api/ask/stream"])
def test_every_step_is_timed_once_and_together_they_are_the_answer(client: TestClient, path: str) -> None:
    client.post(path, json={"question": "Which specializations pay the most?"})
    assert [value(client, f'advisor_stage_seconds_count{{stage="{stage}"}}') for stage in STAGES] == [1.0] * 6
    steps = sum(value(client, f'advisor_stage_seconds_sum{{stage="{stage}"}}') for stage in STAGES)
    assert 0 < steps <= 1.05 * value(client, "advisor_answer_seconds_sum")  # two clocks
    assert value(client, 'advisor_answers_total{status="answered",writer="quotes"}') == 1
    assert value(client, "advisor_citations_total") >= 1
    assert value(client, "advisor_answers_under_way") == 0


def test_the_live_version_is_named(client: TestClient) -> None:
    version = client.get("/ready").json()["version"]
    assert value(client, f'advisor_guide{{version="{version}"}}') > 50


def test_what_fails_is_under_way_no_longer(client: TestClient) -> None:
    for path in ("/api/ask", "/api/ask/stream"):
        client.post(path, json={"question": " "})
    assert value(client, "advisor_answers_under_way") == 0


def test_a_request_is_one_line_without_the_question(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "advisor_bot.requests"):
        asked = client.post("/api/ask", json={"question": SECRET})
        client.post("/api/ask/stream", json={"question": SECRET})
        client.post("/v1/chat/completions", json={"messages": [{"role": "user", "content": SECRET}]})
        client.get("/read/guide.md", params={"q": SECRET})
        client.get("/" + SECRET)
        client.post("/api/ask", content=SECRET)
        client.get("/widget")
        client.get("/ui/tokens.css")
    lines = [json.loads(record.message) for record in caplog.records if record.name == "advisor_bot.requests"]
    routes = ["/api/ask", "/api/ask/stream", "/v1/chat/completions", "/read/{document:path}", "refused", "refused"]
    assert [line["route"] for line in lines] == [*routes, "/widget"]
    assert [line["status"] for line in lines] == [200, 200, 200, 200, 404, 415, 200]
    assert {line["answer"] for line in lines[:3]} == {asked.json()["status"]}
    assert lines[0]["id"] == asked.headers["x-request-id"]
    assert {line["writer"] for line in lines[:3]} == {"quotes"}
    assert "Zebulon" not in caplog.text
    assert "Zebulon" not in client.get("/metrics").text
    assert len({line["id"] for line in lines}) == len(lines)
