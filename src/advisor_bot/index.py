"""Stage 4: one version of the index (Chroma, BM25, vectors, documents) and the library of versions.

A version is a folder that never changes: ``chroma/``, ``bm25/``, ``vectors.npy``, ``keys.npy``,
``manifest.json``. Its name ends in the first 12 hex digits of the manifest's SHA-256, and the manifest
holds the hashes of every other file but Chroma's, which rewrites its own even when only read. So damage
is noticed on opening. ``build.py`` writes versions; this module only reads them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor_bot import versions
from advisor_bot.errors import IndexingError
from advisor_bot.types import Block, Chunk, Document, Section

SCHEMA = 1
COLLECTION = "guide"
PROVED_ROWS = 8
_log = logging.getLogger(__name__)


class Index:
    """One version, opened read only. A row of ``chunks`` is a chunk's place in document order.

    ``vectors`` holds unique embedded texts, shape (texts, dimension); ``chunk_rows``, ``sentence_rows``
    and ``context_rows`` say which of them belongs to each chunk, each sentence, and each sentence with its
    innermost heading. Sentences count over all chunks in order; those of chunk i are
    ``first_sentence[i]:first_sentence[i + 1]``. ``encoder`` is the fingerprint the vectors were made with.
    """

    def __init__(self, path: Path) -> None:
        """Read and check the manifest; the rest is opened when first used, or by ``warm``.

        Raises ``IndexingError`` when the version is missing, damaged or of another schema.
        """
        self.path, self.name = path, path.name
        self.manifest = _read_manifest(path)
        self.created: str = self.manifest["created"]
        self.parent: str = self.manifest["parent"]
        self.encoder: str = self.manifest["encoder"]
        self.documents: Mapping[str, Document] = {row["name"]: _document(row) for row in self.manifest["documents"]}
        self.chunks: tuple[Chunk, ...] = tuple(
            _chunk(chunk, self.documents[row["name"]]) for row in self.manifest["documents"] for chunk in row["chunks"]
        )
        self.chunk_rows, self.sentence_rows, self.context_rows = (
            np.array(self.manifest[key], np.int64) for key in ("chunk_rows", "sentence_rows", "context_rows")
        )
        counts = [len(chunk.sentences) for chunk in self.chunks]
        self.first_sentence: NDArray[np.int64] = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        self._rows = {chunk.id: row for row, chunk in enumerate(self.chunks)}
        for key in ("documents", "chunk_rows", "sentence_rows", "context_rows"):
            del self.manifest[key]  # held above in their own form
        self._opening = threading.RLock()
        self._vectors: NDArray[np.float32] | None = None
        self._words: Any = None
        self._store: _Store | None = None
        self._store_failed = False

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors of all unique embedded texts, memory-mapped, checked against their hash when first used."""
        with self._opening:
            if self._vectors is None:
                self._check("vectors.npy")
                self._vectors = np.load(self.path / "vectors.npy", mmap_mode="r")
            return self._vectors

    def keys(self) -> NDArray[np.uint8]:
        """Return the key of each vector's text, shape (texts, 16), for a builder that reuses vectors."""
        self._check("keys.npy")
        keys: NDArray[np.uint8] = np.load(self.path / "keys.npy")
        return keys

    def warm(self) -> Index:
        """Open everything now, so that damage shows here and not at a question; return this index."""
        self.vectors  # noqa: B018
        self._check("keys.npy")
        self._bm25()
        self._chroma()
        return self

    def prove(self) -> None:
        """Ask the Chroma store for some of its own vectors, then close; raise ``IndexingError`` if it fails.

        Chroma writes its index files without a check of its own, so a full disk could leave them short.
        """
        try:
            store = self.warm()._chroma()
            for row in np.linspace(0, len(self.chunks) - 1, min(PROVED_ROWS, len(self.chunks)), dtype=int):
                found = store.query(self.vectors[self.chunk_rows[row]], 1, self._rows)
                if not found or found[0][1] < 0.999:
                    raise IndexingError(f"{self.path}: the Chroma store does not find its own passages.")
        finally:
            self.close()

    def dense(self, vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        """Return the ``k`` chunk rows nearest to ``vector`` as (row, cosine), best first.

        Chroma answers; should its store fail while serving, the vectors are compared one by one instead.
        """
        if not self._store_failed:
            try:
                return self._chroma().query(vector, min(k, len(self.chunks)), self._rows)
            except Exception as error:  # whatever went wrong in the store, students still get their answer
                self._store_failed = True
                _log.warning("The Chroma store of %s fails (%s); searching its vectors directly.", self.name, error)
        return self._exact(vector, k)

    def lexical(self, terms: Sequence[str], k: int) -> list[tuple[int, float]]:
        """Return up to ``k`` chunk rows that share ``terms`` (stemmed) as (row, BM25 score > 0), best first."""
        bm25 = self._bm25()
        known = [term for term in terms if term and term in bm25.vocab_dict]
        if not known:
            return []
        scores = bm25.get_scores(known)
        best = np.argsort(-scores, kind="stable")[:k]
        return [(int(row), float(scores[row])) for row in best if scores[row] > 0]

    def idf(self, term: str) -> float | None:
        """Return the inverse document frequency of a stemmed term (BM25's, Lucene form), None if never used."""
        bm25 = self._bm25()
        number = bm25.vocab_dict.get(term) if term else None
        if number is None:
            return None
        starts = bm25.scores["indptr"]
        used = int(starts[number + 1] - starts[number])
        return math.log(1 + (len(self.chunks) - used + 0.5) / (used + 0.5)) if used else None

    def row(self, chunk_id: str) -> int | None:
        """Return the row of the chunk called ``chunk_id``, None if this version has none."""
        return self._rows.get(chunk_id)

    def close(self) -> None:
        """Give memory and files back; nothing may be asked of this index afterwards."""
        with self._opening:
            if self._store is not None:
                self._store.close()
            self._store, self._words, self._vectors = None, None, None
            self._store_failed = True

    def _exact(self, vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        scores = self.vectors[self.chunk_rows] @ np.asarray(vector, np.float32)
        return [(int(row), float(scores[row])) for row in np.argsort(-scores, kind="stable")[:k]]

    def _bm25(self) -> Any:
        with self._opening:
            if self._words is None:
                import bm25s

                for file in self.manifest["files"]:
                    if file.startswith("bm25/"):
                        self._check(file)
                self._words = bm25s.BM25.load(str(self.path / "bm25"), show_progress=False)
            return self._words

    def _chroma(self) -> _Store:
        with self._opening:
            if self._store is None:
                self._store = _Store(self.path / "chroma")
                if self._store.count != len(self.chunks):
                    found = self._store.count
                    self._store.close()
                    self._store = None
                    raise IndexingError(
                        f"{self.path}: the Chroma store holds {found} passages, not {len(self.chunks)}; it is damaged."
                    )
            return self._store

    def _check(self, file: str) -> None:
        try:
            sound = file_hash(self.path / file) == self.manifest["files"][file]
        except (OSError, KeyError) as error:
            raise IndexingError(f"{self.path / file} cannot be read: {error}") from None
        if not sound:
            raise IndexingError(f"{self.path / file} is damaged: its hash is not the one in the manifest.")


class _Store:
    """Chroma over one folder; over a private copy where Chroma cannot write there, which it needs even to read."""

    _one_at_a_time = threading.Lock()  # Chroma's registry of clients is shared by the whole process

    def __init__(self, folder: Path) -> None:
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
        found = self._collection.query(
            query_embeddings=np.asarray(vector, np.float32)[None], n_results=k, include=["distances"]
        )
        distances = (found["distances"] or [[]])[0]
        return [(rows[name], 1.0 - distance) for name, distance in zip(found["ids"][0], distances, strict=True)]

    def close(self) -> None:
        if self._client is not None:
            with self._one_at_a_time:
                self._client.close()
            self._client = None
        if self._copy is not None:
            self._copy.cleanup()


@dataclass(slots=True)
class _Held:
    """An opened version and how many leases it has."""

    index: Index
    leases: int = 0


class Library:
    """The published versions in one folder; the live one is held open, others while they are leased.

    Every method may be called from any thread.
    """

    def __init__(self, folder: Path) -> None:
        """Remember the folder; nothing is opened before it is needed. Raises ``IndexingError`` for a URL."""
        self.folder = versions.refuse_url(folder)
        self._held: dict[str, _Held] = {}
        self._live = ""
        self._refused: tuple[str, float] = ("", 0.0)
        self._lock = threading.Lock()  # guards the fields above; never held while a file is read
        self._opening = threading.Lock()  # one version is opened at a time
        self._stop = threading.Event()
        self._watcher: threading.Thread | None = None

    @property
    def live(self) -> str:
        """The name of the version being served, "" while none is."""
        return self._live

    def names(self) -> list[str]:
        """Return the names of the versions that are kept, the one made live last at the end."""
        return versions.published(self.folder)

    @contextlib.contextmanager
    def lease(self, version: str | None = None) -> Iterator[Index]:
        """Lend the live version, or the kept one called ``version``; it stays open until the lease ends.

        Raises ``IndexingError`` when nothing is published, or that version is not kept any more.
        """
        held = self._take(version)
        try:
            yield held.index
        finally:
            self._give_back(held)

    def refresh(self) -> bool:
        """Look at LIVE again and swap when it names another version; tell whether it did.

        A new version that cannot be read is logged once and the old one stays. Raises nothing.
        """
        try:
            return self._refresh()
        except Exception as error:  # the watcher must live on whatever happens to the folder
            _log.warning("The index in %s could not be looked at: %s", self.folder, error)
            return False

    def watch(self, seconds: float = 1.0, *, swapped: Callable[[], None] = lambda: None) -> None:
        """Look at LIVE again every so many seconds, in a background thread, until ``close``.

        ``swapped`` is called there after every swap; the next look waits for it.
        """
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, args=(seconds, swapped), name="library", daemon=True)
            self._watcher.start()

    def close(self) -> None:
        """Stop watching and close every version that is not leased; leased ones close with their lease."""
        self._stop.set()
        if self._watcher is not None:
            self._watcher.join()
        with self._lock:
            self._live = ""
            idle = [name for name, held in self._held.items() if not held.leases]
            closing = [self._held.pop(name) for name in idle]
        for held in closing:
            held.index.close()

    def _watch(self, seconds: float, swapped: Callable[[], None]) -> None:
        while not self._stop.wait(seconds):
            if self.refresh():
                swapped()

    def _take(self, version: str | None) -> _Held:
        if not version and not self._live:
            self._open_first()
        with self._lock:
            name = version or self._live
            held = self._held.get(name)
            if held:
                held.leases += 1
                return held
        with self._opening:
            with self._lock:
                held = self._held.get(name)
            if held is None:
                held = _Held(self._open_kept(name))
            with self._lock:
                held = self._held.setdefault(name, held)
                held.leases += 1
                return held

    def _give_back(self, held: _Held) -> None:
        with self._lock:
            held.leases -= 1
            done = not held.leases and held.index.name != self._live
            if done:
                self._held.pop(held.index.name, None)
        if done:
            held.index.close()

    def _open_kept(self, name: str) -> Index:
        if name not in self.names():
            raise IndexingError(f"Version {name} of the guide is not kept any more.")
        return Index(versions.path_of(self.folder, name))

    def _open_first(self) -> None:
        with self._opening:
            if not self._live:
                self._swap(newest_sound(self.folder))

    def _refresh(self) -> bool:
        name = versions.live(self.folder)
        if not name or name == self._live or (name, self._stamp(name)) == self._refused:
            return False
        with self._opening:
            if name == self._live:
                return False
            try:
                index = Index(versions.path_of(self.folder, name)).warm()
            except IndexingError as error:
                self._refused = (name, self._stamp(name))
                _log.warning("The new version cannot be used, %s stays live: %s", self._live or "nothing", error)
                return False
            self._swap(index)
        _log.info("Now serving %s of the guide.", name)
        return True

    def _stamp(self, name: str) -> float:
        try:
            return versions.path_of(self.folder, name).stat().st_mtime
        except OSError:
            return 0.0

    def _swap(self, index: Index) -> None:
        """Make ``index`` the one that is lent; the old one closes now or when its last lease ends."""
        with self._lock:
            already = self._held.get(index.name)
            self._held.setdefault(index.name, _Held(index))
            old, self._live = self._held.get(self._live), index.name
            done = old is not None and not old.leases and old.index.name != index.name
            if done and old:
                del self._held[old.index.name]
        if already:
            index.close()
        if done and old:
            old.index.close()


def newest_sound(folder: Path) -> Index:
    """Open the live version; where it cannot be used, the newest published one that can, with a warning.

    Raises ``IndexingError`` when nothing is published, or nothing that is can be read.
    """
    live, names = versions.live(folder), versions.published(folder)
    if not live and not names:
        raise IndexingError(f"Nothing is published in {folder} yet. Run `python ingest.py` first.")
    problem = "LIVE names no version"
    for name in dict.fromkeys([live, *reversed(names)] if live else reversed(names)):
        try:
            index = Index(versions.path_of(folder, name)).warm()
        except IndexingError as error:
            problem = str(error)
            continue
        if name != live:
            _log.warning("The live version in %s cannot be used (%s); serving %s.", folder, problem, name)
        return index
    raise IndexingError(f"No version in {folder} can be read ({problem}) Run `python ingest.py` to publish again.")


def file_hash(file: Path) -> str:
    """Return the SHA-256 of a file in hex."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def manifest_row(document: Document, chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Return a document and its chunks as the manifest holds them; texts of chunks are spans of its text."""
    return {
        "name": document.name,
        "title": document.title,
        "text": document.text,
        "sha256": hashlib.sha256(document.text.encode("utf-8", "surrogatepass")).hexdigest(),
        "meta": dict(document.meta),
        "pages": document.pages,
        "sections": [
            [s.heading, s.level, s.start, s.body, s.end, [[b.kind, b.start, b.end, b.label] for b in s.blocks]]
            for s in document.sections
        ],
        "chunks": [[c.id, c.heading, c.start, c.end, c.sentences, c.kind, c.label] for c in chunks],
    }


def _document(row: dict[str, Any]) -> Document:
    sections = tuple(
        Section(tuple(heading), level, start, body, end, tuple(Block(*block) for block in blocks))
        for heading, level, start, body, end, blocks in row["sections"]
    )
    pages = tuple((start, number) for start, number in row["pages"])
    return Document(row["name"], row["title"], row["text"], sections, row["meta"], pages)


def _chunk(row: list[Any], document: Document) -> Chunk:
    name, heading, start, end, spans, kind, label = row
    sentences = tuple((first, last) for first, last in spans)
    return Chunk(name, document.name, tuple(heading), start, end, document.text[start:end], sentences, kind, label)


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / "manifest.json"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise IndexingError(f"Version {path.name} cannot be read: {file}: {error.strerror}.") from None
    if hashlib.sha256(data).hexdigest()[:12] != path.name.rpartition("-")[2]:
        raise IndexingError(f"{file} is damaged: its hash is not the one in the version's name.")
    manifest: dict[str, Any] = json.loads(data)
    if manifest.get("schema") != SCHEMA:
        raise IndexingError(
            f"{file} has schema {manifest.get('schema')}, this program reads {SCHEMA}. "
            "Run `python ingest.py` to publish again."
        )
    return manifest


def _writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "chroma.sqlite3", os.W_OK)


def _copied(folder: Path, target: Path) -> Path:
    """Copy a store without its permissions, which are what is in the way."""
    shutil.copytree(folder, target, copy_function=shutil.copyfile)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o700 if path.is_dir() else 0o600)
    return target
