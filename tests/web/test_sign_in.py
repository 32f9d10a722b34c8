"""A private guide: nothing of it is shown before the password is given, and guessing gets nobody far."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from advisor_bot.answers.advisor import Advisor
from advisor_bot.errors import SettingsError
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve
from advisor_bot.web.access import Sessions, openings

PASSWORD = "schöne Aussicht 7"
KEY = "sixteen-letters-at-least"
HOST = "advice.example"
Serving = Callable[..., TestClient]
GUARDED = [
    "/",
    "/widget",
    "/read/guide.md",
    "/plain",
    "/api/guide",
    "/api/guide/guide.md",
    "/api/passages/0123",
    "/openapi.json",
    "/config",
    "/v1/models",
    "/nothing",
]
OPEN = ["/health", "/ready", "/widget.js", "/ui/tokens.css", "/ui/icon.svg"]


@pytest.fixture(scope="module")
def serving(advisor: Advisor, published: Path) -> Serving:
    def client_of(address: str = "192.0.2.1", scheme: str = "http", **settings: Any) -> TestClient:
        app = serve.create_app(advisor, Settings(index=published, rate=0, **{"password": PASSWORD, **settings}))
        return TestClient(app, base_url=f"{scheme}://{HOST}", client=(address, 5000), follow_redirects=False)

    return client_of


def sign_in(client: TestClient, password: str = PASSWORD, to: str = "") -> Any:
    return client.post("/sign-in", data={"password": password, "to": to})


@pytest.mark.parametrize("path", GUARDED)
def test_nothing_of_the_guide_is_shown_before_the_password(serving: Serving, path: str) -> None:
    response = serving().get(path)
    assert response.status_code == 401
    assert "specialization" not in response.text.lower()


def test_nobody_asks_before_the_password(serving: Serving) -> None:
    client = serving()
    for told in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": f"http://{HOST}"}):
        response = client.post("/api/ask", json={"question": "What pays?"}, headers=told)
        assert (response.status_code, response.json()["error"]["code"]) == (401, "key")
        assert "ADVISOR_API_KEY" in response.json()["error"]["message"]


def test_nobody_asks_by_the_plain_form_before_the_password(serving: Serving) -> None:
    response = serving().post("/plain", data={"question": "Which specializations pay the most?"})
    assert response.status_code == 401
    assert "specialization" not in response.text.lower()


@pytest.mark.parametrize("path", OPEN)
def test_what_holds_nothing_of_the_guide_stays_open(serving: Serving, path: str) -> None:
    assert serving().get(path).status_code == 200


def test_the_password_opens_page_widget_and_api_and_leads_back(serving: Serving) -> None:
    client = serving()
    asked = client.get("/read/guide.md?s=1&e=5")
    to = re.search(r'name="to" value="([^"]*)"', asked.text)[1].replace("&amp;", "&")  # type: ignore[index]
    response = sign_in(client, to=to)
    assert (response.status_code, response.headers["location"]) == (303, "/read/guide.md?s=1&e=5")
    for path in ("/", "/widget", "/read/guide.md", "/api/guide", "/openapi.json"):
        assert client.get(path).status_code == 200, path
    assert client.post("/api/ask", json={"question": "Which specializations pay the most?"}).json()["citations"]


def test_the_page_asks_with_a_form_that_needs_no_script(serving: Serving) -> None:
    page = serving(allowed_origins="https://www.example.edu").get("/widget")
    assert "<script" not in page.text
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert "frame-ancestors 'self' https://www.example.edu;" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("password", ["", "schöne Aussicht", PASSWORD + " ", PASSWORD.upper(), "x" * 20_000, "\x00"])
def test_a_wrong_password_opens_nothing(serving: Serving, password: str) -> None:
    client = serving()
    response = sign_in(client, password)
    assert response.status_code == 401
    assert "not the password" in response.text
    assert "set-cookie" not in response.headers
    assert client.get("/api/guide").status_code == 401


def test_guessing_ends_after_twenty_tries_of_one_address(serving: Serving) -> None:
    client = serving()
    for _ in range(20):
        assert sign_in(client, "guessed wrong").status_code == 401
    late = sign_in(client)  # even the right one
    assert late.status_code == 429
    assert 0 < int(late.headers["retry-after"]) <= 900
    assert "minutes" in late.text


def test_the_right_password_forgives_the_slips_before_it(serving: Serving) -> None:
    client = serving()
    for _ in range(3):
        for _ in range(15):
            sign_in(client, "guessed wrong")
        assert sign_in(client).status_code == 303


def test_the_cookie_is_kept_from_scripts_and_travels_by_tls_only_where_there_is_tls(serving: Serving) -> None:
    plain = sign_in(serving()).headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    assert "Secure" in sign_in(serving(scheme="https")).headers["set-cookie"]
    framed = sign_in(serving(scheme="https", allowed_origins="https://www.example.edu")).headers["set-cookie"]
    assert "SameSite=none" in framed
    assert framed.endswith("; Secure; Partitioned") or "Partitioned" in framed


def test_under_a_prefix_the_session_is_that_prefixs(serving: Serving) -> None:
    client = serving(root_path="/advice")
    assert 'action="/advice/sign-in"' in client.get("/advice/").text
    response = client.post("/advice/sign-in", data={"password": PASSWORD, "to": "read/guide.md"})
    assert response.headers["location"] == "/advice/read/guide.md"
    assert "Path=/advice/" in response.headers["set-cookie"]


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "\\\\evil.example", "/\t/evil.example", "\r\nSet-Cookie: a=b"]
)
def test_signing_in_leads_nowhere_else(serving: Serving, to: str) -> None:
    response = sign_in(serving(), to=to)
    assert re.match(r"/(?![/\\])", response.headers["location"])
    assert "a=b" not in response.headers["set-cookie"]


def test_another_sites_page_signs_nobody_in(serving: Serving) -> None:
    client = serving()
    response = client.post("/sign-in", data={"password": PASSWORD}, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403


@pytest.mark.parametrize("change", [lambda v: v[:-1] + ("0" if v[-1] != "0" else "1"), lambda v: "9" + v, lambda v: ""])
def test_a_cookie_of_ones_own_making_is_worth_nothing(serving: Serving, change: Callable[[str], str]) -> None:
    client = serving()
    value = re.match(r"advisor_session=([^;]*)", sign_in(client).headers["set-cookie"])[1]  # type: ignore[index]
    client.cookies.clear()
    client.cookies.set("advisor_session", change(value))
    assert client.get("/api/guide").status_code == 401


def test_a_session_ends_after_a_week_and_with_the_password() -> None:
    def counts(sessions: Sessions, proof: str) -> bool:
        return sessions.has({"headers": [(b"cookie", f"a=b; advisor_session={proof}".encode())]})

    mine = Sessions("one password")
    old, good = str(int(time.time()) - 1), str(int(time.time()) + 60)
    assert counts(mine, f"{good}.{mine._sign(good)}")
    assert counts(Sessions("one password"), f"{good}.{mine._sign(good)}")  # after a restart
    assert not counts(mine, f"{old}.{mine._sign(old)}")
    assert not counts(Sessions("another one"), f"{good}.{mine._sign(good)}")


def test_programs_send_the_key(serving: Serving) -> None:
    client = serving(api_key=KEY)
    key = {"Authorization": f"Bearer {KEY}"}
    assert client.get("/v1/models", headers=key).status_code == 200
    assert client.get("/api/guide", headers=key).status_code == 200
    assert client.get("/api/guide", headers={"Authorization": "Bearer " + PASSWORD.encode().hex()}).status_code == 401
    sign_in(client)
    assert client.get("/v1/models").status_code == 401


def test_with_a_key_strangers_do_not_ask_by_the_plain_form_either(serving: Serving) -> None:
    client = serving(api_key=KEY, password="")
    asking = {"question": "What does it cost?"}
    assert client.post("/plain", data=asking).status_code == 401
    assert client.post("/plain", data=asking, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("header", ["Origin", "Referer"])
def test_a_header_that_is_no_address_is_nobodys(serving: Serving, header: str) -> None:
    assert serving(api_key=KEY, password="").get("/api/guide", headers={header: "http://["}).status_code in (401, 403)


def test_metrics_are_for_this_machine_and_for_the_key(advisor: Advisor, published: Path) -> None:
    def asked(address: str, headers: dict | None = None, **settings: Any) -> int:
        app = serve.create_app(advisor, Settings(index=published, **settings))
        return TestClient(app, client=(address, 5000)).get("/metrics", headers=headers).status_code

    assert (
        asked("127.0.0.1") == asked("::1") == asked("::ffff:127.0.0.1") == asked("127.0.0.1", password=PASSWORD) == 200
    )
    assert asked("192.0.2.1") == asked("192.0.2.1", {"Authorization": "Bearer "}) == 403
    assert asked("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}) == 403
    assert asked("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, trusted_proxies="127.0.0.1") == 403
    assert asked("192.0.2.1", {"Authorization": f"Bearer {KEY}"}, api_key=KEY) == 200


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, None),
        ({"host": "::1"}, None),
        ({"host": "localhost"}, None),
        ({"host": "0.0.0.0"}, "ADVISOR_PASSWORD"),
        ({"host": "192.0.2.7"}, "ADVISOR_PASSWORD"),
        ({"host": "advice.example"}, "ADVISOR_PASSWORD"),
        ({"host": "0.0.0.0", "password": PASSWORD}, "unencrypted"),
        ({"host": "0.0.0.0", "trusted_proxies": "10.0.0.7"}, None),
    ],
)
def test_an_open_server_warns_its_owner(settings: dict, says: str | None) -> None:
    lines = openings(Settings(**settings))
    assert says in lines[0] if says else not lines


@pytest.mark.parametrize(
    ("name", "value"), [("PASSWORD", "short"), ("API_KEY", "short"), ("API_KEY", "with blanks " * 3)]
)
def test_a_weak_secret_is_refused_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"ADVISOR_{name}=… cannot be used") as refused:
        Settings.read({f"ADVISOR_{name}": value})
    assert value not in str(refused.value)
    assert PASSWORD not in repr(Settings(password=PASSWORD))
