"""Slips of the pen put right: by the guide's own words first, else by a dictionary of English with frequencies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from rapidfuzz.distance import OSA

from advisor_bot.index.guide import Guide
from advisor_bot.text import STOPWORDS, stem, words
from advisor_bot.types import Document

SHORTEST = 4  # letters of a word that may be short for one of the guide's, or a slip of one
SHORTEST_OTHER = 6  # letters of a slip of a word that only the dictionary has
TWO_SLIPS = 8  # letters of a word that is forgiven two slips
MOST_KNOWN = 20_000  # words whose correction is remembered
CUT_SHORT = 4  # letters at least that a short form leaves off the end of a word

Dictionary = Callable[[str], str | None]  # a word (lower case) -> itself where it is real, its correction, or None


@dataclass(frozen=True)
class Spelling:
    """The words of a guide, and a dictionary whose words are never taken for slips."""

    documents: tuple[Document, ...]
    dictionary: Dictionary = field(repr=False)
    _known: dict[str, str | None] = field(default_factory=dict, repr=False)

    @cached_property
    def vocabulary(self) -> Counter[str]:
        """The words of the guide, in lower case, with how often each stands there."""
        counted: Counter[str] = Counter()
        for document in self.documents:
            counted.update(words(document.text))
        return counted

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of the guide's words."""
        return frozenset(stem(word) for word in self.vocabulary)

    def correction(self, word: str) -> str | None:
        """Return what ``word`` (lower case) is short for or a slip of, None where it is neither or nobody can tell.

        A real word is no slip. The beginning of a word of the guide stands for it. One slip is forgiven, two in a
        word of ``TWO_SLIPS`` letters, never in the first letter (optimal string alignment distance).
        """
        if word not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[word] = self._corrected(word)
        return self._known[word]

    def corrected(self, text: str) -> str:
        """Return ``text`` with slips of the pen put right."""
        return re.sub(r"[^\W\d_]{4,}+(?!['’]t\b)", lambda found: self.correction(found[0].lower()) or found[0], text)

    def _corrected(self, word: str) -> str | None:
        if len(word) < SHORTEST or not word.isalpha() or word in self.vocabulary or word in STOPWORDS:
            return None
        real = self.dictionary(word)
        if real == word:
            return None
        whole = [(-count, other) for other, count in self.vocabulary.items() if other[:-CUT_SHORT].startswith(word)]
        if whole:  # "admin" for "administrative"
            return min(whole)[1]
        most = 2 if len(word) >= TWO_SLIPS else 1
        near = [
            (distance, -count, other)
            for other, count in self.vocabulary.items()
            if other[0] == word[0] and len(other) >= SHORTEST
            if (distance := OSA.distance(word, other, score_cutoff=most)) <= most
        ]
        if near and len(word) > SHORTEST:
            return min(near)[2]
        return real if real and len(word) >= SHORTEST_OTHER and real[0] == word[0] else None


def spelling(guide: Guide) -> Spelling:
    """Return the spelling of ``guide``, worked out once."""
    return guide.once(_spelling_of)


def _spelling_of(guide: Guide) -> Spelling:
    return Spelling(tuple(guide.documents.values()), english)


def english(word: str) -> str | None:
    """Return ``word`` (lower case) where English has it, else the commonest word one slip away, None without one."""
    checker = _checker()
    return word if word in checker else checker.correction(word)


def is_english(word: str) -> bool:
    """Tell whether English has ``word`` (lower case)."""
    return word in _checker()


@cache
def _checker() -> Any:
    from spellchecker import SpellChecker

    return SpellChecker(distance=1)
