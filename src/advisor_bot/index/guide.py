"""A published version ready to answer: what stands in it, the encoder it was made with, what is worked out once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from advisor_bot.index.version import Version
from advisor_bot.models.encoder import Encoder, Tokens

T = TypeVar("T")
SENTENCES_KEPT = 1024  # whose token states are remembered, about 30 MB


class Guide(Version):
    """A version with the encoder its vectors were made with; ``Library`` lends it for the length of one answer.

    Whatever is worked out from a version (``once``, ``tokens``) belongs to its guide and is forgotten with it.
    Any thread may call any method.
    """

    def __init__(self, path: Path, open_encoder: Callable[[str], Encoder]) -> None:
        """Open the version in ``path``; ``open_encoder`` returns the encoder with a given fingerprint."""
        super().__init__(path)
        self._open_encoder = open_encoder
        self._made: dict[Callable[..., Any], Any] = {}
        self._tokens: dict[str, Tokens] = {}
        self._making = threading.RLock()

    @property
    def encoder(self) -> Encoder:
        """The encoder that made the vectors. Raises ``EncoderError`` where it is not there."""
        return self._open_encoder(self.fingerprint)

    @property
    def is_small(self) -> bool:
        """Whether the token states of all its sentences can be remembered."""
        return len(self.context_rows) <= SENTENCES_KEPT

    def once(self, make: Callable[[Guide], T]) -> T:
        """Return ``make(self)``, worked out the first time it is asked for."""
        with self._making:
            if make not in self._made:
                self._made[make] = make(self)
            found: T = self._made[make]
            return found

    def tokens(self, sentences: Sequence[str]) -> list[Tokens]:
        """Return the tokens of sentences of the guide, in their order; the last ``SENTENCES_KEPT`` are remembered."""
        with self._making:
            found = {text: self._tokens[text] for text in sentences if text in self._tokens}
        found |= self.encoder.tokens_of_all([text for text in dict.fromkeys(sentences) if text not in found])
        with self._making:
            for text in found:
                self._tokens.pop(text, None)
                self._tokens[text] = found[text]
            while len(self._tokens) > SENTENCES_KEPT:
                del self._tokens[next(iter(self._tokens))]
        return [found[text] for text in sentences]

    def warm(self) -> Self:
        """Open everything now, so that damage shows here and not at a question; return this guide."""
        super().warm()
        self.encoder  # noqa: B018
        return self
