"""What ``python ingest.py`` prints: progress, what would change word by word, answers old beside new."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from advisor_bot.index.changes import Change, DocumentChanges
    from advisor_bot.index.plan import Answers, Plan

LINE_EVERY = 5.0  # seconds between two lines of progress where there is no terminal
_COLORS = {"removed": "red strike", "added": "green"}
_SIDES = {"-": "red", "+": "green"}
_MARKS = {"removed": ("[-", "-]"), "added": ("{+", "+}"), "same": ("", "")}


def console_for(*, stderr: bool = False) -> Console:
    """Return what is printed on."""
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def say(console: Console, line: str) -> None:
    """Print a line at once."""
    console.print(line, markup=False)
    console.file.flush()


def print_json(value: Any) -> None:
    """Print a value for programs."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def counted(plan: Plan) -> str:
    """Return how many passages of each kind a plan has, and how much is to be embedded."""
    parts = [f"{number} {kind}" for kind, number in plan.counts.items() if number]
    return f"{', '.join(parts) or 'no'} passages; {plan.embed} texts to embed"


def print_plan(console: Console, planned: Plan, stopped: str = "") -> None:
    """Print what publishing would change: passages word by word, answers old beside new, the counts.

    ``stopped``: why publishing it would be stopped.
    """
    for document in planned.documents:
        _print_document(console, document)
    if planned.answers:
        _print_answers(console, planned.answers)
    for reason in planned.reasons:
        say(console, f"Everything is embedded anew: {reason}.")
    say(console, "Nothing would change." if planned.same else f"Publishing would bring {counted(planned)}.")
    if stopped:
        say(console, f"It would be stopped: {stopped}")


def _print_answers(console: Console, answers: Answers) -> None:
    for row in answers.changed:
        before, after = row["before"], row["after"]
        console.print(f"\n{row['question']}", markup=False, style="bold")
        say(console, f"  differs in {', '.join(row['differs'])}: {before['status']} -> {after['status']}")
        for mark, side in (("-", before), ("+", after)):
            console.print(f"  {mark} {' '.join(side['text'].split())}", markup=False, style=_SIDES[mark])
    score = f"score {answers.before:.2f} -> {answers.after:.2f}"
    say(console, f"\n{len(answers.changed)} of {answers.asked} answers would change ({score}).")


def _print_document(console: Console, document: DocumentChanges) -> None:
    if not document.changes and not document.is_gone:
        return
    state = " (new)" if document.is_new else " (gone)" if document.is_gone else ""
    say(console, f"\n{document.name}{state}: {len(document.changes)} passages differ, {document.unchanged} unchanged")
    for change in document.changes:
        console.print(f"  {change.kind:8} {' > '.join(change.heading)}", markup=False, style="bold")
        _print_change(console, change)


def _print_change(console: Console, change: Change) -> None:
    from rich.text import Text

    if change.kind == "moved" and change.before:
        origin = change.before.document if change.before.document != change.document else "the same document"
        say(console, f"    from {' > '.join((origin, *change.before.heading))}")
        return
    line = Text("    ")
    for kind, words in change.words:
        opening, closing = _MARKS[kind] if not console.is_terminal else ("", "")
        bare = " ".join(words.split())
        line.append(f"{opening}{bare}{closing}", style=_COLORS.get(kind, "")).append(" ")
    console.print(line)


@contextmanager
def progress_on(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Lend a function that shows how far a stage is, with rate and time left: bars, or lines without a terminal."""
    if not console.is_terminal:
        yield _lines(console)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, rate="")
            speed = next(task.speed for task in bars.tasks if task.id == tasks[stage])
            bars.update(tasks[stage], completed=done, rate=f"{speed:.0f}/s" if speed else "")

        yield show


def _lines(console: Console) -> Callable[[str, int, int], None]:
    began: dict[str, float] = {}
    shown: dict[str, float] = {}

    def show(stage: str, done: int, total: int) -> None:
        now = time.monotonic()
        first = began.setdefault(stage, now)
        if done < total and now - shown.setdefault(stage, now) < LINE_EVERY:
            return
        shown[stage] = now
        rate = done / (now - first) if now > first else 0.0
        left = f", {rate:.0f}/s, {(total - done) / rate:.0f} s left" if rate and done < total else ""
        say(console, f"{stage}: {done} of {total}{left}")

    return show
