"""The answer that a language model chooses, line by line: its sentences quoted whole, its few words around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from advisor_bot.answers import phrases, quote
from advisor_bot.answers.cite import Line, Quote
from advisor_bot.answers.comparison import NOTHING
from advisor_bot.answers.stages import Brief, Ending
from advisor_bot.index.guide import Guide
from advisor_bot.llm.call import Why
from advisor_bot.llm.choice import Chosen
from advisor_bot.llm.own_words import Hear, Stated, checked, lines
from advisor_bot.llm.plausible import AT_ONCE, AT_THE_END, Yardstick
from advisor_bot.retrieval.evidence import Sentence
from advisor_bot.retrieval.search import as_passage
from advisor_bot.text import STOPWORDS, stem, words
from advisor_bot.types import Status


@dataclass
class ChosenAnswer:
    """One answer as it is chosen, line by line. What is quoted waits until the choice so far is plausible."""

    brief: Brief
    yardstick: Yardstick
    own_words: bool = False  # whether the model writes its sentences itself
    status: str = ""
    quoted: list[int] = field(default_factory=list)
    missing: str = ""
    asked_back: str = ""
    suggestions: list[str] = field(default_factory=list)
    written: list[Stated] = field(default_factory=list)  # in the model's own words: sentences and labels
    plausible: bool = False  # whether it can come of reading, as far as it is known
    _waiting: list[Line] = field(default_factory=list)  # a frame, labels: shown with the quote they stand above
    _held: list[Line] = field(default_factory=list)  # chosen, and not plausible yet
    _shown: list[quote.Span] = field(default_factory=list)
    _sides: list[str] = field(default_factory=list)
    _stated: bool = False  # whether something is shown that the model wrote

    @property
    def is_empty(self) -> bool:
        """Whether nothing was chosen that can be used."""
        return not (self.quoted or self.written or self.asked_back) and self.status not in ("not_covered", "chat")

    def take(self, line: Chosen) -> Iterator[Line]:
        """Take a line of the choice; yield what may be shown at once."""
        match line.kind:
            case "STATUS":
                self.status = line.text
            case "FRAME" if not self.quoted:
                self._waiting.append(Line("lead", f"{line.text[:1].upper()}{line.text[1:].rstrip('.:,; ')}:"))
            case "LABEL":
                self._waiting = [one for one in self._waiting if one.kind == "lead"]
                self._waiting.append(Line("heading", line.text.rstrip(".:,; ")))
                if self.own_words:
                    self.written.append(Stated(line.text.rstrip(".:,; ")))
            case "WRITE" if self.own_words:
                self.written.append(Stated(line.text, line.numbers))
            case "SAY":
                yield from self._once_plausible(self._say(line.numbers[0]))
            case "TABLE" if not self.quoted:
                self._sides = line.text.split("|")
            case "ROW" if self._sides and len(line.numbers) == len(self._sides):
                yield from self._once_plausible(self._row(line))
            case "MISSING":
                self.missing = line.text
            case "ASK":
                self.asked_back = line.text
            case "NEXT":
                self.suggestions.append(line.text)
            case _:
                pass

    def _once_plausible(self, made: Iterator[Line]) -> Iterator[Line]:
        before = len(self.quoted)
        self._held += made
        if len(self.quoted) > before and self._is_plausible(AT_ONCE):
            yield from self._held
            self._held = []

    def _is_plausible(self, limit: float) -> bool:
        self.plausible = self.plausible or self.yardstick.chance(self.quoted) <= limit
        return self.plausible

    def _say(self, number: int) -> Iterator[Line]:
        guide = self.brief.guide
        span = quote.whole(_sentence(number, guide), guide)
        for one in self._shown:
            if one.passage.document == span.passage.document and one.start <= span.start < one.end:
                if span.end <= one.end:
                    return
                text = guide.documents[span.passage.document].text  # what it leans on stands there already
                start = one.end + len(text[one.end : span.end]) - len(text[one.end : span.end].lstrip())
                span = replace(span, start=start, label="")
        self.quoted.append(number)
        self._shown.append(span)
        labels = [one.text.lower() for one in self._waiting if one.kind == "heading"]
        yield from self._waiting
        self._waiting = []
        if span.label and span.label.lower() not in labels:
            yield Line("heading", span.label)
        yield Line("paragraph", quotes=(Quote(span.passage, span.start, span.end),))

    def held(self, hear: Hear) -> Iterator[Line]:
        """Yield what the model wrote in its own words, as far as a second reading bears it out."""
        chosen = [number for one in self.written for number in one.numbers]
        self.plausible = self.yardstick.chance(chosen) <= AT_THE_END
        right = checked(self.written, self.brief.guide, hear) if self.plausible else []
        self.quoted += [number for one in right for number in one.numbers]
        self._stated = bool(right)
        first, kept = ([one.numbers for one in some if one.numbers][:1] for some in (self.written, right))
        if self.status == "answered" and first != kept:
            self.status = "partial"
        yield from lines(right, self.brief.guide)

    def _row(self, line: Chosen) -> Iterator[Line]:
        if not self.quoted:
            yield from (one for one in self._waiting if one.kind == "lead")
            yield Line("row", cells=(Line("row", " "), *(Line("row", side) for side in self._sides)))
        self._waiting = []
        self.quoted += [number for number in line.numbers if number >= 0]
        yield Line("row", cells=(Line("row", line.text), *(self._cell(number) for number in line.numbers)))

    def _cell(self, number: int) -> Line:
        if number < 0:
            return Line("row", NOTHING)
        one = _sentence(number, self.brief.guide)
        return Line("row", quotes=(Quote(one.passage, one.start, one.end),))

    def ending(self, why: Why, name: str) -> Ending:
        """Return how the answer ends: notes, a question back, or the quoting answer where too little was chosen."""
        if self.quoted and not self._is_plausible(AT_THE_END):
            return self._quoting(why or "far")
        if not self.quoted and why:
            return self._quoting(why)
        if not self.quoted and self.asked_back:
            return Ending("clarify", (Line("lead", self.asked_back),), name, tuple(self.suggestions))
        if not self.quoted:
            quoted = self.brief.quoted
            if quoted.status != "answered":
                return Ending(quoted.status, quoted.lines)
            return Ending("partial", (*quoted.lines, Line("note", phrases.FOUND_NONE)))
        missed = self._missed()
        status: Status = "answered" if self.status == "answered" and not missed else "partial"
        notes = [missed] if missed else []
        if why:
            notes.append(phrases.model_gave_up(why, quotes=False))
        if self._stated:
            notes.append(phrases.OWN_WORDS)
        if self.asked_back:
            notes.append(self.asked_back)
        lines = (*self._held, *(Line("note", text) for text in notes))
        return Ending(status, lines, name, tuple(self.suggestions))

    def _quoting(self, why: Why) -> Ending:
        quoted = self.brief.quoted
        note = Line("note", phrases.model_gave_up(why, quotes=quoted.status in ("answered", "partial")))
        return Ending(quoted.status, (*quoted.lines, note))

    def _missed(self) -> str:
        """Return the note on what is ``missing``, "" where the quotes have all its words or the reader an answer."""
        held = {stem(word) for number in self.quoted for word in words(self.brief.guide.words_of(number))}
        new = any(stem(word) not in held for word in words(self.missing) if word not in STOPWORDS)
        found = self.yardstick.status(self.missing) if new else "answered"
        if found == "answered":
            return ""
        return phrases.part_missed(self.missing) if found == "not_covered" else phrases.part_unsaid(self.missing)


def _sentence(number: int, guide: Guide) -> Sentence:
    passage = as_passage([guide.chunk_of(number)], 0.0, guide)
    return Sentence(number, passage, *guide.span_of(number), guide.words_of(number), 0.0, 0.0)
