"""Conversation -> stand-alone question, by rules: decide what the question leans on and carry that over."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from advisor_bot.retrieval.question import Question, read_question
from advisor_bot.text import PRONOUNS, STOPWORDS, plain, stem, terms, words
from advisor_bot.types import Turn

_OPENS = re.compile(
    r"^(?:and|or|but|so|then|also|plus|what about|how about|what else|anything else|any other|"
    r"why not|why|how so|how come|"
    r"really|same|such as|like what|for example|for instance|in what way|which (?:one|ones|of)|what if|which|"
    r"tell me more|more|go on|explain|compare (?:them|those|both)|only|just|add|without)\b",
    re.I,
)
_POINTS = re.compile(
    rf"\b(?:{PRONOUNS}|theirs|that|those|these|this|there|one|ones|both|either|neither|"
    r"the (?:first|second|third|last|latter|former|other|others|same|two|three)|each|the rest|else|others|another)\b",
    re.I,
)
# "that", "this" and "there" point backwards only where they do not open a clause of their own.
_CLAUSE = re.compile(
    r"\b(?:(?:specializations?|programs?|degrees?|jobs?|roles?|skills?|ones?|options?|students?|people|graduates?|"
    r"anything|something|everything|things?|say|says|said|know|think|mean|means|so|is it true|true|sure|sense)\s+"
    r"(?:that|which)\b|(?:is|are|was|were|will|do|does) there\b|there (?:is|are|was|were|will|any|a)\b|"
    r"the same (?:at|as|for|in|across|everywhere|amount|time)\b|"
    r"(?:this|that) (?:guide|page|document|article|year|field)\b|it (?:take|takes|cost|costs)? ?(?:to|possible|worth|"
    r"true|better|"
    r"necessary|important|hard|easy|difficult|ok|okay|a good idea)\b)",
    re.I,
)
_MOST_CARRIED = 6
# Words that judge a thing and do not name it: "is AI ethics a good choice?" is about AI ethics.
_JUDGING = frozenset(
    """bad best better big choice difficult easy fine good great hard hardest idea important main nice ok okay
    option possible right smart suitable useful wise worth worthwhile wrong""".split()
)
_ORDINALS = {"first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "third": 2, "3rd": 2, "fourth": 3, "4th": 3,
             "fifth": 4, "5th": 4, "last": -1, "latter": -1}  # fmt: skip
_ORDINAL = re.compile(
    rf"\b(?:the|your) (?P<place>{'|'.join(_ORDINALS)})"
    r"(?: (?:one|option|item|choice|point|(?:one )?of (?:them|those|these))\b|(?<=former)|(?<=latter)|(?=\W*$))",
    re.I,
)
_ITEM = re.compile(r"(?m)^\s*(?:[-*•]|\d{1,2}[.)])\s+(\S.*)$")
_HEADER = re.compile(r"(?m)^\s*\|(.+)\|\s*\n\s*\|[\s|:-]+\|\s*$")
_SERIES = re.compile(r":\s+([^:.;!?]+,[^:.;!?]+(?:\band\b|\bor\b)[^:.;!?]+)[.;!?]")
_LABEL = re.compile(r"[^:(–—]{2,60}(?=\s?[:(–—])")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question made to stand alone: ``text`` = the question with ``carried`` (its topic) added."""

    text: str
    question: str
    carried: str
    topic: str


def resolve(question: str, history: Sequence[Turn], idf: Callable[[str], float | None]) -> Resolved:
    """Return ``question`` with what it lacks from ``history``, newest turn heaviest.

    ``idf`` gives the weight of a stemmed term in the guide, None for a term it never uses. A question
    that stands alone is returned as it is, whatever was talked about before.
    """
    asked = [turn.text for turn in history if turn.role == "user"][-8:]
    topic = ""
    for earlier in asked:
        topic = _step(earlier, topic, idf).topic
    return _step(question, _topic_words(pointed_out(question, history), idf) or topic, idf)


def still_talked_of(question: Question, history: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return what was said before ``question``; nothing where it changes the topic ("forget that")."""
    return () if question.changes_topic else tuple(history)


def pointed_out(question: str, history: Sequence[Turn]) -> str:
    """Return what "the second one" stands for in the last answer, else "".

    It is an item of its list, a side of its table, or one of a series named after a colon.
    """
    ordinal = _ORDINAL.search(question)
    answers = [turn.text for turn in history if turn.role == "assistant"]
    if not ordinal or not answers:
        return ""
    said = re.sub(r"\s*\[\d+\]", "", answers[-1])
    header = _HEADER.search(said)
    listed = [side.strip() for side in header[1].split("|")][1:] if header else _ITEM.findall(said) or _series(said)
    place = _ORDINALS[ordinal["place"].lower()]
    if not -len(listed) <= place < len(listed):
        return ""
    label = _LABEL.match(listed[place])
    return plain(label[0] if label else listed[place])


def _series(said: str) -> list[str]:
    """Return the members of the first series named after a colon: "three are paid best: a, b, and c"."""
    found = _SERIES.search(said)
    if not found:
        return []
    listed = re.split(r",\s+(?:(?:and|or)\s+)?", found[1])
    return (
        listed if re.search(r",\s+(?:and|or)\s", found[1]) else [*listed[:-1], *re.split(r"\s(?:and|or)\s", listed[-1])]
    )


def leans(question: str, idf: Callable[[str], float | None]) -> bool:
    """Tell whether ``question`` cannot be understood without what was said before it."""
    text = read_question(question).text
    content = [word for word in words(text) if word not in STOPWORDS]
    known = [word for word in content if idf(stem(word)) is not None]
    pointed = _POINTS.search(_CLAUSE.sub(" ", text))
    if not known:
        return len(content) <= 1 or bool(pointed or _OPENS.match(text))
    if pointed and len(known) <= 6:
        return True
    return (bool(_OPENS.match(text)) and len(content) <= 4) or len(content) <= 1


def _step(question: str, topic: str, idf: Callable[[str], float | None]) -> Resolved:
    read = read_question(question)
    if read.chat:
        return Resolved(question, question, "", topic)
    own = _topic_words(read.text, idf)
    if not topic or not leans(question, idf):
        return Resolved(question, question, "", own or topic)
    mine = set(terms(read.text))
    carried = " ".join(word for word in topic.split() if stem(word.lower()) not in mine)
    kept = " ".join(_unique([*own.split(), *topic.split()])[:_MOST_CARRIED])
    text = f"{question.rstrip(' ?.!')} ({carried})?" if carried else question
    return Resolved(text, question, carried, kept)


def _topic_words(text: str, idf: Callable[[str], float | None]) -> str:
    """Return the words of ``text`` that carry its topic, in order, the rarest ones where there are many."""
    found = _unique([w for w in re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text) if w.lower() not in STOPWORDS])
    found = [w for w in found if w.lower() not in _JUDGING] or found
    if len(found) > _MOST_CARRIED:
        rare = sorted(found, key=lambda w: -(idf(stem(w.lower())) or 0.0))[:_MOST_CARRIED]
        found = [w for w in found if w in rare]
    return " ".join(found)


def _unique(found: Sequence[str]) -> list[str]:
    return list({stem(word.lower()): word for word in reversed(found)}.values())[::-1]
