"""What a guide talks about, read off its own words once per version: its topics and its vocabulary.

A topic is a thing the guide has a heading or an item for ("Natural language processing (NLP)"): what
students compare, ask "what about …" for and are offered as starters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from advisor_bot.text import STOPWORDS, plain, stem, terms, words
from advisor_bot.types import Chunk, Document

_BRACKETS = re.compile(r"\(([^()]{2,30})\)")
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
_SPLIT = re.compile(r"\s*(?:&|/|;|,|\band\b|\bwith\b)\s*", re.I)


@dataclass(frozen=True, slots=True)
class Topic:
    """A thing the guide treats: its name as the guide writes it, other names, and the chunks about it."""

    name: str
    names: tuple[tuple[str, ...], ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Glossary:
    """The topics and the vocabulary of one version; build it with ``glossary_of``."""

    documents: tuple[Document, ...]
    chunks: tuple[Chunk, ...]
    dictionary: Mapping[str, int] = field(default_factory=dict, repr=False)
    _slips: dict[str, str | None] = field(default_factory=dict, repr=False)

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

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """The topics, in the guide's order."""
        found: dict[str, list[int]] = {}
        for row, chunk in enumerate(self.chunks):
            for name in filter(None, (chunk.label, *chunk.heading[1:])):
                if _is_name(name):
                    found.setdefault(name.strip(" .:"), []).append(row)
        return tuple(Topic(name, tuple(_names(name)), tuple(rows)) for name, rows in found.items())

    @cached_property
    def initials(self) -> dict[str, str]:
        """Short forms (lower case) with what they stand for.

        Those the guide explains ("Natural Language Processing (NLP)"), then the initials of the names of its topics
        and of the two words it joins most often ("machine learning"), where it does not use them otherwise.
        """
        found = self._explained()
        for name in [*(name for topic in self.topics for name in _spoken_names(topic.name)), *self._joined()]:
            letters = "".join(word[0] for word in name)
            if 2 <= len(name) <= 5 and letters not in self.vocabulary and letters not in STOPWORDS:
                found.setdefault(letters, " ".join(name))
        return found

    def _joined(self) -> list[tuple[str, str]]:
        """Return the pairs of words the guide joins most often, at least five times."""
        pairs: Counter[tuple[str, str]] = Counter()
        for document in self.documents:
            spoken = words(document.text)
            pairs.update((a, b) for a, b in pairwise(spoken) if a not in STOPWORDS and b not in STOPWORDS)
        return [pair for pair, count in pairs.most_common(20) if count >= 5]

    def _explained(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for document in self.documents:
            for match in re.finditer(r"((?:[A-Za-z-]+ ){1,6})\(([A-Z][A-Za-z]{1,6})s?\)", document.text):
                spoken = match[1].replace("-", " ").split()
                letters = match[2].lower()
                for size in range(2, min(len(spoken), len(letters) + 2) + 1):
                    tail = spoken[-size:]
                    if _spells(letters, tail):
                        found.setdefault(letters, " ".join(tail).lower())
                        break
        return found

    def mentioned(self, text: str) -> list[Topic]:
        """Return the topics ``text`` names, in the order it names them.

        Longer names win over shorter ones, and of the topics that share a name the one called just so.
        """
        spoken = [stem(word) for word in words(text)]
        hits: list[tuple[int, int, int, Topic]] = []
        for topic in self.topics:
            place = min(((at, -len(name)) for name in topic.names if (at := _find(spoken, name)) >= 0), default=None)
            if place is not None:
                hits.append((place[0], place[1], len(words(topic.name)), topic))
        hits.sort(key=lambda hit: hit[:3])
        kept: list[Topic] = []
        covered = -1
        for at, length, _, topic in hits:
            if at > covered:
                kept.append(topic)
                covered = at - length - 1
        return kept

    def spelling(self, word: str) -> str | None:
        """Return what ``word`` (lower case) is short for or a slip of, or None: of the guide, else the dictionary.

        A word of the dictionary is no slip; the beginning of a word of the guide stands for it. One edit is forgiven
        in words of five letters, two from eight, never the first letter (optimal string alignment distance).
        """
        if word not in self._slips:
            self._slips[word] = self._nearest(word)
        return self._slips[word]

    def mended(self, text: str) -> str:
        """Return ``text`` with slips of the pen put right and the shorthand of messages written out."""
        return re.sub(r"[^\W_]{2,}|\${2,}", lambda found: self.spelling(found[0].lower()) or found[0], text)

    def spelled_out(self, text: str) -> str:
        """Return ``text`` followed by what the short forms in it stand for."""
        meant = [self.initials[word] for word in words(text) if word in self.initials]
        return " ".join([text, *dict.fromkeys(meant)])

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


def glossary_of(
    documents: Iterable[Document], chunks: Sequence[Chunk], dictionary: Mapping[str, int] | None = None
) -> Glossary:
    """Return the glossary of a version; what it holds is worked out when first asked for.

    ``dictionary`` holds real words, common ones with the lower numbers: they are never taken for slips.
    """
    return Glossary(tuple(documents), tuple(chunks), dictionary or {})


def _bases(word: str) -> Iterable[str]:
    """Yield what ``word`` would be an inflection or derivation of: the dictionary lacks "learner" but not "learn"."""
    for ending in ("er", "ers", "or", "ors", "ing", "ings", "ed", "s", "es", "ly", "ness", "able", "ful", "less"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            base = word.removesuffix(ending)
            yield from (base, base + "e", base[:-1] if base[-1] == base[-2] else base)


def _spoken_names(name: str) -> Iterable[tuple[str, ...]]:
    """Yield the words of a topic's name, and of the parts of "A and B"."""
    bare = plain(_BRACKETS.sub(" ", name))
    for part in dict.fromkeys([bare, *_SPLIT.split(bare)]):
        spoken = tuple(word for word in words(part) if word not in STOPWORDS)
        if len(spoken) >= 2:
            yield spoken


def _is_name(name: str) -> bool:
    spoken = words(name)
    return (
        1 <= len(spoken) <= 9 and not name.rstrip().endswith("?") and spoken[0] not in ("how", "why", "which", "what")
    )


def _names(name: str) -> Iterable[tuple[str, ...]]:
    """Yield the stemmed names a topic goes by: the whole, its short form, and the parts of "A and B"."""
    bare = plain(_BRACKETS.sub(" ", name))
    wholes = [bare, *_BRACKETS.findall(name)]
    parts = [part for part in _SPLIT.split(bare) if len(terms(part)) >= 1]
    for text in dict.fromkeys([*wholes, *(parts if len(parts) > 1 else [])]):
        stems = tuple(stem(word) for word in words(text))
        if stems and not all(word in STOPWORDS for word in words(text)):
            yield stems


def _find(spoken: Sequence[str], name: tuple[str, ...]) -> int:
    for at in range(len(spoken) - len(name) + 1):
        if tuple(spoken[at : at + len(name)]) == name:
            return at
    return -1


def _spells(letters: str, spoken: Sequence[str]) -> bool:
    """Tell whether ``letters`` are the initials of ``spoken``, a word giving one letter or more in order."""
    if spoken[0][0].lower() != letters[0]:
        return False
    initials = "".join(word[0].lower() for word in spoken)
    rest = iter("".join(word.lower() for word in spoken))
    return letters == initials or (len(spoken) < len(letters) <= 5 and all(letter in rest for letter in letters))
