"""A sentence read for its proof: content words, numerals, names, and the words that turn a statement round.

Closed classes (negations, quantifiers, modals) and everyday opposites stand in ``data/relations.json``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from advisor_bot.text import STOPWORDS, numerals, stem

Grade = Literal["none", "few", "some", "many", "most", "universal"]
GRADES: tuple[Grade, ...] = ("none", "few", "some", "many", "most", "universal")
SCOPE = 7  # words a negation reaches, within its clause

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[,;:—()]")
_NUMBERS = {
    word: str(value)
    for value, word in enumerate("two three four five six seven eight nine ten eleven twelve".split(), 2)
} | {"twenty": "20", "thirty": "30", "fifty": "50", "hundred": "100", "thousand": "1000", "half": "50%", "dozen": "12"}
_SIZES = {"million": "million", "millions": "million", "billion": "billion", "billions": "billion"}
_SAID_AS_ONE = (
    (r"\bmore and more\b", "increasingly"),
    (r"\bless and less\b", "decreasingly"),
    (r"\bno longer\b", "not"),
    (r"\b(?:have|has|having|had) to\b", "must"),
    (r"\b(?:need not|needn't|do(?:es)? not (?:need|have) to|don't (?:need|have) to)\b", "optional not"),
    (r"\bnot (?:the )?(?:only|just|merely|solely|exclusively)\b", "beyond"),
    (r"\bonly one of\b", "beyond one of"),
    (r"\bf(?:a|e)ll(?:s|ing)? short\b", "lack"),
    (r"\bby (?:itself|themselves|oneself)\b", "alone"),
    (r"\b(\d+(?:\.\d+)?) ?(?:percent|per cent)\b", r"\1%"),
    (r"\bat (?:least|most)\b", ""),
    (r"\bas well as\b", "and"),
    (r"\bas well\b", "also"),
)
_SAID = tuple((re.compile(pattern, re.I), put) for pattern, put in _SAID_AS_ONE)
_BREAKS = frozenset(", ; : — ( ) but while although though whereas because when if unless which".split())


@dataclass(frozen=True, slots=True)
class Word:
    """One word: lower case, its stem, where it stands, and whether it is a name."""

    text: str
    stem: str
    place: int
    clause: int
    name: bool


@dataclass(frozen=True)
class Reading:
    """A sentence read; ``content`` are the words that carry meaning.

    ``negations`` are (place of the cue, places it reaches); ``bounds`` are figures with 1 for "over" and -1 for
    "under"; ``second`` are the places of what is put second ("…rather than X"), ``than`` of what
    follows "than".
    """

    words: tuple[Word, ...]
    numerals: frozenset[str]
    content: tuple[Word, ...]
    names: tuple[Word, ...]
    negations: tuple[tuple[int, tuple[int, ...]], ...] = ()
    bounds: frozenset[tuple[str, int]] = frozenset()
    second: frozenset[int] = frozenset()
    than: frozenset[int] = frozenset()

    @property
    def texts(self) -> frozenset[str]:
        """The words in lower case."""
        return frozenset(word.text for word in self.words)

    def any_of(self, kind: str) -> list[Word]:
        """Return the words that belong to the class ``kind`` of the relations."""
        wanted = relations(kind)
        return [word for word in self.words if word.text in wanted]

    def negated(self, place: int, reach: int = SCOPE) -> bool:
        """Tell whether the word at ``place`` stands in the scope of a negation, at most ``reach`` words from it."""
        return any(place in scope and abs(place - cue) <= reach for cue, scope in self.negations)


@cache
def _data() -> dict[str, object]:
    data: dict[str, object] = json.loads((files("advisor_bot") / "data" / "relations.json").read_text("utf-8"))
    return data


@cache
def relations(kind: str) -> frozenset[str]:
    """Return the words of one class of ``data/relations.json``."""
    return frozenset(str(_data()[kind]).split())


@cache
def scales() -> dict[str, tuple[tuple[int, int], ...]]:
    """Return for each stem that has an opposite the scales it stands on: (number of the scale, end 1 or -1)."""
    found: dict[str, list[tuple[int, int]]] = {}
    pairs: list[list[str]] = _data()["scales"]  # type: ignore[assignment]
    for number, (one, other) in enumerate(pairs):
        for end, listed in ((1, one), (-1, other)):
            for word in listed.split():
                found.setdefault(stem(word), []).append((number, end))
    return {word: tuple(dict.fromkeys(ends)) for word, ends in found.items()}


@cache
def light() -> frozenset[str]:
    """Return the stems of words that carry little: a claim may use them though its source does not."""
    return frozenset(stem(word) for word in relations("light"))


@lru_cache(maxsize=8_000)
def read(text: str) -> Reading:
    """Read one sentence."""
    spoken = text.replace("’", "'").replace("-", " ")
    for pattern, put in _SAID:
        spoken = pattern.sub(put, spoken)
    words: list[Word] = []
    clause = 0
    for found in _WORD.finditer(spoken):
        lower = found[0].lower()
        if lower in _BREAKS:
            clause += 1
        if lower in ",;:—()":
            continue
        bare = lower.removesuffix("'s").removesuffix("'")
        named = _is_name(found[0], first=not words)
        words.append(Word(bare, stem(bare), len(words), clause, named))
    content = tuple(word for word in words if _carries(word))
    return Reading(
        words=tuple(words),
        numerals=frozenset(_figures(spoken, words)),
        content=content,
        names=tuple(word for word in content if word.name),
        negations=tuple(_negations(words)),
        bounds=frozenset(_bounds(spoken)),
        second=frozenset(_after(_SECOND, spoken, words)),
        than=frozenset(_after(_THAN, spoken, words)),
    )


def _is_name(word: str, *, first: bool) -> bool:
    capitals = sum(c.isupper() for c in word)
    return capitals > 1 or (capitals == 1 and not first and word[0].isupper() and word != "I")


def _carries(word: Word) -> bool:
    if word.text.isdigit() or word.text in _NUMBERS or word.text in _SIZES:
        return False
    closed = any(word.text in relations(kind) for kind in ("negation", "universal", "most", "many", "some", "few"))
    modal = word.text in relations("exclusive") or word.text in ("must", "may", "might", "could", "can", "beyond")
    return word.text not in STOPWORDS and not closed and not modal and word.text != "one"


def _figures(spoken: str, words: list[Word]) -> list[str]:
    found = [figure.replace(",", "").rstrip(".") for figure in numerals(spoken)]
    found += [_NUMBERS[word.text] for word in words if word.text in _NUMBERS]
    return found + [_SIZES[word.text] for word in words if word.text in _SIZES]


_BOUND = re.compile(r"\b(over|above|more than|exceed\w*|under|below|less than|fewer than) (\d[\d.,]*%?)", re.I)
_SECOND = re.compile(
    r"\b(?:rather than|instead of|in place of|ahead of|"
    r"(?:prefer|favor|value|cho[os]s|chose|priorit|put|rank)\w*\b[^,;.]{1,60}\bover)\s+"
    r"(?!\d|the (?:past|last|next|years)|time\b|a \w+\b|recent)",
    re.I,
)
_THAN = re.compile(r"(?<!rather )\bthan\s+(?!\d)", re.I)


def _bounds(spoken: str) -> list[tuple[str, int]]:
    down = ("under", "below", "less than", "fewer than")
    return [(f[2].replace(",", "").rstrip("."), -1 if f[1].lower() in down else 1) for f in _BOUND.finditer(spoken)]


def _after(marker: re.Pattern[str], spoken: str, words: list[Word]) -> list[int]:
    """Return the places of the words that follow ``marker``, up to the next break."""
    found: list[int] = []
    for match in marker.finditer(spoken):
        first = sum(token[0] not in ",;:—()" for token in _WORD.findall(spoken[: match.end()]))
        inside = [w for w in words[first : first + 4] if w.clause == words[first].clause] if first < len(words) else []
        found += [w.place for w in inside]
    return found


def _negations(words: list[Word]) -> list[tuple[int, tuple[int, ...]]]:
    found = []
    for word in words:
        if word.text not in relations("negation"):
            continue
        after = [w.place for w in words if word.place < w.place <= word.place + SCOPE and w.clause <= word.clause + 1]
        before = [w.place for w in words if word.text in ("no", "none", "nothing") and 0 < word.place - w.place <= 3]
        found.append((word.place, (*before, *after)))
    return found
