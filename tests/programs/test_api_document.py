"""docs/api.md: every command in it runs as it stands against a real server, and every route has one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import served

from advisor_bot.answers.advisor import Advisor
from advisor_bot.settings import Settings
from advisor_bot.web.app import create_app

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()
BLOCKS = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)^```$", TEXT))
COMMANDS = [f"curl {command.strip()}" for command in re.split(r"(?m)^curl ", BLOCKS)[1:]]
PROGRAMS = re.findall(r"(?ms)^```python\n(.*?)^```$", TEXT)
HOST = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def app(advisor: Advisor, published: Path) -> Any:
    return create_app(advisor, Settings(index=published, rate=0))


@pytest.fixture(scope="module")
def server(app: Any) -> Iterator[str]:
    with served(app) as address:
        yield address


def run(command: str, server: str, **names: str) -> str:
    for name, value in {HOST: server, **names}.items():
        command = command.replace(name, value)
    done = subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl --fail-with-body ", 1)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def names(advisor: Advisor) -> dict[str, str]:
    answer = advisor.ask("Which specializations pay best?")
    return {"PASSAGE": answer.citations[0].passage_id, "VERSION": answer.guide_version, "KEY": "any"}


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda text: re.sub(r".*?7860|[' ].*", "", text, flags=re.DOTALL))
def test_every_command_runs_as_it_stands(command: str, server: str, names: dict[str, str]) -> None:
    shown = run(command, server, **names)
    if "/read/" in command:
        assert "<mark" in shown
    elif "/stream" in command:
        assert "event: answer" in shown
    elif "/metrics" in command:
        assert "advisor_answers_total" in shown
    else:
        found = json.loads(shown)
        assert "error" not in found
        assert not found.get("result", {}).get("isError")
        if "/api/ask" in command:
            assert found["citations"]


def test_every_route_has_its_command(app: Any) -> None:
    def named(path: str) -> str:
        return re.sub(r"guide\.md|PASSAGE|\{\w+\}", "*", path)

    told = {named(re.findall(r"7860([^' ]*)", command)[0].partition("?")[0].strip("\\\n")) for command in COMMANDS}
    described = {named(path) for path in app.openapi()["paths"]}
    assert described | {"/mcp", "/openapi.json"} == told


@pytest.mark.parametrize("program", PROGRAMS, ids=["openai", "mcp"])
def test_every_program_runs_as_it_stands(program: str, server: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program.replace(HOST, server)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "[1]" in done.stdout
    assert "quote" in done.stdout


def test_every_address_named_in_the_text_is_described(app: Any) -> None:
    described = {f"{method.upper()} {path}" for path, ways in app.openapi()["paths"].items() for method in ways}
    told = {way.replace("{id}", "{passage_id}") for way in re.findall(r"`((?:GET|POST) /[^`]*)`", TEXT)}
    assert told == described
