"""Which option fits: the guide's options, ranked by how near its words about each come to a student's profile.

The options are the largest group of sibling topics of the guide (its ten specializations, say). Every
word about an option is a quote; the ranking is ours, and the answer says how it was made and what would
change it. Nothing of a profile is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from advisor_bot.answers.cite import Line, Quote
from advisor_bot.answers.comparison import NOTHING, within
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.search import as_passage
from advisor_bot.retrieval.topics import Topic, topics
from advisor_bot.text import plain, stem, terms, words

LEAST_OPTIONS, MOST_SHOWN = 3, 4
LEAST_FIT = 0.15  # nearness below which a sentence of the guide says nothing to the profile
RANKED_BY = ("background", "aims")
SHARED_WEIGHT = 0.3  # of the words shared, against the cosine; by nine made-up profiles, those of the tests among them
MOST_SAID = 0.1  # share of the guide's sentences; a name that stands in more of them tells nothing apart
CAUTION_WEIGHT = 0.5  # of the nearest caution, against the nearest words for an option

LEAD = "Ranked by how near the guide’s words about each option come to what you wrote about yourself:"
FOR, AGAINST = "What speaks for it", "What to weigh"
NO_CHANGE = "Leaving out any one thing you wrote would keep the same option in first place."
CHANGE = "Without your {field}, “{option}” would come first."

_ASKS = re.compile(
    r"\b(?:which|what)\b.*\b(?:fits?|suits?|right|best for|good for|should i (?:choose|pick|take|study|do))\b|"
    r"\bshortlist\b|\brank\b.*\bfor me\b",
    re.I,
)
_CAUTION = re.compile(
    r"\b(?:requires?|demands?|demanding|must|costs?|expensive|fees?|longer|challeng\w*|limit\w*|risks?|but|however|although|"
    r"though|competitive|difficult\w*|hard\w*|steep\w*|tight|less|fewer|lack\w*|narrow\w*|need(?:s|ed)?|slow\w*|only|not|"
    r"without|struggl\w*|pressure|strict\w*|heav\w*|delay\w*)\b",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Profile:
    """What a student chose to say of themselves; each part may be empty."""

    background: str = ""
    aims: str = ""
    time: str = ""
    worries: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The parts that say something."""
        return {name: text for name, text in asdict(self).items() if text.strip()}


NOBODY = Profile()  # a student who said nothing of themselves


@dataclass(frozen=True, slots=True)
class Option:
    """One option with the sentences about it, as (chunk row, number within the chunk)."""

    name: str
    found: tuple[tuple[int, int], ...]


def asks_for_fit(text: str) -> bool:
    """Tell whether ``text`` asks which option fits the student."""
    return bool(_ASKS.search(text)) and bool(re.search(r"\b(?:me|my|i|shortlist)\b", text, re.I))


def options(guide: Guide) -> list[Option]:
    """Return the guide's options: the largest group of topics under one heading that itself stands under another.

    An option's sentences are those under its heading and those that name it and no other option.
    """
    groups: dict[tuple[str, ...], dict[str, Topic]] = {}
    for topic in topics(guide).all:
        for row in topic.rows:
            path = guide.chunks[row].heading
            path = path[: path.index(topic.name)] if topic.name in path else path
            if len(path) > 1:
                groups.setdefault(path, {})[topic.name] = topic
    largest = list(max(groups.values(), key=len, default={}).values())
    if len(largest) < LEAST_OPTIONS:
        return []
    stems = _stemmed_sentences(guide)
    names = {topic.name: _telling_names(topic, guide, stems) for topic in largest}
    named = {place: [t for t in names if any(within(n, spoken) for n in names[t])] for place, spoken in stems.items()}
    return [
        Option(t.name, tuple(p for p in stems if t.name in guide.chunks[p[0]].heading or named[p] == [t.name]))
        for t in largest
    ]


def _stemmed_sentences(guide: Guide) -> dict[tuple[int, int], list[str]]:
    places = ((row, number) for row, chunk in enumerate(guide.chunks) for number in range(len(chunk.sentences)))
    return {place: [stem(word) for word in words(_words(place, guide))] for place in places}


def _telling_names(topic: Topic, guide: Guide, stems: Mapping[tuple[int, int], list[str]]) -> list[tuple[str, ...]]:
    """Return the names that tell the topic from others: not those that stand in every tenth sentence."""
    pairs = [
        ((stem(short),), tuple(stem(word) for word in words(full))) for short, full in topics(guide).initials.items()
    ]
    others = [name for pair in pairs if set(pair) & set(topic.names) for name in pair]
    said = {name: sum(within(name, spoken) for spoken in stems.values()) for name in {*topic.names, *others} if name}
    return [name for name, count in said.items() if count <= MOST_SAID * len(stems)]


def shortlist(profile: Profile, guide: Guide) -> list[Line]:
    """Return the ranked options as a table of quotes, and what would change the ranking.

    Empty where the profile says nothing, or the guide has no options or nothing that comes near.
    """
    choices = [option for option in options(guide) if option.found]
    if not profile.given or not choices:
        return []
    wishes = {name: _wish(text, guide) for name, text in profile.given.items()}
    ranked = _ranked(choices, wishes, guide)
    rows = [row for option in ranked[:MOST_SHOWN] if (row := _row(option, wishes, guide))]
    if not rows:
        return []
    header = Line("row", cells=(Line("row", " "), Line("row", FOR), Line("row", AGAINST)))
    return [Line("lead", LEAD), header, *rows, Line("note", _what_would_change(ranked[0], choices, wishes, guide))]


@dataclass(frozen=True, slots=True)
class Wish:
    """One part of a profile: its vector, and the weight of each of its words that the guide uses."""

    vector: NDArray[np.float32]
    weights: Mapping[str, float]


def _wish(text: str, guide: Guide) -> Wish:
    known = {term: idf for term in dict.fromkeys(terms(text)) if (idf := guide.idf(term))}
    total = sum(known.values())
    return Wish(guide.encoder.query(text), {term: idf / total for term, idf in known.items()})


Wishes = Mapping[str, Wish]


def _ranked(choices: Sequence[Option], wishes: Wishes, guide: Guide) -> list[Option]:
    return sorted(choices, key=lambda option: -_score(option, wishes, guide))


def _score(option: Option, wishes: Wishes, guide: Guide) -> float:
    """Return how near the option's two nearest sentences come to background and aims, less its nearest caution."""
    near = [np.sort(_nearness(option.found, wishes[name], guide))[-2:].mean() for name in RANKED_BY if name in wishes]
    cautions = _cautions(option, guide)
    worry = _nearness(cautions, wishes["worries"], guide).max() if cautions and "worries" in wishes else 0.0
    return float(sum(near)) - CAUTION_WEIGHT * float(worry if worry >= LEAST_FIT else 0.0)


def _nearness(found: Sequence[tuple[int, int]], wish: Wish, guide: Guide) -> NDArray[np.float32]:
    """Return for each sentence its cosine with the wish plus the share of the wish's known words it uses."""
    numbers = np.array([guide.first_sentence[row] + number for row, number in found])
    alone, in_context = guide.vectors[guide.sentence_rows[numbers]], guide.vectors[guide.context_rows[numbers]]
    shared = [sum(wish.weights.get(term, 0.0) for term in set(terms(_words(place, guide)))) for place in found]
    near: NDArray[np.float32] = np.maximum(alone @ wish.vector, in_context @ wish.vector)
    return near + SHARED_WEIGHT * np.array(shared, np.float32)


def _cautions(option: Option, guide: Guide) -> tuple[tuple[int, int], ...]:
    return tuple(place for place in option.found if _CAUTION.search(_words(place, guide)))


def _words(place: tuple[int, int], guide: Guide) -> str:
    chunk = guide.chunks[place[0]]
    start, end = chunk.sentences[place[1]]
    return plain(guide.documents[chunk.document].text[start:end])


def _row(option: Option, wishes: Wishes, guide: Guide) -> Line | None:
    cautions = _cautions(option, guide)
    praise = tuple(place for place in option.found if place not in cautions)
    good = _best(praise, [wishes[name] for name in RANKED_BY if name in wishes] or list(wishes.values()), guide)
    bad = _best(
        cautions, [wishes[name] for name in ("worries", "time") if name in wishes] or list(wishes.values()), guide
    )
    if good is None and bad is None:
        return None
    return Line("row", cells=(Line("row", option.name), _cell(good, guide), _cell(bad, guide)))


def _best(found: Sequence[tuple[int, int]], wishes: Sequence[Wish], guide: Guide) -> tuple[int, int] | None:
    if not found:
        return None
    near = np.max([_nearness(found, wish, guide) for wish in wishes], axis=0)
    return found[int(np.argmax(near))] if float(near.max()) >= LEAST_FIT else None


def _cell(place: tuple[int, int] | None, guide: Guide) -> Line:
    if place is None:
        return Line("row", NOTHING)
    start, end = guide.chunks[place[0]].sentences[place[1]]
    return Line("row", quotes=(Quote(as_passage([place[0]], 0.0, guide), start, end),))


def _what_would_change(first: Option, choices: Sequence[Option], wishes: Wishes, guide: Guide) -> str:
    said = []
    counted = [name for name in wishes if name in (*RANKED_BY, "worries")]
    for name in counted if len(counted) > 1 else ():
        other = _ranked(choices, {key: wish for key, wish in wishes.items() if key != name}, guide)[0]
        if other.name != first.name:
            said.append(CHANGE.format(field=name, option=other.name))
    return " ".join(said) or NO_CHANGE
