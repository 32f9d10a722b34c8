"""Published versions on a Chroma server, and the copy of them that a machine keeps.

On the server::

    guide-published          a record a publish or rollback, 000001, 000002, …: when, action, name; the last one is live
    guide-<version>          the passages of a version
    guide-<version>-files    everything else of it, in parts

The first to add a record has it: so of two who publish at once one is told so. The copy is an index folder like any
other (``versions.py``), without the stores of Chroma, with a file SERVER. Whoever asks, lists or publishes works on it.
"""

from __future__ import annotations

import base64
import contextlib
import datetime
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock

from advisor_bot import disk
from advisor_bot.errors import IndexingError
from advisor_bot.index import versions
from advisor_bot.index.store import COLLECTION, SERVER, collection_of, connect, fill
from advisor_bot.index.version import Version
from advisor_bot.settings import Settings

LOG = f"{COLLECTION}-published"
PATIENCE = 30.0  # seconds that a publish waits for a server that went away
_PART = 1_000_000  # bytes of a file in one record
_AT_ONCE = 8  # such records in one request; Chroma takes 40 MB
_ANSWERS_WITHIN = 10.0  # seconds
_OURS = re.compile(rf"{COLLECTION}-(\d{{6,}}-[0-9a-f]{{12}})")
_FILE = re.compile(r"(?:(?:reading|bm25)/)?[a-z][\w.-]*")
_NO_VECTOR = [0.0]  # Chroma wants one of every record
T = TypeVar("T")


def place_of(settings: Settings) -> versions.Place:
    """Return where the versions are published: a folder, or a Chroma server with this machine's copy."""
    if settings.index_server:
        return Server(settings.index_server, settings.index_folder)
    return versions.Place(settings.index_folder)


class Server(versions.Place):
    """A Chroma server and the copy of its versions in ``folder``. Every method may be called from any thread.

    Methods raise ``IndexingError`` where the server is away or holds something damaged; the copy then stays as it was.
    """

    def __init__(self, address: str, folder: Path) -> None:
        """Remember both; nothing is called yet."""
        super().__init__(folder)
        self.address = address
        self._client: Any = None
        self._seen: tuple[Any, int] = (None, 0)  # the log, and how many of its records the copy has
        self._missing: list[str] = []  # versions still to be looked for in the copy, the next one last

    def follow(self) -> None:
        """Bring the copy's history and its live version up to date."""
        with self._reaching() as client:
            log = client.get_or_create_collection(LOG, embedding_function=None)
            seen = log.id, log.count()
            if seen == self._seen or not seen[1]:
                return
            self._seen = log.id, self._follow(client, log)

    def complete(self) -> None:
        """Fetch everything that is kept, older versions too."""
        self.follow()
        while self.fetch_older():
            pass

    def fetch_older(self) -> bool:
        """Fetch an older version where the copy lacks it; return whether there was one to look for."""
        if not self._missing:
            return False
        with self._reaching() as client:
            self._fetch(client, self._missing.pop())
        return True

    def begin(self) -> None:
        """Make ready to publish: complete the copy, remove what a crashed builder left."""
        self.complete()
        with self._reaching() as client:
            if not _entries(client.get_or_create_collection(LOG, embedding_function=None)):
                self._forget()
            logged = {name for _, _, name in versions.journal(self.folder)}
            for collection in client.list_collections():
                name = _version_in(collection.name)
                if name and name not in logged and _abandoned(collection.metadata or {}):
                    client.delete_collection(collection.name)
        super().begin()

    def add(self, name: str, say: Callable[[str], None]) -> None:
        """Bring the version just built to the server; where that fails it leaves nothing behind."""
        path = versions.path_of(self.folder, name)
        try:
            with self._reaching():
                self._patiently(lambda: self._push(path), say)
            shutil.rmtree(path / "chroma")  # from now on it is asked on the server, by this machine too
            with self._reaching():
                Version(path).prove()
        except BaseException:
            with contextlib.suppress(Exception):
                self._delete(name)
            disk.remove(path)
            raise

    def point(self, name: str, action: str) -> None:
        """Make ``name`` the live version, unless something became live since this place was last followed."""
        number = self._seen[1] + 1  # not the copy's: a server of this machine keeps that up to date
        record = {"when": versions.now(), "action": action, "name": name, "by": _who()}
        with self._reaching() as client:
            log = client.get_or_create_collection(LOG, embedding_function=None)
            self._patiently(lambda: log.add(ids=[f"{number:06d}"], embeddings=[_NO_VECTOR], metadatas=[record]))
            first = log.get(ids=[f"{number:06d}"], include=["metadatas"])["metadatas"][0]
        if first != record:
            if action == "publish":
                self.remove(name)
            raise IndexingError(
                f"{first['name']} was published by {first['by']} meanwhile and is live. Nothing of it was changed: "
                "run this again."
            )
        self.follow()

    def remove(self, name: str) -> None:
        """Remove a version from the server and the copy."""
        with self._reaching():
            self._delete(name)
        super().remove(name)

    # --- what the above stands on -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _reaching(self) -> Iterator[Any]:
        """Lend a client; say in one line what goes wrong with the server."""
        try:
            yield self._connected()
        except (IndexingError, OSError):
            raise
        except Exception as error:  # chromadb and httpx raise dozens of kinds
            reason = str(error).rstrip(" .?") or type(error).__name__
            raise IndexingError(
                f"The Chroma server at {self.address} cannot be used: {reason}. "
                "See that it runs (`chroma run --host H --port P --path FOLDER`) and that ADVISOR_INDEX is its address."
            ) from error

    def _connected(self) -> Any:
        self._client = self._client or connect(self.address, _ANSWERS_WITHIN)
        return self._client

    def _patiently(self, call: Callable[[], T], say: Callable[[str], None] = lambda _: None) -> T:
        """Return what ``call`` returns, calling it again while the server is away; it must bear being called twice."""
        import httpx

        end, pause = time.monotonic() + PATIENCE, 0.5
        while True:
            try:
                return call()
            except (httpx.TransportError, ValueError):
                if time.monotonic() + pause > end:
                    raise
                say(f"Waiting for the Chroma server at {self.address}.")
                time.sleep(pause)
                pause *= 1.5

    def _follow(self, client: Any, log: Any) -> int:
        """Write what the log says into the copy; return how many records it had."""
        self.folder.mkdir(parents=True, exist_ok=True)
        kept = {_version_in(collection.name) for collection in client.list_collections()}
        with FileLock(self.folder / ".following"):  # another process of this machine may follow, too
            entries = _entries(log)
            history = "".join(f"{entry['when']} {entry['action']} {entry['name']}\n" for entry in entries)
            live = entries[-1]["name"]
            disk.write(self.folder / SERVER, self.address + "\n")
            disk.write(self.folder / "PUBLISHED", history)
            self._fetch(client, live)
            disk.write(self.folder / "LIVE", live + "\n")
        for name in set(versions.published(self.folder)) - kept:
            disk.remove(versions.path_of(self.folder, name))
        last = dict.fromkeys(entry["name"] for entry in reversed(entries))
        self._missing = [name for name in reversed(last) if name in kept]
        return len(entries)

    def _fetch(self, client: Any, name: str) -> None:
        """Fetch the files of a version into the copy, unless they are there."""
        target = versions.path_of(self.folder, name)
        if not versions.is_name(name) or target.is_dir():
            return
        work = self.folder / f".fetching-{os.getpid()}-{time.monotonic_ns()}"
        try:
            files = client.get_collection(f"{collection_of(name)}-files", embedding_function=None)
            for first in range(0, files.count(), _AT_ONCE):
                ids = [f"{number:06d}" for number in range(first, first + _AT_ONCE)]
                found = files.get(ids=ids, include=["metadatas"])
                for _, part in sorted(zip(found["ids"], found["metadatas"], strict=True)):
                    _append(work / name, str(part["file"]), str(part["data"]))
            Version(work / name).warm().close()  # each file has the hash that the manifest gives
            disk.sync_tree(work / name)
            target.parent.mkdir(exist_ok=True)
            try:
                (work / name).rename(target)
            except OSError:
                if not target.is_dir():  # else another process was faster
                    raise
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _push(self, path: Path) -> None:
        """Write a version's collections anew; half of one, from a try before, is removed."""
        client = self._connected()
        self._delete(path.name)
        version = Version(path)
        rows, ids = version.chunk_rows, [chunk.id for chunk in version.chunks]
        by, name = {"by": _who(), "begun": versions.now()}, collection_of(path.name)
        files = client.create_collection(f"{name}-files", embedding_function=None, metadata=by)
        parts = list(_parts(path))
        for first in range(0, len(parts), _AT_ONCE):
            some = parts[first : first + _AT_ONCE]
            ids_of = [f"{number:06d}" for number in range(first, first + len(some))]
            files.add(ids=ids_of, embeddings=[_NO_VECTOR] * len(some), metadatas=[part() for part in some])
        made = fill(client, name, ids, lambda part: np.asarray(version.vectors[rows[part]]), lambda _: None, **by)
        version.close()
        if (made.count(), files.count()) != (len(ids), len(parts)):
            raise IndexingError(f"The Chroma server at {self.address} lost a part of {path.name}. Is its disk full?")

    def _delete(self, name: str) -> None:
        client = self._connected()
        there = {collection.name for collection in client.list_collections()}
        for collection in (collection_of(name), f"{collection_of(name)}-files"):
            if collection in there:
                client.delete_collection(collection)

    def _forget(self) -> None:
        """Empty the copy: the server holds nothing (any more), so that all is published anew."""
        self._seen = (None, 0)
        for file in ("LIVE", "PUBLISHED"):
            (self.folder / file).unlink(missing_ok=True)
        for name in versions.published(self.folder):
            disk.remove(versions.path_of(self.folder, name))
        self.folder.mkdir(parents=True, exist_ok=True)
        disk.write(self.folder / SERVER, self.address + "\n")


def _entries(log: Any) -> list[dict[str, str]]:
    """Return the records of the log, oldest first."""
    found = log.get(include=["metadatas"])
    return [entry for _, entry in sorted(zip(found["ids"], found["metadatas"], strict=True), key=lambda one: one[0])]


def _version_in(collection: str) -> str:
    found = _OURS.match(collection)
    return found[1] if found else ""


def _who() -> str:
    return f"{platform.node()}:{os.getpid()}"


def _abandoned(metadata: dict[str, str]) -> bool:
    """Tell whether what is not live never will be: it is this machine's, whose builder's lock we hold, or a day old."""
    if metadata.get("by", "").rpartition(":")[0] == platform.node():
        return True
    begun = datetime.datetime.fromisoformat(metadata.get("begun") or versions.now())
    return datetime.datetime.now(datetime.UTC) - begun > datetime.timedelta(days=1)


def _parts(path: Path) -> Iterator[Callable[[], dict[str, str]]]:
    """Yield what reads each part of a version's files, as a record holds it; not those of its Chroma store."""
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_file() and not name.startswith("chroma/"):
            for start in range(0, max(file.stat().st_size, 1), _PART):
                yield lambda file=file, name=name, start=start: {"file": name, "data": _read(file, start)}  # type: ignore[misc]


def _read(file: Path, start: int) -> str:
    with file.open("rb") as stream:
        stream.seek(start)
        return base64.b64encode(stream.read(_PART)).decode()


def _append(folder: Path, name: str, data: str) -> None:
    if not _FILE.fullmatch(name):
        raise IndexingError(f"The Chroma server holds a file called {name[:80]!r}, which no version has.")
    file = folder / PurePosixPath(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as stream:
        stream.write(base64.b64decode(data))
