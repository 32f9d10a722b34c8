"""The owner's color in what the server sends: every page, the icon, the widget and its button."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from advisor_bot.answers.advisor import Advisor
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve

BRAND = ":root { --brand: #8a1f3d }"


def client(advisor: Advisor, settings: Settings) -> TestClient:
    return TestClient(serve.create_app(advisor, settings), base_url="http://advice.example")


@pytest.fixture(scope="module")
def colored(advisor: Advisor, published: Path) -> TestClient:
    return client(advisor, Settings(index=published, color="#8a1f3d"))


@pytest.fixture(scope="module")
def plain(advisor: Advisor, published: Path) -> TestClient:
    return client(advisor, Settings(index=published))


def test_the_color_comes_with_the_page_and_with_every_other_pages_style(colored: TestClient) -> None:
    assert BRAND in colored.get("/").text.split("</head>")[0]
    style = colored.get("/ui/tokens.css")
    assert BRAND in style.text
    assert (style.headers["content-type"], style.headers["cache-control"]) == ("text/css; charset=utf-8", "no-cache")
    assert "#8a1f3d" in colored.get("/ui/icon.svg").text


def test_the_widget_and_its_button_have_it(colored: TestClient) -> None:
    assert 'href="ui/brand.css"' in colored.get("/widget").text
    assert BRAND in colored.get("/ui/brand.css").text
    assert "--advisor-accent, #8a1f3d" in colored.get("/widget.js").text


def test_without_a_color_nothing_changes(plain: TestClient) -> None:
    assert "--brand" not in plain.get("/ui/tokens.css").text
    assert "brand.css" not in plain.get("/widget").text
    assert "--advisor-accent, #0b6b5d" in plain.get("/widget.js").text
    assert "#0b6b5d" in plain.get("/ui/icon.svg").text
