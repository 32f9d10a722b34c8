"""Stage 4, the builder's side: documents -> a version folder, whole and checked before it gets its name.

Vectors come from older versions where the exact text was embedded with the same encoder; only the rest is
computed. Everything goes through a hidden folder that is renamed when it is complete and on the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from advisor_bot import disk
from advisor_bot.documents.chunk import chunk, embedded_texts
from advisor_bot.errors import IndexingError
from advisor_bot.index import versions
from advisor_bot.index.version import COLLECTION, SCHEMA, Version, manifest_row
from advisor_bot.models.encoder import Encoder
from advisor_bot.text import plain, terms
from advisor_bot.types import Chunk, Document

KEY_BYTES = 16
ENCODED_AT_ONCE = 2_048  # texts
STORED_AT_ONCE = 5_000  # vectors; Chroma takes 5,461 at most
Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how many


@dataclass(frozen=True)
class Draft:
    """What a version would hold: documents, chunks, and which unique embedded texts they need.

    ``keys`` are the texts' keys, one a row of the vectors to be; ``missing`` are the texts of the rows that
    no older version has a vector for, ``found`` where the others are (version, row there). ``terms`` are the
    stemmed words that each chunk is found by.
    """

    documents: tuple[Document, ...]
    chunks: tuple[Chunk, ...]
    encoder: str
    chunk_chars: int
    keys: tuple[bytes, ...]
    missing: Mapping[int, str]
    found: Mapping[int, tuple[int, int]]
    sources: tuple[Version, ...]
    rows: Mapping[str, list[int]] = field(default_factory=dict)
    terms: tuple[list[str], ...] = ()

    @property
    def content(self) -> str:
        """A hash of all that readers see and all that decides what is found; equal means nothing changed."""
        return _content(_manifest_rows(self), self)


def draft(documents: Sequence[Document], encoder: str, chunk_chars: int, sources: Sequence[Version] = ()) -> Draft:
    """Cut ``documents`` and find which of their texts have vectors in ``sources`` (older versions, best first).

    ``encoder`` is a fingerprint; versions made with another one lend nothing.
    """
    usable = tuple(source for source in sources if source.fingerprint == encoder)
    known = _known(usable)
    keys: dict[bytes, int] = {}
    missing: dict[int, str] = {}
    rows: dict[str, list[int]] = {"chunk_rows": [], "sentence_rows": [], "context_rows": []}
    chunks: list[Chunk] = []

    def row(text: str) -> int:
        key = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
        if key not in keys:
            keys[key] = len(keys)
            if key not in known:
                missing[keys[key]] = text
        return keys[key]

    for document in documents:
        for piece in chunk(document, target=chunk_chars):
            texts = embedded_texts(piece, document)
            chunks.append(piece)
            rows["chunk_rows"].append(row(texts.chunk))
            rows["sentence_rows"] += map(row, texts.sentences)
            rows["context_rows"] += map(row, texts.in_context)
    found = {number: known[key] for key, number in keys.items() if key in known}
    titles = {document.name: document.title for document in documents}
    found_by = tuple(terms(" ".join((titles[c.document], *c.heading, plain(c.text)))) for c in chunks)
    return Draft(
        tuple(documents), tuple(chunks), encoder, chunk_chars, tuple(keys), missing, found, usable, rows, found_by
    )


def build(
    folder: Path, drafted: Draft, encoder: Encoder, *, parent: str, summary: Mapping[str, int], progress: Progress
) -> str:
    """Write ``drafted`` as a new version of ``folder`` and return its name; it is not live yet.

    The caller holds the builder's lock. Raises ``IndexingError`` when the folder cannot be written; nothing
    but the whole version is ever left behind.
    """
    work = folder / "versions" / f".building-{os.getpid()}-{time.monotonic_ns()}"
    building = work / "new"
    try:
        building.mkdir(parents=True)
        _write(building, drafted, encoder, progress)
        name = _write_manifest(folder, building, drafted, encoder, parent, summary)
        whole = building.rename(work / name)
        Version(whole).prove()
        disk.sync_tree(whole)
        whole.rename(versions.path_of(folder, name))
        disk.sync(folder / "versions")
        return name
    except OSError as error:
        raise IndexingError(f"{folder} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _write(building: Path, drafted: Draft, encoder: Encoder, progress: Progress) -> None:
    np.save(building / "keys.npy", np.frombuffer(b"".join(drafted.keys), np.uint8).reshape(-1, KEY_BYTES))
    _write_vectors(building / "vectors.npy", drafted, encoder, progress)
    _write_chroma(building / "chroma", drafted, np.load(building / "vectors.npy", mmap_mode="r"), progress)
    _write_bm25(building / "bm25", drafted)


def _write_vectors(file: Path, drafted: Draft, encoder: Encoder, progress: Progress) -> None:
    """Write the vectors row by row with plain writes: a full disk is then an error, not a fault of the process."""
    shape = (len(drafted.keys), encoder.dimension)
    with file.open("wb") as stream:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)
        start = stream.tell()
        for row, (source, old) in drafted.found.items():
            _put(stream, start, row, drafted.sources[source].vectors[old])
        wanted = sorted(drafted.missing, key=lambda row: len(drafted.missing[row]))
        done = 0

        def more(count: int) -> None:
            nonlocal done
            done += count
            progress("Embedding", done, len(wanted))

        for rows in _in_parts(wanted, ENCODED_AT_ONCE):
            vectors = encoder.encode([drafted.missing[row] for row in rows], progress=more)
            for row, vector in zip(rows, vectors, strict=True):
                _put(stream, start, row, vector)


def _put(stream: BinaryIO, start: int, row: int, vector: NDArray[np.float32]) -> None:
    stream.seek(start + row * vector.nbytes)
    stream.write(vector.astype("<f4", copy=False).tobytes())


def _write_chroma(folder: Path, drafted: Draft, vectors: NDArray[np.float32], progress: Progress) -> None:
    import chromadb
    from chromadb.config import Settings

    rows = np.array(drafted.rows["chunk_rows"], np.int64)
    # More candidates than Chroma's 100 for larger guides: recall fell to 0.62 at 100 on 10,000 random vectors.
    searched = int(np.clip(len(rows) // 20, 200, 800))
    configuration: Any = {
        "hnsw": {
            "space": "cosine",
            "ef_construction": 200,
            "ef_search": searched,
            "sync_threshold": 2,  # every batch goes into the HNSW files, so that opening replays nothing
            "batch_size": 2,
        }
    }
    client: Any = None
    try:
        client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        collection = client.create_collection(COLLECTION, embedding_function=None, configuration=configuration)
        for part in _in_parts(range(len(rows)), STORED_AT_ONCE):
            collection.add(ids=[drafted.chunks[row].id for row in part], embeddings=vectors[rows[part]])
            progress("Storing", part[-1] + 1, len(rows))
    except OSError:
        raise
    except Exception as error:  # Chroma wraps what the disk says in errors of its own
        raise IndexingError(f"Chroma cannot write {folder}: {error}. Is the disk full?") from error
    finally:
        if client is not None:
            client.close()


def _write_bm25(folder: Path, drafted: Draft) -> None:
    import bm25s

    words = bm25s.BM25()
    words.index(list(drafted.terms), show_progress=False)
    words.save(str(folder), show_progress=False)


def _write_manifest(
    folder: Path, building: Path, drafted: Draft, encoder: Encoder, parent: str, summary: Mapping[str, int]
) -> str:
    """Write the manifest and return the version's name, which ends in the manifest's hash."""
    rows = _manifest_rows(drafted)
    files = [building / "vectors.npy", building / "keys.npy", *sorted((building / "bm25").iterdir())]
    manifest = {
        "schema": SCHEMA,
        "created": versions.now(),
        "parent": parent,
        "encoder": drafted.encoder,
        "encoder_name": encoder.name,
        "chunk_chars": drafted.chunk_chars,
        "content": _content(rows, drafted),
        "summary": dict(summary),
        "files": {file.relative_to(building).as_posix(): disk.file_hash(file) for file in files},
        "documents": rows,
        **drafted.rows,
    }
    data = _json(manifest)
    (building / "manifest.json").write_bytes(data)
    return f"{versions.next_sequence(folder):06d}-{hashlib.sha256(data).hexdigest()[:12]}"


def _manifest_rows(drafted: Draft) -> list[dict[str, Any]]:
    chunks: dict[str, list[Chunk]] = {document.name: [] for document in drafted.documents}
    for piece in drafted.chunks:
        chunks[piece.document].append(piece)
    return [manifest_row(document, chunks[document.name]) for document in drafted.documents]


def _content(rows: list[dict[str, Any]], drafted: Draft) -> str:
    found_by = [hashlib.sha256(data).hexdigest() for data in (b"".join(drafted.keys), _json(drafted.terms))]
    return hashlib.sha256(_json([SCHEMA, drafted.encoder, drafted.chunk_chars, *found_by, rows])).hexdigest()


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _known(sources: Sequence[Version]) -> dict[bytes, tuple[int, int]]:
    """Return where each key has a vector: the number of the source, the row there; the first source wins."""
    known: dict[bytes, tuple[int, int]] = {}
    for number, source in enumerate(sources):
        data = source.keys().tobytes()
        for row in range(len(data) // KEY_BYTES):
            known.setdefault(data[row * KEY_BYTES : (row + 1) * KEY_BYTES], (number, row))
    return known


def _in_parts(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(items), size):
        yield list(items[first : first + size])
