"""Slips of the pen and the shorthand of messages, put right by the guide's own words and a dictionary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from advisor_bot.index.guide import Guide
from advisor_bot.text import STOPWORDS, stem, words
from advisor_bot.types import Document

SHORTHAND = {
    "abt": "about",
    "$$": "money", "$$$": "money", "$$$$": "money", "algo": "algorithm", "algos": "algorithms", "apps": "applications",
    "avg": "average", "b4": "before", "bachelors": "bachelor's degree", "calc": "calculus", "cert": "certificate",
    "certs": "certificates", "cs": "computer science", "cons": "disadvantages", "dept": "department",
    "diff": "difference", "diffs": "differences", "dorm": "dormitory",
    "econ": "economics", "exam": "examination", "exams": "examinations",
    "genai": "generative AI", "govt": "government", "grad": "graduate", "grads": "graduates", "hr": "hour",
    "hrs": "hours", "info": "information", "intl": "international", "lab": "laboratory", "labs": "laboratories",
    "masters": "master's degree", "math": "mathematics", "maths": "mathematics", "mgmt": "management",
    "pct": "percent", "postgrad": "postgraduate", "ppl": "people", "prereq": "prerequisite",
    "prereqs": "prerequisites", "prof": "professor", "profs": "professors", "pros": "advantages",
    "reqs": "requirements",
    "rn": "right now", "sched": "schedule", "smth": "something", "sth": "something", "stats": "statistics",
    "tech": "technology",
    "undergrad": "undergraduate",
    "uni": "university", "unis": "universities", "wk": "week",
    "wks": "weeks", "yr": "year", "yrs": "years",
}  # fmt: skip
CUT_SHORT = 4  # letters at least that a short form leaves off the end of a word
_FUNCTION_WORDS = sorted(word for word in STOPWORDS if len(word) >= 4 and word.isalpha())


@dataclass(frozen=True)
class Spelling:
    """The words of a guide and of a dictionary.

    ``dictionary`` holds real words, common ones with the lower numbers: they are never taken for slips.
    """

    documents: tuple[Document, ...]
    dictionary: Mapping[str, int] = field(default_factory=dict, repr=False)
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
        """Return what ``word`` (lower case) is short for or a slip of, or None: of the guide, else the dictionary.

        A word of the dictionary is no slip; the beginning of a word of the guide stands for it. One edit is forgiven
        in words of five letters, two from eight, never the first letter (optimal string alignment distance).
        """
        if word not in self._known:
            self._known[word] = self._nearest(word)
        return self._known[word]

    def corrected(self, text: str) -> str:
        """Return ``text`` with slips of the pen put right and the shorthand of messages written out."""
        return re.sub(r"[^\W_]{2,}|\${2,}", lambda found: self.correction(found[0].lower()) or found[0], text)

    def _nearest(self, word: str) -> str | None:
        if word in SHORTHAND and word not in self.vocabulary:
            long = SHORTHAND[word]
            real = word in self.dictionary  # "math" is a word as good as "mathematics" where the guide has neither
            return long if not real or any(stem(part) in self.stems for part in words(long)) else None
        known = word in self.vocabulary or word in STOPWORDS or word in self.dictionary
        if len(word) < 4 or known or not word.isalpha() or any(base in self.dictionary for base in _bases(word)):
            return None
        whole = [(-count, other) for other, count in self.vocabulary.items() if other[:-CUT_SHORT].startswith(word)]
        if whole:  # "admin" for "administrative"
            return min(whole)[1]
        from rapidfuzz.distance import OSA

        functional = [w for w in _FUNCTION_WORDS if w[0] == word[0] and OSA.distance(word, w, score_cutoff=1) <= 1]
        if functional or len(word) < 5:
            return min(functional, default=None)
        allowed = 2 if len(word) >= 8 else 1

        def near(others: Iterable[tuple[str, int]], most: int) -> list[tuple[int, int, str]]:
            return [
                (distance, order, other)
                for other, order in others
                if len(other) >= 4
                and other[0] == word[0]
                and abs(len(other) - len(word)) <= most
                and (distance := OSA.distance(word, other, score_cutoff=most)) <= most
            ]

        own = ((other, -count) for other, count in self.vocabulary.items())
        close = near(own, allowed) or near(self.dictionary.items(), 1)
        return min(close)[2] if close else None


def spelling(guide: Guide) -> Spelling:
    """Return the spelling of ``guide``, worked out once."""
    return guide.once(_spelling_of)


def _spelling_of(guide: Guide) -> Spelling:
    return Spelling(tuple(guide.documents.values()), guide.encoder.dictionary)


def _bases(word: str) -> Iterable[str]:
    """Yield what ``word`` would be an inflection or derivation of: the dictionary lacks "learner" but not "learn"."""
    for ending in ("er", "ers", "or", "ors", "ing", "ings", "ed", "s", "es", "ly", "ness", "able", "ful", "less"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word.removesuffix(ending)
            yield from (base, base + "e", base[:-1] if base[-1] == base[-2] else base)
