"""Which option fits me? What the guide says to people like the student, in its own words; it makes no ranking."""

from __future__ import annotations

import re
from collections.abc import Mapping

from advisor_bot.answers.cite import Line
from advisor_bot.answers.quote import grouped, merged, whole
from advisor_bot.answers.stages import Draft
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.evidence import Evidence, Lookup, Sentence
from advisor_bot.retrieval.search import find, make_query, passages_of, sentences_to_read
from advisor_bot.types import Profile

MOST_EACH, MOST_ALL = 2, 5  # sentences shown for one thing the student told, and for all of them
LEAD = "The guide does not choose for you. To people like you it says:"
MORE = "Tell me {} as well, and I can look for more."
_PARTS = {
    "background": "what you have done before",
    "aims": "what you would like to do",
    "time": "how much time you have",
    "worries": "what worries you",
}
_ASKS = re.compile(
    r"\b(?:which|what)\b.*\b(?:fits?|suits?|right|best for|good for|should i (?:choose|pick|take|study|do))\b|"
    r"\bshortlist\b|\brank\b.*\bfor me\b",
    re.I,
)


def asks_for_fit(text: str) -> bool:
    """Tell whether ``text`` asks which option fits the student."""
    return bool(_ASKS.search(text)) and bool(re.search(r"\b(?:me|my|i|shortlist)\b", text, re.I))


def lookups(question: str, profile: Profile, guide: Guide) -> list[Lookup]:
    """Return what is to be read: the question after each thing the student told, by the name of that part."""
    found = []
    for part, told in profile.given.items():
        query = make_query(f"{told.rstrip(' .')}. {question}", guide)
        looked = find(query, guide)
        found.append(
            Lookup((part, ""), query, tuple(passages_of(looked, guide, k=4)), sentences_to_read(looked, guide))
        )
    return found


def draft(read: Mapping[tuple[str, str], Evidence], profile: Profile, guide: Guide) -> Draft:
    """Return what the guide says to the student, and what they could tell to learn more.

    ``not_covered`` where nothing bears on what they told.
    """
    chosen: dict[int, Sentence] = {}
    for evidence in read.values():
        if evidence.status != "not_covered":
            chosen |= {one.number: one for one in evidence.best[:MOST_EACH]}
    if not chosen:
        return Draft("not_covered", ())
    best = sorted(chosen.values(), key=lambda one: -one.helps)[:MOST_ALL]
    spans = merged([whole(one, guide) for one in sorted(best, key=lambda one: one.number)], guide)
    lines = [Line("lead", LEAD), *grouped(spans, guide)]
    missing = [words for part, words in _PARTS.items() if part not in profile.given]
    if missing:
        lines.append(Line("note", MORE.format(" and ".join(missing[:2]))))
    return Draft("partial", tuple(lines))
