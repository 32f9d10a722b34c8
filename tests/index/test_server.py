"""Published versions on a real Chroma server of this machine, read and published by several machines."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import chromadb
import pytest

from advisor_bot.documents.load import parse
from advisor_bot.errors import IndexingError, SettingsError
from advisor_bot.index import server as on_server
from advisor_bot.index import versions
from advisor_bot.index.guide import Guide
from advisor_bot.index.library import Library
from advisor_bot.index.publish import history, publish, rollback
from advisor_bot.index.server import place_of
from advisor_bot.models.opening import model_opener
from advisor_bot.settings import Settings
from advisor_bot.types import Document


class Chroma:
    """A real Chroma server in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("chroma")), "run", "--path", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self.port)], stdout=subprocess.DEVNULL, cwd=self.folder
        )
        while self.process.poll() is None:
            with socket.socket() as trying:
                if not trying.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)
        raise AssertionError("chroma run ended")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def collections(self) -> dict[str, Any]:
        return {one.name: one for one in chromadb.HttpClient("127.0.0.1", self.port).list_collections()}


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[Chroma]:
    folder = tmp_path / "chroma"
    folder.mkdir()
    running = Chroma(folder)
    yield running
    running.kill()


Machine = Callable[[str], Settings]


@pytest.fixture
def machine(chroma: Chroma, tmp_path: Path, encoders: Path) -> Machine:
    """Return the settings of a machine: each has a cache of its own."""

    def settings(name: str) -> Settings:
        cache = tmp_path / name
        if not cache.is_dir():
            cache.mkdir()
            (cache / "encoders").symlink_to(encoders)
        return Settings(index=Path(chroma.address), cache=cache)

    return settings


@pytest.fixture
def library(machine: Machine) -> Iterator[Callable[[str], Library]]:
    made: list[Library] = []

    def opened(name: str) -> Library:
        made.append(Library(place_of(machine(name)), model_opener(machine(name))))
        return made[-1]

    yield opened
    for one in made:
        one.close()


def edition(number: int) -> tuple[Document, ...]:
    topics = "Tuition", "Housing", "Meals", "Travel"
    body = "".join(f"## {topic}\n\n{topic} costs {number} euros, edition {number} says.\n\n" for topic in topics)
    return (parse("guide.md", f"# Studying here\n\n{body}", markup=True),)


def nearest(guide: Guide) -> list[int]:
    vector = guide.models.encoder.encode(["What does housing cost?"])[0]
    return [row for row, _ in guide.dense(vector, 3)]


def asks_the_server(guide: Guide) -> bool:
    return guide._store_asked_from < time.monotonic()


def test_a_version_is_a_collection_with_its_passages(
    chroma: Chroma, machine: Machine, library: Callable[[str], Library]
) -> None:
    name = publish(edition(1), machine("publisher")).version
    found = chroma.collections()
    assert set(found) == {"guide-published", f"guide-{name}", f"guide-{name}-files"}
    with library("replica").lease() as guide:
        assert set(found[f"guide-{name}"].get()["ids"]) == {chunk.id for chunk in guide.chunks}
        assert guide.name == name
        assert "Housing" in guide.chunks[nearest(guide)[0]].heading
        assert nearest(guide) == [row for row, _ in guide._exact(guide.vectors[guide.chunk_rows[nearest(guide)[0]]], 3)]
        assert asks_the_server(guide)
        assert not (guide.path / "chroma").exists()


def test_both_replicas_follow_a_publish_and_a_rollback(machine: Machine, library: Callable[[str], Library]) -> None:
    first = publish(edition(1), machine("publisher")).version
    replicas = library("one"), library("two")
    for replica in replicas:
        with replica.lease() as guide:
            assert guide.name == first
    second = publish(edition(2), machine("publisher")).version
    assert [replica.refresh() for replica in replicas] == [True, True]
    assert {replica.live for replica in replicas} == {second}
    assert rollback(machine("elsewhere")).version == first
    assert [replica.refresh() for replica in replicas] == [True, True]
    assert {replica.live for replica in replicas} == {first}
    with replicas[0].lease(second) as older:
        assert "edition 2" in older.documents["guide.md"].text


def test_a_machine_that_comes_later_knows_the_history_and_encodes_nothing_anew(machine: Machine) -> None:
    names = [publish(edition(number), machine("publisher")).version for number in (1, 2)]
    later = machine("later")
    place_of(later).complete()
    assert [(one.name, one.live, one.problem) for one in history(later.index_folder)] == [
        (names[0], False, ""),
        (names[1], True, ""),
    ]
    again = publish(edition(2), later)
    assert (again.version, again.changed) == (names[1], False)
    back = publish(edition(1), later)
    assert back.plan
    assert versions.sequence_of(back.version) == 3


def test_old_versions_leave_the_server_and_the_copies(
    chroma: Chroma, machine: Machine, library: Callable[[str], Library]
) -> None:
    settings = machine("publisher").model_copy(update={"keep": 1})
    replica = library("replica")
    for number in (1, 2, 3):
        name = publish(edition(number), settings).version
        with replica.lease():
            replica.refresh()
    assert set(chroma.collections()) == {"guide-published", f"guide-{name}", f"guide-{name}-files"}
    assert replica.live == name
    assert len(replica.names()) <= 2


def test_a_server_that_is_away_at_the_start_is_named_and_what_was_fetched_before_is_served(
    chroma: Chroma, machine: Machine, library: Callable[[str], Library]
) -> None:
    name = publish(edition(1), machine("publisher")).version
    with library("replica").lease():
        pass
    chroma.kill()
    with library("replica").lease() as guide:
        assert guide.name == name
        assert "Housing" in guide.chunks[nearest(guide)[0]].heading
    with pytest.raises(IndexingError, match=rf"Chroma server at {chroma.address} cannot be used"):
        library("fresh").lease().__enter__()
    with pytest.raises(IndexingError, match="chroma run"):
        publish(edition(2), machine("fresh"))


def test_a_server_that_dies_is_asked_again_once_it_is_back(
    chroma: Chroma, machine: Machine, library: Callable[[str], Library], caplog: pytest.LogCaptureFixture
) -> None:
    publish(edition(1), machine("publisher"))
    replica = library("replica")
    with replica.lease() as guide:
        before = nearest(guide)
        chroma.kill()
        assert [nearest(guide) for _ in range(3)] == [before] * 3
        assert not asks_the_server(guide)
        assert not replica.refresh()
        assert not replica.refresh()
        assert [chroma.address in line for line in caplog.messages].count(True) == 1
        chroma.start()
        guide._store_asked_from = time.monotonic()
        assert nearest(guide) == before
        assert asks_the_server(guide)


def test_a_server_that_hangs_keeps_no_question_waiting_for_ever(
    chroma: Chroma, machine: Machine, library: Callable[[str], Library]
) -> None:
    publish(edition(1), machine("publisher"))
    with library("replica").lease() as guide:
        before = nearest(guide)
        chroma.process.send_signal(signal.SIGSTOP)
        try:
            assert nearest(guide) == before
            assert not asks_the_server(guide)
        finally:
            chroma.process.send_signal(signal.SIGCONT)


def test_a_publish_outlives_a_restart_of_the_server(chroma: Chroma, machine: Machine) -> None:
    first = publish(edition(1), machine("publisher")).version
    timer = threading.Timer(1.0, chroma.start)
    said: list[str] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "Storing" and not timer.is_alive():
            chroma.kill()
            timer.start()

    second = publish(edition(2), machine("publisher"), progress=progress, say=said.append).version
    timer.join()
    assert f"Waiting for the Chroma server at {chroma.address}." in said
    assert second != first
    place_of(machine("later")).complete()
    assert versions.live(machine("later").index_folder) == second


def test_a_publish_that_loses_the_server_leaves_what_was_live(
    chroma: Chroma, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_server, "PATIENCE", 0.0)
    settings = machine("publisher")
    first = publish(edition(1), settings).version
    with pytest.raises(IndexingError, match="Chroma server"):
        publish(edition(2), settings, progress=lambda stage, *_: chroma.kill() if stage == "Storing" else None)
    assert versions.published(settings.index_folder) == [first]
    chroma.start()
    assert publish(edition(2), settings).changed
    assert len(chroma.collections()) == 5


def test_of_two_who_publish_at_once_the_second_is_told_so(chroma: Chroma, machine: Machine) -> None:
    publish(edition(1), machine("one"))
    faster: list[str] = []

    def progress(stage: str, *_: int) -> None:
        if stage == "Storing":
            faster.append(publish(edition(2), machine("two")).version)

    with pytest.raises(IndexingError, match="meanwhile and is live") as told:
        publish(edition(3), machine("one"), progress=progress)
    assert faster[0] in str(told.value)
    assert len(chroma.collections()) == 5
    again = publish(edition(3), machine("one"))
    assert again.plan
    assert again.plan.parent == faster[0]


def test_an_emptied_server_is_filled_by_the_next_publish_while_replicas_go_on(
    chroma: Chroma, machine: Machine, library: Callable[[str], Library]
) -> None:
    settings = machine("publisher")
    publish(edition(1), settings)
    replica = library("replica")
    with replica.lease() as guide:
        for name in chroma.collections():
            chromadb.HttpClient("127.0.0.1", chroma.port).delete_collection(name)
        assert not replica.refresh()
        assert "Housing" in guide.chunks[nearest(guide)[0]].heading
    name = publish(edition(2), settings).version
    assert replica.refresh()
    assert replica.live == name


@pytest.mark.parametrize("damage", [{"file": "../../evil", "data": ""}, {"file": "manifest.json", "data": "e30="}])
def test_what_the_server_holds_is_checked_before_it_goes_live(
    chroma: Chroma,
    machine: Machine,
    library: Callable[[str], Library],
    damage: dict[str, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = publish(edition(1), machine("publisher")).version
    replica = library("replica")
    with replica.lease():
        pass
    second = publish(edition(2), machine("publisher")).version
    chroma.collections()[f"guide-{second}-files"].update(ids=["000001"], metadatas=[damage])
    assert not replica.refresh()
    assert replica.live == first
    assert caplog.messages
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("address", ["http://", "http://host/path", "https://user:secret@host:1", "http://host:port"])
def test_an_address_of_another_form_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="ADVISOR_INDEX"):
        Settings.read({"ADVISOR_INDEX": address})
