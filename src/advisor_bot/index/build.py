"""Content -> a new version folder, complete and checked before it gets its name.

Texts that an older version encoded with the same model are copied from there; only the rest is encoded. All is
written to a hidden folder, which is renamed once it is complete and on the disk.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from advisor_bot import disk
from advisor_bot.errors import IndexingError
from advisor_bot.index import versions
from advisor_bot.index.content import KEY_BYTES, Content, Wanted, as_json
from advisor_bot.index.manifest import SCHEMA
from advisor_bot.index.store import COLLECTION, fill
from advisor_bot.index.version import Version
from advisor_bot.models.encoder import Encoder
from advisor_bot.models.opening import Models
from advisor_bot.models.reader import Encoded, Reader, Sentence

ENCODED_AT_ONCE = 2_048  # texts
Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how many


def build(
    folder: Path, content: Content, models: Models, *, parent: str, summary: Mapping[str, int], progress: Progress
) -> str:
    """Write ``content`` as a new version of ``folder`` and return its name; it is not live yet.

    The caller holds the builder's lock. Raises ``IndexingError`` when the folder cannot be written. A failed
    build leaves nothing behind.
    """
    work = folder / "versions" / f".building-{os.getpid()}-{time.monotonic_ns()}"
    building = work / "new"
    try:
        for made in (folder / "versions", work, building):  # never ``folder``: it may have been moved away meanwhile
            made.mkdir(exist_ok=True)
        _write(building, content, models, progress)
        name = _write_manifest(folder, building, content, models, parent, summary)
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


def _write(building: Path, content: Content, models: Models, progress: Progress) -> None:
    reading = building / "reading"
    reading.mkdir()
    done, total = 0, content.to_encode

    def more(count: int) -> None:
        nonlocal done
        done += count
        progress("Encoding", done, total)

    _write_keys(building / "keys.npy", content.passages)
    _write_keys(reading / "keys.npy", content.sentences)
    _write_vectors(building / "vectors.npy", content, models.encoder, more)
    _write_reading(reading, content, models.reader, more)
    _write_chroma(building / "chroma", content, np.load(building / "vectors.npy", mmap_mode="r"), progress)
    _write_bm25(building / "bm25", content)


def _write_keys(file: Path, wanted: Wanted) -> None:
    np.save(file, np.frombuffer(b"".join(wanted.keys), np.uint8).reshape(-1, KEY_BYTES))


def _write_vectors(file: Path, content: Content, encoder: Encoder, more: Callable[[int], None]) -> None:
    wanted = content.passages
    with _rows_of(file, "<f4", (len(wanted.keys), encoder.dimension)) as put:
        for row, (source, old) in wanted.found.items():
            put(row, content.sources[source].vectors[old])
        for rows in _in_parts(sorted(wanted.missing, key=lambda row: len(wanted.missing[row])), ENCODED_AT_ONCE):
            vectors = encoder.encode([wanted.missing[row] for row in rows], progress=more)
            for row, vector in zip(rows, vectors, strict=True):
                put(row, vector)


def _write_reading(folder: Path, content: Content, reader: Reader, more: Callable[[int], None]) -> None:
    """Write each sentence's vector and its token states, one sentence's after the other's, as they are made."""
    wanted = content.sentences
    spans = np.zeros((len(wanted.keys), 2), np.int64)  # where each sentence's states begin, and how many they are
    written = 0

    with (
        _rows_of(folder / "vectors.npy", "<f2", (len(wanted.keys), reader.dimension)) as put,
        (folder / "states.bin").open("wb") as stream,
    ):

        def keep(row: int, one: Encoded) -> None:
            nonlocal written
            put(row, one.vector)
            spans[row] = written, len(one.states)
            stream.write(one.states.tobytes())
            written += len(one.states)

        for row, (source, old) in wanted.found.items():
            keep(row, content.sources[source].encoded_row(old))
        for rows in _in_parts(sorted(wanted.missing, key=lambda row: len(wanted.missing[row][1])), ENCODED_AT_ONCE):
            texts = [Sentence(text, heading) for heading, text in map(wanted.missing.__getitem__, rows)]
            for row, one in zip(rows, reader.sentences(texts, progress=more), strict=True):
                keep(row, one)
    np.save(folder / "spans.npy", spans)


@contextlib.contextmanager
def _rows_of(file: Path, kind: str, shape: tuple[int, int]) -> Iterator[Callable[[int, NDArray[np.float32]], None]]:
    """Lend a function that writes one row of a new array with plain writes.

    So a full disk is an error, not a fault of the process.
    """
    with file.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
        start, size = stream.tell(), np.dtype(kind).itemsize * shape[1]

        def put(row: int, vector: NDArray[np.float32]) -> None:
            stream.seek(start + row * size)
            stream.write(vector.astype(kind, copy=False).tobytes())

        yield put


def _write_chroma(folder: Path, content: Content, vectors: NDArray[np.float32], progress: Progress) -> None:
    import chromadb
    from chromadb.config import Settings

    rows, ids = np.array(content.chunk_rows, np.int64), [chunk.id for chunk in content.chunks]
    client: Any = None
    try:
        client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        fill(
            client, COLLECTION, ids, lambda part: vectors[rows[part]], lambda done: progress("Storing", done, len(ids))
        )
    except OSError:
        raise
    except Exception as error:  # Chroma wraps what the disk says in errors of its own
        raise IndexingError(f"Chroma cannot write {folder}: {error}. Is the disk full?") from error
    finally:
        if client is not None:
            client.close()


def _write_bm25(folder: Path, content: Content) -> None:
    import bm25s

    words = bm25s.BM25()
    words.index(list(content.terms), show_progress=False)
    words.save(str(folder), show_progress=False)


def _write_manifest(
    folder: Path, building: Path, content: Content, models: Models, parent: str, summary: Mapping[str, int]
) -> str:
    """Write the manifest and return the version's name, which ends in the manifest's hash."""
    parts = [file for part in ("reading", "bm25") for file in sorted((building / part).iterdir())]
    files = [building / "vectors.npy", building / "keys.npy", *parts]
    manifest = {
        "schema": SCHEMA,
        "created": versions.now(),
        "parent": parent,
        "encoder": content.encoder,
        "encoder_name": models.encoder.name,
        "reader": content.reader,
        "chunk_chars": content.chunk_chars,
        "content": content.hash,
        "summary": dict(summary),
        "files": {file.relative_to(building).as_posix(): disk.file_hash(file) for file in files},
        "documents": content.rows,
        "chunk_rows": content.chunk_rows,
        "sentence_rows": content.sentence_rows,
    }
    data = as_json(manifest)
    (building / "manifest.json").write_bytes(data)
    return f"{versions.next_sequence(folder):06d}-{hashlib.sha256(data).hexdigest()[:12]}"


def _in_parts(items: Sequence[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(items), size):
        yield list(items[first : first + size])
