"""The port that a language model implements: what a writer is given, what it says, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from advisor_bot.answers.cite import Line
from advisor_bot.index.guide import Guide
from advisor_bot.retrieval.evidence import Evidence
from advisor_bot.types import Profile, Status, Turn


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer's status and lines before its citations are numbered."""

    status: Status
    lines: tuple[Line, ...]


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


class Writer(Protocol):
    """Writes an answer from a brief."""

    name: str

    def write(self, brief: Brief) -> Iterator[str | Line | Ending]:
        """Yield what to say meanwhile (``str``), each line as soon as it may be shown, and last an ``Ending``."""

    def in_english(self, question: str, history: Sequence[Turn]) -> str:
        """Return a question in another language as one in English that stands alone, "" where that fails."""
