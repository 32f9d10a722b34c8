"""Text -> vectors: the encoder as everybody uses it, whichever engine computes the vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

BATCH_CHARS = 1_200  # small batches keep the processor's caches warm: 2 texts of 600 characters beat 32 by a third
QUERIES_CACHED = 256


class Encoder(Embeddings):
    """Texts to L2-normalized vectors, the same whichever engine computes them.

    ``fingerprint`` names weights and recipe: equal fingerprints mean interchangeable vectors.
    ``dimension`` is the length of a vector. ``engine`` is "onnx" or "sentence-transformers".
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        dimension: int,
        run: Callable[[list[str]], NDArray[np.float32]],
        *,
        ask: Callable[[str], NDArray[np.float32]] | None = None,
        engine: str = "onnx",
        workers: int = 1,
        prompts: tuple[str, str] = ("", ""),
    ) -> None:
        """Keep ``run`` (one small batch of texts to normalized vectors), called from ``workers`` threads.

        ``ask`` makes the vector of one question, where that is not made as any other's. ``prompts`` are what the
        model wants before a document and before a query.
        """
        self.name, self.fingerprint, self.dimension, self.engine = name, fingerprint, dimension, engine
        self._run, self._ask, self._workers = run, ask, workers
        self._document_prompt, self._query_prompt = prompts
        self._cached = lru_cache(maxsize=QUERIES_CACHED)(self._encode_query)

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return the vectors of ``texts`` as documents, shape (n, dimension), order kept.

        ``progress`` is told how many more texts are done after every batch.
        """
        clean = [encodable(self._document_prompt + text) for text in texts]
        vectors = np.empty((len(clean), self.dimension), np.float32)
        batches = list(_batches(clean))
        with ThreadPoolExecutor(self._workers) as pool:
            spread = pool.map if self._workers > 1 and len(batches) > 1 else map
            results = spread(lambda rows: self._run([clean[row] for row in rows]), batches)
            for rows, result in zip(batches, results, strict=True):
                vectors[rows] = result
                if progress:
                    progress(len(rows))
        return vectors

    def query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one question, shape (dimension,), read only; the last few hundred are remembered."""
        return self._cached(text)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of ``texts`` as lists of floats (LangChain's form)."""
        return [[float(x) for x in row] for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one question as a list of floats (LangChain's form)."""
        return [float(x) for x in self.query(text)]

    def cached_queries(self) -> int:
        """Return how many questions are remembered now."""
        return self._cached.cache_info().currsize

    def forget_queries(self) -> None:
        """Forget the remembered questions, as a benchmark must before it measures."""
        self._cached.cache_clear()

    def _encode_query(self, text: str) -> NDArray[np.float32]:
        asked = encodable(self._query_prompt + text)
        vector = self._ask(asked) if self._ask else np.array(self._run([asked])[0], np.float32)
        vector.flags.writeable = False
        return vector


def _batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield row numbers of texts of about equal length, longest first, about ``BATCH_CHARS`` a batch."""
    batch: list[int] = []
    for row in sorted(range(len(texts)), key=lambda row: -len(texts[row])):
        if batch and (len(batch) + 1) * len(texts[batch[0]]) > BATCH_CHARS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def encodable(text: str) -> str:
    """Return ``text`` with lone surrogates replaced: they cannot be written in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
