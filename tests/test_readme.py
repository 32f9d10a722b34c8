"""What the documents say is so: settings, commands, addresses and files that they name exist."""

from __future__ import annotations

import json
import pkgutil
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from advisor_bot.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]
BLOCKS = re.findall(r"(?ms)^```\w*\n(.*?)^```$", README)
ALL_BLOCKS = re.findall(r"(?ms)^```\w*\n(.*?)^```$", "\n".join(d.read_text() for d in DOCUMENTS))
COMMANDS = [line.partition("#")[0].strip() for block in ALL_BLOCKS for line in block.splitlines()]


def _settings_rows() -> list[str]:
    rows = []
    for name, field in Settings.model_fields.items():
        default = f"`{field.default}`" if field.default not in ("", None) else ""
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return rows


def _help(*command: str) -> str:
    done = subprocess.run(
        [sys.executable, *command, "--help"],
        cwd=ROOT,
        env={"COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_table_of_settings_is_that_of_the_code() -> None:
    table = (ROOT / "docs" / "settings.md").read_text()
    assert [line for line in table.splitlines() if line.startswith("| `")] == _settings_rows()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_named_exists(document: Path) -> None:
    named = set(re.findall(rf"{PREFIX}[A-Z_]*[A-Z]", document.read_text()))
    assert named <= {PREFIX + name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_named_exists(document: Path) -> None:
    targets = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
    assert set(re.findall(r"(?:^|`)make ([a-z]+)", document.read_text(), re.M)) <= targets


def test_make_help_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.search(r"(?m)^\.PHONY: (.*)$", makefile)[1].split())  # type: ignore[index]
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert set(re.findall(r"(?m)^ *make (\w+)", listed)) == targets


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_linked_exists(document: Path) -> None:
    text = document.read_text()
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for link in (first or second for first, second in links):
        if not re.match(r"https?://|#", link):
            assert (document.parent / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_heading_linked_exists(document: Path) -> None:
    text = document.read_text()
    headings = {
        re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in re.findall(r"(?m)^#+ (.*)$", text)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


@pytest.mark.parametrize("command", [line for line in COMMANDS if "advisor-bot " in line])
def test_every_command_shown_exists_with_its_options(command: str) -> None:
    words = shlex.split(command.partition("advisor-bot ")[2])
    text = _help("-m", "advisor_bot", words[0])
    assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[\w-]+", text))


@pytest.mark.parametrize("command", [line for line in COMMANDS if "ingest.py" in line])
def test_every_option_of_ingest_shown_exists(command: str) -> None:
    options = {word for word in shlex.split(command) if word.startswith("--")}
    assert options <= set(re.findall(r"--[\w-]+", _help("ingest.py")))


@pytest.mark.parametrize("command", [line for line in COMMANDS if "advisor-bot ask " in line])
def test_the_questions_shown_are_answered_from_the_guide(command: str, published: Path) -> None:
    words = shlex.split(command.partition("advisor-bot ")[2])
    done = subprocess.run(
        [sys.executable, "-m", "advisor_bot", *words, "--index", str(published)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if "--json" in words:
        assert json.loads(done.stdout)["citations"]
    else:
        assert "[1]" in done.stdout


@pytest.fixture(scope="module")
def server(published: Path) -> Iterator[FastAPI]:
    from advisor_bot.web.serve import server

    app = server(Settings(index=published))
    yield app
    app.state.advisor.versions.close()


def test_every_address_named_exists(server: FastAPI) -> None:
    described = {
        f"{method.upper()} {path}" for path, operations in server.openapi()["paths"].items() for method in operations
    }
    named = set(re.findall(r"`((?:GET|POST) /[^`]*)`", API))
    assert named
    assert named <= {address.replace("{passage_id}", "{id}") for address in described}


def test_the_question_sent_by_curl_gets_an_answer_with_every_field_named(server: FastAPI) -> None:
    from fastapi.testclient import TestClient

    (block,) = [block for block in BLOCKS if block.startswith("curl")]
    words = shlex.split(block.replace("\\\n", " "))
    path = next(word for word in words if word.startswith("http")).partition("7860")[2]
    with TestClient(server, base_url="http://127.0.0.1:7860") as client:
        answer = client.post(path, json=json.loads(words[words.index("-d") + 1]))
    assert answer.status_code == 200, answer.text
    fields = API.partition("| Field |")[2].partition("\n\n")[0]
    assert set(re.findall(r"(?m)^\| `(\w+)`", fields)) <= set(answer.json())
    assert answer.json()["citations"]


def test_python_versions_named_are_those_of_the_package() -> None:
    classifiers = set(re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text()))
    assert set(re.findall(r"\b3\.\d\d\b", README)) == classifiers


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len(README.splitlines()) <= 150


def test_every_name_in_the_walks_through_the_code_exists() -> None:
    names = re.findall(r"`(advisor_bot(?:\.\w+)+)`", (ROOT / "docs" / "architecture.md").read_text())
    assert len(names) > 20
    for name in names:
        pkgutil.resolve_name(name)


def test_every_package_has_its_line_in_the_architecture() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text()
    packages = {path.parent.name for path in (ROOT / "src" / "advisor_bot").glob("*/__init__.py")}
    assert {name for name in packages if f"| `{name}` |" in table} == packages
