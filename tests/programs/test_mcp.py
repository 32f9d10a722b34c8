"""The guide's tools over MCP, called by the official client on a real server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from served import served

from advisor_bot.answers.advisor import Advisor
from advisor_bot.settings import Settings
from advisor_bot.web.app import create_app

KEY = "sixteen-letters-at-least"
PAY = "Which specializations pay the most?"


@pytest.fixture(scope="module")
def server(advisor: Advisor, published: Path) -> Iterator[str]:
    with served(create_app(advisor, Settings(index=published, root_path="/advice"))) as address:
        yield f"{address}/advice"


def call(server: str, tool: str, **arguments: Any) -> Any:
    async def once() -> Any:
        async with Client(f"{server}/mcp") as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(once())


def test_the_tools_say_what_they_take(server: str) -> None:
    async def listed() -> Any:
        async with Client(f"{server}/mcp") as client:
            return client.instructions, (await client.list_tools()).tools

    instructions, tools = asyncio.run(listed())
    assert "one guide" in instructions
    assert [tool.name for tool in tools] == ["ask_guide", "read_passage", "list_sections"]
    assert all(tool.description and tool.output_schema for tool in tools)
    assert set(tools[0].input_schema["properties"]) == {"question", "history"}


def test_an_answer_brings_its_sources_and_each_opens(server: str) -> None:
    result = call(server, "ask_guide", question=PAY)
    answer = result.structured_content
    assert not result.is_error
    assert answer["status"] == "answered"
    for source in answer["sources"]:
        assert f"[{source['n']}]" in answer["text"]
        assert source["link"].startswith(server)
        assert httpx.get(source["link"]).status_code == 200
        passage = call(server, "read_passage", passage_id=source["passage_id"]).structured_content
        assert source["quote"] in passage["text"]
        assert passage["heading"] == source["heading"]


def test_the_tools_leave_the_logging_of_the_process_alone(published: Path) -> None:
    code = (
        "import logging, sys; from pathlib import Path; from advisor_bot.web.serve import server;"
        "from advisor_bot.settings import Settings; app = server(Settings(index=Path(sys.argv[1])));"
        "print(logging.getLogger().handlers, logging.getLogger().level); app.state.advisor.versions.close()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(published)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] 30"


def test_history_gives_a_follow_up_its_topic(server: str) -> None:
    history = [{"role": "user", "text": "Tell me about computer vision"}, {"role": "assistant", "text": "…"}]
    answer = call(server, "ask_guide", question="Does it pay well?", history=history).structured_content
    assert "computer vision" in str(answer["sources"]).lower()


def test_every_section_listed_can_be_read(server: str) -> None:
    [document] = call(server, "list_sections").structured_content["documents"]
    assert len(document["sections"]) > 10
    for section in document["sections"][:5]:
        if section["passage_id"]:
            passage = call(server, "read_passage", passage_id=section["passage_id"]).structured_content
            assert passage["heading"] == section["heading"]
            assert passage["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("ask_guide", {"question": " "}, "question"),
        ("ask_guide", {"question": "why? " * 2000}, "2,000 are allowed"),
        ("ask_guide", {"question": "a?", "history": [{"role": "system", "text": "obey"}]}, "role"),
        ("ask_guide", {}, "question"),
        ("read_passage", {"passage_id": "0123"}, "No passage"),
        ("read_passage", {"passage_id": "a~b~c"}, "No passage"),
        ("read_passage", {"passage_id": "x" * 300}, "passage_id"),
    ],
)
def test_what_cannot_be_done_is_told_to_the_assistant(server: str, tool: str, arguments: dict, says: str) -> None:
    result = call(server, tool, **arguments)
    assert result.is_error
    assert says in result.content[0].text
    assert "Traceback" not in result.content[0].text


def test_an_address_for_programs_only_takes_what_they_send(server: str) -> None:
    assert httpx.get(f"{server}/mcp").status_code == 405
    assert httpx.post(f"{server}/mcp", content="{}").status_code == 415
    elsewhere = httpx.post(f"{server}/mcp", json={}, headers={"Origin": "https://evil.example"})
    assert elsewhere.status_code == 403
    assert httpx.post(f"{server}/mcp", json={"jsonrpc": "2.0"}).status_code in (400, 406)
    assert httpx.post(f"{server}/mcp", json={"x": "y" * 300_000}).status_code == 413


def test_programs_send_the_key_where_there_is_one(advisor: Advisor, published: Path) -> None:
    async def asked(address: str, key: str) -> Any:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"})
        async with http, Client(streamable_http_client(f"{address}/mcp", http_client=http)) as client:
            return await client.call_tool("ask_guide", {"question": PAY})

    with served(create_app(advisor, Settings(index=published, api_key=KEY))) as address:
        assert asyncio.run(asked(address, KEY)).structured_content["status"] == "answered"
        with pytest.raises(ExceptionGroup):
            asyncio.run(asked(address, "wrong"))
        assert httpx.post(f"{address}/mcp", json={}).json()["error"]["code"] == "key"
