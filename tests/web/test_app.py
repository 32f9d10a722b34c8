"""What stands between the network and the program: headers, origins, sizes, Gradio's closed doors, start and stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from advisor_bot.errors import AdvisorError
from advisor_bot.settings import Settings
from advisor_bot.web import app as serve
from advisor_bot.web import security
from advisor_bot.web import serve as web_serve

ROOT = Path(__file__).parents[2]
HOST = "advice.example"


@pytest.fixture(scope="module")
def settings(published: Path) -> Settings:
    return Settings(index=published)


@pytest.fixture(scope="module")
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(web_serve.server(settings), base_url=f"http://{HOST}") as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/api/guide", "/read/guide.md", "/ui/chat.js", "/health", "/nothing"])
def test_every_answer_carries_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


def test_the_page_runs_only_the_scripts_the_server_wrote(client: TestClient) -> None:
    policy = client.get("/").headers["content-security-policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    assert "'unsafe-inline'" not in scripts
    assert "'sha256-" in scripts
    assert "script-src" not in client.get("/read/guide.md").headers["content-security-policy"]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"http://{HOST}.evil.example", f"http://{HOST}:81"])
@pytest.mark.parametrize("path", ["/api/guide", "/", "/gradio_api/startup-events", "/config"])
def test_no_foreign_origin_is_let_in_by_cors(client: TestClient, origin: str, path: str) -> None:
    for response in (
        client.get(path, headers={"Origin": origin}),
        client.options(path, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}),
    ):
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": f"http://{HOST}"}, 200),
        ({"Origin": f"https://{HOST}", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{HOST}:81", "Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_the_api_refuses_browsers_on_other_sites(client: TestClient, headers: dict[str, str], status: int) -> None:
    response = client.post("/api/ask", json={"question": "hello"}, headers=headers)
    assert response.status_code == status
    if status == 403:
        assert response.json()["error"]["code"] == "cross_site"


def test_a_link_from_another_site_opens_the_page_and_the_reader(client: TestClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=headers).status_code == 200
    assert client.get("/read/guide.md", headers=headers).status_code == 200


def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_itself(client: TestClient) -> None:
    large = b'{"question": "' + b"x" * security.MAX_BODY + b'"}'
    said = client.post("/api/ask", content=large, headers={"Content-Type": "application/json"})
    pieces = (large[at : at + 4096] for at in range(0, len(large), 4096))
    unsaid = client.post("/api/ask", content=pieces, headers={"Content-Type": "application/json"})
    for response in (said, unsaid):
        assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "path", ["/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/queue/join", "/gradio_api/call/x", "/upload"]
)
def test_gradio_takes_nothing_in(client: TestClient, path: str) -> None:
    assert client.post(path, json={"data": []}).status_code == 404
    upload = client.post(path, files={"files": ("x.txt", b"x")})
    assert upload.status_code in (403, 404, 413, 415)


def test_an_upgrade_of_the_page_shows_at_once(client: TestClient) -> None:
    first = client.get("/ui/chat.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client.get("/ui/chat.js", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


# --- the crafted undo event: a mounted Gradio page must not read files of the machine ------------------------


@pytest.fixture
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = ROOT / ".pytest_cache" / "secret-of-the-test.txt"
    path.parent.mkdir(exist_ok=True)
    path.write_text("the secret of the test")
    yield path  # type: ignore[misc]
    path.unlink()


def undo_events(secret: Path) -> list[dict]:
    file = {"path": str(secret), "meta": {"_type": "gradio.FileData"}}
    return [
        {"type": "file", "file": file},
        {"type": "component", "component": "file", "value": file, "constructor_args": {}, "props": {}},
    ]


def mounted(mount: Callable[[FastAPI, Any], object]) -> tuple[FastAPI, Any]:
    """A chat of Gradio's own, whose events take messages from the browser, mounted by ``mount``."""
    import gradio as gr

    app, pages = FastAPI(), []

    def build() -> None:
        pages.append(gr.ChatInterface(lambda message, history: message))
        mount(app, pages[0])

    serve.in_loop(build)
    return app, pages[0]


def careless_mount(app: FastAPI, page: Any) -> None:
    import gradio as gr

    gr.mount_gradio_app(app, page, path="/")


def steal(app: FastAPI, page: Any, secret: Path, cache: Path) -> list[str]:
    """Send every event of the page a message that names the secret; return what came of it."""
    stolen = []
    with TestClient(app, base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as client:
        for message in undo_events(secret):
            turns = [
                {"role": role, "content": [message], "metadata": None, "options": None}
                for role in ("user", "assistant")
            ]
            for number in page.fns:
                for data in ([turns], [None, turns], [turns, None], ["x", turns], ["x", turns, None]):
                    client.post("/gradio_api/run/predict", json={"fn_index": number, "data": data, "session_hash": "s"})
        client.get(f"/gradio_api/file={secret}")
        for copied in cache.rglob("*"):
            if copied.is_file() and copied.read_bytes() == secret.read_bytes():
                stolen.append(str(copied))
                stolen += [client.get(f"/gradio_api/file={copied}").text]
    return stolen


@pytest.mark.filterwarnings("ignore")
def test_a_crafted_undo_event_copies_no_file_even_with_gradio_unguarded(
    secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradio's own checks hold once ``mount_page`` has armed them; the guard around the page is not there."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(ROOT)
    app, page = mounted(lambda app, page: serve.mount_page(app, page, Settings()))
    assert steal(app, page, secret, tmp_path / "cache") == []


@pytest.mark.filterwarnings("ignore")
def test_the_same_event_does_steal_where_gradio_is_mounted_carelessly(
    secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the test above can fail."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(ROOT)
    app, page = mounted(careless_mount)
    assert steal(app, page, secret, tmp_path / "cache") != []


def test_the_page_itself_takes_no_crafted_event(client: TestClient, secret: Path) -> None:
    for message in undo_events(secret):
        turns = [{"role": "user", "content": [message]}]
        response = client.post("/gradio_api/run/predict", json={"fn_index": 0, "data": [turns], "session_hash": "s"})
        assert response.status_code == 404


def test_the_api_is_ready_before_gradio_is_imported(settings: Settings) -> None:
    code = (
        "import sys; from fastapi.testclient import TestClient; from advisor_bot.settings import Settings\n"
        "from advisor_bot.web import serve\n"
        f"app = serve.server(Settings(index={str(settings.index_folder)!r}))\n"
        "client = TestClient(app, base_url='http://127.0.0.1', client=('127.0.0.1', 5000))\n"
        "assert client.post('/api/ask', json={'question': 'Which specializations pay best?'}).status_code == 200\n"
        "assert 'gradio' not in sys.modules\n"
        "assert '<textarea' in client.get('/').text\n"
        "assert 'gradio' not in sys.modules, 'the page itself needs nothing of it'\n"
        "assert client.get('/config').status_code == 200 and 'gradio' in sys.modules\n"
        "app.state.advisor.versions.close()\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_where_gradio_cannot_be_had_the_page_and_the_api_go_on(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serve, "drawn_controls", lambda *_: 1 / 0)
    app = web_serve.server(settings)
    with TestClient(app, base_url=f"http://{HOST}", raise_server_exceptions=False) as client:
        assert client.get("/config").status_code == 500
        assert client.get("/").status_code == 200
        assert client.post("/api/ask", json={"question": "Which specializations pay best?"}).status_code == 200
    assert "The chat's controls could not be made" in caplog.text


# --- the server as a process ------------------------------------------------------------------------------------


def start(settings: Settings, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "app.py", "--index", str(settings.index_folder), *more]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ADVISOR_")}
    return subprocess.Popen(command, cwd=ROOT, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_a_running_server_stops_within_its_grace_though_a_stream_is_open(settings: Settings) -> None:
    process = start(settings, "--port", "0")
    assert process.stdout
    url = process.stdout.readline().split()[2]
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as held:  # a request that never ends
        held.sendall(
            b"POST /api/ask HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        )
        assert urllib.request.urlopen(f"{url}/ready").status == 200
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=serve.GRACE + 20)
    assert process.returncode is not None


def test_a_busy_port_is_one_line_and_nothing_heavy_is_loaded(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = start(settings, "--port", str(taken.getsockname()[1]))
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "--port" in err


def test_nobody_is_let_in_before_the_guide_is_open(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    """A balancer asks another server then; one that took the connection would keep its visitor waiting."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        there = settings.model_copy(update={"port": free.getsockname()[1]})
    first, second = web_serve.bind(there), web_serve.bind(there)
    with first, second, socket.socket() as visitor, socket.socket() as another:
        assert visitor.connect_ex(("127.0.0.1", there.port)) != 0
        web_serve.let_in(first, there)
        assert another.connect_ex(("127.0.0.1", there.port)) == 0
        assert f"Serving on http://127.0.0.1:{there.port}" in capsys.readouterr().out
        with pytest.raises(AdvisorError, match=f"Cannot listen on 127.0.0.1:{there.port}"):
            web_serve.let_in(second, there)


def test_with_nothing_published_and_no_guide_it_says_so_and_stops(tmp_path: Path) -> None:
    environ = {**os.environ, "ADVISOR_CORPUS": str(tmp_path / "nowhere"), "ADVISOR_INDEX": str(tmp_path / "index")}
    done = subprocess.run(
        [sys.executable, "app.py", "--port", "0"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_any_folder_is_published_and_served_and_published_again_at_the_next_start(
    tmp_path: Path, encoders: Path
) -> None:
    guide = tmp_path / "handbook" / "fees.md"
    guide.parent.mkdir()
    command = [sys.executable, "-m", "advisor_bot", "serve", "handbook", "--port", "0"]
    for fee in ("450 euros", "470 euros"):
        guide.write_text(f"# The handbook\n\n## Fees\n\nTuition is {fee} a term.\n")
        process = subprocess.Popen(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert process.stdout
            url = process.stdout.readline().split()[2]
            question = json.dumps({"question": "How much is tuition a term?"}).encode()
            request = urllib.request.Request(f"{url}/api/ask", question, {"Content-Type": "application/json"})
            assert fee in urllib.request.urlopen(request).read().decode()
        finally:
            process.terminate()
            process.communicate(timeout=serve.GRACE + 20)
    assert (guide.parent / ".advisor" / "LIVE").is_file()


def test_what_is_worked_out_for_later_waits_while_the_page_is_drawn(settings: Settings) -> None:
    from advisor_bot import assemble
    from advisor_bot.web import late

    drawing, go_on, tried = threading.Event(), threading.Event(), []
    page = late.Late("page", lambda: (drawing.set(), go_on.wait(30))[1])  # type: ignore[arg-type, return-value]
    advisor = assemble.advisor(settings)
    advisor._warming = lambda guide: iter([lambda: tried.append(guide)])  # type: ignore[method-assign]
    page.begin()
    assert drawing.wait(30)
    warming = threading.Thread(target=advisor.warm, args=(late.wait,))
    warming.start()
    warming.join(0.3)
    assert tried == []
    go_on.set()
    warming.join(30)
    assert len(tried) == 1
    advisor.versions.close()
