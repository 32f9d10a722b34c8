"""The topics of a guide: what it has a heading or an item for ("Natural language processing (NLP)").

They are what students compare, ask "what about …" for and are offered as starters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.spelling import spelling
from advisor_bot.text import STOPWORDS, plain, stem, terms, words
from advisor_bot.types import Chunk, Document

_BRACKETS = re.compile(r"\(([^()]{2,30})\)")
_SPLIT = re.compile(r"\s*(?:&|/|;|,|\band\b|\bwith\b)\s*", re.I)


@dataclass(frozen=True, slots=True)
class Topic:
    """A thing the guide treats: its name as the guide writes it, other names, and the chunks about it."""

    name: str
    names: tuple[tuple[str, ...], ...]
    rows: tuple[int, ...]


@dataclass(frozen=True)
class Topics:
    """The topics of a guide and the short forms it goes by; ``vocabulary`` counts its words."""

    documents: tuple[Document, ...]
    chunks: tuple[Chunk, ...]
    vocabulary: Mapping[str, int]

    @cached_property
    def all(self) -> tuple[Topic, ...]:
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
        for name in [*(name for topic in self.all for name in _spoken_names(topic.name)), *self._joined()]:
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
        for topic in self.all:
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

    def spelled_out(self, text: str) -> str:
        """Return ``text`` followed by what the short forms in it stand for."""
        meant = [self.initials[word] for word in words(text) if word in self.initials]
        return " ".join([text, *dict.fromkeys(meant)])


def topics(guide: Guide) -> Topics:
    """Return the topics of ``guide``, worked out once."""
    return guide.once(_topics_of)


def _topics_of(guide: Guide) -> Topics:
    return Topics(tuple(guide.documents.values()), guide.chunks, spelling(guide).vocabulary)


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
