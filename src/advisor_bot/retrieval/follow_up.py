"""Conversation -> how a follow-up is read: after what the student asked last, and what that leant on."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from advisor_bot.retrieval.question import small_talk
from advisor_bot.text import STOPWORDS, plain, words
from advisor_bot.types import Turn

LEANS = 0.5  # probability from which a question is taken to lean on what was said before it
LONGEST_BEFORE = 300  # characters of an earlier question, its end, that a follow-up is read after
MOST_TURNS = 8
BAR = " | "  # between what was said before and the question

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


def reading(question: str, history: Sequence[Turn], leans: Callable[[str], float]) -> str:
    """Return ``question`` after what it leans on, "" where nothing was asked before.

    ``leans`` gives the probability that a question cannot be understood without what was said before it. The latest
    topic counts: what the student asked last, and where that leans itself, what it leans on before it. An ordinal
    ("the second one") stands for an item of the last answer.
    """
    asked = [turn.text for turn in history[-2 * MOST_TURNS :] if turn.role == "user" and not small_talk(turn.text)]
    if not asked:
        return ""
    return after([item] if (item := pointed_out(question, history)) else leant_on(asked, leans), question)


def points_back(question: str, history: Sequence[Turn]) -> bool:
    """Tell whether ``question`` surely leans on the talk: it has no word of its own, or names an item by its place."""
    return asks_for_more(question) or bool(pointed_out(question, history))


def leant_on(asked: Sequence[str], leans: Callable[[str], float]) -> list[str]:
    """Return what was ``asked`` last; where that leans itself, after the last question before it that does not."""
    last = asked[-1]
    if len(asked) == 1 or leans(last) < LEANS:
        return [last]
    return [next((one for one in reversed(asked[1:-1]) if leans(one) < LEANS), asked[0]), last]


def after(before: Sequence[str], question: str) -> str:
    """Return ``question`` after what was said ``before``, as the reader learned it: what is asked is last."""
    return BAR.join([*map(_end, before), question])


def asks_for_more(question: str) -> bool:
    """Tell whether ``question`` has no word of its own ("tell me more", "and?"): more of the same is wanted."""
    return all(word in STOPWORDS for word in words(question))


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


def _end(text: str) -> str:
    return " ".join(text.split())[-LONGEST_BEFORE:]
