"""A published version ready to answer: its content, its models, and what is computed from it once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from advisor_bot.documents.tables import words_at
from advisor_bot.index.version import Version
from advisor_bot.models.opening import Models
from advisor_bot.models.reader import Verdict

T = TypeVar("T")


class Guide(Version):
    """A version with the models it was made with; ``Library`` lends it for the length of one answer.

    What is computed from a version (``once``) is kept by its guide and goes with it. Any thread may call any method.
    """

    def __init__(self, path: Path, open_models: Callable[[str, str], Models]) -> None:
        """Open the version in ``path``; ``open_models`` takes the fingerprints of encoder and reader."""
        super().__init__(path)
        self._open_models = open_models
        self._made: dict[Callable[..., Any], Any] = {}
        self._making = threading.RLock()

    @property
    def models(self) -> Models:
        """The models the version was made with. Raises ``EncoderError`` where they are not there."""
        return self._open_models(self.fingerprint, self.reader)

    def read(self, question: str, numbers: Sequence[int] | NDArray[np.int64]) -> Verdict:
        """Return how well the sentences with these numbers answer ``question``, and how far they help."""
        reader = self.models.reader
        return reader.read(reader.question(question), [self.encoded(int(number)) for number in numbers])

    def words_of(self, number: int) -> str:
        """Return the sentence with this number without markup, a row with the names of its columns."""
        start, end = self.span_of(number)
        return words_at(self.documents[self.chunks[self.chunk_of(number)].document].text, start, end)

    def once(self, make: Callable[[Guide], T]) -> T:
        """Return ``make(self)``, computed at the first call only."""
        with self._making:
            if make not in self._made:
                self._made[make] = make(self)
            found: T = self._made[make]
            return found

    def warm(self) -> Self:
        """Open everything now, so that damage shows here and not at a question; return this guide."""
        super().warm()
        self.models  # noqa: B018
        return self
