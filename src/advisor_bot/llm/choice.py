"""What a language model may say: numbers of the guide's sentences, and few words that are not its own.

A choice comes as lines (``SAY: 12``). What is not such a line, or names no sentence, is dropped. A label, a frame, a
question back or what is missing is let through only where its words are the student's, a heading's of the guide, or
function words: so nothing that is shown can state anything the guide does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from advisor_bot.answers.stages import Brief
from advisor_bot.index.guide import Guide
from advisor_bot.llm.tidy import clean, spoken, without_addresses
from advisor_bot.text import STOPWORDS, numerals, stem, words
from advisor_bot.types import Status

MOST_SAID, MOST_NEXT, MOST_ROWS, MOST_SIDES = 6, 3, 6, 4
LONGEST = {"FRAME": 12, "LABEL": 8, "MISSING": 10, "ASK": 30, "NEXT": 20, "TABLE": 24}  # words
LONGEST_LINE = 300  # characters
MOST_LINES = 60  # a model that goes on and on is heard no further
STATUSES: tuple[Status, ...] = ("answered", "partial", "not_covered", "clarify", "chat")
_ASKS = re.compile(r"(?:what|which|how|when|where|who|why|do|did|are|is|have|would)\b.*\byour?\b.*\?$", re.I)
_BROKEN = re.compile(r"[.!?:;\"“”]")  # more than one plain phrase
_LINE = re.compile(r"^\W*(STATUS|FRAME|SAY|LABEL|MISSING|ASK|NEXT|TABLE|ROW)\b\W{0,3}\s*(.*)$")


@dataclass(frozen=True, slots=True)
class Chosen:
    """One line of a choice: its ``kind`` as the prompt names it, its words, the sentences it numbers (-1: none)."""

    kind: str
    text: str = ""
    numbers: tuple[int, ...] = ()


def chosen(pieces: Iterable[str], numbers: dict[int, int], known: Vocabulary) -> Iterator[Chosen]:
    """Yield the lines of a streamed choice as soon as each is complete, those that may be shown.

    ``numbers`` are the guide's sentences by the numbers the model was given.
    """
    said: set[int] = set()
    count = {"SAY": 0, "NEXT": 0, "ROW": 0}
    for place, raw in enumerate(_lines(pieces)):
        if place >= MOST_LINES:
            return
        found = _LINE.match(raw)
        line = _read(found[1], found[2].strip(), numbers, known) if found else None
        if line is None or (line.kind == "SAY" and said.issuperset(line.numbers)):
            continue
        said |= set(line.numbers) if line.kind == "SAY" else set()
        count[line.kind] = count.get(line.kind, 0) + 1
        most = {"SAY": MOST_SAID, "NEXT": MOST_NEXT, "ROW": MOST_ROWS, "LABEL": MOST_SAID}.get(line.kind, 1)
        if count[line.kind] <= most:
            yield line


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    buffer = ""
    for piece in spoken(pieces):
        if piece == "\0":
            buffer = ""
            continue
        buffer += piece
        *done, buffer = buffer.split("\n")
        yield from (line for line in done if len(line) <= LONGEST_LINE)
        buffer = buffer[: LONGEST_LINE + 1]
    if len(buffer) <= LONGEST_LINE:
        yield buffer


def _read(kind: str, rest: str, numbers: dict[int, int], known: Vocabulary) -> Chosen | None:
    if kind == "STATUS":
        status = next((name for name in STATUSES if name in rest.lower().replace(" ", "_")), "")
        return Chosen(kind, status) if status else None
    if kind == "SAY":
        listed = _numbered(rest, numbers)
        return Chosen(kind, numbers=(listed[0],)) if listed else None
    if kind == "ROW":
        label, *cells = rest.split("|")
        found = tuple(
            next((numbers[int(n)] for n in re.findall(r"\d{1,5}", c) if int(n) in numbers), -1) for c in cells
        )
        text = clean(without_addresses(label))
        fits = 0 < len(found) <= MOST_SIDES and max(found) >= 0 and known.has(text, LONGEST["LABEL"])
        return Chosen(kind, text, found) if fits else None
    if kind == "TABLE":
        names = [clean(without_addresses(name)) for name in rest.split("|")]
        text = "|".join(names)
        fits = 2 <= len(names) <= MOST_SIDES and known.has(" ".join(names), LONGEST[kind])
        return Chosen(kind, text) if fits else None
    text = clean(without_addresses(rest))
    if kind == "NEXT":
        return Chosen(kind, text) if text.endswith("?") and len(words(text)) <= LONGEST[kind] else None
    if _BROKEN.search(text.rstrip(".?!:")) or (kind == "ASK" and not _ASKS.match(text)):
        return None
    return Chosen(kind, text) if text and known.has(text, LONGEST[kind], asking=kind == "ASK") else None


def _numbered(text: str, numbers: dict[int, int]) -> list[int]:
    return [numbers[n] for n in map(int, re.findall(r"\d{1,5}", text)) if n in numbers]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that may be shown although a model wrote them: stems of ``said``, further ones in a question back."""

    said: frozenset[str]
    asking: frozenset[str]
    figures: frozenset[str]

    def has(self, text: str, most: int, *, asking: bool = False) -> bool:
        """Tell whether every word of ``text``, at most ``most``, is known; a question back may use the guide's too."""
        spoken_words = words(text)
        allowed = self.said | self.asking if asking else self.said
        plain_words = all(word in STOPWORDS or stem(word) in allowed for word in spoken_words if not word.isdigit())
        return 0 < len(spoken_words) <= most and plain_words and set(numerals(text)) <= self.figures


# Of what a question back is made, besides the words of the student and of the guide.
_ASKING = "prefer interested background experience plan want tell exactly mean looking already currently option matter"
_LABELS = "for against speaks pros cons first second more less you your what the guide says about"


def vocabulary(brief: Brief) -> Vocabulary:
    """Return the words that may be shown in an answer to ``brief``: the student's, and those of the headings."""
    own = " ".join(
        [brief.question, *(turn.text for turn in brief.history if turn.role == "user"), *brief.profile.given.values()]
    )
    headings, whole = brief.guide.once(_stems)
    known = {stem(word) for word in [*words(own), *words(_LABELS)]} | headings
    return Vocabulary(frozenset(known), whole | {stem(word) for word in _ASKING.split()}, frozenset(numerals(own)))


def _stems(guide: Guide) -> tuple[frozenset[str], frozenset[str]]:
    """Return the stems of the guide's headings, and of all its words."""
    headings = {stem(w) for chunk in guide.chunks for part in (*chunk.heading, chunk.label) for w in words(part)}
    whole = {stem(w) for chunk in guide.chunks for w in words(chunk.text)}
    return frozenset(headings), frozenset(headings | whole)
