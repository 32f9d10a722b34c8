"""The manifest of a version: its documents and chunks as JSON, and back.

It also holds the hash of every other file; the version's name ends in the first 12 hex digits of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from advisor_bot.errors import IndexingError
from advisor_bot.types import Block, Chunk, Document, Section

SCHEMA = 2


def manifest_row(document: Document, chunks: Sequence[Chunk]) -> dict[str, Any]:
    """Return a document and its chunks as the manifest holds them; a chunk is stored as a span of the text."""
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


def document_from(row: dict[str, Any]) -> Document:
    """Return the document of a row of the manifest."""
    sections = tuple(
        Section(tuple(heading), level, start, body, end, tuple(Block(*block) for block in blocks))
        for heading, level, start, body, end, blocks in row["sections"]
    )
    pages = tuple((start, number) for start, number in row["pages"])
    return Document(row["name"], row["title"], row["text"], sections, row["meta"], pages)


def chunk_from(row: list[Any], document: Document) -> Chunk:
    """Return the chunk of a row of the manifest; its text is a span of the document's."""
    name, heading, start, end, spans, kind, label = row
    sentences = tuple((first, last) for first, last in spans)
    return Chunk(name, document.name, tuple(heading), start, end, document.text[start:end], sentences, kind, label)


def read_manifest(path: Path) -> dict[str, Any]:
    """Return the manifest of the version in ``path``.

    Raises ``IndexingError`` when it is missing, damaged or of another schema.
    """
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
