"""What passes between the steps of the chain, and the port that a language model implements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from advisor_bot.answers.cite import Line
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.evidence import Evidence, Lookup, Name
from advisor_bot.retrieval.question import SmallTalk
from advisor_bot.types import Profile, Section, Status, Turn

Kind = Literal["quotes", "comparison", "profile", "section", "small talk", "human", "care", "foreign"]


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer's status and lines before its citations are numbered."""

    status: Status
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is to be compared: the sides as the guide or the student names them, and the facets asked for.

    ``doubtful``: only an "or" says so, and a sentence that answers is the better answer where there is one.
    """

    sides: tuple[str, ...]
    facets: tuple[str, ...]
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it came in, with the version it is answered from."""

    text: str
    history: tuple[Turn, ...]
    profile: Profile
    guide: Guide


@dataclass(frozen=True, slots=True)
class Understood:
    """A question with the kind of answer it gets.

    ``text`` is what is answered: the question itself, or what it is in English. ``alone`` is the probability that it
    can be understood without the conversation; ``language`` the ISO code where it is not in the guide's.
    """

    asked: Asked
    kind: Kind
    text: str
    alone: float = 1.0
    language: str = ""
    chat: SmallTalk = ""
    comparison: Comparison | None = None
    section: tuple[str, Section] | None = None

    @property
    def guide(self) -> Guide:
        """The guide that answers."""
        return self.asked.guide


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What is to be read; nothing where no reading is needed."""

    understood: Understood
    lookups: tuple[Lookup, ...] = ()

    def without(self, documents: Sequence[str]) -> Retrieved:
        """Return what is to be read outside ``documents``, named by the end of their path; for measuring."""
        guide = self.understood.guide

        def kept(document: str) -> bool:
            return not any(name.endswith(document) for name in documents)

        lookups = [
            replace(
                one,
                passages=tuple(passage for passage in one.passages if kept(passage.document)),
                numbers=one.numbers[[kept(guide.chunks[guide.chunk_of(n)].document) for n in one.numbers.tolist()]],
            )
            for one in self.lookups
        ]
        return replace(self, lookups=tuple(lookups)) if documents else self


@dataclass(frozen=True, slots=True)
class Read:
    """What was read, by the lookups' names."""

    understood: Understood
    evidence: Mapping[Name, Evidence] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """The quoting answer, and the evidence it rests on."""

    understood: Understood
    evidence: tuple[Evidence, ...]
    draft: Draft

    @property
    def standalone(self) -> str:
        """The question as it was read; a comparison, which looks many things up, as it was asked."""
        if self.understood.kind == "comparison":
            return self.understood.text
        return " ".join(one.query.text for one in self.evidence) or self.understood.text

    def brief(self) -> Brief:
        """Return what a writer is given."""
        asked, language = self.understood.asked, self.understood.language
        told = asked.text, self.standalone, asked.history, asked.profile, language
        return Brief(*told, asked.guide, self.evidence, self.draft)


@dataclass(frozen=True, slots=True)
class Brief:
    """What a writer is given: the question and its conversation, the guide, what was read, and the quoting answer.

    ``language`` is the ISO code of a question that is not in the guide's language, else "". ``quoted`` is what is
    said without the writer; it stands wherever the writer gives too little.
    """

    question: str
    standalone: str
    history: tuple[Turn, ...]
    profile: Profile
    language: str
    guide: Guide
    evidence: tuple[Evidence, ...]
    quoted: Draft


@dataclass(frozen=True, slots=True)
class Ending:
    """How a writer ended: the status of the whole answer, the lines that follow what was said, who wrote it.

    ``suggestions`` are questions to go on with, to be tried like any others before they are offered.
    """

    status: Status
    lines: tuple[Line, ...] = ()
    writer: str = "quotes"
    suggestions: tuple[str, ...] = ()


Written = Planned | str | Line | Ending


class Writer(Protocol):
    """Writes an answer from a brief."""

    name: str

    def write(self, brief: Brief) -> Iterator[str | Line | Ending]:
        """Yield what to say meanwhile (``str``), each line as soon as it may be shown, and last an ``Ending``."""

    def in_english(self, question: str, history: Sequence[Turn]) -> str:
        """Return a question in another language as one in English that stands alone, "" where that fails."""
