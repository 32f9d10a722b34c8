"""How often an address may call, how long a request may take, and who is believed about addresses and prefixes."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from httpx import Response
from served import served

from advisor_bot.answers.advisor import Advisor
from advisor_bot.errors import SettingsError
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve
from advisor_bot.web.limits import visitor

HOST = "advice.example"
Serving = Callable[..., TestClient]


@pytest.fixture(scope="module")
def serving(advisor: Advisor, published: Path) -> Serving:
    """Returns a client of a server with the settings given; ``client`` is the address it calls from."""
    plain = serve.create_app(advisor, Settings(index=published, rate=0))

    def client_of(client: str = "192.0.2.1", **settings: Any) -> TestClient:
        app = serve.create_app(advisor, Settings(index=published, **settings)) if settings else plain
        return TestClient(app, base_url=f"http://{HOST}", client=(client, 5000))

    return client_of


def forwarded(client: TestClient, address: str) -> Response:
    return client.get("/api/guide", headers={"X-Forwarded-For": address})


def until_refused(call: Callable[[int], Response], most: int = 60) -> list[Response]:
    """Call until the limit answers: a slow machine is allowed a request more now and then, as time goes by."""
    answers: list[Response] = []
    while len(answers) < most and not (answers and answers[-1].status_code == 429):
        answers.append(call(len(answers)))
    return answers


def test_an_address_that_asks_too_often_is_told_when_to_come_back(serving: Serving) -> None:
    client = serving(rate=1, burst=5)
    answers = until_refused(lambda _: client.get("/api/guide"))
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert answers[-1].json()["error"]["code"] == "too_many"
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert client.get("/health").status_code == 200
    assert client.get("/ui/chat.js").status_code == 200


def test_a_campus_behind_one_address_may_come_all_at_once(serving: Serving) -> None:
    client = serving(rate=Settings().rate, burst=Settings().burst)
    assert {client.get("/api/passages/none").status_code for _ in range(200)} == {404}
    assert until_refused(lambda _: client.get("/api/passages/none"), most=400)[-1].status_code == 429


def test_without_a_rate_nobody_is_counted(serving: Serving) -> None:
    client = serving(rate=0, burst=1)
    assert {client.get("/api/passages/none").status_code for _ in range(20)} == {404}


@pytest.mark.parametrize(
    ("host", "counted_by"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::1", "2001:0db8:0001:0002"),
        ("2001:db8:1:2:bbbb::9", "2001:0db8:0001:0002"),
        ("testclient", "testclient"),
    ],
)
def test_a_visitor_is_an_ipv4_address_or_an_ipv6_network(host: str, counted_by: str) -> None:
    assert visitor({"client": (host, 1)}) == counted_by
    assert visitor({"client": None}) == "nobody"


@pytest.mark.parametrize("path", ["/api/ask", "/api/ask/stream"])
def test_a_request_that_takes_too_long_ends(serving: Serving, path: str) -> None:
    response = serving(request_seconds=0.001).post(path, json={"question": "Which specializations pay the most?"})
    assert (response.status_code, response.json()["error"]["code"]) == (503, "slow")
    assert int(response.headers["retry-after"]) > 0


def test_a_stream_that_takes_too_long_ends_with_an_error_the_page_understands() -> None:
    import asyncio

    from fastapi import FastAPI
    from fastapi.responses import StreamingResponse

    from advisor_bot.web.limits import TimeLimit

    app = FastAPI()

    async def words() -> Any:
        yield "event: delta\ndata: {}\n\n"
        await asyncio.sleep(60)

    app.add_api_route("/api/slow", lambda: StreamingResponse(words(), media_type="text/event-stream"))
    app.add_middleware(TimeLimit, seconds=0.5)
    text = TestClient(app).get("/api/slow").text
    assert text.startswith("event: delta")
    assert '"code": "slow"' in text.partition("event: error")[2]


def test_forwarded_addresses_count_from_a_trusted_proxy_only(serving: Serving) -> None:
    stranger = serving(rate=1, burst=2)
    assert until_refused(lambda n: forwarded(stranger, f"198.51.100.{n}"))[-1].status_code == 429
    proxy = serving("10.1.2.3", rate=1, burst=2, trusted_proxies="127.0.0.1, 10.1.0.0/16")
    assert {answer.status_code for answer in until_refused(lambda n: forwarded(proxy, f"198.51.100.{n}"))} == {200}
    # The visitor's own lie stands left of what the proxy saw.
    lies = until_refused(lambda n: forwarded(proxy, f"203.0.113.{n}, 198.51.100.99"))
    assert lies[-1].status_code == 429


def test_a_forwarded_host_counts_from_a_trusted_proxy_only(serving: Serving) -> None:
    headers = {"Origin": "https://public.example", "X-Forwarded-Host": "public.example"}
    body = {"question": "hello"}
    assert serving().post("/api/ask", json=body, headers=headers).status_code == 403
    proxy = serving("10.1.2.3", trusted_proxies="10.1.2.3")
    assert proxy.post("/api/ask", json=body, headers=headers).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/advice"], ids=["taken off by the proxy", "passed on"])
def test_under_a_path_prefix_everything_is_found_and_guarded(serving: Serving, prefix: str) -> None:
    client = serving(root_path="/advice/")
    for path in ("/", "/api/guide", "/read/guide.md", "/plain", "/ui/chat.js", "/health", "/widget.js", "/widget"):
        assert client.get(prefix + path).status_code == 200, path
    assert client.post(prefix + "/api/ask", content="{}").status_code == 415
    assert client.get(prefix + "/api/guide", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get(prefix + "/gradio_api/file=/etc/passwd").status_code == 404
    assert client.get("/advice", follow_redirects=False).headers["location"] == "/advice/"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize(("path", "allowed"), [("/api/ask", "POST"), ("/api/feedback", "POST")])
def test_a_wrong_method_names_the_right_one(serving: Serving, method: str, path: str, allowed: str) -> None:
    response = serving().request(method, path, json={})
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert response.json()["error"]["code"] == "method"


@pytest.mark.parametrize("path", ["/api/guide", "/health", "/ready", "/read/guide.md", "/openapi.json"])
def test_what_can_only_be_read_says_so(serving: Serving, path: str) -> None:
    response = serving().post(path, json={})
    assert response.status_code == 405
    assert "GET" in response.headers["allow"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOWED_ORIGINS", "www.example.edu"),
        ("ALLOWED_ORIGINS", "https://www.example.edu/"),
        ("ALLOWED_ORIGINS", "https://www.example.edu/path"),
        ("ALLOWED_ORIGINS", "https://*.example.edu"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "null"),
        ("ALLOWED_ORIGINS", "https://a.example; script-src *"),
        ("ALLOWED_ORIGINS", "https://a.example https://b.example"),
        ("ALLOWED_ORIGINS", "https://a.example:99999"),
        ("ALLOWED_ORIGINS", "https://user@a.example"),
        ("ALLOWED_ORIGINS", "https://-a.example"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("ROOT_PATH", "advice"),
        ("ROOT_PATH", "/a b"),
        ("ROOT_PATH", "/../x"),
        ("ROOT_PATH", "//x"),
        ("RATE", "-1"),
        ("BURST", "0"),
        ("REQUEST_SECONDS", "0"),
    ],
)
def test_a_setting_that_cannot_be_used_is_one_clear_line(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.read({f"ADVISOR_{name}": value})
    assert f"ADVISOR_{name}='{value}'" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_origins_are_kept_as_browsers_write_them() -> None:
    given = "HTTPS://WWW.Example.EDU:443, http://localhost:8000,http://[::1]:81 ,http://a.example:80"
    settings = Settings.read({"ADVISOR_ALLOWED_ORIGINS": given})
    expected = ("https://www.example.edu", "http://localhost:8000", "http://[::1]:81", "http://a.example")
    assert settings.origins == expected


# --- several servers ---------------------------------------------------------------------------------------------


class Redis:
    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        while self.process.poll() is None:
            with socket.socket() as trying:
                if not trying.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis() -> Iterator[Redis]:
    if not shutil.which("redis-server"):
        pytest.skip("Redis is not installed (Debian: redis-server)")
    running = Redis()
    yield running
    running.kill()


def test_several_servers_count_an_address_together_and_each_alone_while_redis_is_away(
    redis: Redis, advisor: Advisor, published: Path
) -> None:
    settings = Settings(index=published, rate=1, burst=60, limits=f"redis://127.0.0.1:{redis.port}")
    apps = [serve.create_app(advisor, settings) for _ in range(2)]
    with served(apps[0]) as one, served(apps[1]) as two, httpx.Client() as client:

        def passed(most: int) -> int:
            answers = until_refused(lambda turn: client.get(f"{(one, two)[turn % 2]}/api/passages/none"), most)
            return [answer.status_code for answer in answers].count(404)

        assert 60 <= passed(200) < 90
        redis.kill()
        assert passed(100) == 100


def test_a_place_to_count_that_is_no_redis_is_refused_and_never_shown() -> None:
    with pytest.raises(SettingsError, match=r"ADVISOR_LIMITS=… cannot be used: .*redis://HOST") as told:
        Settings.read({"ADVISOR_LIMITS": "memcached://:secret@host"})
    assert "secret" not in str(told.value)
