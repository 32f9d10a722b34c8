"""Passages and sentences -> evidence: what the reader makes of them, and what may be called an answer.

The reader gives each sentence two scores and the question two probabilities. By hand only what must be exact: where
the student names something the guide knows by name, or a figure, what is shown as the answer must hold it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from advisor_bot.documents.tables import row_header
from advisor_bot.index.guide import Guide
from advisor_bot.models.opening import card
from advisor_bot.retrieval.follow_up import BAR
from advisor_bot.retrieval.search import Query, as_passage
from advisor_bot.retrieval.spelling import is_english
from advisor_bot.retrieval.topics import topics
from advisor_bot.text import STOPWORDS, fold, leans_back, words
from advisor_bot.types import Passage, Status

MOST_SHOWN = 3
Name = tuple[str, str]
ALONE, PART, AFTER = "alone", "part", "after"  # ways to read a question: by itself, one of its parts, after the talk
_CAPITAL = re.compile(r"(?<![.!?:] )(?<!^)\b[A-Z][\w-]+")
# A year, a percentage, a sum: an age or a count of years tells of the student, and is not looked for.
_SHARE_OR_SUM = re.compile(r"\d+(?:[.,]\d+)*(?=\s?%)|\d+(?:,\d{3})+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b(?!,\d)")
_FIGURE = re.compile(_SHARE_OR_SUM.pattern + r"|\d{3,}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that was read: where it stands, its plain words, and how well it answers, how far it helps (logits).

    ``number`` counts the guide's sentences in order.
    """

    number: int
    passage: Passage
    start: int
    end: int
    text: str
    answers: float
    helps: float


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is to be read for one query: its ``name`` among others, passages found, numbers of the sentences."""

    name: Name
    query: Query
    passages: tuple[Passage, ...]
    numbers: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read for a query: its passages, best first, and its sentences, the one that answers best first.

    ``answered`` and ``helped`` are the probabilities that the guide answers the question, that it helps.
    """

    query: Query
    passages: tuple[Passage, ...]
    sentences: tuple[Sentence, ...]
    answered: float
    helped: float

    @property
    def status(self) -> Status:
        """What these probabilities amount to."""
        limits = card()["limits"]
        if self.sentences and self.answered >= limits["answered"]:
            return "answered"
        return "partial" if self.sentences and self.helped >= limits["helped"] else "not_covered"

    @property
    def best(self) -> tuple[Sentence, ...]:
        """The sentences to show, best first: those that answer nearly as well; of a partial answer those that help.

        Last the one beside them that helps nearly as much: what was said in two sentences is shown whole.
        """
        if self.status == "answered":
            least = self.sentences[0].answers - card()["limits"]["margin"]
            shown = [one for one in self.sentences[:MOST_SHOWN] if one.answers >= least]
        else:
            shown = sorted(self.sentences, key=lambda one: -one.helps)[:MOST_SHOWN]
        return (*shown, *self._beside(shown)[:1])

    def _beside(self, shown: Sequence[Sentence]) -> list[Sentence]:
        """Return the sentences next to those ``shown`` that help nearly as much as the first, most helpful first."""
        places = {(one.passage.heading, one.number + step) for one in shown for step in (-1, 1)}
        least = shown[0].helps - card()["limits"]["margin"] if shown else 0.0
        near = [one for one in self.sentences if (one.passage.heading, one.number) in places and one not in shown]
        return sorted((one for one in near if one.helps >= least), key=lambda one: -one.helps)


def read(lookup: Lookup, guide: Guide) -> Evidence:
    """Read the sentences of ``lookup``; one that asks itself, or says what another says, is left out."""
    query, passages = lookup.query, lookup.passages
    place = {name: passage for passage in passages for name in passage.chunk_ids}
    found: list[tuple[int, Passage, tuple[int, int], str]] = []
    said: set[str] = set()
    for number in lookup.numbers.tolist():
        row, text = guide.chunk_of(number), guide.words_of(number)
        if text.endswith("?") or text in said or len(words(text)) < 2:
            continue
        said.add(text)
        passage = place.get(guide.chunks[row].id) or as_passage([row], 0.0, guide)
        found.append((number, passage, guide.span_of(number), text))
    verdict = guide.read(query.text, [number for number, *_ in found])
    sentences = [
        Sentence(number, passage, *span, text, float(answers), float(helps))
        for (number, passage, span, text), answers, helps in zip(found, verdict.answers, verdict.helps, strict=True)
    ]
    sentences.sort(key=lambda one: -one.answers)
    limits, answered = card()["limits"], verdict.answered
    row = bool(sentences) and is_row(sentences[0].passage.document, sentences[0].start, sentences[0].end, guide)
    # A row's neighbours look alike, and a reading that leans on the talk is one of several: both must be surer.
    if answered < max(limits["row"] if row else 0.0, limits["after"] if lookup.name[0].startswith(AFTER) else 0.0):
        answered = min(answered, _just_below(limits["answered"]))
    return exact(Evidence(query, tuple(passages), tuple(sentences), answered, verdict.helped), guide)


def is_row(document: str, start: int, end: int, guide: Guide) -> bool:
    """Tell whether what stands from ``start`` to ``end`` is the row of a table."""
    return row_header(guide.documents[document].text, start, end) is not None


def exact(evidence: Evidence, guide: Guide) -> Evidence:
    """Hold the names and figures of the question against the sentence that would answer it.

    The best sentence that has them goes first, where it comes close; where none does, the guide does not answer.
    A sentence with the very percentage or sum asked about helps, whatever the reader makes of it; a year or a size
    that both name is often chance. Where no sentence read has the year, they help less likely. Of a question after
    others, the last that names something counts.
    """
    for asked in reversed(evidence.query.text.split(BAR)):
        figures = _figures_in(asked)
        names = _names_in(asked, guide) + _capitals_in(asked)
        if names or figures:
            break
    else:
        return evidence
    limits = card()["limits"]
    if evidence.status == "answered":
        close = evidence.sentences[0].answers - limits["margin"]
        fits = [one for one in evidence.sentences if one.answers >= close and _holds(one, names + figures, guide)]
        if fits:
            return replace(evidence, sentences=_first(fits[0], evidence.sentences))
        evidence = replace(evidence, answered=min(evidence.answered, _just_below(limits["answered"])))
    years = _figures_in(asked, _YEAR)
    if years and not any(_holds(one, years, guide) for one in evidence.sentences):
        evidence = replace(evidence, helped=_doubted(evidence.helped))
    sums = _figures_in(asked, _SHARE_OR_SUM)
    holding = [one for one in evidence.sentences if sums and _holds(one, sums, guide)]
    if not holding:
        return evidence
    most = replace(holding[0], helps=max(one.helps for one in evidence.sentences) + 1)
    ranked = tuple(most if one is holding[0] else one for one in evidence.sentences)
    return replace(evidence, sentences=ranked, helped=max(evidence.helped, limits["helped"]))


def _first(one: Sentence, sentences: Sequence[Sentence]) -> tuple[Sentence, ...]:
    return (one, *(other for other in sentences if other is not one))


def _doubted(chance: float) -> float:
    """Return a probability, its odds about a third: where nothing holds the year asked for, what is shown seldom helps.

    The factor e is that of names that are not held, in a logistic regression over questions on guides kept apart.
    """
    return chance / (chance + (1 - chance) * float(np.e))


def _just_below(limit: float) -> float:
    return float(np.nextafter(limit, 0.0))


def _names_in(text: str, guide: Guide) -> list[tuple[str, ...]]:
    """Return the forms (lower case) of each name of the guide that stands in ``text``."""
    names = guide.once(names_of)
    known = topics(guide).initials
    asked = [word for word in words(text) if word in names]
    return [tuple(filter(None, (word, known.get(word, "")))) for word in dict.fromkeys(asked)]


def _capitals_in(text: str) -> list[tuple[str, ...]]:
    """Return the words the student wrote with a capital, but for first words; none where most words have one."""
    found = _CAPITAL.findall(text)
    return [(one.lower(),) for one in dict.fromkeys(found)] if 2 * len(found) < len(words(text)) else []


def _figures_in(text: str, kind: re.Pattern[str] = _FIGURE) -> list[tuple[str, ...]]:
    return [(figure,) for figure in dict.fromkeys(kind.findall(text))]


def names_of(guide: Guide) -> frozenset[str]:
    """Return the names of the guide (lower case): what it writes with a capital and never without.

    A word that only ever begins a sentence is a name where English does not have it.
    """
    within: set[str] = set()
    first: set[str] = set()
    small: set[str] = set()
    for number in range(len(guide.sentence_rows)):
        found = re.findall(r"[^\W\d_][\w-]+", guide.words_of(number))
        first |= {word.lower() for word in found[:1] if word[0].isupper()}
        within |= {word.lower() for word in found[1:] if word[0].isupper()}
        small |= {word for word in found if word[0].islower()}
    names = within | {word for word in first if not is_english(word)}
    return frozenset(names - small - STOPWORDS)


def _holds(sentence: Sentence, wanted: Sequence[tuple[str, ...]], guide: Guide) -> bool:
    """Tell whether each thing wanted stands in the sentence, the one it leans back on, or the headings above."""
    before = guide.words_of(sentence.number - 1) if sentence.number and leans_back(sentence.text) else ""
    title = guide.documents[sentence.passage.document].title
    held = fold(" ".join([sentence.text, before, title, *sentence.passage.heading])).lower()
    return all(any(_stands_in(form.lower(), held) for form in forms) for forms in wanted)


def _stands_in(form: str, text: str) -> bool:
    """Tell whether a name, perhaps in the plural, or a figure stands in ``text`` as a word of its own."""
    return bool(re.search(rf"(?<!\w)(?<!\d[.,]){re.escape(form)}(?:s|es)?(?!\w|[.,]\d)", text))
