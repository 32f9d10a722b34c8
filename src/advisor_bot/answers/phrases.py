"""The advisor's own words: lead-ins, refusals, small talk, help. Of the guide they state headings and titles only."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from advisor_bot.answers.cite import Line
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.question import SmallTalk
from advisor_bot.settings import Settings
from advisor_bot.text import numerals

READING = "Reading the guide…"
CHOOSING = "Choosing the sentences that answer…"
WRITING = "Writing, and checking each sentence against the guide…"
TRANSLATED = (
    "A language model put these words around the quotes into your language; the quotes are the guide’s own words."
)
UNTRANSLATED = "It could not be put into your language."
OWN_WORDS = (
    "A language model wrote these sentences. Each was held against the quotes behind its marker: its figures and names "
    "by the program, its meaning by a second reading of the same model. Open the quotes before you rely on a sentence."
)
FOUND_NONE = "The language model found no direct answer in these passages."
_QUOTES_INSTEAD = "These sentences were chosen without it."
_GAVE_UP: dict[str, str] = {
    "empty": "The language model chose nothing that can be shown. ",
    "stalled": "The language model took too long. ",
    "failed": "The language model could not be reached. ",
    "limited": "The language model is asked too often just now. ",
    "budget": "Today’s budget for the language model is used up. ",
    "resting": "The language model could not be reached for a while. ",
    "far": "What the language model chose has little to do with the question. ",
    "unproved": "What the language model wrote is not borne out by the guide. ",
    "busy": "The language model is busy with others. ",
}
ABOUT_YOU = (
    "Tell me what you have done before, what you would like to do and how much time you have: "
    "then I can look for what the guide says to people like you."
)
LONGEST_ECHO = 90  # characters of a question that a lead-in repeats
_ASKS_FIGURE = re.compile(r"\bhow (?:much|many)\b|\bwhat (?:percent\w*|share|number)\b", re.I)
_SMALL_TALK: dict[str, str] = {
    "greeting": "Hello! Ask me anything about “{title}”. I answer with exact quotes from the guide.",
    "thanks": "You are welcome. Ask again whenever something else comes to mind.",
    "bye": "Goodbye, and good luck with your decision.",
    "who": "I am a program, not a person. I answer from “{title}” and nothing else: "
    "I quote the guide’s sentences exactly and say so when it does not cover something.",
    "how": "Ask in your own words about “{title}”. I quote the sentences that answer, with their place in the guide; "
    "you can also ask me to compare two options.",
}


def small_talk(kind: SmallTalk, guide: Guide) -> list[Line]:
    """Return the reply to small talk."""
    return [Line("lead", _SMALL_TALK[kind].format(title=title_of(guide)))]


def human(settings: Settings) -> list[Line]:
    """Return the reply to a wish for a person: who it is, or that nobody was named."""
    contact = settings.contact_name_and_link
    if contact:
        return [Line("lead", f"Of course. You can reach {_person(contact)}.")]
    return [Line("lead", "I am a program, and nobody has been named here for you to talk to. Please ask your school.")]


def care(settings: Settings) -> list[Line]:
    """Return the reply to distress or danger: calm, fixed, where to find people who help."""
    contact = settings.contact_name_and_link
    person = [Line("note", f"You can also reach {_person(contact)}.")] if contact else []
    return [Line("lead", settings.care_text), *person]


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


def answered(body: Sequence[Line]) -> list[Line]:
    """Return the lead-in of an answer: under which heading it stands."""
    return [Line("lead", f"{_under(body)} the guide says:" if _under(body) else "The guide says:")]


def partly(question: str, body: Sequence[Line], guide: Guide) -> list[Line]:
    """Return the lead-in to what only helps: what the guide does not say, and where what follows stands."""
    quoted = " ".join(guide.documents[q.passage.document].text[q.start : q.end] for line in body for q in line.quotes)
    if _ASKS_FIGURE.search(question) and not numerals(quoted):
        unsaid = "The guide gives no figure for this."
    else:
        echo = _echo(question)
        unsaid = part_unsaid(question) if echo else "The guide does not answer this directly."
    return [Line("lead", f"{unsaid} {_under(body) or 'Here'} it says:")]


def not_covered(guide: Guide, suggested: Sequence[str], settings: Settings) -> list[Line]:
    """Return the refusal: plainly, with what the guide is about, what it can answer, and the human adviser."""
    about = f"It is about “{title_of(guide)}”."
    if suggested:
        about += " You could ask, for example: " + " ".join(f"“{question}”" for question in suggested[:2])
    lines = [Line("lead", "The guide says nothing that bears on this."), Line("note", about)]
    contact = settings.contact_name_and_link
    if contact:
        lines.append(Line("note", f"A person can help further: {_person(contact)}."))
    return lines


def model_gave_up(why: str, *, quotes: bool) -> str:
    """Return the note that says why the language model did not choose, and what stands there instead."""
    return (_GAVE_UP[why] + (_QUOTES_INSTEAD if quotes else "")).strip()


def part_missed(text: str) -> str:
    """Return the note for the part of a question that the guide does not cover."""
    return f"On “{_echo(text) or text[:LONGEST_ECHO]}” the guide says nothing."


def part_unsaid(text: str) -> str:
    """Return what says that the guide has no answer to ``text``, though perhaps something near it."""
    return f"The guide does not answer “{_echo(text) or text[:LONGEST_ECHO]}” directly."


def title_of(guide: Guide) -> str:
    """Return what the guide calls itself."""
    return next((document.title for document in guide.documents.values()), "this guide")


def _under(body: Sequence[Line]) -> str:
    headings = {quote.passage.heading for line in body for quote in line.quotes}
    if len(headings) == 1 and (path := headings.pop()):
        return f"Under “{path[-1]}”"
    return ""


def _echo(text: str) -> str:
    """Return a short question as it may be repeated, without its figures, "" for a long one."""
    shown = " ".join(re.sub(r"\d[\d.,%]*", "…", text).split()).strip(" ?.!,;:")
    return shown if 0 < len(shown) <= LONGEST_ECHO else ""


def _person(contact: tuple[str, str]) -> str:
    return f"{contact[0]} ({contact[1].removeprefix('mailto:')})"
