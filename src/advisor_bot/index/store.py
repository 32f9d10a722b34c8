"""A version's passages in Chroma: a store in the version's own folder, or a collection on a Chroma server."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from advisor_bot.errors import IndexingError

COLLECTION = "guide"
SERVER = "SERVER"  # a file in an index folder that is a copy of what a Chroma server holds; its address
STORED_AT_ONCE = 5_000  # vectors; Chroma takes 5,461 at most
_ANSWERS_WITHIN = 1.0  # seconds a server is given for one search
_ASKED_AGAIN = 5.0  # seconds until a server that failed is asked again


class Store(Protocol):
    """Where a version's passages are searched; ``asked_again`` is how many seconds after a failure."""

    asked_again: float

    def query(self, vector: NDArray[np.float32], k: int, rows: Mapping[str, int]) -> list[tuple[int, float]]:
        """Return the ``k`` nearest as (row, cosine), best first; ``rows`` maps their ids to rows."""

    def close(self) -> None:
        """Give memory and files back."""


def open_store(version: Path, count: int) -> Store:
    """Open the store of a version with ``count`` passages. Raises ``IndexingError`` where it is damaged.

    A server is not called yet: it may come later, or come back.
    """
    server = version.parent.parent / SERVER
    if server.is_file() and not (version / "chroma").is_dir():
        return ServerStore(server.read_text("utf-8").strip(), version.name)
    store = FolderStore(version / "chroma")
    if store.count != count:
        store.close()
        raise IndexingError(f"{version}: the Chroma store holds {store.count} passages, not {count}; it is damaged.")
    return store


def connect(address: str, seconds: float) -> Any:
    """Return a client of the Chroma server at ``address`` that waits so long for each piece of an answer.

    Raises an error of httpx, or ``ValueError``, where the server is away.
    """
    import chromadb
    import httpx
    from chromadb.config import Settings

    httpx.get(
        f"{address}/api/v2/heartbeat", timeout=seconds
    ).raise_for_status()  # the client itself would wait for ever
    parts = urlsplit(address)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    settings = Settings(anonymized_telemetry=False)
    client = chromadb.HttpClient(parts.hostname or "", port, ssl=parts.scheme == "https", settings=settings)
    client._server._session.timeout = seconds  # type: ignore[attr-defined]  # chromadb sets none, and no way to set one
    return client


def collection_of(name: str) -> str:
    """Return what a server calls the collection with the passages of the version ``name``."""
    return f"{COLLECTION}-{name}"


def fill(
    client: Any,
    collection: str,
    ids: Sequence[str],
    vectors_of: Callable[[Sequence[int]], NDArray[np.float32]],
    stored: Callable[[int], None],
    **metadata: str,
) -> Any:
    """Make a collection of the passages called ``ids``, in parts, and return it; ``stored`` hears how many are done."""
    # More candidates than Chroma's 100 for larger guides: recall fell to 0.62 at 100 on 10,000 random vectors.
    searched = int(np.clip(len(ids) // 20, 200, 800))
    configuration: Any = {
        "hnsw": {
            "space": "cosine",
            "ef_construction": 200,
            "ef_search": searched,
            "sync_threshold": 2,  # every batch goes into the HNSW files, so that opening replays nothing
            "batch_size": 2,
        }
    }
    made = client.create_collection(
        collection, embedding_function=None, configuration=configuration, metadata=metadata or None
    )
    for first in range(0, len(ids), STORED_AT_ONCE):
        part = range(first, min(first + STORED_AT_ONCE, len(ids)))
        made.add(ids=[ids[row] for row in part], embeddings=vectors_of(part))
        stored(part.stop)
    return made


def _nearest(collection: Any, vector: NDArray[np.float32], k: int, rows: Mapping[str, int]) -> list[tuple[int, float]]:
    found = collection.query(query_embeddings=np.asarray(vector, np.float32)[None], n_results=k, include=["distances"])
    distances = (found["distances"] or [[]])[0]
    return [(rows[name], 1.0 - distance) for name, distance in zip(found["ids"][0], distances, strict=True)]


class ServerStore:
    """A version's collection on a Chroma server, called at the first question."""

    asked_again = _ASKED_AGAIN

    def __init__(self, address: str, version: str) -> None:
        """Remember where the passages of ``version`` are."""
        self._address, self._name = address, collection_of(version)
        self._connecting = threading.Lock()
        self._connected_from = (
            0.0  # a moment; before it a try failed, and those who waited for it do not try themselves
        )
        self._collection: Any = None

    def query(self, vector: NDArray[np.float32], k: int, rows: Mapping[str, int]) -> list[tuple[int, float]]:
        """Return the nearest. Raises whatever a server that is away, or has lost the version, makes chromadb raise."""
        from chromadb.errors import NotFoundError

        try:
            return _nearest(self._collection or self._connect(), vector, k, rows)
        except NotFoundError:
            self._collection = None  # the server may come back with another collection of that name
            raise

    def close(self) -> None:
        """Forget the collection."""
        self._collection = None

    def _connect(self) -> Any:
        with self._connecting:
            if self._collection is None:
                if time.monotonic() < self._connected_from:
                    raise ConnectionError(f"{self._address} did not answer a moment ago")
                self._connected_from = time.monotonic() + _ASKED_AGAIN / 2
                client = connect(self._address, _ANSWERS_WITHIN)
                self._collection = client.get_collection(self._name, embedding_function=None)
            return self._collection


class FolderStore:
    """Chroma over one folder; over a private copy where Chroma cannot write there, which it needs even to read."""

    asked_again = math.inf
    _one_at_a_time = threading.Lock()  # Chroma's registry of clients is shared by the whole process

    def __init__(self, folder: Path) -> None:
        """Open the store. Raises ``IndexingError`` where it cannot be used."""
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._client: Any = None
        if not (folder / "chroma.sqlite3").is_file():
            raise IndexingError(f"{folder} holds no Chroma store; the version is damaged.")
        try:
            if _writable(folder):
                with contextlib.suppress(Exception):  # a full disk, say; a copy elsewhere may still open
                    return self._open(folder)
            self._copy = tempfile.TemporaryDirectory(prefix="advisor-index-", ignore_cleanup_errors=True)
            self._open(_copied(folder, Path(self._copy.name) / "chroma"))
        except Exception as error:  # the store fails in a dozen ways; each means that it cannot be used
            self.close()
            raise IndexingError(f"{folder} cannot be opened as a Chroma store: {error}") from error

    def _open(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        with self._one_at_a_time:
            client: Any = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        try:
            self._collection = client.get_collection(COLLECTION, embedding_function=None)
            self.count = self._collection.count()
        except Exception:
            with self._one_at_a_time:
                client.close()
            raise
        self._client = client

    def query(self, vector: NDArray[np.float32], k: int, rows: Mapping[str, int]) -> list[tuple[int, float]]:
        """Return the nearest."""
        return _nearest(self._collection, vector, k, rows)

    def close(self) -> None:
        """Close the store; remove its copy where there is one."""
        if self._client is not None:
            with self._one_at_a_time:
                self._client.close()
            self._client = None
        if self._copy is not None:
            self._copy.cleanup()


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "chroma.sqlite3", os.W_OK)


def _copied(folder: Path, target: Path) -> Path:
    """Copy a store without its permissions, which are what is in the way."""
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target
