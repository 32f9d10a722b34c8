"""The advisor's own words: lead-ins, refusals, small talk, starters. Of the guide they state headings only."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from advisor_bot.answers.cite import Line
from advisor_bot.answers.evidence import Evidence
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.question import Chat
from advisor_bot.settings import Settings
from advisor_bot.text import words
from advisor_bot.types import Document, Passage, Section

READING = "Reading the guide…"
COMPARED = "Side by side, in the guide’s own words:"
WRITING = "Writing an answer…"
TRANSLATING = "Putting the answer into your language…"
TRANSLATED = (
    "A language model put this into your language, and only its figures and names were checked; "
    "the quotes are the guide’s own words."
)
UNTRANSLATED = "It could not be put into your language."
CHECKING = "Checking each sentence against the guide…"
NEAREST = "The guide does not say this directly. What comes nearest:"
_QUOTES_INSTEAD = "These are the guide’s own words instead."
MODEL: dict[str, str] = {
    "empty": "The language model gave no answer. ",
    "unsupported": "Most of what the language model wrote is not supported by the guide and was left out. ",
    "stalled": "The language model took too long. ",
    "failed": "The language model could not be reached. ",
    "limited": "The language model is asked too often just now. ",
    "budget": "The language model has used up what it may cost today. ",
    "resting": "The language model does not answer at present. ",
    "busy": "The language model is busy with other questions. ",
}
_VERBS = frozenset("is are was were do does did can could should would will has have makes to much many long".split())
_CHAT: dict[str, str] = {
    "greeting": "Hello! Ask me anything about “{title}”. I answer with exact quotes from the guide.",
    "thanks": "You are welcome. Ask again whenever something else comes to mind.",
    "bye": "Goodbye, and good luck with your decision.",
    "who": "I am a program, not a person. I answer from “{title}” and nothing else: "
    "I quote the guide’s sentences exactly and say so when it does not cover something.",
    "how": "Ask in your own words about “{title}”. I quote the sentences that answer, with their place in the guide; "
    "you can also ask me to compare two options.",
}


def chat(kind: Chat, guide: Guide) -> list[Line]:
    """Return the reply to small talk."""
    document = next(iter(guide.documents.values()))
    return [Line("lead", _CHAT[kind].format(title=document.title))]


@cache
def languages() -> dict[str, dict[str, str]]:
    """Return by ISO code a language's ``name`` and, in it, ``guide_is_english``: please ask in English."""
    found: dict[str, dict[str, str]] = json.loads(
        (files("advisor_bot") / "data" / "languages.json").read_text(encoding="utf-8")
    )
    return found


def foreign(code: str) -> list[Line]:
    """Return the reply to a question in a language the guide is not in."""
    return [
        Line("lead", languages()[code]["guide_is_english"]),
        Line("note", "The guide is in English, and I can only match questions asked in English."),
    ]


def lead(question: str, evidence: Evidence, body: Sequence[Line]) -> list[Line]:
    """Return the lead-in: where the words stand, or, for a partial answer, that they only come near.

    What is missing is named where it is a name: "the guide never mentions dumb" would help nobody.
    """
    if evidence.status == "partial":
        names = {word.lower() for word in re.findall(r"(?<!^)\b[A-Z]\w+", question)}
        unsaid = _quoted([word for word in evidence.missing if word in names])
        start = f"The guide never mentions {unsaid}. " if unsaid else "The guide does not say this directly. "
        return [Line("lead", start + "What comes nearest:")]
    quotes = [quote for line in body for quote in line.quotes]
    if len({q.passage.heading for q in quotes}) == 1 and quotes and quotes[0].passage.heading:
        return [Line("lead", f"Under “{quotes[0].passage.heading[-1]}” the guide says:")]
    return [Line("lead", "The guide says:")]


def not_covered(missing: Sequence[str], near: Sequence[str], settings: Settings) -> list[Line]:
    """Return the refusal: plainly, with what the guide never mentions, the nearest sections and the human adviser."""
    unsaid = _quoted(missing)
    lines = [Line("lead", "The guide does not cover this." + (f" It never mentions {unsaid}." if unsaid else ""))]
    if near:
        lines.append(Line("note", "The nearest sections are " + _listed([f"“{name}”" for name in near]) + "."))
    contact = settings.contact_name_and_link
    if contact:
        lines.append(Line("note", f"A person can help further: {contact[0]} ({contact[1].removeprefix('mailto:')})."))
    return lines


def model_gave_up(why: str, *, quotes: bool) -> str:
    """Return the note that says why the language model did not answer, and what stands there instead."""
    return (MODEL[why] + (_QUOTES_INSTEAD if quotes else "")).strip()


def left_out(count: int) -> str:
    """Return the note that counts the sentences that were not shown."""
    if count == 1:
        return "1 sentence was left out, because the guide does not support it."
    return f"{count} sentences were left out, because the guide does not support them."


def found_none() -> str:
    """Return the note to quotes that the language model did not take for an answer."""
    return "The language model found no direct answer in these passages."


def part_missed(text: str) -> str:
    """Return the note for the part of a question that the guide does not cover."""
    shown = " ".join(re.sub(r"\d[\d.,%]*", "…", text).split()).rstrip(" ?.!")
    return f"On “{shown[:120]}” the guide says nothing."


def nearest(passages: Sequence[Passage], guide: Guide, most: int = 3) -> list[str]:
    """Return the headings of the sections nearest to a question, best first."""
    names = [p.heading[-1] if p.heading else guide.documents[p.document].title for p in passages]
    return list(dict.fromkeys(names))[:most]


def starters(guide: Guide, most: int = 6) -> list[str]:
    """Return questions to begin with, spread over the guide: headings that are questions, then its top sections."""
    headed = [s for d in guide.documents.values() for s in d.sections if s.heading and s.blocks]
    asked = list(dict.fromkeys(as_question(s.heading[-1]) for s in headed if _is_question(s.heading[-1])))
    if len(asked) < most:
        top = [as_question(s.heading[-1]) for d in guide.documents.values() for s in _top_sections(d)]
        asked = list(dict.fromkeys([*asked, *top[:: max(1, len(top) // most)]]))
    step = max(1, len(asked) // most)
    return asked[::step][:most]


def all_suggestions(guide: Guide) -> list[str]:
    """Return every question that ``suggestions`` may return."""
    sections = [s for d in guide.documents.values() for s in d.sections if s.blocks and s.heading]
    return list(dict.fromkeys(as_question(section.heading[-1]) for section in sections))


def suggestions(guide: Guide, passages: Sequence[Passage], most: int = 3) -> list[str]:
    """Return follow-up questions: the sections beside those that were read."""
    read = {p.heading for p in passages[:2]}
    sections = [(d.name, s) for d in guide.documents.values() for s in d.sections if s.blocks and s.heading]
    places = [i for i, (_, s) in enumerate(sections) if s.heading in read]
    near = sorted(range(len(sections)), key=lambda i: min((abs(i - p) for p in places), default=i))
    asked: dict[str, None] = {}
    for place in near:
        if sections[place][1].heading not in read:
            asked.setdefault(as_question(sections[place][1].heading[-1]))
        if len(asked) == most:
            break
    return list(asked)


def as_question(heading: str) -> str:
    """Return a heading as a question a student might ask."""
    bare = re.sub(r"(?i)^how to\b", "How do I", heading.strip(" .:"))
    return bare.rstrip("?") + "?" if _is_question(bare) else f"What does the guide say about “{bare}”?"


def _is_question(heading: str) -> bool:
    first, second, *_ = [*words(heading), "", ""]
    asks = first in ("which", "who", "where") or (first in ("what", "how", "why", "when") and second in _VERBS)
    return heading.rstrip().endswith("?") or asks or first in _VERBS


def _top_sections(document: Document) -> list[Section]:
    level = min((s.level for s in document.sections if len(s.heading) > 1), default=0)
    found = [s for s in document.sections if s.level == level and s.heading]
    return found or [s for s in document.sections if s.heading and s.blocks]


def _quoted(missing: Sequence[str]) -> str:
    """Return at most two words the guide never uses, in quotation marks; none that holds a digit."""
    shown = [f"“{word}”" for word in missing if word.isalpha() and len(word) > 2][:2]
    return " or ".join(shown)


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
