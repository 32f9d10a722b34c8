"""Stage 3: text -> vectors. The encoder as everybody uses it, whichever engine computes the vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

BATCH_CHARS = 1_200  # small batches keep the processor's caches warm: 2 texts of 600 characters beat 32 by a third
QUERIES_CACHED = 256
ALIKE = 0.7


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one text: where each stands (code points), its number in the vocabulary, its state.

    ``states`` is L2-normalized, shape (tokens, dimension); marks the model adds (offset of no width) are left out.
    ``vector`` is that of the whole text. Half precision halves the memory of the texts that are remembered.
    """

    offsets: tuple[tuple[int, int], ...]
    numbers: tuple[int, ...]
    states: NDArray[np.float16]
    vector: NDArray[np.float32]


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
        tokens: Callable[[list[str]], list[Tokens]],
        *,
        engine: str = "onnx",
        workers: int = 1,
        prompts: tuple[str, str] = ("", ""),
        vocabulary: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        """Keep ``run`` (one small batch of texts to normalized vectors), called from ``workers`` threads.

        ``tokens`` returns the tokens of each text of a small batch. ``prompts`` are what the model wants before a
        document and before a query; ``vocabulary`` returns the tokenizer's entries with their numbers.
        """
        self._vocabulary = vocabulary
        self.name, self.fingerprint, self.dimension, self.engine = name, fingerprint, dimension, engine
        self._run, self._workers = run, workers
        self._document_prompt, self._query_prompt = prompts
        self._cached = lru_cache(maxsize=QUERIES_CACHED)(self._encode_query)
        self._tokens = tokens
        self._read = lru_cache(maxsize=QUERIES_CACHED)(lambda text: tokens([text])[0])

    def encode(self, texts: Sequence[str], *, progress: Callable[[int], None] | None = None) -> NDArray[np.float32]:
        """Return the vectors of ``texts`` as documents, shape (n, dimension), order kept.

        ``progress`` is told how many more texts are done after every batch.
        """
        clean = [_encodable(self._document_prompt + text) for text in texts]
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

    def tokens(self, question: str) -> Tokens:
        """Return the tokens of a question, read as it stands, with their states."""
        return self._read(_encodable(question))

    def tokens_of_all(self, texts: Sequence[str]) -> dict[str, Tokens]:
        """Return the tokens of each of ``texts``, read as it stands; computed in batches, nothing is remembered."""
        found: dict[str, Tokens] = {}
        for batch in _alike(list(dict.fromkeys(texts))):
            found |= zip(batch, self._tokens([_encodable(text) for text in batch]), strict=True)
        return found

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors of ``texts`` as lists of floats (LangChain's form)."""
        return [[float(x) for x in row] for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of one question as a list of floats (LangChain's form)."""
        return [float(x) for x in self.query(text)]

    @cached_property
    def dictionary(self) -> Mapping[str, int]:
        """The whole words (lower case) among the tokenizer's entries, with their numbers: real words, mostly."""
        entries = self._vocabulary()
        opens = next((mark for mark in ("\u2581", "\u0120") if any(word.startswith(mark) for word in entries)), "")
        whole = ((word.removeprefix(opens).lower(), n) for word, n in entries.items() if word.startswith(opens))
        return {word: number for word, number in whole if len(word) > 1 and word.isalpha()}

    def cached_queries(self) -> int:
        """Return how many questions are remembered now."""
        return self._cached.cache_info().currsize

    def forget_queries(self) -> None:
        """Forget the remembered questions, as a benchmark must before it measures."""
        self._cached.cache_clear()
        self._read.cache_clear()

    def _encode_query(self, text: str) -> NDArray[np.float32]:
        if self._query_prompt:
            vector = np.asarray(self._run([_encodable(self._query_prompt + text)])[0], np.float32)
        else:
            vector = self.tokens(text).vector.copy()
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


def _alike(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield batches of texts none of which is less than ``ALIKE`` as long as another: padding costs as words do."""
    batch: list[str] = []
    for text in sorted(texts, key=len, reverse=True):
        if batch and len(text) < ALIKE * len(batch[0]):
            yield batch
            batch = []
        batch.append(text)
    if batch:
        yield batch


def _encodable(text: str) -> str:
    """Return ``text`` with lone surrogates replaced: they cannot be written in UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
