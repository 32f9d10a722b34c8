"""Scored cases: questions with what a right answer holds, run through the advisor, counted, and compared.

A case file is JSON lines: {"id", "question", "history", "answerable", "expected", "facts", "tags"}. A fact is
a list of alternatives, one of which must stand in the answer. Cases are split in two halves by a hash of
their id: coefficients are fitted on half a, half b only checks them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from advisor_bot.errors import LoadError
from advisor_bot.index.plan import Answers
from advisor_bot.text import numerals, sentences, words
from advisor_bot.types import Answer, Turn

if TYPE_CHECKING:
    from advisor_bot.answers.advisor import Advisor

CASE_FILE = "cases.jsonl"  # a case file of this name travels with the corpus it lies in
SAID = ("paragraph", "item", "row")


@dataclass(frozen=True, slots=True)
class Case:
    """One question with what a right answer to it holds."""

    id: str
    question: str
    history: tuple[Turn, ...]
    answerable: bool
    expected: str
    facts: tuple[tuple[str, ...], ...]
    tags: tuple[str, ...]

    @property
    def half(self) -> str:
        """Return "a" (to tune on) or "b" (to check on), by SHA-256 of the id."""
        return "ab"[hashlib.sha256(self.id.encode()).digest()[0] % 2]


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went. ``held`` is the share of its facts in the answer, ``early`` in its first two sentences."""

    case: Case
    answer: Answer
    held: float
    early: float
    right: bool

    @property
    def spoke(self) -> bool:
        """Whether the answer gave something from the guide."""
        return self.answer.status in ("answered", "partial")


def read_cases(path: Path) -> tuple[Case, ...]:
    """Read a case file. Raises ``LoadError`` naming the line that cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LoadError(f"The case file {path} cannot be read: {error}") from None
    return tuple(_case(path, number, line) for number, line in enumerate(lines, 1) if line.strip())


def asked(question: object) -> str:
    """Return a question that was read from a file. Raises ``ValueError`` where it is empty or no text."""
    if not isinstance(question, str) or not question.strip():
        raise ValueError("the question is empty or no text")
    return question


def _case(path: Path, number: int, line: str) -> Case:
    try:
        row = json.loads(line)
        return Case(
            id=str(row["id"]),
            question=asked(row["question"]),
            history=tuple(Turn(turn["role"], str(turn["text"])) for turn in row.get("history") or ()),
            answerable=bool(row["answerable"]),
            expected=str(row.get("expected", "answer" if row["answerable"] else "abstain")),
            facts=tuple(tuple(map(str, alternatives)) for alternatives in row.get("facts") or ()),
            tags=tuple(map(str, row.get("tags") or ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        told = f"{path}, line {number} is not a case ({reason}). See CONTRIBUTING.md, “Adding a case”."
        raise LoadError(told) from None


def failure(result: Result) -> str:
    """Return what went wrong with a case: the question, the answer, the facts that were wanted."""
    case, answer = result.case, result.answer
    said = " ".join(s.text for s in answer.segments if s.kind in ("paragraph", "item", "row"))[:300]
    return (
        f"\n{case.id} (half {case.half}, expected {case.expected}): {answer.status} {answer.confidence:.2f}, "
        f"facts {result.held:.0%}\n  Q: {case.question}\n  A: {said}\n  facts: {list(map(list, case.facts))}"
    )


def run(advisor: Advisor, cases: Iterable[Case], done: Callable[[], None] = lambda: None) -> list[Result]:
    """Ask every case and score its answer; ``done`` is called after each."""
    results = []
    for case in cases:
        results.append(judge(case, advisor.ask(case.question, case.history)))
        done()
    return results


def judge(case: Case, answer: Answer) -> Result:
    """Score ``answer`` against what ``case`` expects."""
    said = [s for s in answer.segments if s.kind in SAID]
    whole = " ".join(segment.text for segment in said)
    tabled = any(segment.kind == "row" for segment in said)
    first = [whole[a:b] for a, b in sentences(whole)][:2]
    held, early = _share(case.facts, whole), _share(case.facts, whole if tabled else " ".join(first))
    if case.expected == "chat":
        right = answer.status == "chat"
    else:
        right = (answer.status in ("answered", "partial", "clarify")) == case.answerable
    return Result(case, answer, held, early, right)


def _share(facts: Sequence[Sequence[str]], text: str) -> float:
    low = _folded(text)
    return sum(any(_folded(x) in low for x in alternatives) for alternatives in facts) / len(facts) if facts else 1.0


def _folded(text: str) -> str:
    return " ".join(text.lower().replace("’", "'").split())


def compare_answers(before: Sequence[Result], after: Sequence[Result]) -> Answers:
    """Return which answers differ in status, cited text or figures, old beside new, and both scores.

    The score of an answer is the share of its case's facts that it holds, 0 where it should not have been given.
    """
    changed = [row for old, new in zip(before, after, strict=True) if (row := _answer_change(old, new))]
    return Answers(tuple(changed), len(before), _score(before), _score(after))


def _answer_change(old: Result, new: Result) -> dict[str, Any] | None:
    sides = [_side(old.answer), _side(new.answer)]
    differs = [key for key in ("status", "cited", "figures") if sides[0][key] != sides[1][key]]
    if not differs:
        return None
    return {
        "id": old.case.id,
        "question": old.case.question,
        "differs": differs,
        "right": [old.right, new.right],
        "before": sides[0],
        "after": sides[1],
    }


def _side(answer: Answer) -> dict[str, Any]:
    said = " ".join(segment.text for segment in answer.segments if segment.kind in SAID)
    cited = [{"document": c.document, "heading": list(c.heading), "quote": c.quote} for c in answer.citations]
    return {"status": answer.status, "cited": cited, "figures": sorted(set(numerals(said))), "text": answer.text}


def _score(results: Sequence[Result]) -> float:
    return sum(result.held if result.right else 0.0 for result in results) / len(results) if results else 0.0


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """Return the figures of ``results``: shares 0..1, AUROC of the confidence, words an answer."""
    asked = [r for r in results if r.case.expected not in ("chat", "clarify")]
    yes = [r for r in asked if r.case.answerable]
    no = [r for r in asked if not r.case.answerable]
    answered, refused = _mean([r.spoke for r in yes]), _mean([not r.spoke for r in no])
    facts = [r for r in yes if r.case.facts]
    prose = [len(words(r.answer.text)) for r in yes if r.spoke and not any(s.cells for s in r.answer.segments)]
    return {
        "cases": len(results),
        "answered": answered,
        "refused": refused,
        "balanced": round((answered + refused) / 2, 3),
        "auroc": auroc([r.answer.confidence for r in yes], [r.answer.confidence for r in no]),
        "fact_held": _mean([r.held for r in facts]),
        "fact_early": _mean([r.early for r in facts]),
        "chat_right": _mean([r.right for r in results if r.case.expected == "chat"]),
        "words_mean": _mean(prose),
        "words_over_120": sum(count > 120 for count in prose),
    }


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Return the chance that a positive scores higher than a negative; ties count half."""
    pairs = len(positive) * len(negative)
    won = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return round(won / pairs, 3) if pairs else float("nan")


def _mean(values: Sequence[float | bool]) -> float:
    return round(sum(values) / len(values), 3) if values else float("nan")


def case_file_of(corpus: Path) -> Path | None:
    """Return the case file that travels with ``corpus``, or None."""
    found = (corpus if corpus.is_dir() else corpus.parent) / CASE_FILE
    return found if found.is_file() else None
