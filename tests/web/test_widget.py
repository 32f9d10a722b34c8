"""The widget's routes without a browser: who may frame it, what it weighs, what is kept how long."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from advisor_bot.answers.advisor import Advisor
from advisor_bot.pages.strings import languages
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve
from advisor_bot.web import assets, widget

ORIGINS = "https://www.example.edu,http://localhost:8000"


@pytest.fixture(scope="module")
def closed(advisor: Advisor, published: Path) -> TestClient:
    return TestClient(serve.create_app(advisor, Settings(index=published)), base_url="http://advice.example")


@pytest.fixture(scope="module")
def shared(advisor: Advisor, published: Path) -> TestClient:
    settings = Settings(index=published, allowed_origins=ORIGINS)
    return TestClient(serve.create_app(advisor, settings), base_url="http://advice.example")


def ancestors(client: TestClient, path: str) -> str:
    policy = client.get(path).headers["content-security-policy"]
    return next(part.strip() for part in policy.split(";") if "frame-ancestors" in part)


def test_nobody_else_may_frame_the_widget_unless_the_owner_names_them(closed: TestClient, shared: TestClient) -> None:
    assert ancestors(closed, "/widget") == "frame-ancestors 'self'"
    assert closed.get("/widget").headers["x-frame-options"] == "SAMEORIGIN"
    assert ancestors(shared, "/widget") == "frame-ancestors 'self' https://www.example.edu http://localhost:8000"
    assert "x-frame-options" not in shared.get("/widget").headers


@pytest.mark.parametrize("path", ["/", "/read/guide.md", "/api/guide", "/widget.js", "/ui/chat.js", "/nothing"])
def test_everything_else_is_framed_by_our_own_pages_only(shared: TestClient, path: str) -> None:
    assert ancestors(shared, path) == "frame-ancestors 'self'"
    assert shared.get(path).headers["x-frame-options"] == "SAMEORIGIN"


def test_the_frame_runs_our_files_only_and_makes_no_markup_of_text(shared: TestClient) -> None:
    response = shared.get("/widget")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'; script-src 'self';" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert "<script>" not in response.text
    assert "style=" not in response.text


def test_no_key_or_token_stands_in_what_a_host_page_loads() -> None:
    text = widget.loader().decode().lower()
    assert not any(word in text for word in ("token", "secret", "api_key", "apikey", "cookie", "localstorage"))


def test_the_widget_stays_light_in_every_language() -> None:
    files = {name: len(gzip.compress(body, 9)) for name, (body, _) in assets.files().by_path.items()}
    assert len(gzip.compress(widget.loader(), 9)) <= 4096
    for language in languages():
        loaded = (*assets.WIDGET_SCRIPTS, "widget/frame.css", f"strings.{language}.json")
        page = len(gzip.compress(widget.page(Settings()).encode(), 9))
        assert page + sum(files[name] for name in loaded) <= 20_000


def test_files_are_kept_for_good_under_their_version_and_asked_for_anew_under_another(shared: TestClient) -> None:
    here = shared.get(f"/{assets.files().folder}widget/frame.js")
    assert here.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert here.headers["content-encoding"] == "gzip"
    old = shared.get("/ui-0123456789/widget/frame.js")
    assert (old.headers["cache-control"], old.content) == ("no-cache", here.content)
    assert shared.get("/widget").headers["cache-control"] == "no-cache"
    assert shared.get("/widget.js").content == shared.get("/widget-v1.js").content
    for _ in range(3):
        assert shared.get("/widget.js", headers={"Accept-Encoding": "identity"}).content == widget.loader()


@pytest.mark.parametrize("name", ["nothing.js", "../settings.py", "owner.js", "strings.xx.json", ""])
def test_no_other_file_is_served_beside_the_packed_ones(shared: TestClient, name: str) -> None:
    assert shared.get(f"/{assets.files().folder}{name}").status_code == 404


def test_a_site_that_may_frame_it_may_still_not_call_the_api(shared: TestClient) -> None:
    for origin in (*ORIGINS.split(","), "null"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Sec-Fetch-Site": "cross-site"}
        preflight = shared.options("/api/ask", headers=headers)
        asked = shared.post("/api/ask", json={"question": "a"}, headers=headers)
        for response in (preflight, asked):
            assert (response.status_code, response.json()["error"]["code"]) == (403, "cross_site")
            assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/widget", "/widget.js", "/widget-v1.js"])
def test_it_can_only_be_read(shared: TestClient, path: str) -> None:
    assert shared.head(path).status_code == 200
    assert shared.post(path, json={}).status_code == 405
