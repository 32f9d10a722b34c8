"""The chat page as it leaves the server: whole, our words where a link is shared, Gradio's files found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import gradio
import pytest
from fastapi.testclient import TestClient

from advisor_bot.pages import chat
from advisor_bot.pages.guide_view import GuideOut
from advisor_bot.settings import Settings
from advisor_bot.web import serve

PARTS = chat.Parts(style="body{}", first="1;", folder="ui-1/", scripts=("chat.js",))


@pytest.fixture(scope="module")
def client(published: Path) -> Iterator[TestClient]:
    with TestClient(serve.server(Settings(index=published)), base_url="http://advice.example") as client:
        yield client


@pytest.fixture
def page(client: TestClient) -> str:
    return unescape(client.get("/").text)


def test_the_page_can_be_read_before_any_script_has_run(page: str, client: TestClient) -> None:
    guide = client.get("/api/guide").json()
    body = page.split("<body>")[1].split('<script type="application/json"')[0]
    assert guide["title"] in body
    assert all(question in body for question in guide["starters"][:6])
    assert '<textarea id="question-text" name="question"' in body
    assert '<form id="composer" method="post" action="plain">' in body


def test_a_shared_link_shows_the_guides_name_and_nothing_of_the_framework(page: str, client: TestClient) -> None:
    head = page.split("</head>")[0]
    assert f'<meta property="og:title" content="{client.get("/api/guide").json()["title"]}">' in head
    assert head.count("og:title") == head.count("<title>") == 1
    assert "og:image" not in head
    assert "gradio" not in re.sub(r"<style>.*?</style>", "", head, flags=re.S).lower()


def test_what_the_guide_calls_itself_cannot_become_markup(client: TestClient) -> None:
    bad = GuideOut(**client.get("/api/guide").json()).model_copy(
        update={"title": "</script><img src=x onerror=alert(1)>", "starters": ["<b>&</b></script>"]}
    )
    page = chat.render(bad, Settings(), PARTS)
    assert "<img" not in page
    assert "<b>" not in page
    given = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', page, re.S)
    assert given
    assert json.loads(given[1])["guide"]["title"] == bad.title


def test_without_a_live_guide_the_page_still_stands() -> None:
    page = chat.render(None, Settings(), PARTS)
    assert '"guide": null' in page
    assert "<title>" in page


def test_gradios_own_files_are_found_whatever_they_are_called() -> None:
    folder = Path(gradio.__file__).parent / "templates" / "frontend"
    found = chat.gradio_files()
    assert (folder / found.script).is_file()
    assert (folder / found.style).is_file()
    assert found.script.endswith(".js")
    assert found.style.endswith(".css")


def test_the_policy_allows_the_pages_own_inline_scripts_and_no_other(client: TestClient) -> None:
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "'unsafe-inline'" not in policy.split("style-src")[0]
    assert policy.count("sha256-") >= 2
