"""One published version, opened read only: documents, vectors, token states, Chroma, BM25.

A version is a folder that never changes: ``chroma/``, ``bm25/``, ``vectors.npy``, ``keys.npy``, ``reading/``,
``manifest.json``. Damage is noticed on opening: the version's name ends in the first 12 hex digits of the
manifest's SHA-256, and the manifest holds the hash of every other file. Only Chroma's files have none, because
Chroma rewrites them even when it reads. ``build.py`` writes versions, ``library.py`` picks the one to ask.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from advisor_bot.disk import file_hash
from advisor_bot.errors import IndexingError
from advisor_bot.index.manifest import chunk_from, document_from, read_manifest
from advisor_bot.index.store import Store, open_store
from advisor_bot.models.reader import STATE, Encoded
from advisor_bot.types import Chunk, Document

PROVED_ROWS = 8
_log = logging.getLogger(__name__)


class Version:
    """One version, opened read only. A row of ``chunks`` is a chunk's place in document order.

    ``vectors`` holds the encoder's vectors of unique passages, shape (passages, dimension); chunk i has the vector
    ``vectors[chunk_rows[i]]``. Sentences are numbered over all chunks in order: chunk i has the numbers
    ``first_sentence[i]:first_sentence[i + 1]``, and sentence n has row ``sentence_rows[n]`` of ``reading/``.
    ``fingerprint`` and ``reader`` are the fingerprints of the encoder and the reader that made the version.
    """

    def __init__(self, path: Path) -> None:
        """Read and check the manifest; the rest is opened when first used, or by ``warm``.

        Raises ``IndexingError`` when the version is missing, damaged or of another schema.
        """
        self.path, self.name = path, path.name
        self.manifest = read_manifest(path)
        self.created: str = self.manifest["created"]
        self.parent: str = self.manifest["parent"]
        self.fingerprint: str = self.manifest["encoder"]
        self.reader: str = self.manifest["reader"]
        rows = self.manifest["documents"]
        self.documents: Mapping[str, Document] = {row["name"]: document_from(row) for row in rows}
        self.chunks: tuple[Chunk, ...] = tuple(
            chunk_from(chunk, self.documents[row["name"]]) for row in rows for chunk in row["chunks"]
        )
        self.chunk_rows, self.sentence_rows = (
            np.array(self.manifest[key], np.int64) for key in ("chunk_rows", "sentence_rows")
        )
        counts = [len(chunk.sentences) for chunk in self.chunks]
        self.first_sentence: NDArray[np.int64] = np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
        ends = accumulate(len(row["chunks"]) for row in self.manifest["documents"])
        self._document_chunks = {
            row["name"]: slice(end - len(row["chunks"]), end)
            for row, end in zip(self.manifest["documents"], ends, strict=True)
        }
        self._starts = {name: [c.start for c in self.chunks[rows]] for name, rows in self._document_chunks.items()}
        self._rows = {chunk.id: row for row, chunk in enumerate(self.chunks)}
        for key in ("documents", "chunk_rows", "sentence_rows"):
            del self.manifest[key]  # held above in their own form
        self._opening = threading.RLock()
        self._vectors: NDArray[np.float32] | None = None
        self._reading: _Reading | None = None
        self._words: Any = None
        self._store: Store | None = None
        self._store_asked_from = -math.inf  # a moment; before it the store failed, and is left alone

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The vectors of all unique embedded texts, memory-mapped, checked against their hash when first used."""
        with self._opening:
            if self._vectors is None:
                self._check("vectors.npy")
                self._vectors = np.load(self.path / "vectors.npy", mmap_mode="r")
            return self._vectors

    def sentence_vectors(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the reader's vectors of the sentences with these numbers, shape (numbers, dimension)."""
        found: NDArray[np.float32] = self._read().vectors[self.sentence_rows[numbers]].astype(np.float32)
        return found

    def encoded(self, number: int) -> Encoded:
        """Return the sentence with this number as the reader takes it."""
        return self.encoded_row(int(self.sentence_rows[number]))

    def encoded_row(self, row: int) -> Encoded:
        """Return one row of ``reading/``: a sentence's vector and token states."""
        reading = self._read()
        start, size = reading.spans[row]
        return Encoded(reading.vectors[row].astype(np.float32), reading.states[start : start + size])

    def keys(self, file: str = "keys.npy") -> NDArray[np.uint8]:
        """Return the key of each encoded text, shape (texts, 16), by which ``build.py`` finds what it can copy."""
        self._check(file)
        keys: NDArray[np.uint8] = np.load(self.path / file)
        return keys

    def warm(self) -> Self:
        """Open everything now, so that damage shows here and not at a question; return this version."""
        self.vectors  # noqa: B018
        self._read()
        for file in ("keys.npy", "reading/keys.npy"):
            self._check(file)
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

        Chroma searches. If its store fails while serving, all vectors are compared directly instead, until it is back.
        """
        if time.monotonic() >= self._store_asked_from:
            try:
                found = self._chroma().query(vector, min(k, len(self.chunks)), self._rows)
            except Exception as error:  # whatever went wrong in the store, students still get their answer
                self._store_fails(error)
            else:
                self._store_asked_from = -math.inf
                return found
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

    def chunk_of(self, number: int) -> int:
        """Return the row of the chunk that holds the sentence with this number."""
        return int(np.searchsorted(self.first_sentence, number, "right")) - 1

    def row_at(self, document: str, offset: int) -> int:
        """Return the row of the last chunk of ``document`` that begins at ``offset`` or before."""
        rows = self._document_chunks[document]
        return rows.start + max(bisect_right(self._starts[document], offset) - 1, 0)

    def span_of(self, number: int) -> tuple[int, int]:
        """Return where the sentence with this number stands in its document."""
        row = self.chunk_of(number)
        return self.chunks[row].sentences[number - int(self.first_sentence[row])]

    def row(self, chunk_id: str) -> int | None:
        """Return the row of the chunk called ``chunk_id``, None if this version has none."""
        return self._rows.get(chunk_id)

    def close(self) -> None:
        """Give memory and files back; nothing may be asked of this version afterwards."""
        with self._opening:
            if self._store is not None:
                self._store.close()
            self._store, self._words, self._vectors, self._reading = None, None, None, None
            self._store_asked_from = math.inf

    def _store_fails(self, error: Exception) -> None:
        """Leave the store alone for a while: one in a folder for good, one on a server until it may be back."""
        if self._store_asked_from == -math.inf:
            _log.warning("The Chroma store of %s fails (%s); searching its vectors directly.", self.name, error)
        self._store_asked_from = time.monotonic() + (self._store.asked_again if self._store else math.inf)

    def _exact(self, vector: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
        scores = self.vectors[self.chunk_rows] @ np.asarray(vector, np.float32)
        return [(int(row), float(scores[row])) for row in np.argsort(-scores, kind="stable")[:k]]

    def _read(self) -> _Reading:
        with self._opening:
            if self._reading is None:
                for file in ("vectors.npy", "states.bin", "spans.npy"):
                    self._check(f"reading/{file}")
                folder = self.path / "reading"
                states = folder / "states.bin"
                self._reading = _Reading(
                    np.load(folder / "vectors.npy", mmap_mode="r"),
                    np.memmap(states, STATE, "r") if states.stat().st_size else np.zeros(0, STATE),
                    np.load(folder / "spans.npy"),
                )
            return self._reading

    def _bm25(self) -> Any:
        with self._opening:
            if self._words is None:
                import bm25s

                for file in self.manifest["files"]:
                    if file.startswith("bm25/"):
                        self._check(file)
                self._words = bm25s.BM25.load(str(self.path / "bm25"), show_progress=False)
            return self._words

    def _chroma(self) -> Store:
        with self._opening:
            if self._store is None:
                self._store = open_store(self.path, len(self.chunks))
            return self._store

    def _check(self, file: str) -> None:
        try:
            sound = file_hash(self.path / file) == self.manifest["files"][file]
        except (OSError, KeyError) as error:
            raise IndexingError(f"{self.path / file} cannot be read: {error}") from None
        if not sound:
            raise IndexingError(f"{self.path / file} is damaged: its hash is not the one in the manifest.")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What the reader made of the unique sentences: a vector each, their token states, where each one's states are."""

    vectors: NDArray[np.float16]
    states: NDArray[np.void]
    spans: NDArray[np.int64]
