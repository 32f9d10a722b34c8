"""Documents -> what a version of them would hold: chunks, and the texts that must be encoded.

Texts that an older version encoded with the same model are found there by their keys.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advisor_bot.documents.chunk import chunk, encoded_texts
from advisor_bot.index.manifest import SCHEMA, manifest_row
from advisor_bot.index.version import Version
from advisor_bot.text import terms
from advisor_bot.types import Chunk, Document

KEY_BYTES = 16


@dataclass(frozen=True)
class Wanted:
    """The unique texts that a version needs encoded; each has a row.

    ``keys`` holds a hash of each row's text. ``missing`` maps a row to its text where no older version has it;
    ``found`` maps the other rows to (number of the older version, row there).
    """

    keys: tuple[bytes, ...]
    missing: Mapping[int, Any]
    found: Mapping[int, tuple[int, int]]


@dataclass(frozen=True)
class Content:
    """What a version would hold: its documents and chunks, and the texts to encode for them.

    ``passages`` are the texts the encoder takes, ``sentences`` those the reader takes (heading, text).
    ``chunk_rows[i]`` is the row of chunk i in ``passages``, ``sentence_rows[n]`` that of sentence n in ``sentences``.
    ``encoder`` and ``reader`` are fingerprints. ``terms[i]`` are the stemmed words that BM25 finds chunk i by.
    """

    documents: tuple[Document, ...]
    chunks: tuple[Chunk, ...]
    encoder: str
    reader: str
    chunk_chars: int
    passages: Wanted
    sentences: Wanted
    chunk_rows: tuple[int, ...]
    sentence_rows: tuple[int, ...]
    sources: tuple[Version, ...]
    terms: tuple[list[str], ...]

    @property
    def hash(self) -> str:
        """A hash of everything that an answer depends on; equal hashes mean that nothing changed."""
        keys = [hashlib.sha256(b"".join(wanted.keys)).hexdigest() for wanted in (self.passages, self.sentences)]
        found_by = hashlib.sha256(as_json(self.terms)).hexdigest()
        made = [SCHEMA, self.encoder, self.reader, self.chunk_chars]
        return hashlib.sha256(as_json([*made, *keys, found_by, self.rows])).hexdigest()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The documents, with their chunks, as the manifest holds them."""
        chunks: dict[str, list[Chunk]] = {document.name: [] for document in self.documents}
        for piece in self.chunks:
            chunks[piece.document].append(piece)
        return [manifest_row(document, chunks[document.name]) for document in self.documents]

    @property
    def to_encode(self) -> int:
        """How many texts must be encoded because no older version has them."""
        return len(self.passages.missing) + len(self.sentences.missing)


class _Rows:
    """Gives every text a row, equal texts the same."""

    def __init__(self) -> None:
        self.keys: dict[bytes, int] = {}
        self.texts: list[Any] = []

    def row(self, text: Any) -> int:
        key = hashlib.blake2b(repr(text).encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
        if key not in self.keys:
            self.keys[key] = len(self.keys)
            self.texts.append(text)
        return self.keys[key]

    def wanted(self, known: Mapping[bytes, tuple[int, int]]) -> Wanted:
        missing = {row: self.texts[row] for key, row in self.keys.items() if key not in known}
        return Wanted(tuple(self.keys), missing, {row: known[key] for key, row in self.keys.items() if key in known})


def content_of(
    documents: Sequence[Document], encoder: str, reader: str, chunk_chars: int, sources: Sequence[Version] = ()
) -> Content:
    """Cut ``documents`` into chunks and look their texts up in ``sources``, older versions, first choice first.

    ``encoder`` and ``reader`` are fingerprints; nothing is taken from a version made with other ones.
    """
    passages, sentences = _Rows(), _Rows()
    chunks: list[Chunk] = []
    chunk_rows: list[int] = []
    sentence_rows: list[int] = []
    spoken: list[list[str]] = []
    for document in documents:
        for piece in chunk(document, target=chunk_chars):
            texts = encoded_texts(piece, document)
            chunks.append(piece)
            chunk_rows.append(passages.row(texts.chunk))
            body = texts.chunk.rpartition("\n")[2]
            spoken.append(terms(" ".join((document.title, *piece.heading, body))))
            sentence_rows += [sentences.row((one.heading, one.text)) for one in texts.sentences]
    return Content(
        tuple(documents),
        tuple(chunks),
        encoder,
        reader,
        chunk_chars,
        passages.wanted(_known([s if s.fingerprint == encoder else None for s in sources], "keys.npy")),
        sentences.wanted(_known([s if s.reader == reader else None for s in sources], "reading/keys.npy")),
        tuple(chunk_rows),
        tuple(sentence_rows),
        tuple(sources),
        tuple(spoken),
    )


def as_json(value: Any) -> bytes:
    """Return ``value`` as JSON that is the same for equal values."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _known(sources: Sequence[Version | None], file: str) -> dict[bytes, tuple[int, int]]:
    """Return where each key has been encoded: the number of the source, the row there; the first source wins."""
    known: dict[bytes, tuple[int, int]] = {}
    for number, source in enumerate(sources):
        data = source.keys(file).tobytes() if source else b""
        for row in range(len(data) // KEY_BYTES):
            known.setdefault(data[row * KEY_BYTES : (row + 1) * KEY_BYTES], (number, row))
    return known
